//! What only Linux tells, with a way for other systems.

use ha_file::Mounts;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The variable in the environment of everything that a step starts: it finds even what left the
/// step's process group and session.
pub(crate) const MARKER: &str = "HATOOLS_STEP";

/// Names this boot of the system; empty where the system gives none.
pub(crate) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Whether a file system is mounted at `path` itself, links in it followed.
pub(crate) fn is_mounted(path: &Path) -> std::io::Result<bool> {
    let mounts = Mounts::of_this_machine();
    // By its name first: a dead server's mount point cannot be looked at.
    if matches!(mounts, Mounts::Table(_)) && mounts.has(path)? {
        return Ok(true);
    }
    match fs::canonicalize(path) {
        Ok(real) => mounts.has(&real),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The session of this process.
pub(crate) fn session() -> i32 {
    getsid(None).map(Pid::as_raw).unwrap_or_default()
}

/// What marks the processes of the next probe of this process.
pub(crate) fn mark_of_probe() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("probe-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Whether this signal, by its number, is ignored: so did nohup(1) before it started this program.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Ends every process but this one whose environment has one of these marks, or only those of
/// `session`, and kills after `grace` those that do not; gives how many there were. Where the system
/// does not show environments, none is found.
pub(crate) fn end_marked(marks: &[String], session: Option<i32>, grace: Duration) -> usize {
    let found = marked(marks, session);
    let signal_all = |signal| {
        for process in &found {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(*process), signal);
        }
    };
    signal_all(Signal::SIGTERM);
    let ends = Instant::now() + grace;
    while !found.is_empty() && Instant::now() < ends && !marked(marks, session).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut total = found;
    // One that was born in the meantime has the mark, too.
    for process in marked(marks, session) {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        if !total.contains(&process) {
            total.push(process);
        }
    }
    total.len()
}

/// Whether a process of `session` has one of these marks.
pub(crate) fn is_marked(marks: &[String], session: i32) -> bool {
    !marked(marks, Some(session)).is_empty()
}

fn marked(marks: &[String], session: Option<i32>) -> Vec<i32> {
    let wanted: Vec<Vec<u8>> =
        marks.iter().map(|mark| format!("{MARKER}={mark}").into_bytes()).collect();
    let own = std::process::id().to_string();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number: i32 = name.to_str()?.parse().ok()?;
            if name.as_bytes() == own.as_bytes() {
                return None;
            }
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let has = environment
                .split(|byte| *byte == 0)
                .any(|word| wanted.iter().any(|mark| mark == word));
            let here = match session {
                Some(session) => getsid(Some(Pid::from_raw(number))).ok()?.as_raw() == session,
                None => true,
            };
            (has && here).then_some(number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_link_to_a_mount_point_is_one_and_what_is_not_there_is_none() {
        let ground = tempfile::tempdir().unwrap();
        let link = ground.path().join("link");
        std::os::unix::fs::symlink("/proc", &link).unwrap();
        assert!(is_mounted(&link).unwrap());
        assert!(is_mounted(Path::new("/")).unwrap());
        assert!(!is_mounted(Path::new("/proc/sys/kernel")).unwrap());
        assert!(!is_mounted(Path::new("/no/such/place")).unwrap());
    }

    #[test]
    fn a_process_with_the_mark_is_ended_wherever_it_went() {
        let mark = format!("test/{}", std::process::id());
        let mut child = Command::new("setsid")
            .args(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
            .env(MARKER, &mark)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ends = Instant::now() + Duration::from_secs(10);
        while marked(std::slice::from_ref(&mark), None).is_empty() && Instant::now() < ends {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(end_marked(&["test/other".to_owned()], None, Duration::ZERO), 0);
        assert!(end_marked(&[mark], None, Duration::from_millis(300)) >= 1);
        assert!(!child.wait().unwrap().success());
    }
}
