//! The shared disks: mounted on the primary, on the standby not, and on neither at boot.

use crate::answers::{Answers, Question, script};
use crate::finding::{Finding, Look};
use crate::sight::Sight;
use ha_file::Mounts;
use ha_json::Error;
use std::path::Path;

const TABLE: &str = "mounts";
const AT_BOOT: &str = "fstab";

/// What is told has its kind as the first line.
const MOUNTS: &str = "if test -r /proc/self/mountinfo; then echo mountinfo; cat /proc/self/mountinfo; else echo mount; mount; fi";
const FSTAB: &str = "if test -f /etc/fstab; then echo fstab; cat /etc/fstab; else echo filesystems; cat /etc/filesystems; fi";

pub(crate) fn questions() -> Vec<Question> {
    vec![script(TABLE, MOUNTS, &[]), script(AT_BOOT, FSTAB, &[])]
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in &sight.pair.shared_mounts {
        findings.push(on_standby(sight, path));
        findings.extend([0, 1].map(|number| at_boot(sight, number, path)));
    }
    findings
}

fn on_standby(sight: &Sight<'_>, path: &str) -> Finding {
    let (_, answers) = sight.standby();
    let topic = sight.topic(sight.roles.standby, "not-mounted", "is not mounted").of(path);
    match is_mounted(answers, path) {
        Err(error) => topic.unknown(error.to_string()),
        Ok(false) => topic.ok("not mounted"),
        Ok(true) => topic.failed(
            "it is mounted",
            format!("find out why, before both nodes write to it: umount {path}"),
        ),
    }
}

fn is_mounted(answers: &Answers, path: &str) -> Look<bool> {
    let text = answers.text(TABLE)?;
    let table = |kind: &str| text.strip_prefix(kind)?.strip_prefix('\n');
    if let Some(table) = table("mountinfo") {
        return Ok(Mounts::of_table(table.as_bytes()).listed(Path::new(path)).is_some());
    }
    // A node stands before what is mounted from it; the mount point is followed by the type.
    let over = |line: &str| line.split_whitespace().take(3).skip(1).any(|word| word == path);
    match table("mount") {
        Some(table) => Ok(table.lines().any(over)),
        None => Err(Error::failed(TABLE, "no table of mounts was told")),
    }
}

fn at_boot(sight: &Sight<'_>, number: usize, path: &str) -> Finding {
    let topic = sight.topic(number, "not-mounted-at-boot", "is not mounted at boot").of(path);
    let answers = &sight.nodes[number];
    let text = match answers.text(AT_BOOT) {
        Ok(text) => text,
        Err(error) => return topic.unknown(error.to_string()),
    };
    let entry = match text.split_once('\n').unwrap_or((text.as_str(), "")) {
        ("fstab", text) => of_fstab(text, path),
        ("filesystems", text) => of_filesystems(text, path),
        _ => return topic.unknown("no table of file systems was told"),
    };
    match entry {
        None => topic.ok("it has no entry"),
        Some(entry) if !entry.at_boot => topic.ok(entry.text),
        Some(entry) => topic.failed(entry.text, entry.fix),
    }
}

struct Entry {
    at_boot: bool,
    text: String,
    fix: &'static str,
}

/// fstab(5): what is mounted there, unless its options have noauto; the first of its lines that is. What
/// systemd mounts when somebody looks is as good as mounted.
fn of_fstab(text: &str, path: &str) -> Option<Entry> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#')).filter(|line| {
        let point = line.split_whitespace().nth(1).unwrap_or_default();
        point == path || point.strip_suffix('/').is_some_and(|point| point == path)
    });
    let entry = |line: &str| {
        let options = line.split_whitespace().nth(3).unwrap_or_default();
        let has = |word: &str| options.split(',').any(|option| option == word);
        let at_boot = !has("noauto") || has("x-systemd.automount");
        let fix = "have noauto, and not x-systemd.automount, in its options in /etc/fstab";
        Entry { at_boot, text: line.to_owned(), fix }
    };
    let mut entries: Vec<Entry> = lines.map(entry).collect();
    let worst = entries.iter().position(|entry| entry.at_boot).unwrap_or(0);
    (worst < entries.len()).then(|| entries.swap_remove(worst))
}

