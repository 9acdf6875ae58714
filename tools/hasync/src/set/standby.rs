//! The standby's end of a set: a group is begun, what it needs is brought by runs of their own to where
//! it waits, and then it is put in place.

use super::commit::{Stage, at, commit, prune};
use super::document::{Group, is_plain, is_within};
use super::journal::{Stage as Reached, make_directory, open, remove_all};
use super::list::{STORE, beneath};
use super::plan::Listed;
use super::recover::{fields, recover};
use super::role::{Role as Claim, admit, check_generation};
use super::state::{Place, State};
use super::talk::{Answer, Ask, Order, Talk};
use super::tree::Tree;
use super::watch::{LETS_GO, Watch};
use crate::args::Service;
use crate::job::{Job, Role};
use crate::serve::be_standby;
use crate::trusted;
use crate::wire::{Counted, damaged};
use ha_command::Lock;
use ha_json::{Error, json, reason};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) type Line = Talk<Answer, Ask>;

/// Does what the primary asks, group by group, until it leaves.
///
/// # Errors
/// When the line breaks; what a group failed of, or `refusal`, is told to the primary.
pub(crate) fn serve(
    out: &Counted<File>,
    input: &Counted<File>,
    refusal: Option<&Error>,
    timeout_seconds: u64,
) -> Result<(), Error> {
    let mut line = Talk::new(out, input, timeout_seconds)?;
    loop {
        match line.hear(0)? {
            None => return Ok(()),
            Some(Ask::StillHere(_) | Ask::Leave) => {}
            Some(Ask::Begin(order)) => {
                let result = match refusal {
                    Some(error) => Err(error.clone()),
                    None => group(&order, &mut line),
                };
                if let Err(error) = result {
                    let state = || {
                        State::open(Path::new(&order.root), order.state.as_deref().map(Path::new))
                    };
                    let role =
                        || state().and_then(|state| Claim::read(state.path())).ok().flatten();
                    // Only who lost the role has to know above which generation it is to be taken back.
                    let other = |role: &Claim| {
                        role.generation > order.role.generation
                            || role.primary != order.role.primary
                    };
                    let known = if refusal.is_some() { None } else { role().filter(other) };
                    line.say(&Answer::failed(&error, known.map(|role| role.generation)))?;
                }
            }
            Some(Ask::Listed(_) | Ask::Stage | Ask::Commit { .. }) => {
                return Err(damaged("a group that was not begun"));
            }
        }
    }
}

fn group(order: &Order, line: &mut Line) -> Result<(), Error> {
    order.group.check()?;
    check_generation(order.role.generation)?;
    if let Some(path) = &order.only
        && !(order.dry_run && is_plain(path) && order.group.holds(path.as_bytes()))
    {
        return Err(damaged("a path alone, and not to tell of it"));
    }
    let root = PathBuf::from(&order.root);
    let live = open(&root)?;
    let state = State::open(&root, order.state.as_deref().map(Path::new))?;
    check_paths(&state, &root, &order.group)?;
    let wait = Duration::from_secs(order.lock_wait_seconds);
    let (role, is_new) = accept(&state, order)?;
    drop(role);
    let watch = Watch::start(&state, &order.role);
    line.give_up_when(Some(watch.lost()));
    // Whoever waits here for the one that was the primary lets go of it.
    let wait = if is_new { wait.max(LETS_GO) } else { wait };
    let result = bring(order, &live, &state, wait, line);
    line.give_up_when(None);
    if result.is_err() {
        // Where that is why, it is said who has the role.
        admit(Claim::read(state.path())?.as_ref(), &order.role)?;
    }
    result
}

