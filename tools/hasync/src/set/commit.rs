//! A group is put in place: what waits is looked at, judged, and made true all at once.

use super::document::OnConflict;
use super::found::Found;
use super::journal::{self, Transaction, make_directory, remove_all};
use super::manifest::{Known, Manifest};
use super::plan::{Facts, Listed, Op, Plan, Staged, above, plan};
use super::recover::{fields, finish, hook, prepare};
use super::rewrite::MOST_BYTES;
use super::run::validate;
use super::standby::{Line, absolute, accept, whole};
use super::state::{Place, State};
use super::talk::{Answer, Done, Order, Outcome};
use super::tree::{Mark, Tree};
use crate::entry::Kind;
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
    let Stage { order, live, listed, .. } = stage;
    let group = &order.group;
    forget_unbegun(stage)?;
    let found = Found::look(stage, &tell)?;
    let mut digests = Digests { live, known: HashMap::new() };
    let suffix = format!(".conflict-{}", found.name(group));
    let facts = found.facts(stage, &suffix);
    let mut planned = plan(&facts, |path| digests.of(path))?;
    tell_of(&planned, &found, group.on_conflict, &tell)?;
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
    if !are_good(stage, &planned, &found.staged, &tell)? {
        return Ok(done);
    }
    check_devices(live, &found.waits, &planned)?;
    done.changed = planned.ops.iter().filter(|op| !op.is_silent()).count() as u64;
    for op in &planned.ops {
        if let Some(record) = change(op, &found.staged, &found.live) {
            tell("change", record)?;
        }
    }
    // Nobody has to be told of the time of a directory, and nothing is lost with it.
    let is_silent = planned.ops.iter().all(Op::is_time);
    if order.dry_run {
        done.outcome = if is_silent { Outcome::Unchanged } else { Outcome::WouldCommit };
        return Ok(done);
    }
    if is_silent {
        for op in planned.ops.drain(..) {
            if let Op::Set { path, want, .. } = op {
                live.set(&path, &want).map_err(at(&path))?;
            }
        }
    }
    let known = known(&facts, &planned, &mut digests)?;
    if is_silent {
        keep_known(stage, found.manifest.as_ref(), known)?;
        done.outcome = Outcome::Unchanged;
        return Ok(done);
    }
    still_as_seen(live, &planned, &found.live)?;
    let transaction = begin(stage, found.number, planned, known)?;
    finish(stage.place, &transaction)?;
    let kept = hook(stage.place, &transaction, &mut |kind, record| tell(kind, record))?;
    done.outcome = if kept { Outcome::Committed } else { Outcome::RolledBack };
    done.transaction = Some(transaction.plan.name());
    Ok(done)
}

/// Nothing is to be done; what is known may be new.
fn keep_known(
    stage: &Stage<'_>,
    old: Option<&Manifest>,
    known: BTreeMap<Vec<u8>, Known>,
) -> Result<(), Error> {
    if !old.is_some_and(|old| old.all().eq(known.values())) {
        let last = old.map_or(0, |old| old.header.transaction);
        let new = Manifest::new(last, &stage.order.role.primary, known);
        new.write(&stage.place.manifest())?;
    }
    remove_all(stage.stage)
}

/// What waits becomes a transaction, which will be made whole from here on.
fn begin(
    stage: &Stage<'_>,
    number: u64,
    planned: Plan,
    known: BTreeMap<Vec<u8>, Known>,
) -> Result<Transaction, Error> {
    let Stage { order, live, place, .. } = stage;
    let primary = &order.role.primary;
    let data = stage.stage.with_file_name(number.to_string());
    // Somebody was killed before it had a place among the transactions.
    remove_all(&data)?;
    make_directory(&data)?;
    fs::rename(stage.stage, data.join(journal::NEW))
        .map_err(|error| Error::failed(data.display().to_string(), reason(&error)))?;
    prepare(place, number, &Manifest::new(number, primary, known))?;
    let mut what = journal::Plan::new(&order.group.name, number, live.path(), &data);
    what.primary.clone_from(primary);
    what.paths = order.group.paths.iter().map(|path| path[1..].to_owned()).collect();
    what.generation = order.role.generation;
    what.hooks.clone_from(&order.group.hooks);
    what.ops = planned.ops;
    // Somebody may have taken over since it was asked.
    let (_role, _) = accept(stage.state, order)?;
    Transaction::begin(place.transaction(number), what)
}

/// Digests of what is there; each is taken once.
struct Digests<'a> {
    live: &'a Tree,
    known: HashMap<Vec<u8>, String>,
}

impl Digests<'_> {
    fn of(&mut self, path: &[u8]) -> Result<String, Error> {
        if let Some(digest) = self.known.get(path) {
            return Ok(digest.clone());
        }
        let digest = self.live.digest(path).map_err(at(path))?;
        self.known.insert(path.to_vec(), digest.clone());
        Ok(digest)
    }
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

/// Programs may have taken their time to look at what is new.
fn still_as_seen(live: &Tree, planned: &Plan, seen: &BTreeMap<Vec<u8>, Mark>) -> Result<(), Error> {
    let made: BTreeSet<&[u8]> =
        planned.ops.iter().filter(|op| matches!(op, Op::Make { .. })).map(Op::path).collect();
    let mut look = live.look();
    for path in planned.ops.iter().map(Op::path).filter(|path| !made.contains(path)) {
        let seen = seen.get(path).map(|seen| Mark { beside: None, ..seen.clone() });
        if look.mark(path).map_err(at(path))? != seen {
            let path = String::from_utf8_lossy(&absolute(path)).into_owned();
            return Err(Error::busy(
                path,
                "was changed on the standby in this moment: run it again",
            ));
        }
    }
    Ok(())
}

/// Tells of conflicts, and of what is held back or skipped.
fn tell_of(
    planned: &Plan,
    found: &Found,
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
                    "primary_modified": time(found.staged.get(path).map(|staged| &staged.mark)),
                    "standby_modified": time(found.live.get(path)),
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
    let new: BTreeSet<&[u8]> =
        planned.ops.iter().filter(|op| matches!(op, Op::Put { .. })).map(Op::path).collect();
    for validation in &stage.order.group.validate {
        let path = &validation.path.as_bytes()[1..];
        if !staged.contains_key(path) || !new.contains(path) {
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
    digests: &mut Digests<'_>,
) -> Result<BTreeMap<Vec<u8>, Known>, Error> {
    let old = |path: &[u8]| facts.manifest.and_then(|manifest| manifest.get(path));
    let put: BTreeSet<&[u8]> = planned.ops.iter().map(Op::path).collect();
    let mut known = BTreeMap::new();
    let mut look = digests.live.look();
    for (path, listed) in facts.listed.iter().filter(|(path, _)| !planned.holds(path)) {
        let new = facts.staged.get(path).filter(|_| put.contains(&path[..]));
        if let Some(Staged { mark, digest, source }) = new.cloned() {
            known.insert(path.clone(), Known::new(path, mark, digest, source, listed.size));
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
                Some(_) if mark.kind == Kind::File => Some(digests.of(path)?),
                _ => None,
            };
        }
        // So that a new time alone is no change to it.
        if digest.is_none() && mark.kind == Kind::File && mark.size <= MOST_BYTES {
            digest = Some(digests.of(path)?);
        }
        known.insert(path.clone(), Known::new(path, mark, digest, source, listed.size));
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
