//! The end that has the files: it walks, tells, and reads what is asked for.

mod batch;
mod difference;
mod file;
mod large;
mod listing;
mod prune;
mod reader;
mod readings;
mod removal;
mod roots;
mod selection;
mod spot;
mod table;
mod walk;

pub(crate) use file::{
    ATTEMPTS, Loss, check_expected, is_unchanged, open as open_file, pause, read_whole,
};
pub(crate) use listing::Listing;
pub(crate) use readings::Readings;
pub(crate) use roots::Roots;
pub(crate) use selection::{Expected, Node};
pub(crate) use table::Table;

use crate::delta::{BLOCK, SEGMENT};
use crate::events::Events;
use crate::filter::Filters;
use crate::options::{DeleteWhen, Options};
use crate::wire::{Event, FileId, Outcome, Plea, ToSource, ToStandby, Totals, damaged};
use ha_json::Error;
use reader::{DeltaInput, Job, Reader};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const READERS: usize = 2;
/// A standby asks for each file of what it has not released once, and may release it a little before
/// that is seen here.
const MOST_PLEAS: usize = 65_536;
/// Differences that may be asked for at once; a standby of ours asks for some dozens.
const MOST_DELTAS: usize = 256;

/// Everything the source's threads share.
pub(crate) struct Source {
    pub(crate) options: Options,
    pub(crate) filters: Arc<Filters>,
    roots: Roots,
    pub(crate) keep_implied: bool,
    pub(crate) table: Arc<Table>,
    /// Why a reader gave the standby up.
    fault: Mutex<Option<Error>>,
    /// What is in place at the standby and could not be removed here.
    stayed: Mutex<Vec<Event>>,
    due: removal::Due,
    /// Files that were asked for and are not told yet.
    pleas: AtomicUsize,
    /// What this run reads serves others too, and what they read this one.
    readings: Option<Arc<Readings>>,
}

impl Source {
    /// What is sent of `roots`; at most so many directories are told ahead of what the standby compares.
    pub(crate) fn new(
        roots: Roots,
        filters: Arc<Filters>,
        options: Options,
        directories: usize,
    ) -> Source {
        Source {
            keep_implied: options.leaves_implied(),
            options,
            filters,
            roots,
            table: Arc::new(Table::new(directories)),
            fault: Mutex::default(),
            stayed: Mutex::default(),
            due: Default::default(),
            pleas: Default::default(),
            readings: None,
        }
    }

    /// The same, reading together with all that have these readings: runs of the same sources with the
    /// same rules, that may differ in where they bring them. Hard links and empty directories are no
    /// matter in them (`-H`, `-m`): what a run has passed before is its own.
    pub(crate) fn sharing(mut self, readings: Arc<Readings>) -> Source {
        let own = self.options.hard_links || self.options.prune_empty_dirs;
        self.readings = (!own).then_some(readings);
        self
    }

    /// True where what goes over the line goes over others as well.
    pub(crate) fn is_shared(&self) -> bool {
        self.readings.is_some()
    }

    /// Reads a directory: nothing is in one that lies on another file system, with `-x`.
    fn list(&self, path: Vec<u8>, origins: Vec<listing::Origin>) -> Listing {
        let read = |path, origins| {
            Listing::read(path, origins, &self.options, &self.filters.hide, self.keep_implied)
        };
        let listing = read(path, origins);
        let roots = &self.roots.devices;
        let stays = listing.devices.iter().any(|device| roots.contains(device));
        if !self.options.one_file_system || stays || listing.path.is_empty() {
            return listing;
        }
        let mut nothing = read(listing.path, Vec::new());
        nothing.whole = false;
        nothing
    }

