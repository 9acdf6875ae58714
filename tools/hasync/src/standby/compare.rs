//! The comparing thread: directory by directory, what the source has against what is here.

use super::Site;
use super::create;
use super::delete;
use super::directory::Directory;
use super::pending::{Hold, Pending};
use super::root::Opened;
use super::slot::{Here, Slot};
use super::worker::Job;
use crate::digest;
use crate::entry::Entry;
use crate::fs;
use crate::links::{FirstNames, Passed};
use crate::options::DeleteWhen;
use crate::owner::Names;
use crate::wire::{Head, Plea, ToSource, ToStandby, damaged};
use ha_json::Error;
use nix::errno::Errno;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// How often the thread looks up while it waits for the source.
const LOOK_UP: Duration = Duration::from_millis(100);
/// So many directories with nothing to do are let go of at once: to wake the source for each one takes
/// as long as to look at several files.
const LET_GO: usize = 16;

pub(super) struct Compare<'a> {
    pub(super) site: &'a Arc<Site>,
    /// Nothing is done but to find what is to be deleted.
    pub(super) looks: bool,
    /// Directories that whoever is not root was let into to look.
    pub(super) let_in: Vec<Arc<Directory>>,
    pub(super) workers: Vec<SyncSender<Job>>,
    slots: HashMap<u32, Slot>,
    /// The directories that await others in them, each in the one before it.
    open: Vec<u32>,
    names: Names,
    first_names: FirstNames,
    pub(super) passed: Passed,
    pub(super) root: Arc<Directory>,
    pub(super) rename: Option<Vec<u8>>,
    pub(super) batch: Vec<(u32, Pending, Plea)>,
    pub(super) batch_bytes: u64,
    /// Directories with nothing to do, of which the source is told soon.
    let_go: Vec<Arc<Hold>>,
}

