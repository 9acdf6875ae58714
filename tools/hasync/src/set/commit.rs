//! A group is put in place: what waits is looked at, judged, and made true all at once.

use super::document::OnConflict;
use super::journal::{self, Transaction, make_directory, open, remove_all};
use super::list::list;
use super::manifest::{Known, Manifest};
use super::plan::{Facts, Listed, Op, Plan, Staged, above, plan};
use super::recover::{fields, finish, hook, prepare};
use super::rewrite::MOST_BYTES;
use super::run::validate;
use super::staged::staged;
use super::standby::{Line, absolute, accept, whole};
use super::state::{Place, State};
use super::talk::{Answer, Done, Order, Outcome};
use super::tree::{Mark, Tree};
use crate::entry::{Kind, join};
use ha_json::{Error, Map, Value, json, put_bytes, reason};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// What there is to put a group in place.
pub(super) struct Stage<'a> {
    pub(super) order: &'a Order,
    pub(super) live: &'a Tree,
    pub(super) place: &'a Place,
    pub(super) state: &'a State,
    /// Where it waits.
    pub(super) stage: &'a Path,
    pub(super) listed: &'a BTreeMap<Vec<u8>, Listed>,
    /// The primary could read all that it has.
    pub(super) complete: bool,
}

/// Puts it in place, and tells of each thing that is changed, or is not.
///
/// # Errors
/// What it failed of; nothing is changed then.
pub(super) fn commit(stage: &Stage<'_>, line: &mut Line) -> Result<Done, Error> {
    let tell = |kind: &str, record| line.say(&Answer::Record(kind.to_owned(), record));
    let Stage { order, live, place, listed, .. } = stage;
    let group = &order.group;
    let waits = open(stage.stage)?;
    let staged = staged(order, &waits, &tell)?;
    let manifest = Manifest::read(&place.manifest())?;
    forget_unbegun(stage)?;
    let number = place.numbers()?.last().copied().unwrap_or(0);
    let number =
        number.max(manifest.as_ref().map_or(0, |manifest| manifest.header.transaction)) + 1;
    let name = format!("{}-{number}", group.name);
    let deletable = deletable(stage)?;
    let mut marks = BTreeMap::new();
    let mut look = live.look();
    for path in staged.keys().chain(&deletable) {
        if let Some(mark) = look.mark(path).map_err(at(path))? {
            marks.insert(path.clone(), mark);
        }
    }
    let give_way = |path: &&Vec<u8>| {
        let directory = |mark: &Mark| mark.is_directory();
        marks.get(*path).is_some_and(directory) && !staged[*path].mark.is_directory()
    };
    for path in staged.keys().filter(give_way).cloned().collect::<Vec<_>>() {
        live.walk(&path, &mut |path, mark| drop(marks.insert(path.to_vec(), mark)))
            .map_err(at(&path))?;
    }
    let foreign = foreign(live, &deletable, &marks, listed)?;
    let mut digests = HashMap::new();
    let facts = Facts {
        group,
        suffix: &format!(".conflict-{name}"),
        listed,
        complete: stage.complete,
        accept_loss: order.accept_loss,
        staged: &staged,
        live: &marks,
        deletable: &deletable,
        foreign: &foreign,
        manifest: manifest.as_ref(),
    };
    let mut planned = plan(&facts, |path| match digests.get(path) {
        Some(digest) => Ok(String::clone(digest)),
        None => {
            let digest = live.digest(path).map_err(at(path))?;
            digests.insert(path.to_vec(), digest.clone());
            Ok::<String, Error>(digest)
        }
    })?;
    tell_of(&planned, &staged, &marks, group.on_conflict, &tell)?;
    let mut done = Done {
        outcome: Outcome::Refused,
        transaction: None,
        changed: 0,
        conflicts: planned.conflicts.len() as u64,
        held_back: planned.held.len() as u64,
        files: listed.len() as u64,
        size_bytes: listed.values().map(|one| one.size).sum(),
    };
    if !planned.conflicts.is_empty() && group.on_conflict == OnConflict::Refuse {
        return Ok(done);
    }
    if !are_good(stage, &planned, &staged, &tell)? {
        return Ok(done);
    }
    check_devices(live, &waits, &planned)?;
    done.changed = planned.ops.iter().filter(|op| !op.is_silent()).count() as u64;
    for op in &planned.ops {
        if let Some(record) = change(op, &staged, &marks) {
            tell("change", record)?;
        }
    }
    if order.dry_run {
        done.outcome = if planned.ops.iter().all(Op::is_time) {
            Outcome::Unchanged
        } else {
            Outcome::WouldCommit
        };
        return Ok(done);
    }
    let primary = &order.role.primary;
    // Nobody has to be told of the time of a directory, and nothing is lost with it.
    if planned.ops.iter().all(Op::is_time) {
        for op in &planned.ops {
            if let Op::Set { path, want, .. } = op {
                live.set(path, want).map_err(at(path))?;
            }
        }
        planned.ops.clear();
    }
    let known = known(&facts, &planned, live, &mut digests)?;
    if planned.ops.is_empty() {
        let last = manifest.as_ref().map_or(0, |manifest| manifest.header.transaction);
        let same = manifest.as_ref().is_some_and(|manifest| manifest.all().eq(known.values()));
        if !same {
            Manifest::new(last, primary, known).write(&place.manifest())?;
        }
        remove_all(stage.stage)?;
        done.outcome = Outcome::Unchanged;
        return Ok(done);
    }
    still_as_seen(live, &planned, &marks)?;
    let data = stage.stage.with_file_name(number.to_string());
    // Somebody was killed before it had a place among the transactions.
    remove_all(&data)?;
    make_directory(&data)?;
    fs::rename(stage.stage, data.join(journal::NEW))
        .map_err(|error| Error::failed(data.display().to_string(), reason(&error)))?;
    prepare(place, number, &Manifest::new(number, primary, known))?;
    let mut what = journal::Plan::new(&group.name, number, live.path(), &data);
    what.primary.clone_from(primary);
    what.generation = order.role.generation;
    what.hooks.clone_from(&group.hooks);
    what.ops = planned.ops;
    // Somebody may have taken over since it was asked.
    let role = accept(stage.state, order)?;
    let transaction = Transaction::begin(place.transaction(number), what)?;
    drop(role);
    finish(place, &transaction)?;
    let kept = hook(place, &transaction, &mut |kind, record| tell(kind, record))?;
    done.outcome = if kept { Outcome::Committed } else { Outcome::RolledBack };
    done.transaction = Some(name);
    Ok(done)
}

