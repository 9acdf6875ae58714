//! A program run to its end, its output captured.

use crate::start;
use ha_json::Error;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How much of each of stdout and stderr is kept, in bytes; the rest is read and dropped.
const KEPT_BYTES: u64 = 1 << 20;

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It ended with this status.
    Exited(i32),
    /// It was killed by this signal.
    Killed(i32),
    /// It was killed, with its group, because its deadline had come.
    TimedOut,
}

impl From<ExitStatus> for Fate {
    fn from(status: ExitStatus) -> Fate {
        match (status.code(), status.signal()) {
            (Some(code), _) => Fate::Exited(code),
            (None, signal) => Fate::Killed(signal.unwrap_or_default()),
        }
    }
}

/// A program's fate and the first MiB of its output.
#[derive(Debug)]
pub struct Captured {
    /// What became of it.
    pub fate: Fate,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Runs `argv` with nothing on stdin, for at most `deadline`.
///
/// # Errors
/// When there is no such program, or it cannot be started.
pub fn capture(argv: &[&str], deadline: Duration) -> Result<Captured, Error> {
    let ends = Instant::now() + deadline;
    let (running, stdout, stderr) = start(argv, [], Stdio::piped(), Stdio::piped())?;
    let (stdout, stderr) = (keep(stdout), keep(stderr));
    let fate = match running.wait(ends, &|| false)? {
        Some(fate) => fate,
        None => {
            running.kill_group();
            Fate::TimedOut
        }
    };
    // A grandchild may hold the pipes open for ever: what has come by now is the output.
    let patience = Duration::from_millis(500);
    Ok(Captured {
        fate,
        stdout: stdout.recv_timeout(patience).unwrap_or_default(),
        stderr: stderr.recv_timeout(patience).unwrap_or_default(),
    })
}

fn keep<R: Read + Send + 'static>(pipe: Option<R>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut kept = Vec::new();
            // A broken pipe ends the output like its end does.
            let _ = pipe.by_ref().take(KEPT_BYTES).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
            let _ = sender.send(kept);
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, seconds: f32) -> Captured {
        capture(&["sh", "-c", script], Duration::from_secs_f32(seconds)).unwrap()
    }

    #[test]
    fn output_and_status_are_told() {
        let run = sh("echo out; echo err >&2; exit 3", 10.0);
        assert_eq!(run.fate, Fate::Exited(3));
        assert_eq!((run.stdout.as_slice(), run.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    }

    #[test]
    fn a_program_that_is_killed_is_told_from_one_that_exits() {
        assert_eq!(sh("kill -9 $$", 10.0).fate, Fate::Killed(9));
    }

    #[test]
    fn the_deadline_kills_the_whole_group() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let started = Instant::now();
        let run = sh(&format!("(sleep 2; echo late > '{path}') & sleep 30"), 0.3);
        assert_eq!(run.fate, Fate::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(2));
        thread::sleep(Duration::from_millis(2200));
        assert_eq!(std::fs::read(path).unwrap(), b"");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = capture(&["no-such-program"], Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "no-such-program: no such program");
    }
}