/// A group of one that is the primary.
fn bring(
    order: &Order,
    live: &Tree,
    state: &State,
    wait: Duration,
    line: &mut Line,
) -> Result<(), Error> {
    let place = state.group(&order.group.name);
    let _lock = place.lock(wait)?;
    check_mounts(live.path(), &order.group)?;
    recover(&place, order.dry_run, &mut |kind, record| {
        line.say(&Answer::Record(kind.to_owned(), record))
    })?;
    if let Some(why) = place.held() {
        let what = format!("group {}", place.name());
        return Err(Error::failed(
            what,
            format!("is held: {why} (hasync release {} lets it go on)", place.name()),
        ));
    }
    // Before anything is brought: its disk may be full of it.
    forget(&place, order, line)?;
    let store = store(live, state, order)?;
    let stage = store.join(place.name()).join("stage");
    // What waits was brought, and rewritten, as the group was then.
    if !place.is_staged_for(&order.group) {
        remove_all(&stage)?;
        place.stage_for(&order.group)?;
    }
    make_directory(&stage)?;
    let waits = open(&stage)?;
    // What waits may be rewritten already, and is not to be once more; of what is brought alone, it may be
    // what nobody has any more.
    for path in order.group.rewrite.iter().chain(&order.only) {
        waits.remove_all(path.as_bytes()).map_err(at(&path.as_bytes()[1..]))?;
    }
    line.say(&Answer::Begun { stage: stage.display().to_string() })?;
    let Some((listed, complete)) = heard(line, order, &waits)? else { return Ok(()) };
    let done = commit(
        &Stage { order, live, place: &place, state, stage: &stage, listed: &listed, complete },
        line,
    )?;
    forget(&place, order, line)?;
    line.say(&Answer::Done(done))
}

/// Keeps no more of what was than the group asks for.
fn forget(place: &Place, order: &Order, line: &mut Line) -> Result<(), Error> {
    if order.dry_run {
        return Ok(());
    }
    match prune(place, order.group.generations) {
        Ok(()) => Ok(()),
        Err(error) => {
            // What is done is done.
            let warning =
                json!({"key": {"path": null}, "reason": "old_kept", "message": error.to_string()});
            line.say(&Answer::Record("warning".to_owned(), fields(warning)))
        }
    }
}

/// What the primary has, and whether that is all of it.
type Heard = (BTreeMap<Vec<u8>, Listed>, bool);

/// `None` where the primary leaves the group.
fn heard(line: &mut Line, order: &Order, waits: &Tree) -> Result<Option<Heard>, Error> {
    let group = &order.group;
    let mut listed = BTreeMap::new();
    line.weigh_anew();
    loop {
        match line.hear(0)? {
            Some(Ask::StillHere(_)) => {}
            Some(Ask::Stage) => {
                let (to, mut from) = line.lend()?;
                line.say(&Answer::Ready)?;
                let job = Job::receive(&mut from)?;
                if job.role != Role::Standby || job.paths != [waits.path().as_os_str().as_bytes()] {
                    return Err(damaged("a run to another place than where it waits"));
                }
                be_standby(Service::default(), job, from, to)?;
                line.say(&Answer::Staged)?;
                line.take_back();
            }
            Some(Ask::Listed(some)) => {
                line.weigh(&some)?;
                for one in some {
                    let path = &one.path;
                    let bad = |name: &[u8]| matches!(name, b"" | b"." | b"..") || name.contains(&0);
                    if path.split(|&byte| byte == b'/').any(bad) {
                        return Err(damaged("a path that leads elsewhere"));
                    }
                    listed.insert(path.clone(), one);
                }
            }
            Some(Ask::Commit { complete, missing }) => {
                let is_own = |path| group.paths.contains(path) || order.only.as_ref() == Some(path);
                if !missing.iter().all(is_own) {
                    return Err(damaged("a path that is not the group's"));
                }
                // What waits of them is of an earlier run.
                for path in missing {
                    let path = &path.as_bytes()[1..];
                    waits.remove_all(path).map_err(at(path))?;
                }
                return Ok(Some((listed, complete)));
            }
            Some(Ask::Leave) => return Ok(None),
            Some(Ask::Begin(_)) => return Err(damaged("a group in a group")),
            None => return Err(Error::busy("the primary", "has left in the middle of a group")),
        }
    }
}

/// Keeps who the primary is; true where that is new. While the lock is held it stays so.
///
/// # Errors
/// Failed, where it is another one.
pub(super) fn accept(state: &State, order: &Order) -> Result<(Lock, bool), Error> {
    let lock = state.lock_role(Duration::from_secs(order.lock_wait_seconds))?;
    let new = admit(Claim::read(state.path())?.as_ref(), &order.role)?;
    if let Some(role) = new.as_ref().filter(|_| !order.dry_run) {
        role.write(state.path())?;
    }
    Ok((lock, new.is_some()))
}

