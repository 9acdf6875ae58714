//! Programs that a set names: what says whether a file is good, and what is told of a change.

use super::document::{Hook, Validation, is_within};
use ha_command::{Captured, Fate, capture_unless};
use ha_json::one_line;
use std::time::Duration;

/// What is kept of what a program says, in bytes.
const KEPT_BYTES: u64 = 4096;

/// What came of a program.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) good: bool,
    /// In a line: how it ended, and the last that it said.
    pub(super) message: String,
}

/// Runs it; a program that cannot be started is not good either.
fn run(argv: &[String], environment: &[(&str, &str)], seconds: u64) -> Ran {
    let (deadline, environment) = (Duration::from_secs(seconds), environment.iter().copied());
    match capture_unless(argv, environment, deadline, KEPT_BYTES, &|| false) {
        Ok(captured) => ran(&captured, seconds),
        Err(error) => Ran { good: false, message: error.to_string() },
    }
}

fn ran(captured: &Captured, seconds: u64) -> Ran {
    let end = match captured.fate {
        Fate::Exited(status) => format!("status {status}"),
        Fate::Killed(signal) => format!("killed by signal {signal}"),
        Fate::TimedOut => format!("not done after {seconds} s"),
    };
    let said = if captured.stderr.is_empty() { &captured.stdout } else { &captured.stderr };
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).map(one_line);
    let message = last.map_or_else(|| end.clone(), |last| format!("{end}: {last}"));
    Ran { good: captured.fate == Fate::Exited(0), message }
}

/// Lets a program say whether the new file, which lies at `path`, is good.
pub(super) fn validate(validation: &Validation, path: &str) -> Ran {
    let argv: Vec<_> = validation.run.iter().map(|word| word.replace("{}", path)).collect();
    run(&argv, &[], validation.timeout_seconds)
}

/// True where the hook is to be run after a change of these paths.
pub(super) fn is_due<'a>(hook: &Hook, mut changed: impl Iterator<Item = &'a [u8]>) -> bool {
    let concerns = |path: &[u8]| {
        hook.when.iter().any(|top| is_within(path, &top.as_bytes()[top.len().min(1)..]))
    };
    match hook.when.is_empty() {
        true => changed.next().is_some(),
        false => changed.any(concerns),
    }
}

/// Tells a program of a change.
pub(super) fn call(hook: &Hook, group: &str, transaction: &str) -> Ran {
    let environment = [("HASYNC_GROUP", group), ("HASYNC_TRANSACTION", transaction)];
    run(&hook.run, &environment, hook.timeout_seconds)
}

/// The program, as a person would write it.
pub(super) fn shown(argv: &[String]) -> String {
    argv.join(" ")
}
