//! How long a database is waited for.

use ha_json::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The deadlines of a run.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a server has let us in.
    pub connect: Duration,
    /// Until tables that others have locked are free.
    pub lock: Duration,
    /// Until a server that is at work says something.
    pub answer: Duration,
}

/// Runs `connect`, which may hang in spite of all deadlines of its own: a server can take the
/// connection and say nothing.
///
/// # Errors
/// What `connect` failed with; `busy`, where it takes longer than `wait`.
pub(crate) fn within<T: Send + 'static>(
    what: &str,
    wait: Duration,
    connect: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // Who gave up waiting does not want it any more.
        let _ = sender.send(connect());
    });
    match receiver.recv_timeout(wait) {
        Ok(connected) => connected,
        Err(_) => {
            let seconds = wait.as_secs();
            let why =
                format!("does not answer within {seconds} s (--connect-timeout waits longer)");
            Err(Error::busy(what, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_busy() {
        let slow = || {
            thread::sleep(Duration::from_secs(5));
            Ok(())
        };
        let error = within("mn:5432", Duration::from_millis(50), slow).unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Busy);
        assert_eq!(within("mn", Duration::from_secs(5), || Ok(7)), Ok(7));
    }
}