impl Compare<'_> {
    /// Compares until the source is walked and everything is in place; then deletes.
    pub(super) fn run(
        site: &Arc<Site>,
        opened: Opened,
        workers: Vec<SyncSender<Job>>,
        told: &Receiver<ToStandby>,
    ) -> Result<(), Error> {
        let before = Compare::delete_before(site, &opened, told);
        let fd_error = |error: Errno| Error::failed("destination", fs::words(error));
        let root_fd = match &opened.fd {
            Some(fd) => Some(fs::open_directory(fd, b".").map_err(fd_error)?),
            None => None,
        };
        let root = Directory::root(site, opened.fd).map_err(fd_error)?;
        root.is_new.store(opened.is_new, Ordering::Relaxed);
        let mut compare = Compare::new(site, root, opened.rename, workers);
        let result = before.and_then(|()| compare.listen(told));
        let late = site.is_late();
        let Compare { slots, root, workers, let_go, .. } = compare;
        drop((slots, workers, let_go));
        if result.is_ok() && !site.ledger.is_stopped() {
            site.credits.wait_until_idle();
            site.store.commit_all(site);
        }
        // The last to hold the root: its attributes and those beneath it are settled now.
        drop(root);
        if let Some(fd) = &root_fd
            && result.is_ok()
            && !site.ledger.is_stopped()
        {
            if !late {
                site.delayed.carry_out(site, fd);
                site.links.carry_out(site, fd);
                let troubled = site.ledger.troubled.load(Ordering::Relaxed);
                site.deletions.carry_out(site, fd, troubled);
                site.deletions.tell_limit(site);
            }
            site.store.hand_over(site);
            if let Err(error) = site.store.sync_all(fd) {
                site.stop(Error::failed("destination", fs::words(error)));
            } else if late {
                let why = if site.options.delay_updates {
                    "the time is over: nothing was put in place, what came waits for the next run, \
                     and nothing was deleted; run it again"
                } else {
                    "the time is over: what was under way is in place, the rest is not, and \
                     nothing was deleted; run it again"
                };
                site.stop(Error::busy("--stop-after", why));
            }
        }
        if let Err(error) = &result {
            site.stop(error.clone());
        }
        site.asked().clear();
        site.ledger.set_over();
        site.ask(ToSource::Done { totals: site.ledger.totals(), error: site.ledger.error() });
        result
    }

    pub(super) fn new(
        site: &Arc<Site>,
        root: Arc<Directory>,
        rename: Option<Vec<u8>>,
        workers: Vec<SyncSender<Job>>,
    ) -> Compare<'_> {
        Compare {
            site,
            looks: false,
            let_in: Vec::new(),
            workers,
            slots: HashMap::new(),
            open: Vec::new(),
            names: Names::new(site.options.numeric_ids),
            first_names: FirstNames::default(),
            passed: Passed::default(),
            root,
            rename,
            batch: Vec::new(),
            batch_bytes: 0,
            let_go: Vec::new(),
        }
    }

    pub(super) fn listen(&mut self, told: &Receiver<ToStandby>) -> Result<(), Error> {
        let mut walked = false;
        while !(self.site.ledger.is_stopped() || walked && self.slots.is_empty()) {
            if self.site.is_past(Instant::now()) {
                return Ok(());
            }
            let next = told.try_recv().or_else(|_| {
                self.let_go.clear();
                told.recv_timeout(LOOK_UP)
            });
            let message = match next {
                Ok(message) => message,
                // Whoever ended the run does not know that this thread waits.
                Err(RecvTimeoutError::Timeout) => continue,
                // Only a source that was walked to its end is believed.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::failed("the far side", "went away in the middle"));
                }
            };
            match message {
                ToStandby::Walked { .. } if self.looks => walked = true,
                ToStandby::Owner { group, id, name } => {
                    self.site.attributes.learn(group, id, &name);
                }
                ToStandby::Head(head) => self.head(head)?,
                ToStandby::List { directory, entries, last } => {
                    self.list(directory, entries, last)?
                }
                ToStandby::Walked { files, bytes } => {
                    self.site.ledger.walked(files, bytes);
                    walked = true;
                }
                _ => return Err(damaged("a message out of place")),
            }
        }
        Ok(())
    }

    fn head(&mut self, head: Head) -> Result<(), Error> {
        if self.rename.is_some() && (head.id != 0 || head.entries > 1) {
            return Err(damaged("more than the one file that it said"));
        }
        let directory = if head.id == 0 && self.slots.is_empty() {
            if !self.looks {
                self.tell_root();
            }
            Arc::clone(&self.root)
        } else {
            while let Some(&last) = self.open.last().filter(|&&last| last != head.parent) {
                if self.slots.get(&last).is_some_and(|slot| slot.awaited > 0) {
                    return Err(damaged("a directory before those that it had to tell"));
                }
                self.open.pop();
            }
            let parent = self
                .slots
                .get_mut(&head.parent)
                .filter(|parent| parent.awaited > 0)
                .ok_or_else(|| damaged("a directory without its parent"))?;
            parent.awaited -= 1;
            let directory = Directory::beneath(&parent.directory, head.name.clone())
                .ok_or_else(|| damaged("a tree that is too deep"))?;
            // What is not there yet comes with its parent's list.
            let _ = self.open(&directory);
            let parent_id = head.parent;
            self.forget_if_done(parent_id);
            directory
        };
        if self.slots.contains_key(&head.id) {
            return Err(damaged("a directory twice"));
        }
        let id = head.id;
        if head.subdirectories > 0 {
            self.open.push(id);
        }
        let hold = Some(Arc::new(Hold::new(self.site, id)));
        let mut slot = Slot {
            awaited: head.subdirectories,
            settled: false,
            have: None,
            gone: Vec::new(),
            last_name: Vec::new(),
            next_index: 0,
            directory,
            hold,
            head,
        };
        if self.looks && slot.directory.fd().is_none() && slot.head.digest.is_some() {
            // Nothing is here, or what is not entered: there is nothing to delete.
            slot.settled = true;
            slot.hold = None;
        } else if let Some(digest) = slot.head.digest {
            let mut have = Here::read(self.site, &slot.directory);
            if let Some(here) = have.as_mut().filter(|_| self.site.options.hard_links) {
                self.first_names.mark(&slot.directory.path(), &mut here.open);
            }
            let own = have.as_ref().map(|here| {
                digest::of_directory(&here.open, self.site.attributes.view(), &mut self.names)
            });
            // A file that gets another name is not what has its old one here.
            let same = own == Some(digest) && self.rename.is_none();
            if let Some(Here { open: have, kept }) = have.as_ref().filter(|_| same) {
                if !self.looks {
                    self.all_the_same(have);
                }
                slot.settled = true;
                self.let_go.extend(slot.hold.take());
                if self.let_go.len() >= LET_GO {
                    self.let_go.clear();
                }
                // A file that says what is kept may come in another directory.
                if self.deletes(&slot) && !slot.rules_are_known(self.site) {
                    let kept = kept.iter().map(|entry| entry.name.clone()).collect();
                    self.site.deletions.add(slot.directory.path(), kept);
                }
            } else {
                slot.have = have.map(Here::all);
                self.site.ask(ToSource::Want { directory: id });
            }
        }
        self.slots.insert(id, slot);
        self.forget_if_done(id);
        Ok(())
    }

    fn open(&mut self, directory: &Arc<Directory>) -> nix::Result<()> {
        if !self.looks {
            return directory.open();
        }
        if directory.enter()? {
            self.let_in.push(Arc::clone(directory));
        }
        Ok(())
    }

    fn all_the_same(&self, have: &[Entry]) {
        let entries = have.len() as u64;
        self.site.ledger.compared(entries);
        self.site.ledger.unchanged(entries);
        let bytes = have.iter().map(|entry| entry.stamp.size).sum();
        self.site.ledger.found(entries, bytes);
        self.site.ledger.done(entries, bytes);
    }

    /// Tells of the root's own attributes, now that the names of its owners are known.
    fn tell_root(&self) {
        let Some(want) = self.site.root_entry() else { return };
        let have = self.root.fd().zip(self.root.before()).map(|(fd, before)| {
            let extra = self.site.attributes.extra_of(fd).unwrap_or_default();
            Entry { extra, ..Entry::nameless(before) }
        });
        let is_new = self.root.is_new.load(Ordering::Relaxed);
        create::root(self.site, is_new, &want, have.as_ref());
    }

    /// True for a directory in which what the source does not have is to go.
    fn deletes(&self, slot: &Slot) -> bool {
        self.finds_more() && slot.head.whole && self.rename.is_none()
    }

    /// True where what the source does not have is looked for now.
    fn finds_more(&self) -> bool {
        self.site.options.delete.is_some_and(|when| self.looks == (when == DeleteWhen::Before))
    }

    fn forget_if_done(&mut self, id: u32) {
        if self.slots.get(&id).is_some_and(|slot| slot.settled && slot.awaited == 0) {
            self.slots.remove(&id);
        }
    }

    fn list(&mut self, id: u32, entries: Vec<Entry>, last: bool) -> Result<(), Error> {
        let mut slot = match self.slots.remove(&id) {
            Some(slot) if !slot.settled => slot,
            _ => return Err(damaged("a list that was not asked for")),
        };
        if slot.next_index == 0 {
            self.make_ready(&mut slot);
        }
        let deletes = self.deletes(&slot);
        let there = !slot.directory.is_left()
            && (slot.directory.fd().is_some() || self.site.options.dry_run);
        for entry in entries {
            // A list may be long, and what it asks for be long in coming.
            if self.site.is_past(Instant::now()) {
                self.batch.clear();
                return Ok(());
            }
            let index = slot.next_index;
            slot.next_index += 1;
            if self.site.options.takes(entry.stamp.kind) && !self.looks {
                self.site.ledger.compared(1);
                self.site.ledger.found(1, entry.stamp.size);
            }
            if entry.name <= slot.last_name {
                return Err(damaged("names out of order"));
            }
            slot.last_name.clone_from(&entry.name);
            self.check(&slot, &entry)?;
            if self.looks {
                slot.pass(self.site, &entry.name);
            } else if there {
                self.entry(&mut slot, index, entry);
            }
        }
        if slot.next_index > slot.head.entries {
            return Err(damaged("more entries than it said"));
        }
        if last {
            if slot.next_index != slot.head.entries {
                return Err(damaged("fewer entries than it said"));
            }
            if let Some(rest) = slot.have.take().filter(|_| deletes) {
                slot.doom(self.site, rest);
                let gone = std::mem::take(&mut slot.gone);
                let site = self.site;
                let held =
                    site.ledger.troubled.load(Ordering::Relaxed) && !site.options.ignore_errors;
                let during = site.options.delete == Some(DeleteWhen::During);
                if during && !held && slot.rules_are_known(self.site) {
                    delete::at_once(site, &slot.directory, gone);
                } else {
                    site.deletions.add(slot.directory.path(), gone);
                }
            }
            slot.settled = true;
        }
        self.ask(&slot);
        if slot.settled {
            slot.hold = None;
        }
        self.slots.insert(id, slot);
        self.forget_if_done(id);
        Ok(())
    }

    /// Opens the directory, which its parent's list has made by now, and reads what is in it where
    /// that matters.
    fn make_ready(&mut self, slot: &mut Slot) {
        let directory = &slot.directory;
        if directory.is_left() {
            return;
        }
        match self.open(directory) {
            Ok(()) => {}
            // What keeps us out is told when it is to be brought.
            Err(_) if self.looks => return,
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) if self.site.options.dry_run => {
                return;
            }
            Err(error) => {
                return self.site.failed(directory.path(), error, "cannot be opened");
            }
        }
        if directory.was_made() {
            directory.is_new.store(true, Ordering::Relaxed);
        }
        if slot.have.is_some() || directory.is_new.load(Ordering::Relaxed) {
            return;
        }
        if self.finds_more() {
            slot.have = Here::read(self.site, directory).map(Here::all);
        } else if let Err(error) = directory.names() {
            self.site.failed(directory.path(), error, "cannot be listed");
        }
    }
}
