//! The far side's hasync, and what carries it there and back.

use crate::args::{Reach, Transport};
use crate::clock::Skew;
use crate::job::Job;
use crate::report::Traffic;
use crate::wire::{Counted, Outcome, greet, never_block};
use ha_command::Fate;
use ha_json::{Error, Kind};
use ha_remote::{Host, Program, Shell, silence, start};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the far side may take to end once everything is said, in seconds.
const LAST_WAIT: Duration = Duration::from_secs(30);
/// How long one that failed may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The program beside this one that is started in place of ssh; its statuses where nobody gets to the host.
const LIBSSH2: &str = "hasync-libssh2";
const BUSY: i32 = 255;
const FAILED: i32 = 254;
/// How much longer than its deadline it may take to say what it was that took so long.
const GRACE: Duration = Duration::from_secs(1);

/// How to reach the far side's hasync.
#[derive(Debug)]
pub(crate) struct Far {
    transport: Transport,
    shell: Shell,
    program: String,
    /// How long it may take to greet.
    patience: Option<Duration>,
}

/// Counts what goes over a connection.
#[derive(Default)]
pub(crate) struct Meter {
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    pub(crate) skew: Skew,
}

impl Meter {
    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            skew: self.skew.measured(),
        }
    }
}

pub(crate) type Pipes = (Counted<ChildStdin>, Counted<ChildStdout>);

impl Far {
    /// As it was asked for.
    ///
    /// # Errors
    /// Usage, for a command that cannot be read.
    pub(crate) fn of(reach: &Reach, timeout_seconds: u64) -> Result<Far, Error> {
        let patience = reach.connect_timeout_seconds.map(Duration::from_secs);
        let shell = match reach.transport {
            Transport::Ssh => reach.rsh.as_deref().map(Shell::parse).transpose()?,
            Transport::Libssh2 => {
                let seconds = reach.connect_timeout_seconds.unwrap_or(timeout_seconds);
                Some(libssh2(reach.port, seconds))
            }
        };
        Ok(Far {
            transport: reach.transport,
            shell: shell.unwrap_or_default(),
            program: reach.hasync_path.clone(),
            patience,
        })
    }

    /// Starts the far side's hasync, agrees on a version, and says what it is to do.
    pub(crate) fn connect(
        &self,
        host: &Host,
        job: &Job,
        meter: &Meter,
    ) -> Result<(Program, Pipes), Error> {
        let command = [self.program.clone(), "--serve".to_owned()];
        let (mut program, stdin, stdout) = start(&self.shell, host, &command)?;
        let patience = Duration::from_secs(job.options.timeout_seconds);
        let at_first = match self.transport {
            Transport::Ssh => self.patience.unwrap_or(patience),
            Transport::Libssh2 => self.patience.unwrap_or(patience) + GRACE,
        };
        never_block(&stdin)?;
        never_block(&stdout)?;
        let mut to = Counted::counting(stdin, Arc::clone(&meter.sent), at_first);
        let mut from = Counted::counting(stdout, Arc::clone(&meter.received), at_first);
        match greet(&mut to, &mut from) {
            Ok(_) => {}
            Err(error) if error.why.is_empty() => {
                // It said nothing at all: what carried it knows why.
                drop((to, from));
                let wait = if error.kind == Kind::Busy { Duration::ZERO } else { LAST_WAIT };
                return Err(self.why_silent(&mut program, host, wait));
            }
            Err(error) => return Err(at(host, error)),
        }
        let (mut to, from) = (to.with_patience(patience), from.with_patience(patience));
        job.send(&mut to).map_err(|error| at(host, error))?;
        meter.skew.asked();
        Ok((program, (to, from)))
    }

    fn why_silent(&self, program: &mut Program, host: &Host, wait: Duration) -> Error {
        if self.transport == Transport::Ssh {
            return program.why_silent(&self.program, wait);
        }
        match (program.finish(wait), program.last_words()) {
            (Fate::Exited(BUSY), words) if !words.is_empty() => Error::busy(&host.name, words),
            (Fate::Exited(FAILED), words) if !words.is_empty() => Error::failed(&host.name, words),
            (fate, words) => silence(&host.name, &self.program, fate, &words),
        }
    }
}

/// How to start the one that is installed with this program, or else in the `PATH`.
fn libssh2(port: Option<u16>, seconds: u64) -> Shell {
    let here = std::env::current_exe().ok();
    let beside = here.as_deref().and_then(Path::parent).map(|directory| directory.join(LIBSSH2));
    let program =
        beside.filter(|program| program.is_file()).map(|program| program.into_os_string());
    let program = program.and_then(|program| program.into_string().ok());
    let mut words = vec![program.unwrap_or_else(|| LIBSSH2.to_owned())];
    words.extend(["-w".to_owned(), seconds.to_string()]);
    if let Some(port) = port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    Shell::Command(words)
}

/// After the run: a far side that died is asked for its last words.
pub(crate) fn close(mut program: Program, host: &Host, result: Result<Outcome, Error>) -> Outcome {
    let Outcome { totals, error } = Outcome::from(result);
    let wait = if error.is_none() { LAST_WAIT } else { LAST_WORDS };
    program.finish(wait);
    let error = error.map(|error| match (error.what.as_str(), program.last_words()) {
        ("the far side", words) if !words.is_empty() => {
            let error = at(host, error);
            Error { why: format!("{} ({words})", error.why), ..error }
        }
        _ => at(host, error),
    });
    Outcome { totals, error }
}

/// The error with the host's name where it says "the far side".
fn at(host: &Host, error: Error) -> Error {
    match error.what.as_str() {
        "the far side" => Error { what: host.name.clone(), ..error },
        _ => error,
    }
}