/// What is kept of sets is no part of one: it would be brought, or taken away.
///
/// # Errors
/// Usage, naming the path.
pub(super) fn check_paths(state: &State, root: &Path, group: &Group) -> Result<(), Error> {
    let own = state.path().as_os_str().as_bytes();
    let holds = |path: &&String| {
        let whole = beneath(root, path);
        let whole = whole.as_os_str().as_bytes();
        is_within(own, whole) || is_within(whole, own)
    };
    match group.paths.iter().find(holds) {
        Some(path) => {
            let why = format!(
                "{path:?} and what is known of sets ({}) are in each other",
                state.path().display()
            );
            Err(Error::usage(format!("group {}: paths", group.name), why))
        }
        None => Ok(()),
    }
}

/// What is to be a mount point is one: else all would go to the file system beneath it.
///
/// # Errors
/// Failed, where nothing is mounted there.
pub(super) fn check_mounts(root: &Path, group: &Group) -> Result<(), Error> {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    for path in &group.require_mount {
        let path = beneath(root, path);
        let above = path.parent().and_then(device);
        if above.is_none() || device(&path).is_none_or(|own| Some(own) == above) {
            let why = "is no mount point (require_mount)";
            return Err(Error::failed(path.display().to_string(), why));
        }
    }
    Ok(())
}

/// Where what waits and what was is kept: it can be renamed to where the group's paths are.
fn store(live: &Tree, state: &State, order: &Order) -> Result<PathBuf, Error> {
    let failed = |path: &str, error| Error::failed(path, crate::fs::words(error));
    let mut devices = HashSet::new();
    for path in &order.group.paths {
        // What is itself renamed is in the directory above it, and what is in it beneath.
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let own = live.mark(path.as_bytes()).map_err(|error| failed(path, error))?;
        let within = if own.is_some_and(|own| own.is_directory()) { path.as_str() } else { above };
        devices.insert(live.device(within.as_bytes()).map_err(|error| failed(path, error))?);
    }
    let mut devices = devices.into_iter();
    let (device, others) = (devices.next(), devices.next());
    if others.is_some() {
        let why = "lie on different file systems here: only on one can all be renamed at once; \
                   make groups of them";
        return Err(Error::failed(format!("group {}: paths", order.group.name), why));
    }
    let on = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let chosen = match &order.group.store {
        Some(store) => beneath(live.path(), store),
        None if on(state.path()) == device => state.path().join("store"),
        None => {
            let first = beneath(live.path(), &order.group.paths[0]);
            let mut top = first.as_path();
            while let Some(above) =
                top.parent().filter(|above| on(top).is_none() || on(above) == device)
            {
                top = above;
            }
            top.join(STORE)
        }
    };
    make_directory(&chosen)?;
    let metadata = fs::metadata(&chosen)
        .map_err(|error| Error::failed(chosen.display().to_string(), reason(&error)))?;
    if Some(metadata.dev()) != device {
        let why = "is on another file system than the group's paths (store)";
        return Err(Error::failed(chosen.display().to_string(), why));
    }
    trusted::check_directory(&chosen).map_err(|why| {
        Error::failed(chosen.display().to_string(), format!("is not taken for a store: {why}"))
    })?;
    Ok(chosen)
}

/// What of a place's transactions is under way, for people.
pub(super) fn under_way(place: &Place) -> Result<Option<String>, Error> {
    let transactions = place.transactions()?;
    let begun =
        transactions.iter().find(|one| matches!(one.stage(), Reached::Begun | Reached::Undoing));
    Ok(begun.map(|one| one.plan.name()))
}

/// A path of a tree, as the records have it.
pub(super) fn absolute(path: &[u8]) -> Vec<u8> {
    [b"/", path].concat()
}

/// The same as a whole path of this machine.
pub(super) fn whole(root: &Path, path: &[u8]) -> PathBuf {
    root.join(std::ffi::OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests;
