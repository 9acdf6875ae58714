//! What became of each group on each target, told to whoever asked for it.

use super::list::Trouble;
use super::metrics::{self, Pair, Seen};
use super::primary::Run;
use super::recover::fields;
use super::talk::{Done, Outcome};
use super::told::Told;
use crate::clock::Measured;
use ha_json::{Error, Kind, Map, Status, Value, json};
use std::collections::BTreeMap;

/// What is told of a group on a target.
pub(super) enum News {
    Record(String, Map<String, Value>),
    Done(Done, Brought),
    Failed(Error),
    /// Who refused this node knows of this one.
    Generation(u64),
}

/// How it came to where it waits.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) trouble: Vec<Trouble>,
    pub(super) skew: Option<Measured>,
}

/// Tells a person and a program of what became of a group on a target.
pub(super) fn follow(
    told: &mut Told,
    pair: Pair,
    news: News,
    seen: &mut BTreeMap<Pair, Seen>,
    errors: &mut Vec<(String, Error)>,
) {
    let (group, target) = &pair;
    let item = format!("{target}: {group}");
    match news {
        News::Record(kind, record) => {
            let mut record = record;
            let mut key = Map::from_iter([("target".to_owned(), Value::from(target.as_str()))]);
            key.insert("group".to_owned(), Value::from(group.as_str()));
            if let Some(Value::Object(own)) = record.shift_remove("key") {
                // Nobody speaks for another.
                key.extend(own.into_iter().filter(|(name, _)| name != "target" && name != "group"));
            }
            let mut whole = Map::from_iter([("key".to_owned(), Value::Object(key))]);
            whole.extend(record);
            told.record(&kind, &whole);
        }
        News::Done(done, Brought { trouble, skew }) => {
            let good = trouble.is_empty()
                && done.held_back == 0
                && !matches!(done.outcome, Outcome::Refused | Outcome::RolledBack);
            told.record(
                "group",
                &fields(json!({
                    "key": {"target": target, "group": group},
                    "outcome": done.outcome.word(),
                    "transaction": done.transaction,
                    "changed": done.changed,
                    "conflicts": done.conflicts,
                    "held_back": done.held_back,
                    "files": done.files,
                    "size_bytes": done.size_bytes,
                    "clock_skew_seconds": skew.map(Measured::seconds),
                })),
            );
            for Trouble { path, reason, message } in &trouble {
                let path = String::from_utf8_lossy(path);
                told.failed(Kind::Failed, reason, &format!("{item}: {path}"), message);
            }
            match done.outcome {
                Outcome::Refused if done.conflicts > 0 => {
                    let message = format!(
                        "{} changed on the standby too: nothing is brought",
                        done.conflicts
                    );
                    told.failed(Kind::Failed, "conflict", &item, &message);
                }
                Outcome::Refused if !trouble.is_empty() => {
                    let message = "not all of it could be read: nothing is brought";
                    told.failed(Kind::Failed, "source", &item, message);
                }
                Outcome::Refused => told.failed(
                    Kind::Failed,
                    "validation",
                    &item,
                    "is not good: nothing is brought",
                ),
                Outcome::RolledBack => told.failed(
                    Kind::Failed,
                    "hook",
                    &item,
                    "a hook failed: all is put back, and the group is held",
                ),
                _ => {}
            }
            if done.held_back > 0 {
                let message = format!("{} held back (--accept-loss brings them)", done.held_back);
                told.failed(Kind::Failed, "held_back", &item, &message);
            }
            seen.insert(pair, Seen::now(good, Some(done)));
        }
        News::Generation(_) => {}
        News::Failed(error) => {
            errors.push((item, error));
            seen.insert(pair, Seen::now(false, None));
        }
    }
}

pub(super) fn finish(
    mut told: Told,
    run: &Run,
    seen: BTreeMap<Pair, Seen>,
    errors: Vec<(String, Error)>,
) -> Result<Status, Error> {
    let count = |wanted: bool| seen.values().filter(|seen| seen.good == wanted).count();
    let totals = fields(json!({"groups": seen.len(), "good": count(true), "dry_run": run.dry_run}));
    let metrics = run.metrics.as_deref().filter(|_| !run.dry_run);
    if let Some(Err(error)) = metrics.map(|file| metrics::write(file, &seen)) {
        told.failed(error.kind, "write_error", &error.what, &error.why);
    }
    // One that all failed of has its own status: what is busy may be tried again.
    let same = errors.windows(2).all(|two| two[0].1.kind == two[1].1.kind);
    if errors.len() == seen.len()
        && same
        && let Some(((item, error), others)) = errors.split_first()
    {
        for (item, error) in others {
            told.failed(error.kind, error.kind.word(), item, &error.to_string());
        }
        return Err(told.end_failed(&totals, Error::new(error.kind, item, error.to_string())));
    }
    for (item, error) in errors {
        told.failed(error.kind, error.kind.word(), &item, &error.to_string());
    }
    told.end(&totals)
}