pub(super) fn at(path: &[u8]) -> impl Fn(nix::errno::Errno) -> Error {
    let path = String::from_utf8_lossy(&absolute(path)).into_owned();
    move |error| Error::failed(path.clone(), crate::fs::words(error))
}

pub(super) fn keyed(path: &[u8], record: Value) -> Map<String, Value> {
    let mut key = Map::new();
    put_bytes(&mut key, "path", &absolute(path));
    let mut map = Map::from_iter([("key".to_owned(), Value::Object(key))]);
    map.extend(fields(record));
    map
}

/// What was made ready, and then somebody was killed before it was begun.
fn forget_unbegun(stage: &Stage<'_>) -> Result<(), Error> {
    for number in stage.place.numbers()? {
        let directory = stage.place.transaction(number);
        if Transaction::read(&directory)?.is_none() {
            remove_all(&stage.stage.with_file_name(number.to_string()))?;
            remove_all(&directory)?;
        }
    }
    Ok(())
}

/// The directories that are to go and hold something that is not.
fn foreign(
    live: &Tree,
    deletable: &BTreeSet<Vec<u8>>,
    marks: &BTreeMap<Vec<u8>, Mark>,
    listed: &BTreeMap<Vec<u8>, Listed>,
) -> Result<BTreeSet<Vec<u8>>, Error> {
    let mut foreign = BTreeSet::new();
    for path in deletable.iter().filter(|path| !listed.contains_key(*path)) {
        if marks.get(path).is_some_and(Mark::is_directory) {
            let names = live.names(path).map_err(at(path))?;
            if !names.iter().all(|name| deletable.contains(&join(path, name))) {
                foreign.insert(path.clone());
            }
        }
    }
    Ok(foreign)
}

