//! Whether a synchronisation would come to a good end, and what it would destroy.
//!
//! Each check is told by its name, with a finding at least, so that a reader sees that it was made.

mod clients;
mod databases;
#[cfg(test)]
mod ground;
mod levels;
mod masters;
mod room;

use crate::Arguments;
use crate::facts::{Here, Pair};
use ha_json::Error;
use ha_nim::finding::{Finding, Outcome};

/// The checks that a run may go on despite. Without a master, an alternate, or its answers there is
/// nothing to go on with.
pub(crate) const TO_DESPITE: [&str; 15] = [
    "niminfo",
    "directions",
    "levels",
    "known-bug",
    "protocol",
    "owner",
    "first-sync",
    "replicate",
    "mounts",
    "room",
    "busy",
    "sync-required",
    "names",
    "routes",
    "backup",
];

/// What this machine says alone: whether it is a master, and has that alternate.
pub(crate) fn here(here: &Here, alternate: &str) -> Vec<Finding> {
    match masters::is_master(here) {
        finding if finding.outcome == Outcome::Holds => {
            vec![finding, masters::alternate(here, alternate)]
        }
        finding => vec![finding],
    }
}

/// That the alternate gave no answer.
pub(crate) fn no_answer(alternate: &str, error: &Error) -> Finding {
    masters::no_answer(alternate, error)
}

/// Whether the alternate is a master: all other checks need that.
pub(crate) fn there(pair: &Pair) -> Finding {
    masters::answers(pair)
}

/// All else.
pub(crate) fn both(pair: &Pair, arguments: &Arguments) -> Vec<Finding> {
    let mut all = masters::niminfo(pair);
    all.extend(masters::directions(pair));
    all.extend(levels::levels(pair));
    all.push(levels::known_bug(pair));
    all.push(levels::protocol(pair));
    all.extend(databases::owner(pair));
    all.extend(databases::first_sync(pair, arguments.force));
    all.push(databases::replicate(pair, arguments.replicate));
    all.extend(room::mounts(pair));
    all.extend(room::room(pair));
    all.extend(clients::busy(pair));
    all.push(clients::sync_required(pair));
    all.extend(clients::names(pair));
    all.extend(clients::routes(pair));
    all.push(backup(pair, arguments));
    all
}

fn holds(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Holds, found)
}

fn warning(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Warning, found)
}

fn unknown(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Unknown, found)
}

fn refused(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Refused, found)
}

fn or_holds(all: Vec<Finding>, check: &'static str, found: impl Into<String>) -> Vec<Finding> {
    if all.is_empty() { vec![holds(check, found)] } else { all }
}

fn backup(pair: &Pair, arguments: &Arguments) -> Finding {
    let (a, days, place) = (pair.here.name(), arguments.backup_days, &arguments.backups);
    let fix = format!(
        "make one: /usr/lpp/bos.sysmgt/nim/methods/m_backup_db {place}/{a}.backup (--backups names \
         another directory)"
    );
    match &pair.backups {
        Ok(found) if found.is_new => {
            holds("backup", format!("a backup of {a}'s database is {days} days old at most"))
        }
        Ok(found) => {
            let what = match &found.newest {
                Some(newest) => {
                    format!(
                        "the newest backup of {a}'s database, {newest}, is older than {days} days"
                    )
                }
                None => format!("there is no backup of {a}'s database in {place}"),
            };
            warning("backup", what).about(place).fix(fix)
        }
        Err(error) => {
            warning("backup", format!("backups cannot be looked for: {error}")).about(place)
        }
    }
}
