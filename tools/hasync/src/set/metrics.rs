//! What a monitor asks, as Prometheus' textfile collector reads it: the text format, version 0.0.4
//! (prometheus.io, "Exposition formats").

use super::state::read;
use super::talk::Done;
use ha_file::{Durability, replace};
use ha_json::Error;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nobody writes it for so long.
const A_MOMENT: Duration = Duration::from_secs(10);
const LAST_RUN: &str = "hasync_last_run_timestamp_seconds";
const SUCCESS: &str = "hasync_last_success_timestamp_seconds";

/// A group on a target.
pub(super) type Pair = (String, String);

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// When that was known, in seconds since 1970 UTC.
    at: i64,
    pub(super) good: bool,
    /// Absent where it did not come to that.
    pub(super) done: Option<Done>,
}

impl Seen {
    /// What is known now.
    pub(super) fn now(good: bool, done: Option<Done>) -> Seen {
        Seen { at: seconds(), good, done }
    }
}

fn seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Writes the file. A group that did not succeed this time keeps the time when it did, which stands in
/// the file of the last run.
///
/// # Errors
/// When it cannot be read or written.
pub(super) fn write(file: &Path, seen: &BTreeMap<Pair, Seen>) -> Result<(), Error> {
    // Runs of other groups, or for other targets, may end in this moment.
    let _lock = ha_file::lock(file, A_MOMENT)?;
    let old = read(file, |text| Ok(String::from_utf8_lossy(text).into_owned()))?;
    let text = text(&old.unwrap_or_default(), seconds(), seen);
    replace(file, text.as_bytes(), 0o644, Durability::Unsynced)
}

fn text(old: &str, now: i64, seen: &BTreeMap<Pair, Seen>) -> String {
    let labels = |(group, target): &Pair| {
        format!("{{group=\"{}\",target=\"{}\"}}", escaped(group), escaped(target))
    };
    let number = |name: &str, pair: &Pair| {
        let begin = format!("{name}{} ", labels(pair));
        old.lines().find_map(|line| line.strip_prefix(&begin)?.parse::<i64>().ok())
    };
    // A run that took long knows less than one that came after it; a clock that was ahead knows nothing.
    let is_later = |pair: &Pair, seen: &Seen| {
        number(LAST_RUN, pair).is_none_or(|old| old <= seen.at || old > now)
    };
    let seen: BTreeMap<_, _> = seen.iter().filter(|(pair, seen)| is_later(pair, seen)).collect();
    let success = |pair: &Pair, seen: &Seen| {
        if seen.good { Some(seen.at) } else { number(SUCCESS, pair) }
    };
    type Value<'a> = &'a dyn Fn(&Pair, &Seen) -> Option<i64>;
    let count = |of: fn(&Done) -> u64| {
        move |_: &Pair, seen: &Seen| {
            seen.done.as_ref().and_then(|done| i64::try_from(of(done)).ok())
        }
    };
    let (files, bytes) = (count(|done| done.files), count(|done| done.size_bytes));
    let (conflicts, held_back) = (count(|done| done.conflicts), count(|done| done.held_back));
    let good = |_: &Pair, seen: &Seen| Some(i64::from(seen.good));
    let age = |pair: &Pair, seen: &Seen| success(pair, seen).map(|last| (now - last).max(0));
    let metrics: [(&str, &str, Value<'_>); 8] = [
        (LAST_RUN, "When the group was brought last, or tried.", &|_, seen| Some(seen.at)),
        (SUCCESS, "When both were the same last.", &success),
        ("hasync_age_seconds", "How long ago that was when this was written.", &age),
        ("hasync_success", "1 where the last run succeeded.", &good),
        ("hasync_files", "Entries of the group.", &files),
        ("hasync_size_bytes", "Bytes of its files.", &bytes),
        ("hasync_conflicts", "Files that were changed on the standby too.", &conflicts),
        ("hasync_held_back", "Paths that were left as they are.", &held_back),
    ];
    let mut text = String::new();
    for (name, help, value) in metrics {
        text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (pair, seen) in &seen {
            if let Some(number) = value(pair, seen) {
                text += &format!("{name}{} {number}\n", labels(pair));
            }
        }
        // Groups that were not asked for this time stay as they are.
        let kept = old.lines().filter(|line| {
            let own = line.strip_prefix(name).filter(|rest| rest.starts_with('{'));
            own.is_some_and(|rest| !seen.keys().any(|pair| rest.starts_with(&labels(pair))))
        });
        text.extend(kept.flat_map(|line| [line, "\n"]));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::talk::Outcome;

    fn seen(at: i64, good: bool) -> Seen {
        let done = Done {
            outcome: Outcome::Unchanged,
            transaction: None,
            changed: 0,
            conflicts: 2,
            held_back: 0,
            files: 3,
            size_bytes: 4,
        };
        Seen { at, good, done: good.then_some(done) }
    }

    #[test]
    fn what_failed_keeps_the_time_of_its_success_and_others_are_left() {
        let pair = |group: &str| (group.to_owned(), "mn2".to_owned());
        let first = text(
            "",
            100,
            &BTreeMap::from([(pair("a"), seen(100, true)), (pair("b"), seen(100, true))]),
        );
        assert!(first.contains("hasync_conflicts{group=\"a\",target=\"mn2\"} 2\n"));
        let second = text(&first, 160, &BTreeMap::from([(pair("a"), seen(160, false))]));
        for line in [
            "hasync_last_success_timestamp_seconds{group=\"a\",target=\"mn2\"} 100",
            "hasync_age_seconds{group=\"a\",target=\"mn2\"} 60",
            "hasync_success{group=\"a\",target=\"mn2\"} 0",
            "hasync_last_run_timestamp_seconds{group=\"b\",target=\"mn2\"} 100",
            "hasync_files{group=\"b\",target=\"mn2\"} 3",
        ] {
            assert_eq!(
                second.lines().filter(|other| *other == line).count(),
                1,
                "{line}\n{second}"
            );
        }
        assert!(!second.contains("hasync_files{group=\"a\""));
        let slow = BTreeMap::from([(pair("a"), seen(150, true)), (pair("b"), seen(170, true))]);
        let third = text(&second, 170, &slow);
        assert!(third.contains("hasync_success{group=\"a\",target=\"mn2\"} 0\n"), "{third}");
        assert!(
            third.contains("hasync_last_run_timestamp_seconds{group=\"b\",target=\"mn2\"} 170\n")
        );
        let ahead = text("", 900, &BTreeMap::from([(pair("a"), seen(900, true))]));
        let put_right = text(&ahead, 180, &BTreeMap::from([(pair("a"), seen(180, false))]));
        assert!(put_right.contains("hasync_success{group=\"a\",target=\"mn2\"} 0\n"));
    }
}
