//! Directories of the master that a new member gets, brought by hasync.

use crate::cluster::Cluster;
use crate::configuration::{Copied, DEFAULT_FILE, Host};
use crate::session::{Session, not_interrupted};
use crate::visit::Place;
use ha_command::{Fate, beside, capture_unless};
use ha_json::{Error, Kind, Map, Value, json};
use ha_remote::{Shell, quoted};
use std::path::Path;
use std::time::Duration;

const KEPT_BYTES: u64 = 64 << 20;

/// What a new member gets: what the configuration says, and the configuration itself.
pub(crate) fn copies(cluster: &Cluster, member: &Host) -> Vec<Copied> {
    let configuration = &cluster.configuration;
    let inputs = configuration
        .master_inputs
        .iter()
        .map(|from| Copied { from: from.clone(), to: format!("{}/inputs", member.work_directory) });
    let mut all: Vec<Copied> = inputs.chain(configuration.copies.iter().cloned()).collect();
    if configuration.file.as_deref() == Some(DEFAULT_FILE)
        && !all.iter().any(|copied| copied.from == DEFAULT_FILE)
    {
        all.push(Copied { from: DEFAULT_FILE.to_owned(), to: DEFAULT_FILE.to_owned() });
    }
    all
}

/// Where hasync is on that host: beside this program's own place, or in the `PATH`.
///
/// # Errors
/// Failed, where there is none.
pub(crate) fn hasync_there(place: &Place, session: &mut Session) -> Result<String, Error> {
    let order = format!("[ -x {0} ] && echo {0} || command -v hasync", quoted(&beside("hasync")));
    let answer = session.order(&order, None)?;
    match answer.last_words() {
        path if answer.status == 0 && path.starts_with('/') => Ok(path),
        _ => {
            let why = "has no hasync, which brings the configuration: install hatools there";
            Err(Error::failed(&place.host.name, why))
        }
    }
}

/// Brings it, and gives the values of its record.
///
/// # Errors
/// What hasync failed with; failed, where the source is not there.
pub(crate) fn copy(
    cluster: &Cluster,
    place: &Place,
    copied: &Copied,
    hasync: &str,
    dry_run: bool,
) -> Result<Value, Error> {
    let is_directory = match std::fs::metadata(&copied.from) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) => return Err(Error::io(&copied.from, &error)),
    };
    let parent = Path::new(&copied.to).parent().unwrap_or(Path::new("/"));
    let parent = quoted(&parent.display().to_string());
    if dry_run {
        let is_there = place.open()?.order(&format!("[ -d {parent} ]"), None)?.status == 0;
        if !is_there {
            // The whole of it would be brought; hasync has nothing to compare with.
            return Ok(json!({"from": copied.from, "files": null, "unchanged": 0, "bytes": null}));
        }
    } else {
        place.must(&mut place.open()?, &format!("directory {parent}"), None)?;
    }
    let mut argv = argv(cluster, place, copied, is_directory, dry_run);
    // With what makes the shell there one of root's, such as sudo.
    let before = place.shell.split_last().map(|(_, before)| before.join(" ")).unwrap_or_default();
    argv.insert(1, format!("--hasync-path={}", format!("{before} {hasync}").trim()));
    let deadline = Duration::from_secs(cluster.configuration.copy_seconds);
    let path = ha_remote::path();
    let said = capture_unless(&argv, ha_remote::environment(&path), deadline, KEPT_BYTES, &|| {
        cluster.interrupt().came().is_some()
    })?;
    let end = said.stdout.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
    let end: Map<String, Value> =
        end.and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
    let what = format!("{} to {}", copied.from, place.host.name);
    not_interrupted(&what, cluster.interrupt())?;
    match said.fate {
        Fate::Exited(0) if end.get("ok") == Some(&Value::Bool(true)) => {}
        Fate::TimedOut => {
            let why = format!("hasync was not done within {} s", deadline.as_secs());
            return Err(Error::busy(what, why));
        }
        fate => {
            let told = end.get("error").and_then(|error| error["message"].as_str());
            let errors = String::from_utf8_lossy(&said.stderr).into_owned();
            let words = errors.lines().map(str::trim).rfind(|line| !line.is_empty());
            let why = told.or(words).unwrap_or("said nothing").to_owned();
            let kind = if fate == Fate::Exited(5) { Kind::Busy } else { Kind::Failed };
            return Err(Error::new(kind, what, format!("hasync: {why}")));
        }
    }
    let number = |name: &str| end.get(name).and_then(Value::as_u64).unwrap_or_default();
    Ok(json!({
        "from": copied.from,
        "files": number("created") + number("updated"),
        "unchanged": number("unchanged"),
        "bytes": number("literal_bytes") + number("matched_bytes"),
    }))
}

fn argv(
    cluster: &Cluster,
    place: &Place,
    copied: &Copied,
    is_directory: bool,
    dry_run: bool,
) -> Vec<String> {
    let mut argv = vec![beside("hasync"), "-a".to_owned()];
    if dry_run {
        argv.push("-n".to_owned());
    }
    if let Shell::Command(words) = cluster.shell() {
        argv.push("-e".to_owned());
        argv.push(words.iter().map(|word| word_of_e(word)).collect::<Vec<_>>().join(" "));
    }
    let end = if is_directory { "/" } else { "" };
    argv.push(format!("{}{end}", copied.from));
    let user = cluster.configuration.ssh_user.as_ref();
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    argv.push(match cluster.is_here(&place.host) {
        true => format!("{}{end}", copied.to),
        false if place.host.ssh.contains(':') => {
            format!("{user}[{}]:{}{end}", place.host.ssh, copied.to)
        }
        false => format!("{user}{}:{}{end}", place.host.ssh, copied.to),
    });
    argv
}

/// A word as the value of `-e` has it.
fn word_of_e(word: &str) -> String {
    match word.contains(|c: char| c.is_whitespace() || c == '"') || word.is_empty() {
        true => format!("'{word}'"),
        false => word.to_owned(),
    }
}
