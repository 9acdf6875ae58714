//! The primary's end of a set: every standby is brought up to date by itself, group by group.

use super::document::{Compare, Document, Group, Target};
use super::journal::open;
use super::list::{List, Trouble, list, sources, staging};
use super::manifest::{Known, Manifest};
use super::metrics::Pair;
use super::news::{Brought, News, finish, follow};
use super::plan::Listed;
use super::recover::fields;
use super::role::{Role, check_generation, keep_heard, may_push};
use super::standby::{check_mounts, check_paths, under_way};
use super::state::{Place, State, node};
use super::talk::{Answer, Ask, Done, Order, PIECE, Talk};
use super::told::Told;
use crate::client::push_over;
use crate::clock::Measured;
use crate::events::hearing;
use crate::far::{Far, Meter, Pipes, close};
use crate::filter::Filters;
use crate::job::{Job, Role as End};
use crate::limits;
use crate::options::{Options, Rule};
use crate::report::Log;
use crate::source::{Readings, Roots, Source};
use crate::wire::{Event, damaged};
use ha_json::{Error, Map, Status, Tool, Value, json};
use ha_remote::{Host, Program};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

const SCHEMA: &str = "hasync-run/1";
/// What a standby may tell; the rest is told here.
const RECORDS: &[&str] =
    &["change", "conflict", "held_back", "skipped", "warning", "validation", "hook", "recovered"];
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
}

/// A group, and what this node has of it.
struct Loaded<'a> {
    group: &'a Group,
    list: Result<List, Error>,
    place: Place,
    /// What the runs of all targets read of it, and of what is rewritten.
    read: Together,
    read_whole: Together,
}

/// What is read together by all that do so at a time.
#[derive(Default)]
struct Together(Mutex<Weak<Readings>>);

impl Together {
    /// Of at most so many directories that are open at once.
    fn join(&self, directories: usize) -> Arc<Readings> {
        let mut there = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        there.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Readings::new(directories));
            *there = Arc::downgrade(&new);
            new
        })
    }
}

struct Here<'a> {
    run: &'a Run,
    document: &'a Document,
    role: Role,
    names: Vec<String>,
}

