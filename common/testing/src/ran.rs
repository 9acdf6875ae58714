//! A tool that ran.

use ha_json::Value;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// How a run ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status; -1 where a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard output, line by line.
    pub lines: Vec<Value>,
    /// Standard error.
    pub stderr: String,
}

/// Runs a command to its end, with `stdin` as its standard input.
///
/// # Errors
/// When it cannot be run, or says what is no text or no JSON.
pub fn run(command: &mut Command, stdin: &str) -> Result<Ran, String> {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    Ran::finish(child, stdin)
}

impl Ran {
    /// Gives a command that was started its standard input, where that is a pipe, and waits.
    ///
    /// # Errors
    /// As [`run`].
    pub fn finish(mut child: Child, stdin: &str) -> Result<Ran, String> {
        if let Some(mut pipe) = child.stdin.take() {
            // The tool need not read what it does not use.
            let _ = pipe.write_all(stdin.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes| String::from_utf8(bytes).map_err(|error| error.to_string());
        let (stdout, stderr) = (text(output.stdout)?, text(output.stderr)?);
        let lines: Result<Vec<Value>, _> = stdout.lines().map(str::parse).collect();
        let lines = lines.map_err(|error| format!("{error}: {stdout}"))?;
        Ok(Ran { status: output.status.code().unwrap_or(-1), stdout, lines, stderr })
    }

    /// The last line; null where nothing was said.
    pub fn end(&self) -> &Value {
        self.lines.last().unwrap_or(&Value::Null)
    }

    /// `attempt outcome` of each event of a step of a plan.
    pub fn of(&self, step: &str) -> Vec<String> {
        self.events(|line| line["key"]["step"] == step, |_| String::new())
    }

    /// `step attempt outcome` of each event that is not of a condition.
    pub fn steps(&self) -> Vec<String> {
        let word = |line: &Value| format!("{} ", line["key"]["step"].as_str().unwrap_or_default());
        self.events(|line| line["key"]["attempt"] != "condition", word)
    }

    fn events(
        &self,
        wanted: impl Fn(&Value) -> bool,
        before: impl Fn(&Value) -> String,
    ) -> Vec<String> {
        let events = self.lines.iter().filter(|line| line["type"] == "event");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        events
            .filter(|line| wanted(line))
            .map(|line| {
                let attempt = word(&line["key"]["attempt"]);
                let outcome = word(&line["values"]["outcome"]);
                format!("{}{attempt} {outcome}", before(line))
            })
            .collect()
    }

    /// Whether it ended with an error: this status, one line on stderr with `word`, and nothing on
    /// stdout where nothing was begun.
    ///
    /// # Errors
    /// What it said instead.
    pub fn failed_with(&self, status: i32, word: &str) -> Result<(), String> {
        let one_line = self.stderr.lines().count() == 1;
        let silent = self.lines.is_empty() == (status == 2);
        match self.status == status && self.stderr.contains(word) && one_line && silent {
            true => Ok(()),
            false => Err(format!("status {status} and {word:?} were wanted: {self:?}")),
        }
    }
}
