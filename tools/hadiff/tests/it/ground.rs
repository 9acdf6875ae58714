//! A directory with two inputs, and the tool run on them.

use ha_testing::Ran;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct Ground {
    root: tempfile::TempDir,
}

pub(crate) fn stream(records: &[&str]) -> String {
    let begin = r#"{"type":"begin","schema":"haxcat/1","tool":"haxcat-dump","version":"0.1.0","host":"mn1","time":"2026-11-21T02:00:00.000Z"}"#;
    let count = records.len();
    let end = format!(r#"{{"type":"end","ok":true,"status":0,"records":{count},"failed":0}}"#);
    format!(
        "{begin}\n{}{end}\n",
        records.iter().map(|line| format!("{line}\n")).collect::<String>()
    )
}

/// A row of the table `mac`.
pub(crate) fn row(node: &str, mac: &str) -> String {
    format!(
        r#"{{"type":"row","key":{{"table":"mac","node":"{node}"}},"values":{{"mac":"{mac}","comments":null}}}}"#
    )
}

impl Ground {
    pub(crate) fn new() -> Ground {
        Ground { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with(left: &str, right: &str) -> Ground {
        let ground = Ground::new();
        fs::write(ground.path("left"), left).unwrap();
        fs::write(ground.path("right"), right).unwrap();
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hadiff"));
        command.current_dir(self.root.path()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        ha_testing::run(&mut self.command(arguments), stdin).unwrap()
    }
}
