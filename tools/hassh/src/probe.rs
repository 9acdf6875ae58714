//! Proof that commands run on the far side: whose account it is, and its clock.

use ha_ssh::Connection;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a command on the far side told of the account.
pub(crate) struct Probe {
    pub(crate) user: String,
    pub(crate) uid: u64,
    pub(crate) difference: f64,
    pub(crate) error: f64,
}

impl Probe {
    /// Runs it over `connection`.
    pub(crate) fn over(connection: &Connection, patience: Duration) -> Result<Probe, String> {
        let nonce = format!("hassh-{:016x}", RandomState::new().build_hasher().finish());
        let before = unix_time();
        let command = format!("echo {nonce}; id -un; id -u; date -u +%Y-%m-%dT%H:%M:%S");
        let (said, _) = connection.run(&command, patience)?;
        let after = unix_time();
        // A shell's start-up files may say something before.
        let mut lines = said.lines().map(str::trim).skip_while(|line| *line != nonce).skip(1);
        let mut next = || lines.next().unwrap_or_default();
        let (user, uid, date) = (next().to_owned(), next(), next());
        let uid = uid
            .parse()
            .map_err(|_| "logged in, but commands do not run there: a forced command?")?;
        let moment: Option<DateTime> = date.parse().ok();
        let moment = moment.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        let moment = moment.ok_or("logged in, but date does not run there")?;
        // Whole seconds are told.
        let far = moment.timestamp().as_second() as f64 + 0.5;
        Ok(Probe {
            user,
            uid,
            difference: far - (before + after) / 2.0,
            error: 0.5 + (after - before) / 2.0,
        })
    }
}

/// Seconds since 1970.
pub(crate) fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs_f64()).unwrap_or_default()
}
