//! What is done about sets on a node itself: `history`, `rollback`, `release` and `takeover`.

use super::journal::{HOOKED, Stage, Transaction};
use super::recover::{fields, recover, tell_of_undone, undo};
use super::role::{Role, heard};
use super::standby::under_way;
use super::state::{Place, State, node};
use super::told::Told;
use ha_command::Lock;
use ha_json::{Error, Kind, Map, Status, Tool, Value, json};
use std::path::Path;
use std::time::Duration;

const SCHEMA: &str = "hasync-history/1";
/// Who waits longer is told for whom.
const IN_SILENCE: Duration = Duration::from_secs(1);

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Tells of the transactions, of one group or all.
    History { group: Option<String> },
    /// Puts back what was there before a transaction.
    RollBack { transaction: String, dry_run: bool },
    /// Lets a group that is held go on.
    Release { group: String },
    /// Makes this node the primary.
    Takeover { dry_run: bool },
}

/// Does it, with what this node keeps in `state`.
///
/// # Errors
/// What it failed of.
pub(crate) fn command(
    tool: Tool,
    command: &Command,
    state: Option<&Path>,
    wait: Duration,
) -> Result<Status, Error> {
    let state = State::open(Path::new("/"), state)?;
    let begin = || Told::begin(tool, SCHEMA, &Map::new(), None);
    let waits = Waits { tool, longest: wait };
    match command {
        Command::History { group } => {
            let places = match group {
                Some(name) => vec![known(&state, name)?],
                None => state.groups()?,
            };
            history(begin(), &state, places)
        }
        Command::RollBack { transaction, dry_run } => {
            let place = of(&state, transaction)?;
            ended(begin(), |told| roll_back(told, &place.0, place.1, *dry_run, &waits))
        }
        Command::Release { group } => {
            let place = known(&state, group)?;
            ended(begin(), |told| {
                let _lock = waits.lock(&place)?;
                let released = place.release()?;
                told.record(
                    "group",
                    &fields(json!({"key": {"group": group}, "released": released})),
                );
                Ok(())
            })
        }
        Command::Takeover { dry_run } => takeover(begin(), &state, *dry_run, &waits),
    }
}

/// Writes the end of what is told, whatever came of it.
fn ended(
    mut told: Told,
    work: impl FnOnce(&mut Told) -> Result<(), Error>,
) -> Result<Status, Error> {
    match work(&mut told) {
        Ok(()) => told.end(&Map::new()),
        Err(error) => Err(told.end_failed(&Map::new(), error)),
    }
}

fn known(state: &State, group: &str) -> Result<Place, Error> {
    let place = state.group(group);
    match !group.contains('/') && !group.starts_with('.') && place.is_there() {
        true => Ok(place),
        false => {
            Err(Error::usage(group, format!("is no group that {} knows", state.path().display())))
        }
    }
}

/// The group and number of a transaction's name.
fn of(state: &State, name: &str) -> Result<(Place, u64), Error> {
    let parts =
        name.rsplit_once('-').and_then(|(group, number)| Some((group, number.parse().ok()?)));
    let Some((group, number)) = parts else {
        return Err(Error::usage(name, "is no name of a transaction, which is like network-42"));
    };
    let place = known(state, group)?;
    match place.numbers()?.contains(&number) {
        true => Ok((place, number)),
        false => Err(Error::usage(name, "is not kept here (hasync history tells what is)")),
    }
}

fn record(transaction: &Transaction, place: &Place) -> Map<String, Value> {
    let plan = &transaction.plan;
    let hooks = transaction.told(HOOKED).filter(|words| !words.is_empty());
    fields(json!({
        "key": {"transaction": plan.name()},
        "group": plan.group,
        "number": plan.number,
        "state": transaction.stage().word(),
        "time": plan.time,
        "primary": plan.primary,
        "generation": plan.generation,
        "changes": plan.ops.len(),
        "hook_failed": hooks,
        "group_held": place.held(),
    }))
}

fn history(mut told: Told, state: &State, places: Vec<Place>) -> Result<Status, Error> {
    let mut count = 0u64;
    for place in places {
        for transaction in place.transactions()? {
            told.record("transaction", &record(&transaction, &place));
            count += 1;
        }
    }
    let role = Role::read(state.path())?;
    told.end(&fields(json!({
        "transactions": count,
        "generation": role.as_ref().map(|role| role.generation),
        "primary": role.as_ref().map(|role| role.primary.as_str()),
    })))
}