    fn fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stayed(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.stayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader gives the standby up.
    fn give_up(&self, error: Error) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Serves one standby until it is done. `events` gets what the standby tells of its work.
    ///
    /// # Errors
    /// When the standby breaks the protocol or goes away.
    pub(crate) fn run(
        self,
        incoming: impl FnMut() -> Result<Option<ToSource>, Error>,
        outgoing: SyncSender<ToStandby>,
        events: &Events,
    ) -> Result<Outcome, Error> {
        let source = Arc::new(self);
        let start =
            crate::wire::Start { single: source.roots.single, root: source.roots.entry.clone() };
        let _ = outgoing.send(ToStandby::Start(start));
        let (jobs, queue) = channel();
        let readers = Reader::start(READERS, &source, queue, &outgoing);
        let (lists, wanted) = channel();
        let lister = walk::lister(&source, wanted, &outgoing);
        let mut desk =
            Desk { source: &source, jobs, lists, deltas: HashMap::new(), walkers: Vec::new() };
        let outcome = desk.serve(incoming, &outgoing, events);
        source.table.close();
        let Desk { jobs, lists, walkers, deltas, .. } = desk;
        drop((jobs, lists, deltas));
        let mut read = Totals::default();
        for reader in readers {
            read = read.plus(reader.join().unwrap_or_default());
        }
        for event in std::mem::take(&mut *source.stayed()) {
            events.tell(event);
        }
        for thread in walkers.into_iter().map(|walker| walker.thread).chain([lister]) {
            // One that panicked has said so on stderr.
            let _ = thread.join();
        }
        let outcome = outcome?;
        let _ = outgoing.send(ToStandby::Bye(read));
        Ok(Outcome { totals: outcome.totals.plus(read), ..outcome })
    }
}

/// Takes what the standby says to whom it concerns. It never waits for the way back, so the two
/// ends can not wait for each other.
struct Desk<'a> {
    source: &'a Arc<Source>,
    jobs: Sender<Job>,
    lists: Sender<u32>,
    deltas: HashMap<FileId, Ways>,
    walkers: Vec<Walker>,
}

/// A walk of all that there is.
struct Walker {
    thread: thread::JoinHandle<()>,
    /// All was told.
    over: Arc<AtomicBool>,
}

/// The ways to the reader of a file that a delta is wanted of.
struct Ways {
    blocks: SyncSender<Vec<u64>>,
    rolling: SyncSender<Vec<u8>>,
    /// A signature was asked for.
    signs: Arc<AtomicBool>,
    /// The file has been read to its end.
    read: Arc<AtomicBool>,
}