/// /etc/filesystems of AIX: a stanza `PATH:` with an attribute `mount`, true and automatic at boot.
fn of_filesystems(text: &str, path: &str) -> Option<Entry> {
    let mut lines = text.lines().map(str::trim_end);
    lines.find(|line| line.strip_suffix(':') == Some(path))?;
    let stanza = lines.take_while(|line| line.is_empty() || line.starts_with(char::is_whitespace));
    let mut at_boot = false;
    for line in stanza {
        if let Some((name, value)) = line.split_once('=')
            && name.trim() == "mount"
        {
            at_boot = matches!(value.trim(), "true" | "automatic");
        }
    }
    let text = format!("mount = {at_boot} in its stanza");
    Some(Entry {
        at_boot,
        text,
        fix: "chfs -A no, so that mount = false stands in /etc/filesystems",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fstab_mounts_at_boot_what_is_not_noauto() {
        let fstab = "# /install is shared\nUUID=1 / ext4 defaults 0 1\n/dev/sdb1 /install/ xfs rw,noauto 0 0\n\
                     /dev/sdb2\t/etc/xcat xfs defaults,_netdev 0 0\n";
        let at_boot = |path: &str| of_fstab(fstab, path).map(|entry| entry.at_boot);
        assert_eq!(at_boot("/install"), Some(false));
        assert_eq!(at_boot("/etc/xcat"), Some(true));
        assert_eq!(at_boot("/tftpboot"), None);
        let twice = "/dev/a /x xfs noauto 0 0\n/dev/b /x xfs defaults 0 0\n/dev/c /y xfs noauto,x-systemd.automount 0 0\n";
        assert!(["/x", "/y"].iter().all(|path| of_fstab(twice, path).unwrap().at_boot));
    }

    #[test]
    fn filesystems_of_aix_mounts_at_boot_what_says_so() {
        let text = "*comment\n/:\n\tdev\t= /dev/hd4\n\tmount\t= automatic\n\n/install:\n\tdev = /dev/x\n\tmount = false\n\n/tftpboot:\n\tmount = true\n";
        let at_boot = |path: &str| of_filesystems(text, path).map(|entry| entry.at_boot);
        assert_eq!(at_boot("/"), Some(true));
        assert_eq!(at_boot("/install"), Some(false));
        assert_eq!(at_boot("/tftpboot"), Some(true));
        assert_eq!(at_boot("/etc/xcat"), None);
    }

    #[test]
    fn what_is_mounted_is_read_from_the_table_of_either_system() {
        let mounted = |kind: &str, table: &str, path: &str| {
            let mut answers = Answers::default();
            answers.put(TABLE, 0, &format!("{kind}\n{table}"));
            is_mounted(&answers, path).unwrap()
        };
        let linux =
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 8:2 / /install rw - xfs /dev/sdb1 rw\n";
        assert!(
            mounted("mountinfo", linux, "/install") && !mounted("mountinfo", linux, "/etc/xcat")
        );
        let aix = "  node       mounted        mounted over    vfs       date        options\n\
                   -------- ---------------  ---------------  ------ ------------ ---------------\n\
                   \u{20}        /dev/hd4         /                jfs2   Nov 28 10:00 rw\n\
                   n9       /export/install  /install         nfs3   Nov 28 10:00 rw\n\
                   \u{20}        /dev/lv01        /tftpboot        jfs2   Nov 28 10:00 rw\n";
        assert!(mounted("mount", aix, "/install") && mounted("mount", aix, "/tftpboot"));
        assert!(!mounted("mount", aix, "/etc/xcat"));
    }
}
