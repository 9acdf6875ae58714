//! SIGINT, SIGTERM and SIGHUP, where something is to be put right before they end the process.

use ha_json::Error;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::thread;

/// Calls `before` when one of them comes; then it does what it always does.
///
/// # Errors
/// The system's own.
pub(crate) fn call(before: impl Fn() + Send + 'static) -> Result<(), Error> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| Error::io("signals", &error))?;
    let watch = move || {
        for signal in signals.forever() {
            before();
            // It ends the process.
            let _ = emulate_default_handler(signal);
        }
    };
    thread::Builder::new().spawn(watch).map(drop).map_err(|error| Error::io("a thread", &error))
}
