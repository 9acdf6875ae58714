//! The time that is left: a quarter for the look before, two for NIM, and the rest for the evidence.

use ha_json::Error;
use ha_plan::Interrupt;
use ha_remote::{Machine, Reply};
use std::time::{Duration, Instant};

/// The whole run's time, and whether a signal has ended it.
#[derive(Debug)]
pub(crate) struct Clock<'a> {
    begun: Instant,
    deadline: Duration,
    interrupt: &'a Interrupt,
}

impl<'a> Clock<'a> {
    pub(crate) fn start(deadline: Duration, interrupt: &'a Interrupt) -> Clock<'a> {
        Clock { begun: Instant::now(), deadline, interrupt }
    }

    pub(crate) fn interrupt(&self) -> &'a Interrupt {
        self.interrupt
    }

    /// The moment at which so many quarters of the time are over.
    pub(crate) fn quarters(&self, number: u32) -> Instant {
        self.begun + self.deadline / 4 * number
    }

    /// How long a question may take that must be answered by `ends`.
    ///
    /// # Errors
    /// Kind `busy` when it is not to be asked any more.
    pub(crate) fn bound(&self, patience: Duration, ends: Instant) -> Result<Duration, Error> {
        if let Some(signal) = self.interrupt.came() {
            return Err(Error::busy("", format!("was not asked: SIG{signal} came")));
        }
        let left = ends.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(Error::busy("", "was not asked: no time is left (--deadline)")),
            false => Ok(patience.min(left)),
        }
    }

    /// Asks a machine: for as long as `patience`, by `ends`, and until a signal comes.
    ///
    /// # Errors
    /// Kind `busy` where it gave no answer, or was not asked.
    pub(crate) fn ask(
        &self,
        machine: &Machine,
        questions: &[Vec<String>],
        patience: Duration,
        ends: Instant,
    ) -> Result<Vec<Reply>, Error> {
        let bound = self.bound(patience, ends)?;
        machine.ask_unless(questions, bound, &|| self.interrupt.came().is_some())
    }

    /// Sleeps, but not when a signal came, and not past `ends`.
    pub(crate) fn pause(&self, pause: Duration, ends: Instant) {
        let wakes = (Instant::now() + pause).min(ends);
        while self.interrupt.came().is_none() {
            let left = wakes.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}
