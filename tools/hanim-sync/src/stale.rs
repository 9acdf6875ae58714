//! Content that differs: replication passes over a resource that is there, so hasync looks, and
//! brings.

mod changes;

use crate::Arguments;
use crate::disks::Location;
pub(crate) use changes::Changes;
use changes::read;
use ha_command::start;
use ha_json::{Value, json};
use ha_plan::Interrupt;
use ha_remote::{Machine, path};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What is left to hasync when it is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// Looks at resources and brings them, one after the other.
pub(crate) struct Content<'a> {
    pub(crate) arguments: &'a Arguments,
    /// The alternate's host name.
    pub(crate) host: &'a str,
    /// All of it takes no longer.
    pub(crate) ends: Instant,
    pub(crate) interrupt: &'a Interrupt,
}

impl Content<'_> {
    /// What differs, or, with `act`, what was brought.
    ///
    /// # Errors
    /// Why that is not known, or was not done, as a sentence.
    pub(crate) fn run(&self, location: &Location, act: bool) -> Result<Changes, String> {
        let is_directory = self.is_directory(&location.path)?;
        let argv = argv(self.arguments, self.host, &location.path, is_directory, act);
        let search = path();
        let (running, stdout, _) =
            start(&argv, [("PATH", search.as_str())], Stdio::piped(), Stdio::null())
                .map_err(|error| error.to_string())?;
        let stdout = stdout.ok_or("hasync has no output")?;
        let reader = std::thread::spawn(move || read(stdout));
        let given_up = || self.interrupt.came().is_some();
        let ended = running.wait(self.ends, &given_up).map_err(|error| error.to_string())?;
        if ended.is_none() {
            running.end_group(GRACE);
            return Err(match self.interrupt.came() {
                Some(signal) => format!("hasync was ended: {signal} came"),
                None => "hasync was ended: the deadline had come".to_owned(),
            });
        }
        reader.join().map_err(|_| "hasync's output was not read".to_owned())?
    }

    pub(crate) fn is_directory(&self, path: &str) -> Result<bool, String> {
        let question = ["test", "-d", path].map(str::to_owned).to_vec();
        let replies = Machine::Here.ask(&[question], self.arguments.carrier.patience());
        let replies = replies.map_err(|error| error.to_string())?;
        Ok(replies.first().is_some_and(|reply| reply.status == 0))
    }
}

/// The command that compares a place here with the same one there, or brings it.
pub(crate) fn argv(
    arguments: &Arguments,
    host: &str,
    path: &str,
    is_directory: bool,
    act: bool,
) -> Vec<String> {
    let mut letters = "-ai".to_owned();
    if !act {
        letters.push('n');
    }
    if arguments.checksum {
        letters.push('c');
    }
    let mut argv = vec!["hasync".to_owned(), letters];
    if is_directory {
        argv.push("--delete".to_owned());
    }
    argv.extend(["--timeout".to_owned(), arguments.carrier.ask_timeout.to_string()]);
    argv.extend(["--lock-wait".to_owned(), arguments.turn.lock_wait.to_string()]);
    if let Some(rsh) = &arguments.carrier.rsh {
        argv.extend(["-e".to_owned(), rsh.clone()]);
    }
    let slash = if is_directory { "/" } else { "" };
    argv.extend([format!("{path}{slash}"), format!("{host}:{path}{slash}")]);
    argv
}

/// Key and values of a resource's record. `refreshed` is null where nothing was to be brought.
pub(crate) fn record(
    location: &Location,
    found: &Result<Changes, String>,
    refreshed: Option<bool>,
) -> Value {
    let changes = found.as_ref().ok();
    json!({
        "key": {"resource": location.resource},
        "values": {
            "type": location.kind,
            "location": location.path,
            "stale": changes.map(Changes::are_stale),
            "changed_files": changes.map(|changes| changes.changed),
            "deleted_files": changes.map(|changes| changes.deleted),
            "attributes_only": changes.map(|changes| changes.attributes),
            "some_paths": changes.map(|changes| &changes.some),
            "refreshed": refreshed,
            "why": found.as_ref().err(),
            "size_bytes": changes.map(|changes| changes.size_bytes),
        },
    })
}

/// The words of the failure table for a resource that differs.
pub(crate) fn sentence(changes: &Changes) -> String {
    format!(
        "differs (+{} files, -{}, {} to bring); replication will not refresh it",
        changes.changed,
        changes.deleted,
        crate::amount::amount(changes.size_bytes.div_ceil(1024))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_directory_is_compared_as_a_whole_and_a_file_by_its_name() {
        let words = ["hanim-sync", "-e", "rsh-nim -x", "--replicate", "--checksum", "nimb"];
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert_eq!(
            argv(&arguments, "nimb.example.com", "/nim/lpp/a", true, false),
            [
                "hasync",
                "-ainc",
                "--delete",
                "--timeout",
                "60",
                "--lock-wait",
                "20",
                "-e",
                "rsh-nim -x",
                "/nim/lpp/a/",
                "nimb.example.com:/nim/lpp/a/"
            ]
        );
        let file = argv(&arguments, "nimb", "/nim/a", false, true);
        assert_eq!(file[1], "-aic");
        assert_eq!(file[8..], ["/nim/a", "nimb:/nim/a"]);
        assert!(!file.contains(&"--delete".to_owned()));
    }
}