/// Programs may have taken their time to look at what is new.
fn still_as_seen(
    live: &Tree,
    planned: &Plan,
    marks: &BTreeMap<Vec<u8>, Mark>,
) -> Result<(), Error> {
    for op in planned.ops.iter().filter(|op| !matches!(op, Op::Make { .. })) {
        let path = op.path();
        if live.mark(path).map_err(at(path))?.as_ref() != marks.get(path) && !made_by(planned, path)
        {
            let path = String::from_utf8_lossy(&absolute(path)).into_owned();
            return Err(Error::busy(
                path,
                "was changed on the standby in this moment: run it again",
            ));
        }
    }
    Ok(())
}

fn made_by(planned: &Plan, path: &[u8]) -> bool {
    planned.ops.iter().any(|op| matches!(op, Op::Make { .. }) && op.path() == path)
}

/// What is here of the group and not left out by its rules, where it deletes.
fn deletable(stage: &Stage<'_>) -> Result<BTreeSet<Vec<u8>>, Error> {
    let group = &stage.order.group;
    if group.delete == super::document::Delete::Never {
        return Ok(BTreeSet::new());
    }
    let here = list(&stage.order.root, group, &stage.state.empty()?)?;
    Ok(here.entries.into_keys().collect())
}

/// Tells of conflicts, and of what is held back or skipped.
fn tell_of(
    planned: &Plan,
    staged: &BTreeMap<Vec<u8>, Staged>,
    live: &BTreeMap<Vec<u8>, Mark>,
    on_conflict: OnConflict,
    tell: &impl Fn(&str, Map<String, Value>) -> Result<(), Error>,
) -> Result<(), Error> {
    for conflict in &planned.conflicts {
        let path = &conflict.path;
        let time = |mark: Option<&Mark>| mark.map(|mark| mark.modified.seconds);
        tell(
            "conflict",
            keyed(
                path,
                json!({
                    "what": conflict.what,
                    "resolution": on_conflict,
                    "primary_modified": time(staged.get(path).map(|staged| &staged.mark)),
                    "standby_modified": time(live.get(path)),
                }),
            ),
        )?;
    }
    for held in &planned.held {
        tell(
            "held_back",
            keyed(&held.path, json!({"reason": held.reason, "message": held.message})),
        )?;
    }
    for path in &planned.skipped {
        let message = "is not on the primary, and never was brought";
        tell("skipped", keyed(path, json!({"reason": "missing", "message": message})))?;
    }
    Ok(())
}

/// Lets the group's programs look at what is new.
fn are_good(
    stage: &Stage<'_>,
    planned: &Plan,
    staged: &BTreeMap<Vec<u8>, Staged>,
    tell: &impl Fn(&str, Map<String, Value>) -> Result<(), Error>,
) -> Result<bool, Error> {
    let mut good = true;
    let new = |path: &[u8]| {
        planned.ops.iter().any(|op| matches!(op, Op::Put { .. }) && op.path() == path)
    };
    for validation in &stage.order.group.validate {
        let path = &validation.path.as_bytes()[1..];
        if !staged.contains_key(path) || !new(path) {
            continue;
        }
        let file = whole(stage.stage, path);
        let ran = validate(validation, &file.display().to_string());
        good &= ran.good;
        tell(
            "validation",
            keyed(path, json!({"run": validation.run, "ok": ran.good, "message": ran.message})),
        )?;
    }
    Ok(good)
}

/// All that is renamed is on the file system of what waits.
fn check_devices(live: &Tree, waits: &Tree, planned: &Plan) -> Result<(), Error> {
    let own = waits.device(b"").map_err(at(b""))?;
    let mut known: HashMap<&[u8], u64> = HashMap::new();
    for op in &planned.ops {
        // Nothing is renamed for it.
        if matches!(op, Op::Set { .. }) {
            continue;
        }
        let path = op.path();
        let above = above(path);
        let device = match known.get(above) {
            Some(device) => *device,
            None => *known.entry(above).or_insert(live.device(above).map_err(at(above))?),
        };
        if device != own {
            let why =
                "is on another file system than the rest of its group: make it a group of its own";
            return Err(Error::failed(String::from_utf8_lossy(&absolute(path)).into_owned(), why));
        }
    }
    Ok(())
}

