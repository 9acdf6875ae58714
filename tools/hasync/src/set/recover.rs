//! What a run that was killed left: it is made whole, or undone, before anything else is begun.

use super::document::OnFailure;
use super::journal::{Stage, Transaction, make_directory, open};
use super::manifest::{Known, Manifest};
use super::plan::Op;
use super::run::{call, is_due, shown};
use super::state::Place;
use ha_json::{Error, Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs;

/// Tells a record: its type, and the rest of it.
pub(super) type Tell<'a> = dyn FnMut(&str, Map<String, Value>) -> Result<(), Error> + 'a;

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
        let hooks = stage == Stage::Done && transaction.hooked().is_none();
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
            Stage::Undoing => undo(place, &transaction)?,
            Stage::Done | Stage::Undone => {}
        }
        if stage != Stage::Undoing {
            hook(place, &transaction, tell)?;
        }
        tell(
            "recovered",
            fields(json!({
                "key": {"transaction": transaction.plan.name()},
                "outcome": transaction.stage().word(),
            })),
        )?;
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
        let mut known = BTreeMap::new();
        for one in planned.all() {
            let mut one = one.clone();
            if touched.contains(&one.path[..])
                && let Ok(Some(mark)) = live.mark(&one.path)
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
            let mut known = BTreeMap::new();
            for one in manifest.all() {
                // What was put back is what it was, and its inode was touched.
                let now = live.mark(&one.path).ok().flatten();
                let same =
                    now.filter(|now| now.inode == one.mark.inode && now.looks_like(&one.mark));
                let mark = same.unwrap_or_else(|| one.mark.clone());
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

/// Runs the hooks of a transaction that is whole; false where one of them had it undone.
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
    let changed = || plan.ops.iter().map(Op::path);
    let mut failed = Vec::new();
    for (number, hook) in plan.hooks.iter().enumerate().filter(|(_, hook)| is_due(hook, changed()))
    {
        let ran = call(hook, &plan.group, &name);
        tell(
            "hook",
            fields(json!({
                "key": {"transaction": name, "hook": number},
                "run": hook.run,
                "ok": ran.good,
                "message": ran.message,
            })),
        )?;
        if ran.good {
            continue;
        }
        let what = format!("{}: {}", shown(&hook.run), ran.message);
        if hook.on_failure == OnFailure::RollBack {
            undo(place, transaction)?;
            place.hold(&format!("{name} was rolled back, because a hook failed: {what}"))?;
            // They were told of the new one, and now the old one is back.
            for again in plan.hooks[..=number].iter().filter(|hook| is_due(hook, changed())) {
                call(again, &plan.group, &name);
            }
            transaction.set_hooked(&what)?;
            return Ok(false);
        }
        failed.push(what);
    }
    transaction.set_hooked(&failed.join("; "))?;
    Ok(true)
}