/// Brings all groups to all targets.
///
/// # Errors
/// What ended it before anything was done, and what all of it failed of.
pub(crate) fn bring(tool: Tool, mut run: Run) -> Result<Status, Error> {
    let document = Document::read(&run.file)?;
    let mut groups: Vec<&Group> = document.groups.iter().collect();
    if let Some(unknown) =
        run.groups.iter().find(|name| !groups.iter().any(|group| group.name == **name))
    {
        return Err(Error::usage("--group", format!("{unknown:?} is not in {}", run.file)));
    }
    groups.retain(|group| run.groups.is_empty() || run.groups.contains(&group.name));
    let root = Path::new(&document.root);
    let state = State::open(root, run.state.as_deref())?;
    let wait = Duration::from_secs(run.lock_wait_seconds);
    let role = claim(&state, run.dry_run, wait)?;
    let loaded: Vec<_> =
        groups.into_iter().map(|group| load(&document, group, &state, wait)).collect();
    limits::directories();
    let begin = Map::from_iter([("dry_run".to_owned(), Value::from(run.dry_run))]);
    let mut told = Told::begin(tool, SCHEMA, &begin, run.log.take());
    let here = Here { run: &run, document: &document, role, names: names() };
    let (sender, news) = sync_channel(MOST_NEWS);
    let mut latest = 0;
    let mut seen = BTreeMap::new();
    let mut errors = Vec::new();
    thread::scope(|scope| {
        for target in &document.targets {
            let (sender, here, loaded) = (sender.clone(), &here, &loaded);
            scope.spawn(move || here.target(target, loaded, &sender));
        }
        drop(sender);
        for (pair, one) in news {
            match one {
                News::Generation(generation) => latest = latest.max(generation),
                one => follow(&mut told, pair, one, &mut seen, &mut errors),
            }
        }
    });
    if latest >= here.role.generation
        && !run.dry_run
        && let Err(error) = keep_heard(state.path(), latest)
    {
        told.failed(error.kind, "write_error", &error.what, &error.why);
    }
    if !run.dry_run {
        for loaded in &loaded {
            let all = document.targets.iter().all(|target| {
                seen.get(&(loaded.group.name.clone(), target.name())).is_some_and(|seen| seen.good)
            });
            let kept = if all { remember(loaded, root, &here.role, wait) } else { Ok(()) };
            if let Err(error) = kept {
                told.failed(error.kind, "write_error", &error.what, &error.why);
            }
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
    for path in list.entries.keys() {
        let before = old.as_ref().and_then(|old| old.get(path));
        // What is gone meanwhile, or behind a link that was followed, is nothing that a run could meet.
        let Ok(Some(mark)) = look.mark(path) else { continue };
        let same = before.filter(|before| before.mark == mark && !before.gone).cloned();
        let (digest, source) = (None, None);
        let new = || Known { path: path.clone(), mark, digest, source, gone: false };
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

type Line = Talk<Ask, Answer>;

impl Here<'_> {
    /// One standby, and nobody waits for it.
    fn target(&self, target: &Target, loaded: &[Loaded<'_>], news: &SyncSender<(Pair, News)>) {
        let pair = |group: &Group| (group.name.clone(), target.name());
        let tell = |group: &Group, one: News| {
            let _ = news.send((pair(group), one));
        };
        let mut left = loaded;
        if loaded.iter().all(|loaded| loaded.list.is_err()) {
            for loaded in loaded {
                let error = loaded.list.as_ref().err().cloned();
                error.into_iter().for_each(|error| tell(loaded.group, News::Failed(error)));
            }
            return;
        }
        let result = self.connected(target, |line| {
            while let [loaded, others @ ..] = left {
                match self.group(target, loaded, line, &|one| tell(loaded.group, one)) {
                    Ok(()) => {}
                    // The line stands: the next group may go.
                    Err(Fault::Group(error)) => tell(loaded.group, News::Failed(error)),
                    Err(Fault::Line(error)) => return Err(error),
                }
                left = others;
            }
            Ok(())
        });
        if let Err(error) = result {
            for loaded in left {
                tell(loaded.group, News::Failed(error.clone()));
            }
        }
    }

    fn connected(
        &self,
        target: &Target,
        work: impl FnOnce(&mut Line) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let host = Host::parse(&target.host)?;
        let options = Options { timeout_seconds: self.run.timeout_seconds, ..Options::default() };
        let job = Job { role: End::Set, options, paths: Vec::new(), list: None };
        let meter = Meter::default();
        let (program, (to, from)): (Program, Pipes) = self.run.far.connect(&host, &job, &meter)?;
        let mut line: Line = Talk::new(&to, &from, self.run.timeout_seconds)?;
        drop((to, from));
        let result = work(&mut line);
        // The far side ends when this one has left.
        drop(line);
        match close(program, &host, result.map(|()| Default::default())).error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn group(
        &self,
        target: &Target,
        loaded: &Loaded<'_>,
        line: &mut Line,
        tell: &dyn Fn(News),
    ) -> Result<(), Fault> {
        let list = loaded.list.as_ref().map_err(|error| Fault::Group(error.clone()))?;
        let wait = Duration::from_secs(self.run.lock_wait_seconds);
        let _lock = loaded.place.lock_target(&target.name(), wait).map_err(Fault::Group)?;
        let order = Order {
            group: loaded.group.clone(),
            root: target.root.clone(),
            state: target.state.clone(),
            role: self.role.clone(),
            names: self.names.clone(),
            substitutions: target.substitutions.clone(),
            dry_run: self.run.dry_run,
            accept_loss: self.run.accept_loss,
            lock_wait_seconds: self.run.lock_wait_seconds,
        };
        // It waits for a lock and for programs, and does nothing itself.
        let waits = loaded.group.longest_program().saturating_add(self.run.lock_wait_seconds);
        line.say(&Ask::Begin(Box::new(order)))?;
        let stage = match answer(line, waits, tell)? {
            Answer::Begun { stage } => stage,
            _ => return Err(Fault::Line(damaged("an answer out of turn"))),
        };
        let mut brought = self.stage(loaded, target, &stage, line)?;
        if let Some(skew) = brought.skew.filter(|skew| skew.is_worth_a_warning()) {
            let warning =
                json!({"key": {"path": null}, "reason": "clock", "message": skew.words()});
            tell(News::Record("warning".to_owned(), fields(warning)));
        }
        // The walk before met the same.
        brought.trouble.extend(list.trouble.iter().cloned());
        brought.trouble.sort();
        brought.trouble.dedup_by(|one, other| one.path == other.path);
        // A group without one of its files is none that the primary ever had.
        if !brought.trouble.iter().all(Trouble::is_gone) {
            line.say(&Ask::Leave)?;
            tell(News::Done(Done::default(), brought));
            return Ok(());
        }
        let entries: Vec<Listed> = list.entries.values().cloned().collect();
        for piece in entries.chunks(PIECE) {
            line.say(&Ask::Listed(piece.to_vec()))?;
        }
        line.say(&Ask::Commit { complete: brought.trouble.is_empty() })?;
        match answer(line, waits, tell)? {
            Answer::Done(done) => {
                tell(News::Done(done, brought));
                Ok(())
            }
            _ => Err(Fault::Line(damaged("an answer out of turn"))),
        }
    }

    /// Brings what differs to where it waits.
    fn stage(
        &self,
        loaded: &Loaded<'_>,
        target: &Target,
        stage: &str,
        line: &mut Line,
    ) -> Result<Brought, Fault> {
        let group = loaded.group;
        let content = group.compare == Compare::Content;
        let mut main = staging(group, content, Some(Path::new(&target.root)));
        // What is rewritten differs there from what it is here: it is brought, and compared after.
        let anchored =
            |path: &String| Rule { pattern: path.clone().into_bytes(), ..Rule::default() };
        main.rules.splice(0..0, group.rewrite.iter().map(anchored));
        let whole = staging(group, content, None);
        let plain = group.paths.iter().filter(|path| !group.rewrite.contains(path));
        let root = &self.document.root;
        let parts = [
            (sources(root, plain), main, &loaded.read),
            (sources(root, group.rewrite.iter()), whole, &loaded.read_whole),
        ];
        let mut brought = Brought::default();
        for (paths, options, read) in parts {
            if paths.is_empty() {
                continue;
            }
            let options = Options {
                timeout_seconds: self.run.timeout_seconds,
                // Only what this run brings beneath a path is compared with it.
                delete: options.delete.filter(|_| group.rewrite.is_empty()),
                ..options
            };
            let (source, job) = match self.opened(&paths, &options, stage, read) {
                Ok(both) => both,
                Err(error) => {
                    line.say(&Ask::Leave)?;
                    return Err(Fault::Group(error));
                }
            };
            let skew = lent(line, source, &job, &mut brought.trouble)?;
            brought.skew = brought.skew.or(skew);
        }
        Ok(brought)
    }

    /// What is to be brought to where it waits, and what the other end is to do for it.
    fn opened(
        &self,
        paths: &[OsString],
        options: &Options,
        stage: &str,
        read: &Together,
    ) -> Result<(Source, Job), Error> {
        let filters = Arc::new(Filters::new(options)?);
        let roots = Roots::open(paths, None, options, None)?;
        // As many as one run may have, for all of them.
        let directories = (limits::directories() / self.document.targets.len().max(1)).max(16);
        let source = Source::new(roots, filters, options.clone(), directories)
            .sharing(read.join(directories));
        let (options, paths) = (options.clone(), vec![stage.as_bytes().to_vec()]);
        Ok((source, Job { role: End::Standby, options, paths, list: None }))
    }
}

/// Lends the line to a run; gives how far apart the clocks are.
fn lent(
    line: &mut Line,
    source: Source,
    job: &Job,
    trouble: &mut Vec<Trouble>,
) -> Result<Option<Measured>, Fault> {
    let meter = Meter::default();
    let (mut to, from) = line.lend()?;
    line.say(&Ask::Stage)?;
    match answer(line, 0, &|_| {})? {
        Answer::Ready => {}
        _ => return Err(Fault::Line(damaged("an answer out of turn"))),
    }
    job.send(&mut to)?;
    meter.skew.asked();
    let outcome = hearing(
        |events| push_over(source, to, from, &meter, &events),
        |event| {
            if let Event::Failed { path, reason, message } = event {
                trouble.push(Trouble { path, reason, message });
            }
        },
    )?;
    // The other end has left the line then.
    if let Some(error) = outcome.error {
        return Err(Fault::Line(error));
    }
    match answer(line, 0, &|_| {})? {
        Answer::Staged => line.take_back(),
        _ => return Err(Fault::Line(damaged("an answer out of turn"))),
    }
    Ok(meter.skew.measured())
}

/// Of a group alone, or of the line.
enum Fault {
    Group(Error),
    Line(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Line(error)
    }
}

/// The next thing that is no record and no sign of life. The other end may wait for something for so
/// many seconds.
fn answer(line: &mut Line, waits_seconds: u64, tell: &dyn Fn(News)) -> Result<Answer, Fault> {
    loop {
        match line.hear(waits_seconds)? {
            None => {
                return Err(Fault::Line(Error::busy(
                    "the standby",
                    "has left in the middle of a group",
                )));
            }
            Some(Answer::StillHere(_)) => {}
            Some(Answer::Record(kind, record)) if RECORDS.contains(&&*kind) => {
                tell(News::Record(kind, record));
            }
            Some(Answer::Record(..)) => {
                return Err(Fault::Line(damaged("a record of no known type")));
            }
            Some(Answer::Failed { kind, what, why, generation }) => {
                if let Some(generation) = generation {
                    check_generation(generation)?;
                    tell(News::Generation(generation));
                }
                return Err(Fault::Group(Answer::error(&kind, what, why)));
            }
            Some(answer) => return Ok(answer),
        }
    }
}
