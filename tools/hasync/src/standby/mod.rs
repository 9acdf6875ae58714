//! The end that is made to equal the source: it compares, asks for what differs, and writes.

mod ahead;
mod attributes;
mod backup;
mod basis;
mod before;
mod beside;
mod choice;
mod compare;
mod create;
mod credit;
mod delayed;
mod delete;
mod directory;
mod elsewhere;
mod entry;
mod large;
mod ledger;
mod links;
mod local;
mod old;
mod output;
pub(crate) mod partial;
mod pending;
mod place;
mod request;
mod room;
mod root;
mod slot;
mod store;
mod worker;

pub(crate) use backup::copy;
pub(crate) use ledger::{Ledger, Told};
pub(crate) use output::{MOST_AT_ONCE, Output};
pub(crate) use root::Root;

use crate::entry::{Entry, Stamp};
use crate::filter::{Fault, Filters, Scope};
use crate::fs;
use crate::options::Options;
use crate::pace::Pace;
use crate::source::Table;
use crate::wire::{FileId, Outcome, Plea, ToSource, ToStandby, Totals, damaged};
use ahead::Ahead;
use attributes::Attributes;
use backup::Backups;
use basis::{Bases, Way};
use compare::Compare;
use credit::Credits;
use delayed::Delayed;
use delete::Deletions;
use elsewhere::Elsewhere;
use ha_json::Error;
use links::Links;
use nix::errno::Errno;
use partial::Partials;
use pending::Pending;
use root::Opened;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use store::{Store, Temporary};
use worker::{Job, Worker};

const WORKERS: usize = 2;
/// Stack of a thread, in bytes; what is not used is not there.
const STACK: usize = 64 << 20;
/// Jobs that may wait for a worker.
const QUEUE: usize = 2;

/// Everything the standby's threads share.
pub(crate) struct Site {
    pub(crate) options: Options,
    pub(crate) filters: Arc<Filters>,
    pub(crate) ledger: Ledger,
    attributes: Attributes,
    store: Store,
    pub(crate) partials: Partials,
    deletions: Deletions,
    delayed: Delayed,
    links: Links,
    credits: Arc<Credits>,
    /// What was asked of the source and has not come.
    asked: Mutex<HashMap<FileId, Pending>>,
    source: SyncSender<ToSource>,
    ahead: Arc<Ahead>,
    /// The source's own table, where it is in this process.
    here: Option<Arc<Table>>,
    backups: OnceLock<Backups>,
    elsewhere: OnceLock<Elsewhere>,
    root_entry: OnceLock<Option<Entry>>,
    bases: OnceLock<Bases>,
    /// What per-directory rules say above the root.
    scope: OnceLock<Arc<Scope>>,
    round_robin: AtomicUsize,
    /// When nothing more is begun.
    until: Option<Instant>,
    late: AtomicBool,
    /// For copies inside this machine.
    pub(crate) pace: Pace,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Site")
    }
}

impl Site {
    /// # Errors
    /// When an owner that was asked for is not known here.
    pub(crate) fn new(
        options: Options,
        filters: Arc<Filters>,
        ledger: Ledger,
        source: SyncSender<ToSource>,
        here: Option<Arc<Table>>,
    ) -> Result<Arc<Site>, Error> {
        // Over a connection the sender keeps the pace.
        let pace = if here.is_some() { options.bandwidth_limit } else { 0 };
        let seconds = options.stop_after_seconds.map(Duration::from_secs);
        Ok(Arc::new(Site {
            until: seconds.and_then(|seconds| Instant::now().checked_add(seconds)),
            late: AtomicBool::new(false),
            attributes: Attributes::new(&options)?,
            partials: Partials::new(&options),
            options,
            filters,
            ledger,
            store: Store::new(),
            deletions: Deletions::default(),
            delayed: Delayed::default(),
            links: Links::default(),
            credits: Arc::default(),
            asked: Mutex::default(),
            source,
            ahead: Arc::default(),
            here,
            backups: OnceLock::new(),
            elsewhere: OnceLock::new(),
            root_entry: OnceLock::new(),
            bases: OnceLock::new(),
            scope: OnceLock::new(),
            round_robin: AtomicUsize::new(0),
            pace: Pace::new(pace),
        }))
    }

