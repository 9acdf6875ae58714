//! A program run to its end, its output captured.

use crate::start;
use ha_json::Error;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How much of each of stdout and stderr is kept where nothing else is said, in bytes; the rest is
/// read and dropped.
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

/// A program's fate and the beginning of its output.
#[derive(Debug)]
pub struct Captured {
    /// What became of it.
    pub fate: Fate,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// It said more than what was kept.
    pub cut: bool,
}

/// Runs `argv` with nothing on stdin, for at most `deadline`; a MiB of each output is kept.
///
/// # Errors
/// When there is no such program, or it cannot be started.
pub fn capture(argv: &[&str], deadline: Duration) -> Result<Captured, Error> {
    capture_unless(argv, [], deadline, KEPT_BYTES, &|| false)
}

/// As [`capture`], with `environment` added to this process's own, with `kept_bytes` of each of stdout
/// and stderr, and for as long as `give_up` says no; then the program is ended as at its deadline.
///
/// # Errors
/// As [`capture`].
pub fn capture_unless<'a>(
    argv: &[impl AsRef<str>],
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    deadline: Duration,
    kept_bytes: u64,
    give_up: &dyn Fn() -> bool,
) -> Result<Captured, Error> {
    let ends = Instant::now() + deadline;
    let (running, stdout, stderr) = start(argv, environment, Stdio::piped(), Stdio::piped())?;
    let (stdout, stderr) = (keep(stdout, kept_bytes), keep(stderr, kept_bytes));
    let fate = match running.wait(ends, give_up)? {
        Some(fate) => fate,
        None => {
            running.kill_group();
            Fate::TimedOut
        }
    };
    // A grandchild may hold the pipes open for ever: what has come by now is the output.
    let patience = Duration::from_millis(500);
    let (stdout, stdout_cut) = stdout.recv_timeout(patience).unwrap_or_default();
    let (stderr, stderr_cut) = stderr.recv_timeout(patience).unwrap_or_default();
    Ok(Captured { fate, stdout, stderr, cut: stdout_cut || stderr_cut })
}

/// What was kept, and whether there was more.
fn keep<R: Read + Send + 'static>(
    pipe: Option<R>,
    kept_bytes: u64,
) -> mpsc::Receiver<(Vec<u8>, bool)> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut kept = Vec::new();
            // A broken pipe ends the output like its end does.
            let _ = pipe.by_ref().take(kept_bytes).read_to_end(&mut kept);
            let dropped = std::io::copy(&mut pipe, &mut std::io::sink()).unwrap_or_default();
            let _ = sender.send((kept, dropped > 0));
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
    fn output_longer_than_what_is_kept_is_told_to_be_cut() {
        let kept =
            |bytes| capture_unless(&["echo", "abc"], [], Duration::from_secs(10), bytes, &|| false);
        let (short, long) = (kept(3).unwrap(), kept(4).unwrap());
        assert_eq!((short.stdout.as_slice(), short.cut), (&b"abc"[..], true));
        assert_eq!((long.stdout.as_slice(), long.cut), (&b"abc\n"[..], false));
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
