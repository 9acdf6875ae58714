//! The one way a tool starts and ends.

use crate::{Error, Status, one_line};
use clap::error::ErrorKind;
use std::io::Write;
use std::process::ExitCode;

/// The tool that is running: what its records and its messages call it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The name of the binary.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Tool {
    /// Says one line to the person at the terminal, or to cron's mail: `tool: text`.
    pub fn say(&self, text: &str) {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{}: {}", self.name, one_line(text));
    }
}

/// Reads the arguments, runs `body`, and turns what came of it into the exit status: the only place
/// where that happens. An error is said once on stderr.
pub fn run<A: clap::Parser>(
    tool: Tool,
    body: impl FnOnce(Tool, A) -> Result<Status, Error>,
) -> ExitCode {
    let status = match A::try_parse() {
        Ok(arguments) => body(tool, arguments).unwrap_or_else(|error| {
            tool.say(&error.to_string());
            error.kind.status()
        }),
        Err(error) => usage(tool, &error),
    };
    ExitCode::from(status.code())
}

fn usage(tool: Tool, error: &clap::Error) -> Status {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Ok(()) => Status::Done,
            Err(_) => Status::Failed,
        };
    }
    let text = error.render().to_string();
    let first: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let first = first.join(" ");
    let cause = first.strip_prefix("error: ").unwrap_or(&first);
    tool.say(&format!("usage: {cause} (--help tells more)"));
    Status::Usage
}