    /// True when nothing more is to be begun at this moment; that stays so.
    fn is_past(&self, now: Instant) -> bool {
        let past = self.until.is_some_and(|until| now >= until);
        if past {
            self.late.store(true, Ordering::Relaxed);
        }
        past
    }

    /// True when the run was broken off because its time was over.
    fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// What the root itself shall be, where that was asked for.
    fn root_entry(&self) -> Option<Entry> {
        let mut entry = self.root_entry.get().cloned().flatten()?;
        self.attributes.settle_in(&mut entry);
        Some(entry)
    }

    /// Tells of what could not be kept of an entry.
    fn missed(&self, path: impl FnOnce() -> Vec<u8>, missed: attributes::Missed) {
        if let Some(message) = missed {
            self.ledger.failed(path(), "attributes", message);
        }
    }

    /// Keeps what stands under a name where backups are asked for.
    ///
    /// # Errors
    /// The system's own; then it must stay where it is.
    fn keep(&self, path: &[u8], fd: &OwnedFd, name: &[u8]) -> nix::Result<()> {
        self.backups.get().map_or(Ok(()), |backups| backups.keep(self, path, fd, name, false))
    }

    /// True where what another directory has is not brought.
    fn leaves_out(&self) -> bool {
        self.bases.get().is_some_and(|bases| bases.way == Way::LeaveOut)
    }

    fn top(&self) -> Arc<Scope> {
        Arc::clone(self.scope.get_or_init(Arc::default))
    }

    /// The rules that keep what is in a directory from being deleted, where its parent has `above`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn enter(&self, above: &Arc<Scope>, fd: &OwnedFd, path: &[u8]) -> Result<Arc<Scope>, Fault> {
        let filter = &self.filters.protect;
        match filter.has_merges() {
            true => above.enter(filter, fd, path).map(Arc::new),
            false => Ok(Arc::clone(above)),
        }
    }

    fn ask(&self, message: ToSource) {
        // A source that has gone is noticed where its messages end.
        let _ = self.source.send(message);
    }

    /// The source is to tell what it has.
    fn ask_to_walk(&self, opened: &Opened) {
        let digests = opened.fd.is_some() && !opened.is_new;
        self.ask(ToSource::Ready { owner: self.attributes.is_root, digests });
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, HashMap<FileId, Pending>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the content of a file, or for word of it.
    fn ask_for(&self, file: FileId, pending: Pending, plea: Plea) {
        self.asked().insert(file, pending);
        let files = vec![(file.index, plea)];
        self.ask(ToSource::Get { directory: file.directory, files });
    }

    /// Puts a file that is written in its place, or says why not; `bytes` is for the progress.
    fn finish(&self, temporary: Temporary, stamp: &Stamp, pending: Pending, bytes: u64) {
        let path = pending.path();
        match self.store.finish(self, temporary, stamp, pending) {
            Ok(()) => self.ledger.done(1, bytes),
            Err(error) => self.failed(path, error, "cannot be written"),
        }
    }

    /// Ends the run with this error, whoever waits for what.
    fn stop(&self, error: Error) {
        self.ledger.stop(error);
        self.partials.keep_all();
        self.credits.close();
    }

    /// A signal ends the process: keeps what is to be kept, and takes away what waits.
    pub(crate) fn interrupted(&self) {
        self.partials.keep_all();
        self.store.discard();
    }

    /// An item failed. Where every further one would fail, too, the run ends.
    fn failed(&self, path: Vec<u8>, error: Errno, what: &str) {
        if matches!(error, Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO) {
            let shown = String::from_utf8_lossy(&path).into_owned();
            let where_else = match self.elsewhere.get() {
                Some(_) => ", at its place or in --temp-dir",
                None => "",
            };
            self.stop(Error::failed(shown, format!("{what}: {}{where_else}", fs::words(error))));
            return;
        }
        let reason = match error {
            Errno::ENOTEMPTY | Errno::EEXIST => "in_the_way",
            _ => "write_error",
        };
        let removes = self.options.delete.is_some() || self.options.force;
        let hint = match reason {
            "in_the_way" if !removes => " (--delete would remove it)",
            _ => "",
        };
        self.ledger.failed(path, reason, format!("{what}: {}{hint}", fs::words(error)));
    }
}

