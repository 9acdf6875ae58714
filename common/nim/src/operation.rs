//! An operation of NIM that takes long: run, and read while it runs.
//!
//! What it says goes to a file, not to a pipe: should this process be killed, NIM goes on and ends
//! what it began.

use ha_command::{Fate, start};
use ha_json::Error;
use ha_plan::{Held, Interrupt};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is left to an operation that was told to end.
const GRACE: Duration = Duration::from_secs(10);

/// As much as an operation on hundreds of clients says.
const USUAL_BYTES: usize = 1 << 20;

/// More than any operation says; what is behind it is not read.
const MOST_BYTES: u64 = 64 << 20;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Itself(Fate),
    /// It took too long and was ended.
    TimedOut,
    /// This process got the signal of that name, and the operation was ended.
    Interrupted(&'static str),
}

/// The programs that run an operation, and how long they may.
#[derive(Debug)]
pub struct Operation<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// Names the file of its output in the state's directory: `NAME.out`.
    pub name: &'a str,
    /// It is ended after this time.
    pub deadline: Duration,
}

impl Operation<'_> {
    /// Runs it to its end, and gives each line that it says, on whichever of its outputs, to `line`
    /// as it comes.
    ///
    /// # Errors
    /// When it was not started: there is no room for its output, or no such program; `busy` where one
    /// of that name goes on that an earlier process began.
    pub fn run(
        &self,
        held: &Held,
        interrupt: &Interrupt,
        mut line: impl FnMut(&str),
    ) -> Result<Ended, Error> {
        let output = held.output(self.name)?;
        let name = self.argv.first().map(String::as_str).unwrap_or_default();
        let output = output.filter(has_room).ok_or_else(|| {
            Error::failed(
                name,
                "is not run: there is no room for what it says in the state directory",
            )
        })?;
        let to_file = || output.try_clone().map_err(|error| Error::io(self.name, &error));
        let (stdout, stderr) = (Stdio::from(to_file()?), Stdio::from(to_file()?));
        let ends = Instant::now() + self.deadline;
        let path = ha_remote::path();
        let (running, _, _) = start(self.argv, ha_remote::environment(&path), stdout, stderr)?;
        let mut said = Said { output, read: 0, half: Vec::new() };
        let given_up = || interrupt.came().is_some();
        loop {
            let fate = running.wait((Instant::now() + LOOK_EVERY).min(ends), &given_up)?;
            let ended = match (fate, interrupt.came()) {
                (Some(fate), _) => Some(Ended::Itself(fate)),
                (None, Some(signal)) => Some(Ended::Interrupted(signal)),
                (None, None) => (Instant::now() >= ends).then_some(Ended::TimedOut),
            };
            if ended.is_some_and(|ended| !matches!(ended, Ended::Itself(_))) {
                running.end_group(GRACE);
            }
            said.new_lines(&mut line).map_err(|error| Error::io(self.name, &error))?;
            if let Some(ended) = ended {
                said.last_line(&mut line);
                return Ok(ended);
            }
        }
    }
}

/// Whether what is usual can be written: who finds out later does not know what was done.
fn has_room(output: &File) -> bool {
    let mut writer = output;
    writer.write_all(&vec![0; USUAL_BYTES]).is_ok() && output.set_len(0).is_ok()
}

struct Said {
    output: File,
    read: u64,
    half: Vec<u8>,
}

impl Said {
    /// The program writes by the same description of the file: its offset is not ours to use.
    fn new_lines(&mut self, line: &mut impl FnMut(&str)) -> io::Result<()> {
        let mut chunk = [0; 16 << 10];
        while self.read < MOST_BYTES {
            let got = self.output.read_at(&mut chunk, self.read)?;
            if got == 0 {
                break;
            }
            self.read += got as u64;
            self.half.extend_from_slice(&chunk[..got]);
            while let Some(at) = self.half.iter().position(|byte| *byte == b'\n') {
                let whole: Vec<u8> = self.half.drain(..=at).collect();
                line(String::from_utf8_lossy(&whole[..at]).trim_end_matches('\r'));
            }
        }
        Ok(())
    }

    fn last_line(&mut self, line: &mut impl FnMut(&str)) {
        if !self.half.is_empty() {
            line(&String::from_utf8_lossy(&self.half));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_plan::hold;

    fn run(script: &str, deadline: Duration) -> (Ended, Vec<(String, Duration)>) {
        let home = tempfile::tempdir_in("/var/tmp").unwrap();
        let held = hold(home.path().to_str().unwrap(), "nim", Duration::ZERO, &|| false).unwrap();
        let argv = ["sh", "-c", script].map(str::to_owned);
        let operation = Operation { argv: &argv, name: "sync", deadline };
        let started = Instant::now();
        let mut lines = Vec::new();
        let interrupt = Interrupt::listen().unwrap();
        let ended = operation
            .run(&held, &interrupt, |line| lines.push((line.to_owned(), started.elapsed())))
            .unwrap();
        (ended, lines)
    }

    fn texts(lines: &[(String, Duration)]) -> Vec<&str> {
        lines.iter().map(|(line, _)| line.as_str()).collect()
    }

    #[test]
    fn lines_come_as_they_are_said_and_the_last_one_needs_no_newline() {
        let script = "echo one; echo two >&2; sleep 0.7; printf 'three\\r\\nfour'; exit 7";
        let (ended, lines) = run(script, Duration::from_secs(20));
        assert_eq!(ended, Ended::Itself(Fate::Exited(7)));
        assert_eq!(texts(&lines), ["one", "two", "three", "four"]);
        assert!(lines[1].1 < lines[2].1 - Duration::from_millis(300), "{lines:?}");
    }

    #[test]
    fn it_speaks_the_language_that_is_read() {
        let (_, lines) = run("echo $LC_ALL", Duration::from_secs(20));
        assert_eq!(texts(&lines), ["C"]);
    }

    #[test]
    fn one_that_takes_too_long_is_ended_and_what_it_said_is_kept() {
        let (ended, lines) = run("echo one; exec sleep 60", Duration::from_millis(300));
        assert_eq!(ended, Ended::TimedOut);
        assert_eq!(texts(&lines), ["one"]);
    }
}
