//! The primary's end of a set: every standby is brought up to date by itself, group by group.

use super::document::{Document, Group, Links, Target};
use super::explain::explain;
use super::journal::open;
use super::list::{List, list};
use super::manifest::{Known, Manifest};
use super::metrics::Pair;
use super::news::{News, finish, follow};
use super::role::{Role, keep_heard, may_push};
use super::standby::{check_mounts, check_paths, under_way};
use super::state::{Place, State, node};
use super::told::Told;
use crate::entry::Kind;
use crate::far::Far;
use crate::limits;
use crate::report::Log;
use crate::source::Readings;
use ha_json::{Error, Map, Status, Tool, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

const SCHEMA: &str = "hasync-run/1";
/// How much of it may wait to be told.
const MOST_NEWS: usize = 1024;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) file: String,
    /// Those groups alone; all where there are none.
    pub(crate) groups: Vec<String>,
    pub(crate) dry_run: bool,
    pub(crate) accept_loss: bool,
    pub(crate) state: Option<PathBuf>,
    pub(crate) far: Far,
    pub(crate) lock_wait_seconds: u64,
    pub(crate) timeout_seconds: u64,
    pub(crate) log: Option<Log>,
    pub(crate) metrics: Option<PathBuf>,
    /// Nothing is brought: what would become of this path is told.
    pub(crate) explain: Option<String>,
    /// And no target is asked.
    pub(crate) offline: bool,
}

/// A group, and what this node has of it.
pub(super) struct Loaded<'a> {
    pub(super) group: &'a Group,
    pub(super) list: Result<List, Error>,
    pub(super) place: Place,
    /// What the runs of all targets read of it, and of what is rewritten.
    pub(super) read: Together,
    pub(super) read_whole: Together,
}

/// What is read together by all that do so at a time.
#[derive(Default)]
pub(super) struct Together(Mutex<Weak<Readings>>);

impl Together {
    /// Of at most so many directories that are open at once.
    pub(super) fn join(&self, directories: usize) -> Arc<Readings> {
        let mut there = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        there.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Readings::new(directories));
            *there = Arc::downgrade(&new);
            new
        })
    }
}

/// What this node knows when it visits its standbys.
pub(super) struct Here<'a> {
    pub(super) run: &'a Run,
    pub(super) document: &'a Document,
    pub(super) role: Role,
    pub(super) names: Vec<String>,
    pub(super) loaded: Vec<Loaded<'a>>,
    /// Of what is brought to where it waits, this path alone, and what is beneath it.
    pub(super) only: Option<&'a str>,
}

impl<'a> Here<'a> {
    /// Reads what this node has of these groups.
    ///
    /// # Errors
    /// Where this node may bring nothing.
    pub(super) fn new(
        run: &'a Run,
        document: &'a Document,
        groups: Vec<&'a Group>,
        state: &State,
    ) -> Result<Here<'a>, Error> {
        let wait = Duration::from_secs(run.lock_wait_seconds);
        let role = claim(state, run.dry_run, wait)?;
        let load = |group| load(document, group, state, wait);
        let loaded = groups.into_iter().map(load).collect();
        Ok(Here { run, document, role, names: names(), loaded, only: None })
    }

    /// Visits all targets at the same time, and has `hear` take what becomes of them.
    pub(super) fn visit(&self, mut hear: impl FnMut(Pair, News)) {
        limits::directories();
        let (sender, news) = sync_channel(MOST_NEWS);
        thread::scope(|scope| {
            for target in &self.document.targets {
                let sender = sender.clone();
                scope.spawn(move || self.target(target, &sender));
            }
            drop(sender);
            for (pair, one) in news {
                hear(pair, one);
            }
        });
    }
}

/// Brings all groups to all targets.
///
/// # Errors
/// What ended it before anything was done, and what all of it failed of.
pub(crate) fn bring(tool: Tool, mut run: Run) -> Result<Status, Error> {
    if let Some(path) = &run.explain {
        return explain(&run, path);
    }
    let document = Document::read(&run.file)?;
    let mut groups: Vec<&Group> = document.groups.iter().collect();
    if let Some(unknown) =
        run.groups.iter().find(|name| !groups.iter().any(|group| group.name == **name))
    {
        return Err(Error::usage("--group", format!("{unknown:?} is not in {}", run.file)));
    }
    groups.retain(|group| run.groups.is_empty() || run.groups.contains(&group.name));
    let begin = Map::from_iter([("dry_run".to_owned(), Value::from(run.dry_run))]);
    let mut told = Told::begin(tool, SCHEMA, &begin, run.log.take());
    let root = Path::new(&document.root);
    let state = State::open(root, run.state.as_deref());
    let here = state.and_then(|state| Ok((Here::new(&run, &document, groups, &state)?, state)));
    let (here, state) = match here {
        Ok(both) => both,
        Err(error) => return Err(told.end_failed(&begin, error)),
    };
    let mut latest = 0;
    let mut seen = BTreeMap::new();
    let mut errors = Vec::new();
    here.visit(|pair, one| match one {
        News::Generation(generation) => latest = latest.max(generation),
        one => follow(&mut told, pair, one, &mut seen, &mut errors),
    });
    if run.dry_run {
        return finish(told, &run, seen, errors);
    }
    let mut failed = |kept: Result<(), Error>| {
        if let Err(error) = kept {
            told.failed(error.kind, "write_error", &error.what, &error.why);
        }
    };
    if latest >= here.role.generation {
        failed(keep_heard(state.path(), latest));
    }
    for loaded in &here.loaded {
        let is_good = |target: &Target| {
            seen.get(&(loaded.group.name.clone(), target.name())).is_some_and(|seen| seen.good)
        };
        if document.targets.iter().all(is_good) {
            failed(remember(loaded, root, &here.role, Duration::from_secs(run.lock_wait_seconds)));
        }
    }
    finish(told, &run, seen, errors)
}

