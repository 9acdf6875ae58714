//! The walk: every directory once, told to the standby as it is found.

use super::Source;
use super::listing::{Listing, Origin, Trouble};
use super::prune::Pruning;
use crate::acl::Lists;
use crate::digest::{self, View};
use crate::entry::{Entry, Kind, Stamp, join};
use crate::links::FirstNames;
use crate::options::Basis;
use crate::owner::{Names, name_of};
use crate::wire::{Head, ToStandby};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A list is sent in pieces of about so many bytes.
const LIST_PIECE: usize = 256 << 10;
/// Directories wait until they have so many entries together, or for so long, and are told at once: to
/// wake the standby for each one takes as long as to look at several of its files.
const BURST: usize = 1024;
const PAUSE: Duration = Duration::from_millis(2);

/// A directory still to be read.
struct Step {
    parent: u32,
    within: Arc<Listing>,
    index: u32,
}

/// What ends a walk before its end: the run is over.
struct Over;

struct Walk<'a> {
    source: &'a Source,
    out: &'a SyncSender<ToStandby>,
    /// Digests are compared before lists are sent.
    digests: bool,
    view: View,
    names: Names,
    first_names: FirstNames,
    told: HashSet<(bool, u32)>,
    next: u32,
    files: u64,
    bytes: u64,
    pruning: Pruning,
    /// What is to be told next, and how many entries its directories have.
    waiting: Vec<ToStandby>,
    entries_waiting: usize,
    /// It is more than directories and their owners: what could not be read keeps deletions back.
    is_urgent: bool,
    told_last: Instant,
}

