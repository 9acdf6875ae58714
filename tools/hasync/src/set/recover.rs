//! What a run that was killed left: it is made whole, or undone, before anything else is begun.

use super::document::{Hook, OnFailure};
use super::journal::{HOOKED, Plan, Stage, Transaction, make_directory, open};
use super::manifest::{Known, Manifest};
use super::plan::Op;
use super::run::{Ran, call, is_due, shown};
use super::state::Place;
use super::tree::Mark;
use ha_json::{Error, Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs;

/// Tells a record: its type, and the rest of it.
pub(super) type Tell<'a> = dyn FnMut(&str, Map<String, Value>) -> Result<(), Error> + 'a;

/// What a hook said that had all undone.
const FAILED_HOOK: &str = "hook-failed";
/// What the manifest was before a transaction, and what it is after it.
const BEFORE: &str = "manifest.before";
const AFTER: &str = "manifest.after";

/// Goes on with what was begun.
///
/// # Errors
/// When it can be neither made whole nor undone.
pub(super) fn recover(place: &Place, dry_run: bool, tell: &mut Tell<'_>) -> Result<(), Error> {
    for transaction in place.transactions()? {
        let stage = transaction.stage();
        let hooks = stage == Stage::Done && transaction.told(HOOKED).is_none();
        if !hooks && matches!(stage, Stage::Done | Stage::Undone) {
            continue;
        }
        if dry_run {
            let what = transaction.plan.name();
            return Err(Error::busy(
                what,
                "was interrupted: the next run without --dry-run goes on with it",
            ));
        }
        match stage {
            Stage::Begun => finish(place, &transaction)?,
            Stage::Undoing => {
                undo(place, &transaction)?;
                if let Some(what) = transaction.told(FAILED_HOOK) {
                    tell_again(&transaction);
                    transaction.mark(HOOKED, &what)?;
                }
            }
            Stage::Done | Stage::Undone => {}
        }
        if stage != Stage::Undoing {
            hook(place, &transaction, tell)?;
        }
        // Who is told may be gone; what is done is done.
        let _ = tell(
            "recovered",
            fields(json!({
                "key": {"transaction": transaction.plan.name()},
                "outcome": transaction.stage().word(),
            })),
        );
    }
    Ok(())
}

pub(super) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Keeps what the manifest is before a transaction, and will be after it.
pub(super) fn prepare(place: &Place, number: u64, after: &Manifest) -> Result<(), Error> {
    let directory = place.transaction(number);
    make_directory(&directory)?;
    after.write(&directory.join(AFTER))?;
    if let Some(before) = Manifest::read(&place.manifest())? {
        before.write(&directory.join(BEFORE))?;
    }
    Ok(())
}

/// Makes a transaction whole, or, where that fails, undoes what of it was done.
///
/// # Errors
/// What it failed of.
pub(super) fn finish(place: &Place, transaction: &Transaction) -> Result<(), Error> {
    if let Err(error) = transaction.make_whole() {
        return match undo(place, transaction) {
            Ok(()) => Err(error),
            Err(other) => Err(Error::failed(
                transaction.plan.name(),
                format!("{error}; and it could not be undone: {other}; the next run tries again"),
            )),
        };
    }
    let planned = Manifest::read(&transaction.directory().join(AFTER))?;
    if let Some(planned) = planned {
        let live = open(&transaction.plan.root)?;
        // What was put in place has its inode and times of its own only now; that is how it is known again.
        let touched: HashSet<&[u8]> = transaction.plan.ops.iter().map(Op::path).collect();
        let mut look = live.look();
        let mut known = BTreeMap::new();
        for one in planned.all() {
            let mut one = one.clone();
            if touched.contains(&one.path[..])
                && let Ok(Some(mark)) = look.mark(&one.path)
                && mark.looks_like(&one.mark)
            {
                one.mark = mark;
            }
            known.insert(one.path.clone(), one);
        }
        Manifest::new(transaction.plan.number, &transaction.plan.primary, known)
            .write(&place.manifest())?;
    }
    transaction.set_done()
}

/// Undoes a transaction, and what was known after it.
///
/// # Errors
/// What it failed of; the next run tries again.
pub(super) fn undo(place: &Place, transaction: &Transaction) -> Result<(), Error> {
    transaction.undo()?;
    let before = transaction.directory().join(BEFORE);
    match Manifest::read(&before)? {
        Some(manifest) => {
            let live = open(&transaction.plan.root)?;
            let mut look = live.look();
            let mut known = BTreeMap::new();
            for one in manifest.all() {
                // What was put back may be what it was; its inode was touched.
                let is_same = |now: &Mark| {
                    let reads = || live.digest(&one.path).ok() == one.digest;
                    now.inode == one.mark.inode
                        && now.looks_like(&one.mark)
                        && (*now == one.mark || one.digest.is_none() || reads())
                };
                let now = look.mark(&one.path).ok().flatten().filter(is_same);
                let mark = now.unwrap_or_else(|| one.mark.clone());
                known.insert(one.path.clone(), Known { mark, ..one.clone() });
            }
            Manifest::new(manifest.header.transaction, &manifest.header.primary, known)
                .write(&place.manifest())?;
        }
        None => match fs::remove_file(place.manifest()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::failed(
                    place.manifest().display().to_string(),
                    ha_json::reason(&error),
                ));
            }
            _ => {}
        },
    }
    transaction.set_undone()
}