/// Runs the standby's end until the source has said goodbye. The root is opened here, so that
/// nothing is done before it is known to be there; its lock is held all the while.
///
/// # Errors
/// When the root cannot be opened, the source breaks the protocol or goes away, or the disk is full.
pub(crate) fn run(
    site: &Arc<Site>,
    root: &Root,
    mut incoming: impl FnMut() -> Result<Option<ToStandby>, Error>,
) -> Result<Outcome, Error> {
    let start = match incoming()? {
        Some(ToStandby::Start(start)) => start,
        Some(ToStandby::Fatal(error)) => return Err(error),
        Some(_) => return Err(damaged("something before its start")),
        None => return Err(Error::failed("the far side", "went away before it began")),
    };
    let opened = match root.open(&start, &site.options, site.attributes.umask) {
        Ok(opened) => opened,
        Err(error) => return farewell(site, &mut incoming, error),
    };
    // Held to the end.
    let _lock = match opened.lock(&site.options) {
        Ok(lock) => lock,
        Err(error) => return farewell(site, &mut incoming, error),
    };
    match Backups::open(root, &opened, &site.options, site.attributes.umask) {
        Ok(Some(backups)) => drop(site.backups.set(backups)),
        Ok(None) => {}
        Err(error) => return farewell(site, &mut incoming, error),
    }
    match Elsewhere::open(site, root, &opened) {
        Ok(Some(elsewhere)) => drop(site.elsewhere.set(elsewhere)),
        Ok(None) => {}
        Err(error) => return farewell(site, &mut incoming, error),
    }
    match Bases::open(site, root, &opened) {
        Ok(Some(bases)) => drop(site.bases.set(bases)),
        Ok(None) => {}
        Err(error) => return farewell(site, &mut incoming, error),
    }
    let _ = site.root_entry.set(start.root);
    let _ = site.scope.set(Arc::new(root.scope(&site.filters.protect)));
    let (compare, told) = std::sync::mpsc::channel();
    let queues: Vec<_> = (0..WORKERS).map(|_| sync_channel(QUEUE)).collect();
    let (workers, queues): (Vec<SyncSender<Job>>, Vec<_>) = queues.into_iter().unzip();
    site.ask_to_walk(&opened);
    let handles: Vec<_> = queues
        .into_iter()
        .map(|queue| {
            let site = Arc::clone(site);
            spawn(move || Worker::new(&site).run(&queue))
        })
        .collect::<Result<_, _>>()?;
    let walks = if Compare::looks_first(site, &opened) { 2 } else { 1 };
    let comparing = {
        let (site, workers) = (Arc::clone(site), workers.clone());
        spawn(move || {
            let error = Compare::run(&site, opened, workers, &told).err();
            if let Some(error) = error {
                site.stop(error);
            }
        })?
    };
    let routed = route(site, &mut incoming, &compare, &workers, walks);
    if let Err(error) = &routed {
        site.stop(error.clone());
    }
    // Only now: a way that closes while the run is not stopped is a source that went away.
    drop(compare);
    drop(workers);
    for handle in handles {
        // A thread that panicked has said so on stderr; what it held is seen to be missing.
        if handle.join().is_err() {
            site.stop(Error::failed("hasync", "a thread of it failed; this is a defect"));
        }
    }
    if comparing.join().is_err() {
        site.stop(Error::failed("hasync", "a thread of it failed; this is a defect"));
    }
    // What a stopped run leaves holds directories, and they hold the site: it must go by hand.
    site.store.discard();
    site.partials.keep_all();
    site.asked().clear();
    let source = routed.unwrap_or_default();
    Ok(Outcome { totals: source.plus(site.ledger.totals()), error: site.ledger.error() })
}