/// The record of a change.
fn change(
    op: &Op,
    staged: &BTreeMap<Vec<u8>, Staged>,
    live: &BTreeMap<Vec<u8>, Mark>,
) -> Option<Map<String, Value>> {
    let new = staged.get(op.path());
    let action = match op {
        op if op.is_silent() => return None,
        // It is told of what takes its place.
        Op::Remove { path } if staged.contains_key(path) => return None,
        Op::Remove { .. } | Op::Drop { .. } => "delete",
        Op::Make { .. } | Op::Put { had: false, .. } => "create",
        Op::Put { .. } => "update",
        Op::Set { .. } | Op::Keep { .. } => "attributes",
    };
    let mark = new.map(|new| &new.mark).or(live.get(op.path()))?;
    Some(keyed(
        op.path(),
        json!({
            "action": action,
            "what": mark.kind.word(),
            "size_bytes": mark.size,
            "digest": new.and_then(|new| new.digest.as_deref()),
            "source_digest": new.and_then(|new| new.source.as_deref()),
        }),
    ))
}

/// What will be known when all of it is in place.
fn known(
    facts: &Facts<'_>,
    planned: &Plan,
    live: &Tree,
    digests: &mut HashMap<Vec<u8>, String>,
) -> Result<BTreeMap<Vec<u8>, Known>, Error> {
    let old = |path: &[u8]| facts.manifest.and_then(|manifest| manifest.get(path));
    let put: BTreeSet<&[u8]> = planned.ops.iter().map(Op::path).collect();
    let mut known = BTreeMap::new();
    let mut look = live.look();
    for (path, listed) in facts.listed.iter().filter(|(path, _)| !planned.holds(path)) {
        let new = facts.staged.get(path).filter(|_| put.contains(&path[..]));
        if let Some(Staged { mark, digest, source }) = new.cloned() {
            known.insert(
                path.clone(),
                Known { path: path.clone(), mark, digest, source, gone: false },
            );
            continue;
        }
        // It is not brought, and not here: it went away on the primary meanwhile.
        let Some(mark) = look.mark(path).map_err(at(path))? else { continue };
        let before = old(path);
        let rewritten = before.is_some_and(|before| before.source.is_some());
        // What is here is not what the primary has: it could not be brought.
        if !mark.is_directory() && !listed.is(&mark, rewritten) {
            known.extend(before.map(|before| (path.clone(), before.clone())));
            continue;
        }
        let (mut digest, mut source) = (None, None);
        if let Some(before) = before {
            source.clone_from(&before.source);
            digest = match &before.digest {
                Some(digest) if before.mark == mark => Some(digest.clone()),
                Some(_) if mark.kind == Kind::File => match digests.get(path) {
                    Some(digest) => Some(digest.clone()),
                    None => Some(live.digest(path).map_err(at(path))?),
                },
                _ => None,
            };
        }
        // So that a new time alone is no change to it.
        if digest.is_none() && mark.kind == Kind::File && mark.size <= MOST_BYTES {
            digest = Some(live.digest(path).map_err(at(path))?);
        }
        known.insert(path.clone(), Known { path: path.clone(), mark, digest, source, gone: false });
    }
    let removed: BTreeSet<&[u8]> = planned
        .ops
        .iter()
        .filter(|op| matches!(op, Op::Remove { .. } | Op::Drop { .. }))
        .map(Op::path)
        .collect();
    for before in facts.manifest.into_iter().flat_map(Manifest::all) {
        let path = &before.path;
        if known.contains_key(path) || removed.contains(&path[..]) {
            continue;
        }
        let gone = before.gone
            || facts.complete && !facts.listed.contains_key(path) && !planned.holds(path);
        if look.mark(path).map_err(at(path))?.is_some() || !gone {
            known.insert(path.clone(), Known { gone, ..before.clone() });
        }
    }
    Ok(known)
}

/// Forgets the oldest of those that are over.
///
/// # Errors
/// When what is forgotten cannot be removed.
pub(super) fn prune(place: &Place, generations: u32) -> Result<(), Error> {
    for half in place.half_forgotten()? {
        if let Some(half) = Transaction::read(&half)? {
            remove_all(&half.plan.data)?;
        }
        remove_all(&half)?;
    }
    let mut over = place.transactions()?;
    let keep = usize::try_from(generations).unwrap_or(usize::MAX);
    let many = over.len().saturating_sub(keep);
    for old in over.drain(..many) {
        if matches!(old.stage(), journal::Stage::Done | journal::Stage::Undone) {
            old.forget()?;
        }
    }
    Ok(())
}