/// Walks all of the source and tells it. `owner` and `digests` are what the standby is ready for;
/// `over` becomes true before the end is told.
pub(super) fn walk(
    source: &Source,
    owner: bool,
    digests: bool,
    out: &SyncSender<ToStandby>,
    over: &AtomicBool,
) {
    let options = &source.options;
    let mut walk = Walk {
        source,
        out,
        // Whom a map makes of an owner, only the standby knows.
        digests: digests
            && !options.checksum
            // Then there is something to do where nothing differs, too.
            && !options.ignore_times
            // What is the same is to be told of, too.
            && !options.remove_source_files
            // What is here gives way to what another directory has.
            && !matches!(options.basis, Some(Basis::Compare(_) | Basis::Link(_)))
            && options.usermap.is_none()
            && options.groupmap.is_none(),
        view: View { chmod: options.chmod.clone(), ..View::new(options, owner) },
        names: Names::new(options.numeric_ids),
        first_names: FirstNames::default(),
        told: HashSet::new(),
        next: 0,
        files: 0,
        bytes: 0,
        pruning: Pruning::default(),
        waiting: Vec::new(),
        entries_waiting: 0,
        is_urgent: false,
        told_last: Instant::now(),
    };
    if walk.run().is_ok() {
        over.store(true, Ordering::Release);
        let _ = out.send(ToStandby::Walked { files: walk.files, bytes: walk.bytes });
    }
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Over> {
        for (path, why) in &self.source.roots.absent {
            self.push(ToStandby::Trouble {
                path: path.clone(),
                reason: "absent".into(),
                message: why.clone(),
            });
        }
        for path in &self.source.roots.skipped {
            let why = "directory, and neither -r nor -d".into();
            self.push(ToStandby::Skipped { path: path.clone(), why });
        }
        if let Some(entry) = &self.source.roots.entry {
            self.tell_owners(entry);
        }
        let source = self.source;
        let follow = source.options.follows_links();
        let origins = Listing::roots(&source.roots.parts, follow, &source.filters.hide);
        let root = self.read(Vec::new(), || Ok(origins));
        let mut steps = Vec::new();
        self.tell(0, Vec::new(), root, &mut steps)?;
        while let Some(step) = steps.pop() {
            self.step(&step, &mut steps)?;
        }
        self.flush()
    }

    fn step(&mut self, step: &Step, steps: &mut Vec<Step>) -> Result<(), Over> {
        let Some(entry) = step.within.entry(step.index) else { return Ok(()) };
        let path = join(&step.within.path, &entry.name);
        let recursive = self.source.options.recursive;
        let listing = self.read(path, || step.within.descend(step.index, recursive));
        let name = entry.name.clone();
        self.tell(step.parent, name, listing, steps)
    }

    fn read(
        &mut self,
        path: Vec<u8>,
        open: impl FnOnce() -> nix::Result<Vec<Origin>>,
    ) -> Arc<Listing> {
        let source = self.source;
        let key = path.clone();
        let read = || {
            let (origins, error) = match open() {
                Ok(origins) => (origins, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            let mut listing = source.list(path, origins);
            if let Some(error) = error {
                let message = format!("cannot be opened: {}", crate::fs::words(error));
                let path = listing.path.clone();
                listing.troubles.push(Trouble { path, reason: "read_error", message });
            }
            if source.options.prune_empty_dirs {
                self.pruning.prune(source, &mut listing);
            }
            self.first_names.mark(&listing.path, &mut listing.entries);
            listing
        };
        match &source.readings {
            Some(readings) => readings.listing(key, read),
            None => Arc::new(read()),
        }
    }

    fn tell(
        &mut self,
        parent: u32,
        name: Vec<u8>,
        listing: Arc<Listing>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Over> {
        for Trouble { path, reason, message } in &listing.troubles {
            self.push(ToStandby::Trouble {
                path: path.clone(),
                reason: (*reason).into(),
                message: message.clone(),
            });
        }
        for (path, why) in &listing.skipped {
            self.push(ToStandby::Skipped { path: path.clone(), why: (*why).into() });
        }
        let source = self.source;
        let id = self.next;
        self.next += 1;
        if !self.source.table.has_room(&listing) {
            // What waits may be all that there is to let go of.
            self.flush()?;
        }
        if !self.source.table.put(id, Arc::clone(&listing)) {
            return Err(Over);
        }
        let digest =
            (self.digests && !listing.entries.iter().any(|entry| entry.implied)).then(|| {
                let taken = listing.taken(&source.options);
                digest::of_directory(taken, &self.view, &mut self.names)
            });
        let children = self.children(&listing);
        for entry in listing.taken(&source.options) {
            self.files += 1;
            self.bytes += entry.stamp.size;
            self.tell_owners(entry);
            if source.options.remove_source_files && entry.stamp.kind != Kind::Directory {
                source.due.add(&join(&listing.path, &entry.name));
            }
        }
        self.push(ToStandby::Head(Head {
            id,
            parent,
            name,
            digest,
            entries: listing.entries.len() as u32,
            subdirectories: children.len() as u32,
            whole: listing.whole,
        }));
        self.entries_waiting += listing.entries.len();
        if digest.is_none()
            || self.is_urgent
            || self.entries_waiting >= BURST
            || self.told_last.elapsed() >= PAUSE
        {
            self.flush()?;
        }
        if digest.is_none() {
            list(&listing, id, self.out).map_err(|()| Over)?;
        }
        // Popped from the end: pushed backwards they come in order.
        steps.extend(children.into_iter().rev().map(|index| Step {
            parent: id,
            within: Arc::clone(&listing),
            index,
        }));
        Ok(())
    }

    /// The directories whose own contents take part.
    fn children(&self, listing: &Listing) -> Vec<u32> {
        (0u32..)
            .zip(&listing.entries)
            .filter(|(index, entry)| {
                entry.stamp.kind == Kind::Directory
                    && (self.source.options.recursive || listing.leads_on(*index))
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// Tells the names of the users and groups of an entry that were not told before.
    fn tell_owners(&mut self, entry: &Entry) {
        let options = &self.source.options;
        if options.numeric_ids {
            return;
        }
        let Stamp { uid, gid, .. } = entry.stamp;
        for (wanted, group, id) in [(options.owner, false, uid), (options.group, true, gid)] {
            if wanted {
                self.tell_owner(group, id);
            }
        }
        let lists = entry.extra.as_ref().and_then(|extra| extra.lists.as_ref());
        for (group, id) in lists.into_iter().flat_map(Lists::named) {
            self.tell_owner(group, id);
        }
    }

    fn tell_owner(&mut self, group: bool, id: u32) {
        let options = &self.source.options;
        // Root is root, unless a map says otherwise.
        let map = if group { &options.groupmap } else { &options.usermap };
        if (id != 0 || map.is_some())
            && self.told.insert((group, id))
            && let Some(name) = name_of(group, id)
        {
            let name = name.into_bytes();
            self.push(ToStandby::Owner { group, id, name });
        }
    }

    fn push(&mut self, message: ToStandby) {
        self.is_urgent |= !matches!(message, ToStandby::Head(_) | ToStandby::Owner { .. });
        self.waiting.push(message);
    }

    fn flush(&mut self) -> Result<(), Over> {
        (self.entries_waiting, self.is_urgent) = (0, false);
        let sent = self.waiting.drain(..).try_for_each(|message| self.out.send(message));
        self.told_last = Instant::now();
        sent.map_err(|_| Over)
    }
}

/// Starts the thread that sends the lists that are wanted, in the order in which they are: the
/// standby makes a directory by its parent's list before it takes the directory's own.
pub(super) fn lister(
    source: &Arc<Source>,
    wanted: Receiver<u32>,
    out: &SyncSender<ToStandby>,
) -> JoinHandle<()> {
    let (source, out) = (Arc::clone(source), out.clone());
    thread::spawn(move || {
        for directory in wanted {
            if let Some(listing) = source.table.get(directory)
                && list(&listing, directory, &out).is_err()
            {
                break;
            }
        }
    })
}

/// Sends the list of a directory, in pieces.
fn list(listing: &Listing, id: u32, out: &SyncSender<ToStandby>) -> Result<(), ()> {
    let mut rest = &listing.entries[..];
    loop {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.name.len() + entry.target.len() + 64;
            bytes += entry.extra.as_ref().map_or(0, |extra| extra.weight());
            bytes <= LIST_PIECE
        };
        let count = rest.iter().take_while(fits).count();
        let (piece, tail) = rest.split_at(count.max(1).min(rest.len()));
        rest = tail;
        let last = rest.is_empty();
        let list = ToStandby::List { directory: id, entries: piece.to_vec(), last };
        out.send(list).map_err(|_| ())?;
        if last {
            break;
        }
    }
    Ok(())
}
