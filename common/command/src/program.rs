//! A program on its way: started in a process group of its own, waited for, ended.

use crate::Fate;
use ha_json::{Error, reason};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a wait looks whether it was told to give up.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A program that was started. Dropped, it goes on.
#[derive(Debug)]
pub struct Running {
    name: String,
    group: Pid,
    ended: mpsc::Receiver<std::io::Result<ExitStatus>>,
}

/// Starts `argv` with `environment` added to this process's own, nothing on stdin, `/` as its
/// directory, no signal blocked, and as the leader of a new process group.
///
/// # Errors
/// When there is no such program, or it cannot be started.
pub fn start<'a>(
    argv: &[impl AsRef<str>],
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    stdout: Stdio,
    stderr: Stdio,
) -> Result<(Running, Option<ChildStdout>, Option<ChildStderr>), Error> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| Error::usage("command", "is empty"))?;
    let mut child = Command::new(program.as_ref())
        .args(arguments.iter().map(AsRef::as_ref))
        .envs(environment)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map_err(|error| Error::failed(program.as_ref(), not_started(&error)))?;
    let pipes = (child.stdout.take(), child.stderr.take());
    let running = Running::of(program.as_ref(), child)?;
    Ok((running, pipes.0, pipes.1))
}

fn not_started(error: &std::io::Error) -> String {
    match error.kind() {
        // A script whose interpreter is missing gives the same.
        ErrorKind::NotFound => "no such program".to_owned(),
        _ => format!("cannot be run: {}", reason(error)),
    }
}

impl Running {
    fn of(name: &str, mut child: Child) -> Result<Running, Error> {
        let group = i32::try_from(child.id()).map(Pid::from_raw);
        let group = group.map_err(|_| Error::failed(name, "has an impossible process number"))?;
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(child.wait());
        });
        Ok(Running { name: name.to_owned(), group, ended })
    }

    /// Waits for its end, until `ends`, or until `give_up` says so: `None` for both.
    ///
    /// # Errors
    /// When the system cannot tell what became of it.
    pub fn wait(&self, ends: Instant, give_up: &dyn Fn() -> bool) -> Result<Option<Fate>, Error> {
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            match self.ended.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(Ok(status)) => return Ok(Some(Fate::from(status))),
                Ok(Err(error)) => return Err(Error::io(&self.name, &error)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::failed(&self.name, "was already waited for"));
                }
                Err(RecvTimeoutError::Timeout) if give_up() || Instant::now() >= ends => {
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Asks the group to end, and kills what is left of it after `grace`.
    pub fn end_group(&self, grace: Duration) {
        let ends = Instant::now() + grace;
        if killpg(self.group, Signal::SIGTERM) == Err(Errno::ESRCH) {
            return;
        }
        // The leader may go before its children: the group is gone when nobody can be signalled.
        while killpg(self.group, None) != Err(Errno::ESRCH) && Instant::now() < ends {
            thread::sleep(Duration::from_millis(5));
        }
        self.kill_group();
    }

    /// Kills the whole group at once.
    pub fn kill_group(&self) {
        // It may have ended by itself in this moment.
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_millis(700);

    fn sh(script: &str) -> Running {
        start(&["sh", "-c", script], [("A", "b c")], Stdio::null(), Stdio::null()).unwrap().0
    }

    fn soon(seconds: f32) -> Instant {
        Instant::now() + Duration::from_secs_f32(seconds)
    }

    #[test]
    fn the_environment_is_added_and_the_directory_is_the_root() {
        let run = sh("[ \"$A\" = 'b c' ] && [ -n \"$PATH\" ] && [ \"$PWD\" = / ]");
        assert_eq!(run.wait(soon(10.0), &|| false).unwrap(), Some(Fate::Exited(0)));
    }

    #[test]
    fn a_wait_ends_at_its_time_and_when_told_to_give_up() {
        let run = sh("sleep 30");
        let started = Instant::now();
        assert_eq!(run.wait(soon(0.2), &|| false).unwrap(), None);
        assert!(started.elapsed() >= Duration::from_millis(200));
        assert_eq!(run.wait(soon(20.0), &|| true).unwrap(), None);
        assert!(started.elapsed() < Duration::from_secs(5));
        run.kill_group();
        assert_eq!(run.wait(soon(10.0), &|| false).unwrap(), Some(Fate::Killed(9)));
    }

    #[test]
    fn a_group_that_ignores_the_asking_is_killed_with_its_children() {
        let run = sh("trap '' TERM; sleep 30 & sleep 30");
        thread::sleep(Duration::from_millis(200));
        let started = Instant::now();
        run.end_group(GRACE);
        assert!(started.elapsed() >= GRACE);
        assert_eq!(run.wait(soon(10.0), &|| false).unwrap(), Some(Fate::Killed(9)));
        let gone = soon(5.0);
        while killpg(run.group, None) != Err(Errno::ESRCH) {
            assert!(Instant::now() < gone, "a child lives on");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_group_that_ends_when_asked_is_not_waited_for_any_longer() {
        // One process: an orphan that was killed belongs to the group until init, which may take seconds,
        // has taken note of it.
        let run = sh("exec sleep 30");
        let started = Instant::now();
        run.end_group(20 * GRACE);
        assert!(started.elapsed() < GRACE);
        assert_eq!(run.wait(soon(10.0), &|| false).unwrap(), Some(Fate::Killed(15)));
    }
}
