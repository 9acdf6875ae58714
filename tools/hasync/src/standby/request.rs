//! What of a file has to come, and the asking for it.

use super::basis::{Match, Way};
use super::choice;
use super::compare::Compare;
use super::create;
use super::credit::Credit;
use super::pending::{self, Pending};
use super::slot::Slot;
use super::worker::Job;
use super::worker_of;
use crate::SMALL;
use crate::delta::{AHEAD, SEGMENT};
use crate::entry::{Entry, Kind, Stamp};
use crate::wire::{FileId, Plea, ToSource, Why};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Files are asked for in batches of so many bytes or files.
const BATCH_BYTES: u64 = 192 << 10;
const BATCH_FILES: usize = 128;
/// Below this size a whole file is cheaper than a delta, in bytes.
const WORTH_DELTA: u64 = 64 << 10;

impl Compare<'_> {
    pub(super) fn file(
        &mut self,
        slot: &Slot,
        index: u32,
        entry: Entry,
        told: Stamp,
        have: Option<Entry>,
    ) {
        let options = &self.site.options;
        let size = entry.stamp.size;
        let same_kind = have.as_ref().filter(|have| have.stamp.kind == Kind::File);
        let why = match &have {
            Some(have) => self.site.attributes.differences(&entry, have),
            None => Why::default(),
        };
        let bases = self.site.bases.get();
        let bases = bases.filter(|bases| same_kind.is_none() || bases.way != Way::Copy);
        let found = bases.and_then(|bases| bases.find(self.site, &slot.directory.path(), &entry));
        // A file that is here gives way only to another that is all it should be.
        let found = found.filter(|found| {
            same_kind.is_none()
                || found.how == Match::All
                    && !slot.directory.fd().is_some_and(|fd| found.is(fd, &entry.name))
        });
        let alike = found.as_ref().is_some_and(|found| found.how > Match::Name);
        let check =
            options.checksum && (alike || same_kind.is_some_and(|have| have.stamp.size == size));
        if let (Some(found), Some(bases)) = (&found, bases)
            && found.how == Match::All
            && !options.checksum
            && bases.way != Way::Copy
            && create::taken(
                self.site,
                &slot.directory,
                &entry,
                have.as_ref().map(|have| &have.stamp),
                found,
            )
        {
            return;
        }
        if let Some(have) = same_kind
            && !options.checksum
            && choice::is_same(options, &entry.stamp, &have.stamp)
        {
            create::attributes(self.site, &slot.directory, &entry, &have.stamp, why);
            return;
        }
        if options.append_verify && same_kind.is_some_and(|have| have.stamp.size >= size) {
            self.site.ledger.unchanged(1);
            self.site.ledger.done(1, size);
            return;
        }
        if options.dry_run && !check {
            let path = || slot.directory.path_of(&entry.name);
            return pending::told(self.site, path, same_kind.is_some(), entry.stamp, why, 0);
        }
        let partial = self.site.partials.find(&slot.directory, &entry.name);
        let elsewhere = found.as_ref().filter(|_| partial.is_none());
        let basis = partial.max(same_kind.map(|have| have.stamp.size));
        let basis = basis.or(elsewhere.map(|found| found.stamp.size));
        let delta = self.site.here.is_none()
            && !options.whole_file
            && !check
            && size >= WORTH_DELTA
            && basis.is_some_and(|size| size >= WORTH_DELTA);
        let plea = match same_kind {
            // The worker puts the digest in, once it has read the file.
            _ if check => Plea::Unless([0; 32]),
            Some(have) if options.append_verify => Plea::Append(have.stamp.size),
            _ => match basis {
                Some(size) if delta => Plea::Delta(size),
                _ => Plea::Whole,
            },
        };
        let pending = Pending {
            directory: Arc::clone(&slot.directory),
            name: entry.name,
            want: entry.stamp,
            told,
            basis: found.filter(|_| alike || matches!(plea, Plea::Delta(_))).map(Box::new),
            append: same_kind.map(|have| have.stamp.size).filter(|_| options.append_verify),
            have: have.map(|have| have.stamp),
            extra: entry.extra,
            why,
            sent: 0,
            flawed: false,
            partial,
            tries: 0,
            backed_up: false,
            credit: None,
            hold: slot.hold.clone(),
        };
        if alike && !check {
            return self.take(slot, index, pending);
        }
        self.batch_bytes += match plea {
            // What is hashed ahead of a difference is held here: two large files at a time are enough.
            Plea::Delta(old) => old.min((AHEAD * SEGMENT) as u64) * 2,
            _ => size.min(BATCH_BYTES),
        };
        self.batch.push((index, pending, plea));
        if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_FILES || size > SMALL {
            self.ask(slot);
        }
    }

    /// Has a file copied from another directory.
    fn take(&self, slot: &Slot, index: u32, mut pending: Pending) {
        let directory = slot.head.id;
        pending.credit = Some(Arc::new(self.site.credits.take(0)));
        let listing = match &self.site.here {
            Some(table) => match table.get(directory) {
                Some(listing) => Some(listing),
                None => return,
            },
            None => None,
        };
        let file = FileId { directory, index };
        let _ = worker_of(&self.workers, file).send(Job::Basis { file, pending, listing });
    }

    /// Asks for the files of the batch: of the source, or of a worker where the source is here.
    pub(super) fn ask(&mut self, slot: &Slot) {
        if self.batch.is_empty() {
            return;
        }
        let directory = slot.head.id;
        let batch = std::mem::take(&mut self.batch);
        let credit: Arc<Credit> = Arc::new(self.site.credits.take(self.batch_bytes));
        self.batch_bytes = 0;
        let batch = batch.into_iter().map(|(index, mut pending, plea)| {
            pending.credit = Some(Arc::clone(&credit));
            (index, pending, plea)
        });
        if let Some(table) = &self.site.here {
            let Some(listing) = table.get(directory) else { return };
            let files = batch.collect();
            let next = self.site.round_robin.fetch_add(1, Ordering::Relaxed) % self.workers.len();
            let _ = self.workers[next].send(Job::Copy { listing, files });
            return;
        }
        let mut files = Vec::new();
        let mut large = Vec::new();
        for (index, pending, plea) in batch {
            let file = FileId { directory, index };
            match plea {
                Plea::Whole | Plea::Append(_) => {
                    self.site.asked().insert(file, pending);
                    files.push((index, plea));
                }
                Plea::Unless(_) | Plea::Digest => large.push((file, Job::Digest { file, pending })),
                Plea::Delta(old) => large.push((file, Job::Delta { file, pending, old })),
            }
        }
        if !files.is_empty() {
            self.site.ask(ToSource::Get { directory, files });
        }
        for (file, job) in large {
            let _ = worker_of(&self.workers, file).send(job);
        }
    }
}