impl Desk<'_> {
    fn serve(
        &mut self,
        mut incoming: impl FnMut() -> Result<Option<ToSource>, Error>,
        outgoing: &SyncSender<ToStandby>,
        events: &Events,
    ) -> Result<Outcome, Error> {
        loop {
            let message = incoming()?;
            // A standby that lives and does not do its part is seen here, at its next sign of life.
            if let Some(error) = self.source.fault() {
                return Err(error);
            }
            match message {
                None => return Err(Error::failed("the far side", "went away in the middle")),
                Some(ToSource::Ready { owner, digests }) if self.may_be_walked() => {
                    // Of a walk before, the standby can want nothing more.
                    self.source.table.clear();
                    let (source, out) = (Arc::clone(self.source), outgoing.clone());
                    let over = Arc::new(AtomicBool::new(false));
                    let told = Arc::clone(&over);
                    let walk = move || walk::walk(&source, owner, digests, &out, &told);
                    self.walkers.push(Walker { thread: thread::spawn(walk), over });
                }
                Some(ToSource::Ready { .. }) => return Err(damaged("one ready too many")),
                Some(ToSource::Want { directory }) => {
                    if !self.source.table.want(directory) {
                        return Err(damaged(
                            "a list wanted twice, or of a directory that it has not",
                        ));
                    }
                    let _ = self.lists.send(directory);
                }
                Some(ToSource::Release { directory }) => self.source.table.release(directory),
                Some(ToSource::Get { directory, files }) => self.get(directory, files)?,
                Some(ToSource::Blocks { file, hashes }) => {
                    if let Some(ways) = self.deltas.get(&file)
                        && (hashes.len() > SEGMENT / BLOCK
                            || matches!(ways.blocks.try_send(hashes), Err(TrySendError::Full(_))))
                    {
                        return Err(damaged("more block hashes than it may"));
                    }
                }
                Some(ToSource::Rolling { file, signature }) => {
                    if let Some(ways) = self.deltas.get(&file)
                        && (!ways.signs.swap(false, Ordering::AcqRel)
                            || matches!(
                                ways.rolling.try_send(signature),
                                Err(TrySendError::Full(_))
                            ))
                    {
                        return Err(damaged("a rolling signature that was not asked for"));
                    }
                }
                Some(ToSource::Placed { path, stamp }) => {
                    if !self.source.options.remove_source_files || self.source.options.dry_run {
                        return Err(damaged("a file in place that is not to be removed"));
                    }
                    // The one file may have got another name.
                    if !self.source.roots.single && !self.source.due.take(&path) {
                        return Err(damaged("a file in place that was never told, or twice"));
                    }
                    self.send(Job::Remove { path, stamp });
                }
                Some(ToSource::Event(event)) => {
                    events.tell(event);
                }
                Some(ToSource::Done { totals, error }) => return Ok(Outcome { totals, error }),
                Some(ToSource::Fatal(error)) => return Err(error),
                Some(ToSource::Clock(_)) => return Err(damaged("the time where nobody asked")),
                Some(ToSource::Ping) => {}
            }
        }
    }

    /// Once, and once more where the standby deletes before anything is brought.
    fn may_be_walked(&self) -> bool {
        match &self.walkers[..] {
            [] => true,
            [first] => {
                self.source.options.delete == Some(DeleteWhen::Before)
                    && first.over.load(Ordering::Acquire)
            }
            _ => false,
        }
    }

    fn get(&mut self, directory: u32, files: Vec<(u32, Plea)>) -> Result<(), Error> {
        let listing = self
            .source
            .table
            .get(directory)
            .ok_or_else(|| damaged("a request for a directory that it released"))?;
        if files.iter().any(|(index, _)| listing.entry(*index).is_none()) {
            return Err(damaged("a request for a file that is not listed"));
        }
        let pleas = files.len() + self.source.pleas.load(Ordering::Acquire);
        if pleas > self.source.table.entries() + MOST_PLEAS {
            return Err(damaged("more requests than there are files"));
        }
        self.source.pleas.fetch_add(files.len(), Ordering::AcqRel);
        // A file that a delta is wanted of is a job of its own: blocks may come before it is read.
        self.deltas.retain(|_, ways| !ways.read.load(Ordering::Relaxed));
        let mut plain = Vec::new();
        for (index, plea) in files {
            match plea {
                Plea::Delta(_) if self.deltas.len() >= MOST_DELTAS => {
                    return Err(damaged("more differences than it may ask for at once"));
                }
                Plea::Delta(old_length) => {
                    let (blocks, blocks_in) = sync_channel(8);
                    let (rolling, rolling_in) = sync_channel(1);
                    let read = Arc::new(AtomicBool::new(false));
                    let signs = Arc::new(AtomicBool::new(false));
                    let input = DeltaInput {
                        old_length,
                        blocks: blocks_in,
                        rolling: rolling_in,
                        signs: Arc::clone(&signs),
                        read: Arc::clone(&read),
                    };
                    let ways = Ways { blocks, rolling, signs, read };
                    self.deltas.insert(FileId { directory, index }, ways);
                    self.send(Job::Delta {
                        directory,
                        listing: Arc::clone(&listing),
                        index,
                        input,
                    });
                }
                Plea::Append(from) => {
                    let listing = Arc::clone(&listing);
                    self.send(Job::Append { directory, listing, index, from });
                }
                Plea::Whole => plain.push((index, None)),
                Plea::Unless(digest) => plain.push((index, Some(digest))),
                Plea::Digest => {
                    let listing = Arc::clone(&listing);
                    self.send(Job::Digest { directory, listing, index });
                }
            }
        }
        if !plain.is_empty() {
            self.send(Job::Files { directory, listing, files: plain });
        }
        Ok(())
    }

    fn send(&self, job: Job) {
        // The readers end only after this desk.
        let _ = self.jobs.send(job);
    }
}

/// Messages from a channel, as [`Source::run`] wants them.
pub(crate) fn from_channel(
    receiver: Receiver<ToSource>,
) -> impl FnMut() -> Result<Option<ToSource>, Error> {
    move || Ok(receiver.recv().ok())
}
