//! How far apart the clocks of the two ends are.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// More than this is worth a warning, in seconds.
const WORTH_A_WARNING: f64 = 2.0;

/// The time of this end, in microseconds since 1970 UTC.
pub(crate) fn now() -> i64 {
    let microseconds = |duration: std::time::Duration| duration.as_micros() as i64;
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => microseconds(since),
        Err(before) => -microseconds(before.duration()),
    }
}

/// The far side's clock against this one.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    asked: OnceLock<i64>,
    measured: OnceLock<Measured>,
}

/// What came of it, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// How far the far side is ahead.
    ahead: i64,
    /// By so much that may be wrong.
    doubt: i64,
}

impl Skew {
    /// The far side is asked now.
    pub(crate) fn asked(&self) {
        let _ = self.asked.set(now());
    }

    /// It has answered what time it is there; only the first answer counts.
    pub(crate) fn told(&self, far: i64) {
        if let Some(asked) = self.asked.get() {
            let _ = self.measured.set(Measured::new(*asked, far, now()));
        }
    }

    pub(crate) fn measured(&self) -> Option<Measured> {
        self.measured.get().copied()
    }
}

impl Measured {
    /// The answer was given at half the time between question and answer, as far as one can know.
    fn new(asked: i64, far: i64, heard: i64) -> Measured {
        let doubt = heard.saturating_sub(asked).max(0) / 2;
        Measured { ahead: far.saturating_sub(asked).saturating_sub(doubt), doubt }
    }

    /// How far the far side is ahead, in seconds, to the millisecond.
    pub(crate) fn seconds(self) -> f64 {
        // Nothing is not less than nothing.
        (self.ahead as f64 / 1000.0).round() / 1000.0 + 0.0
    }

    /// The same for a person.
    pub(crate) fn words(self) -> String {
        let side = if self.ahead > 0 { "ahead of" } else { "behind" };
        format!("its clock is {:.1} s {side} this one's", self.seconds().abs())
    }

    /// True where the clocks are apart, and not only because the answer took its time.
    pub(crate) fn is_worth_a_warning(self) -> bool {
        let least = self.ahead.saturating_abs().saturating_sub(self.doubt);
        least as f64 > WORTH_A_WARNING * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_round_trip_is_taken_off() {
        let second = 1_000_000;
        let same = Measured::new(10 * second, 11 * second, 12 * second);
        assert_eq!((same.seconds(), same.is_worth_a_warning()), (0.0, false));
        let ahead = Measured::new(10 * second, 15 * second, 10 * second);
        assert_eq!((ahead.seconds(), ahead.is_worth_a_warning()), (5.0, true));
        let behind = Measured::new(10 * second, 6 * second, 10 * second);
        assert_eq!((behind.seconds(), behind.is_worth_a_warning()), (-4.0, true));
        let doubtful = Measured::new(10 * second, 18 * second, 20 * second);
        assert_eq!((doubtful.seconds(), doubtful.is_worth_a_warning()), (3.0, false));
    }

    #[test]
    fn a_far_side_that_lies_about_its_time_breaks_nothing() {
        for far in [i64::MIN, i64::MAX] {
            assert!(Measured::new(now(), far, now()).is_worth_a_warning());
        }
    }
}