/// This node's role; the first to bring anything is the primary.
fn claim(state: &State, dry_run: bool, wait: Duration) -> Result<Role, Error> {
    let _lock = state.lock_role(wait)?;
    let own = Role::read(state.path())?;
    let role = may_push(own.as_ref(), &node())?;
    if own.is_none() && !dry_run {
        role.write(state.path())?;
    }
    Ok(role)
}

/// Keeps what all the standbys have now: one of them may be the primary next, and then this is what is
/// known of what changed here since.
fn remember(loaded: &Loaded<'_>, root: &Path, role: &Role, wait: Duration) -> Result<(), Error> {
    let Ok(list) = &loaded.list else { return Ok(()) };
    let _lock = loaded.place.lock(wait)?;
    let tree = open(root)?;
    let mut look = tree.look();
    let file = loaded.place.manifest();
    let old = Manifest::read(&file)?;
    let mut known = BTreeMap::new();
    for (path, listed) in &list.entries {
        let before = old.as_ref().and_then(|old| old.get(path));
        // What is gone meanwhile, or behind a link that was followed, is nothing that a run could meet.
        let Ok(Some(mark)) = look.mark(path) else { continue };
        // What was changed meanwhile is not what they have.
        let was_followed = loaded.group.links == Links::Follow && mark.kind == Kind::Symlink;
        if !mark.is_directory() && !was_followed && !listed.is(&mark, false) {
            known.extend(before.map(|before| (path.clone(), before.clone())));
            continue;
        }
        let same = before.filter(|before| before.mark == mark && !before.gone).cloned();
        let new = || Known::new(path, mark, None, None, listed.size);
        known.insert(path.clone(), same.unwrap_or_else(new));
    }
    if old.as_ref().is_some_and(|old| old.all().eq(known.values())) {
        return Ok(());
    }
    let last = old.map_or(0, |old| old.header.transaction);
    Manifest::new(last, &role.primary, known).write(&file)
}

/// What this node has of a group, read once for all targets; what it cannot tell of one keeps no other
/// from being brought.
fn load<'a>(document: &Document, group: &'a Group, state: &State, wait: Duration) -> Loaded<'a> {
    let place = state.group(&group.name);
    // While it is listed: what it is brought to has locks of its own, and no target waits for another.
    let list = place.lock(wait).and_then(|_lock| read(document, group, state, &place));
    Loaded { group, list, place, read: Together::default(), read_whole: Together::default() }
}

fn read(document: &Document, group: &Group, state: &State, place: &Place) -> Result<List, Error> {
    let root = Path::new(&document.root);
    check_paths(state, root, group)?;
    if let Some(name) = under_way(place)? {
        let why = "was interrupted while this node was a standby: hasync takeover, here, ends it";
        return Err(Error::failed(name, why));
    }
    check_mounts(root, group)?;
    list(&document.root, group, &state.empty()?)
}

/// What this node is called, the longest first, and its addresses.
fn names() -> Vec<String> {
    let name = node();
    let short = name.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec![name];
    if names[0] != short {
        names.push(short);
    }
    names.retain(|name| name != "localhost");
    let adapters = nix::ifaddrs::getifaddrs().into_iter().flatten();
    for address in adapters.filter_map(|adapter| adapter.address) {
        let v4 = address.as_sockaddr_in().map(|v4| v4.ip()).filter(|ip| !ip.is_loopback());
        let v6 = address.as_sockaddr_in6().map(|v6| v6.ip());
        let v6 = v6.filter(|ip| !ip.is_loopback() && !ip.is_unicast_link_local());
        names.extend(v4.map(|ip| ip.to_string()).or(v6.map(|ip| ip.to_string())));
    }
    names.sort();
    names.dedup();
    names
}