/// Starts a thread with room for a tree as deep as descriptors last.
fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Error> {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| Error::io("a thread", &error))
}

/// Tells the source that there is nothing to do here, and waits until it has heard.
fn farewell(
    site: &Site,
    incoming: &mut impl FnMut() -> Result<Option<ToStandby>, Error>,
    error: Error,
) -> Result<Outcome, Error> {
    site.ask(ToSource::Done { totals: Totals::default(), error: Some(error.clone()) });
    while let Ok(Some(message)) = incoming() {
        if matches!(message, ToStandby::Bye(_)) {
            break;
        }
    }
    Err(error)
}

/// Brings each message to whom it concerns, until the source has said goodbye. It tells all that it has
/// `walks` times.
fn route(
    site: &Site,
    incoming: &mut impl FnMut() -> Result<Option<ToStandby>, Error>,
    compare: &Sender<ToStandby>,
    workers: &[SyncSender<Job>],
    mut walks: u32,
) -> Result<Totals, Error> {
    let patience = Duration::from_secs(site.options.timeout_seconds);
    let mut over: Option<Instant> = None;
    loop {
        let Some(message) = incoming()? else {
            return Err(Error::failed("the far side", "went away in the middle"));
        };
        if site.ledger.is_over() && over.get_or_insert_with(Instant::now).elapsed() > patience {
            return Err(Error::busy("the far side", "lives, and does not come to an end"));
        }
        match message {
            ToStandby::Bye(totals) => return Ok(totals),
            ToStandby::Fatal(error) => return Err(error),
            _ if site.ledger.is_stopped() => {}
            ToStandby::Trouble { path, reason, message } => {
                site.ledger.troubled.store(true, Ordering::Relaxed);
                if walks < 2 {
                    site.ledger.failed(path, &reason, message);
                }
            }
            ToStandby::Skipped { path, why } if walks < 2 => site.ledger.skipped(path, why),
            // It is told once more when it is to be brought.
            ToStandby::Skipped { .. } => {}
            ToStandby::Owner { .. }
            | ToStandby::Head(_)
            | ToStandby::List { .. }
            | ToStandby::Walked { .. } => {
                match &message {
                    ToStandby::Owner { name, .. } => site.ahead.owner(name)?,
                    ToStandby::Head(head) => site.ahead.head(head)?,
                    ToStandby::List { directory, entries, .. } => {
                        site.ahead.list(*directory, entries)?;
                    }
                    _ if walks == 0 => return Err(damaged("one end of the walk too many")),
                    _ => {
                        walks -= 1;
                        site.ahead.walked();
                    }
                }
                let _ = compare.send(message);
            }
            ToStandby::Files { .. } => {
                let next = site.round_robin.fetch_add(1, Ordering::Relaxed) % workers.len();
                let _ = workers[next].send(Job::Message(message));
            }
            ToStandby::Open { file, .. }
            | ToStandby::Data { file, .. }
            | ToStandby::Zeros { file, .. }
            | ToStandby::AskBlocks { file, .. }
            | ToStandby::Segment { file, .. }
            | ToStandby::AskRolling { file, .. }
            | ToStandby::Close { file, .. }
            | ToStandby::Same { file }
            | ToStandby::Digest { file, .. }
            | ToStandby::Lost { file, .. } => {
                let _ = worker_of(workers, file).send(Job::Message(message));
            }
            ToStandby::Stays { path, reason, message } => site.ledger.stays(path, &reason, message),
            ToStandby::Clock(_) => return Err(damaged("the time where nobody asked")),
            ToStandby::Start(_) => return Err(damaged("a second start")),
            ToStandby::Ping => {}
        }
    }
}

/// Whatever comes of a file goes to one worker, so that its pieces keep their order, and that worker
/// has what was known of it here.
fn worker_of(workers: &[SyncSender<Job>], file: FileId) -> &SyncSender<Job> {
    &workers[(file.directory ^ file.index) as usize % workers.len()]
}