/// Runs the hooks of a transaction that is whole; false where one of them had it undone. Each that ran
/// is kept, so that whoever goes on with it does not run it again.
///
/// # Errors
/// When it cannot be undone.
pub(super) fn hook(
    place: &Place,
    transaction: &Transaction,
    tell: &mut Tell<'_>,
) -> Result<bool, Error> {
    let plan = &transaction.plan;
    let name = plan.name();
    let mut failed = Vec::new();
    for (number, hook) in due(plan) {
        let kept = format!("hook-{number}");
        let what = match transaction.told(&kept) {
            Some(what) => what,
            None => {
                let ran = call(hook, &plan.group, &name);
                let what = if ran.good {
                    String::new()
                } else {
                    format!("{}: {}", shown(&hook.run), ran.message)
                };
                transaction.mark(&kept, &what)?;
                // Nobody may be there to hear.
                let _ = tell("hook", record(&name, number, hook, &ran));
                what
            }
        };
        if what.is_empty() {
            continue;
        }
        if hook.on_failure == OnFailure::RollBack {
            place.hold(&format!("{name} was rolled back, because a hook failed: {what}"))?;
            transaction.mark(FAILED_HOOK, &what)?;
            undo(place, transaction)?;
            tell_again(transaction);
            transaction.mark(HOOKED, &what)?;
            return Ok(false);
        }
        failed.push(what);
    }
    transaction.mark(HOOKED, &failed.join("; "))?;
    Ok(true)
}

/// The hooks that what a transaction changes calls, with their numbers.
fn due(plan: &Plan) -> impl Iterator<Item = (usize, &Hook)> {
    let changed = || plan.ops.iter().filter(|op| !op.is_silent()).map(Op::path);
    plan.hooks.iter().enumerate().filter(move |(_, hook)| is_due(hook, changed()))
}

/// Those that were told of the new one are told that the old one is back.
fn tell_again(transaction: &Transaction) {
    let plan = &transaction.plan;
    for (number, hook) in due(plan) {
        if transaction.told(&format!("hook-{number}")).is_some() {
            call(hook, &plan.group, &plan.name());
        }
    }
}

/// Tells all whom a transaction concerned that it is rolled back; false where one of them failed.
pub(super) fn tell_of_undone(transaction: &Transaction, tell: &mut Tell<'_>) -> bool {
    let plan = &transaction.plan;
    let mut good = true;
    for (number, hook) in due(plan) {
        let ran = call(hook, &plan.group, &plan.name());
        good &= ran.good;
        let _ = tell("hook", record(&plan.name(), number, hook, &ran));
    }
    good
}

fn record(transaction: &str, number: usize, hook: &Hook, ran: &Ran) -> Map<String, Value> {
    fields(json!({
        "key": {"transaction": transaction, "hook": number},
        "run": hook.run,
        "ok": ran.good,
        "message": ran.message,
    }))
}
