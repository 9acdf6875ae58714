//! TERM, INT and HUP: the step that runs is ended, and what was done is undone.

use ha_json::{Error, reason};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether one of these signals has come. From its making on, they end this process no more; a HUP
/// that was ignored before stays so.
#[derive(Debug)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system has no room for a handler.
    pub fn listen() -> Result<Interrupt, Error> {
        let which = Arc::new(AtomicUsize::new(0));
        for (number, signal) in [(1, SIGTERM), (2, SIGINT), (3, SIGHUP)] {
            // nohup(1) asks for that. A shell ignores INT, too, in what it starts with &, but whoever
            // sends it to this process means it.
            if signal == SIGHUP && crate::sys::is_ignored(signal) {
                continue;
            }
            signal_hook::flag::register_usize(signal, Arc::clone(&which), number)
                .map_err(|error| Error::failed("signal handler", reason(&error)))?;
        }
        Ok(Interrupt(which))
    }

    /// The name of the signal that came last.
    pub fn came(&self) -> Option<&'static str> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some("TERM"),
            2 => Some("INT"),
            3 => Some("HUP"),
            _ => None,
        }
    }
}