/// Undoes a transaction and those after it, the last one first.
fn roll_back(
    told: &mut Told,
    place: &Place,
    number: u64,
    dry_run: bool,
    waits: &Waits,
) -> Result<(), Error> {
    let _lock = waits.lock(place)?;
    recover(place, dry_run, &mut |kind, record| {
        told.record(kind, &record);
        Ok(())
    })?;
    let mut all = place.transactions()?;
    all.retain(|one| one.plan.number >= number && one.stage() == Stage::Done);
    let Some(first) = all.first().filter(|first| first.plan.number == number) else {
        let what = format!("{}-{number}", place.name());
        return Err(Error::failed(what, "is rolled back already"));
    };
    let name = first.plan.name();
    if !dry_run {
        // Before anything is put back: what is cut here must not be brought again.
        place.hold(&format!("{name} was rolled back at {}", ha_json::now()))?;
    }
    for one in all.iter().rev() {
        if !dry_run {
            undo(place, one)?;
        }
        told.record("transaction", &record(one, place));
    }
    if dry_run {
        return Ok(());
    }
    for one in &all {
        let good = tell_of_undone(one, &mut |kind, record| {
            told.record(kind, &record);
            Ok(())
        });
        if !good {
            let message = "is rolled back, and a hook that was told so failed";
            told.failed(Kind::Failed, "hook", &one.plan.name(), message);
        }
    }
    Ok(())
}

/// Nobody of an older generation changes anything here any more, and whatever was begun is ended.
fn takeover(mut told: Told, state: &State, dry_run: bool, waits: &Waits) -> Result<Status, Error> {
    // Who waits for a primary that is dead lets go of its group when that lost the role.
    let taken = match take_role(state, dry_run, waits.longest) {
        Ok(taken) => taken,
        Err(error) => return Err(told.end_failed(&Map::new(), error)),
    };
    let places = match state.groups() {
        Ok(places) => places,
        Err(error) => return Err(told.end_failed(&Map::new(), error)),
    };
    let mut locks = Vec::new();
    for place in places {
        let ended = waits.lock(&place).and_then(|lock| {
            locks.push(lock);
            end(&mut told, &place, dry_run)
        });
        if let Err(error) = ended {
            // Half a group is no reason to be without a primary.
            told.failed(error.kind, "interrupted", place.name(), &error.to_string());
        }
    }
    let (was, role) = taken;
    told.end(&fields(json!({
        "generation": role.generation,
        "primary": role.primary,
        "was": was.map(|was| was.primary),
        "dry_run": dry_run,
    })))
}

/// Makes this node the primary: who was it before, and what it is now.
fn take_role(state: &State, dry_run: bool, wait: Duration) -> Result<(Option<Role>, Role), Error> {
    let _lock = state.lock_role(wait)?;
    let was = Role::read(state.path())?;
    let own = node();
    // Another one may have taken over too, and be of the same generation, or a later one.
    let last = was.as_ref().map_or(0, |was| was.generation);
    let heard = heard(state.path());
    let role = match was.clone().filter(|was| was.primary == own && heard < last) {
        Some(role) => role,
        None => Role::new(last.max(heard) + 1, &own),
    };
    if !dry_run && was.as_ref() != Some(&role) {
        role.write(state.path())?;
    }
    Ok((was, role))
}

/// Ends what was begun of a group.
fn end(told: &mut Told, place: &Place, dry_run: bool) -> Result<(), Error> {
    if !dry_run {
        return recover(place, false, &mut |kind, record| {
            told.record(kind, &record);
            Ok(())
        });
    }
    if let Some(name) = under_way(place)? {
        let record = fields(json!({"key": {"transaction": name}, "outcome": "interrupted"}));
        told.record("recovered", &record);
    }
    Ok(())
}

/// How long a group is waited for that somebody else has.
struct Waits {
    tool: Tool,
    longest: Duration,
}

impl Waits {
    /// Locks it; a person is told of whom they wait for.
    fn lock(&self, place: &Place) -> Result<Lock, Error> {
        match place.lock(self.longest.min(IN_SILENCE)) {
            Err(error) if error.kind == Kind::Busy && self.longest > IN_SILENCE => {
                self.tool
                    .say(&format!("{error}: waiting for it, {} s at most", self.longest.as_secs()));
                place.lock(self.longest - IN_SILENCE)
            }
            result => result,
        }
    }
}
