//! A program that runs on a host, with its two pipes.

use crate::ask::{Machine, environment, path, quoted};
use crate::{Host, Shell};
use ha_command::Fate;
use ha_json::{Error, Kind, reason};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How much of the end of stderr is kept for a message, in bytes.
const KEPT_BYTES: usize = 8 << 10;

/// A program on a host. Dropped, it is killed.
#[derive(Debug)]
pub struct Program {
    host: Host,
    child: Child,
    /// Its process group, where it leads one: it goes with all that it started.
    group: Option<Pid>,
    said: mpsc::Receiver<Vec<u8>>,
}

/// Starts `command` on `host` through `shell`; gives the program, the pipe to it, and the pipe
/// from it.
///
/// # Errors
/// When the shell itself cannot be started.
pub fn start(
    shell: &Shell,
    host: &Host,
    command: &[String],
) -> Result<(Program, ChildStdin, ChildStdout), Error> {
    // Who types may be asked for a password: that needs the terminal's own process group.
    spawn(&shell.argv(host, command), host, [], false)
}

/// As [`start`] for who asks: `command` is run here, or there by the login shell, without anybody to be
/// asked for a password. A host that takes no connection within `deadline` is given up.
///
/// # Errors
/// As [`start`].
pub(crate) fn start_to_ask(
    machine: &Machine,
    command: &[String],
    deadline: Duration,
) -> Result<(Program, ChildStdin, ChildStdout), Error> {
    match machine {
        Machine::Here => {
            let here = Host { user: None, name: machine.name().to_owned() };
            let path = path();
            spawn(command, &here, environment(&path), true)
        }
        Machine::There(shell, host) => {
            let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
            spawn(&shell.argv_to_ask(host, &words.join(" "), deadline), host, [], true)
        }
    }
}

fn spawn<'a>(
    argv: &[String],
    host: &Host,
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    leads: bool,
) -> Result<(Program, ChildStdin, ChildStdout), Error> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| Error::usage("command", "is empty"))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(environment);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if leads {
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(|error| {
        let why = format!("cannot be run: {}", reason(&error));
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN | Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => {
                Error::busy(program, why)
            }
            _ => Error::failed(program, why),
        }
    })?;
    let group = i32::try_from(child.id()).ok().filter(|_| leads).map(Pid::from_raw);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (sender, said) = mpsc::channel();
    if let Some(mut stderr) = stderr {
        thread::spawn(move || {
            let mut kept: Vec<u8> = Vec::new();
            let mut chunk = [0; 1024];
            while let Ok(read @ 1..) = stderr.read(&mut chunk) {
                kept.extend_from_slice(&chunk[..read]);
                kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
            }
            let _ = sender.send(kept);
        });
    }
    match (stdin, stdout) {
        (Some(stdin), Some(stdout)) => {
            Ok((Program { host: host.clone(), child, group, said }, stdin, stdout))
        }
        _ => Err(Error::failed(program, "has no pipes")),
    }
}

impl Program {
    /// Waits for the end of the program, whose pipes are closed, for at most `wait`; then kills it.
    pub fn finish(&mut self, wait: Duration) -> Fate {
        let ends = Instant::now() + wait;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    // At once: an empty group's number may be another's later.
                    if let Some(group) = self.group.take() {
                        let _ = killpg(group, Signal::SIGKILL);
                    }
                    return Fate::from(status);
                }
                Ok(None) if Instant::now() < ends => thread::sleep(Duration::from_millis(2)),
                _ => {
                    self.kill();
                    return Fate::TimedOut;
                }
            }
        }
    }

    /// Before it is waited for: so long its number is its own.
    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last line that the program or its carrier wrote to stderr; empty when there was none.
    pub fn last_words(&self) -> String {
        let said = self.said.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
        let text = String::from_utf8_lossy(&said).into_owned();
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }

    /// Why the program `name` gave no answer, in the contract's words: told by what became of its
    /// carrier and by what was written to stderr.
    pub fn why_silent(&mut self, name: &str, wait: Duration) -> Error {
        let fate = self.finish(wait);
        let words = self.last_words();
        silence(&self.host.name, name, fate, &words)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.group.is_some() || !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.kill();
        }
    }
}

/// Why the program `name` on `host` gave no answer: told by what became of its carrier, in the statuses of ssh,
/// and by what was written to stderr last.
pub fn silence(host: &str, name: &str, fate: Fate, words: &str) -> Error {
    let said = if words.is_empty() { String::new() } else { format!(" ({words})") };
    match fate {
        Fate::Exited(127) => Error::failed(host, format!("has no {name} there{said}")),
        Fate::Exited(126) => Error::failed(host, format!("cannot run {name} there{said}")),
        Fate::Exited(255) => Error::new(connection(words), host, format!("no connection{said}")),
        Fate::Exited(0) => Error::failed(host, format!("{name} there said nothing{said}")),
        // NIM's c_rsh has no status of its own for it.
        Fate::Exited(_) if UNREACHABLE.iter().any(|sign| words.contains(sign)) => {
            Error::busy(host, format!("no connection{said}"))
        }
        Fate::Exited(status) => {
            Error::failed(host, format!("{name} there ended with status {status}{said}"))
        }
        Fate::Killed(signal) => {
            Error::failed(host, format!("{name} there was killed by signal {signal}{said}"))
        }
        Fate::TimedOut => Error::busy(host, format!("{name} there gave no answer{said}")),
    }
}

/// In what carriers say when a host cannot be reached now.
const UNREACHABLE: [&str; 4] =
    ["onnection refused", "onnection timed out", "is unreachable", "onnection reset"];

/// What ssh could not do: some causes pass by themselves, others need a person.
fn connection(words: &str) -> Kind {
    let lasting = ["verification failed", "Permission denied", "IDENTIFICATION", "Bad "];
    if lasting.iter().any(|sign| words.contains(sign)) { Kind::Failed } else { Kind::Busy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Error {
        let shell = Shell::Command(vec!["sh".into(), "-c".into(), script.into()]);
        let host = Host { user: None, name: "standby".into() };
        let (mut program, stdin, _stdout) = start(&shell, &host, &["hasync".into()]).unwrap();
        drop(stdin);
        program.why_silent("hasync", Duration::from_millis(400))
    }

    #[test]
    fn why_there_is_no_answer_is_told_by_kind() {
        let absent = run("echo 'sh: 1: hasync: not found' >&2; exit 127");
        assert_eq!(absent.kind, Kind::Failed);
        assert_eq!(absent.to_string(), "standby: has no hasync there (sh: 1: hasync: not found)");
        let refused = "echo 'ssh: connect to host n2 port 22: Connection refused' >&2; exit 255";
        assert_eq!(run(refused).kind, Kind::Busy);
        assert_eq!(run("echo 'Host key verification failed.' >&2; exit 255").kind, Kind::Failed);
        assert_eq!(run("exec sleep 30").kind, Kind::Busy);
        assert_eq!(run("kill -9 $$").kind, Kind::Failed);
    }
}
