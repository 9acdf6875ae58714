//! The workers: they write what comes, and copy where the source is in this process.

use super::Site;
use super::basis::{Found, Match, Way};
use super::create;
use super::large::Larges;
use super::old::Old;
use super::pending::{Pending, again, would};
use crate::content;
use crate::entry::Stamp;
use crate::fs;
use crate::source::Listing;
use crate::sys;
use crate::wire::{FileId, Plea, SmallFile, ToStandby, damaged};
use ha_json::Error;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

/// What a worker is given.
pub(super) enum Job {
    /// From the source: content, or word of it.
    Message(ToStandby),
    /// Files of a source in this process.
    Copy { listing: Arc<Listing>, files: Vec<(u32, Pending, Plea)> },
    /// Digest the file that is here, then ask for it only if it is another.
    Digest { file: FileId, pending: Pending },
    /// Copy what another directory has.
    Basis { file: FileId, pending: Pending, listing: Option<Arc<Listing>> },
    /// Ask for the difference to the file that is here.
    Delta { file: FileId, pending: Pending, old: u64 },
}

pub(super) struct Worker {
    pub(super) site: Arc<Site>,
    larges: Larges,
    /// For the content of small files.
    pub(super) buffer: Vec<u8>,
    /// Of files whose digest the source was asked for.
    digests: HashMap<FileId, std::io::Result<[u8; 32]>>,
}

impl Worker {
    pub(super) fn new(site: &Arc<Site>) -> Worker {
        Worker {
            site: Arc::clone(site),
            larges: Larges::new(site),
            buffer: Vec::new(),
            digests: HashMap::new(),
        }
    }

    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            if self.site.ledger.is_stopped() {
                continue;
            }
            if let Err(error) = self.work(job) {
                self.site.stop(error);
            }
        }
    }

    fn work(&mut self, job: Job) -> Result<(), Error> {
        match job {
            Job::Copy { listing, files } => {
                for (index, pending, plea) in files {
                    self.copy(&listing, index, pending, &plea);
                }
                Ok(())
            }
            Job::Basis { file, pending, listing } => {
                self.basis(file, pending, listing);
                Ok(())
            }
            Job::Digest { file, pending } => {
                self.digest(file, pending);
                Ok(())
            }
            Job::Delta { file, pending, old } => {
                let (plea, old) = match self.old(&pending, old) {
                    Ok(known) => (Plea::Delta(old), Some(known)),
                    Err(_) => (Plea::Whole, None),
                };
                self.site.ask_for(file, pending, plea);
                match old {
                    Some(old) => self.larges.expect(file, old),
                    None => Ok(()),
                }
            }
            Job::Message(ToStandby::Files { directory, files, digest, data }) => {
                let intact = *blake3::hash(&data).as_bytes() == digest;
                self.files(directory, files, &data, intact)
            }
            Job::Message(ToStandby::Digest { file, digest }) => self.compare_digests(file, digest),
            Job::Message(ToStandby::Same { file }) => {
                let pending = self.take(file)?;
                self.same(pending);
                Ok(())
            }
            Job::Message(ToStandby::Lost { file, reason, message }) => {
                self.digests.remove(&file);
                let pending = match self.larges.forget(file) {
                    Some(pending) => pending,
                    None => self.take(file)?,
                };
                self.lost(&pending, &reason, message);
                Ok(())
            }
            Job::Message(message) => self.larges.message(message),
        }
    }

    /// What is here of a file, so many bytes in all: the partial file of an earlier run first, and
    /// what lies beyond its end in the old one.
    fn old(&self, pending: &Pending, length: u64) -> nix::Result<Old> {
        let Some(partial) = pending.partial else {
            return pending.open_old().map(|file| Old::new(file, length));
        };
        let file = self.site.partials.open(&pending.directory, &pending.name)?;
        if length <= partial {
            return Ok(Old::new(file, partial));
        }
        Ok(Old::new(file, partial).and_beyond(pending.open_old()?, length))
    }

    fn take(&self, file: FileId) -> Result<Pending, Error> {
        self.site.asked().remove(&file).ok_or_else(|| damaged("a file that was not asked for"))
    }

    pub(super) fn lost(&self, pending: &Pending, reason: &str, message: String) {
        self.site.ledger.troubled.store(true, Ordering::Relaxed);
        self.site.ledger.failed(pending.path(), reason, message);
    }

    /// The content is the same: only attributes may differ.
    pub(super) fn same(&self, mut pending: Pending) {
        if let Some(basis) = pending.basis.take() {
            if !self.linked(&pending, &basis)
                && let Some(pending) = self.copied_from(&basis, pending)
            {
                let message = "changed while it was taken from another directory; run it again";
                self.site.ledger.failed(pending.path(), "changed_while_reading", message);
            }
        } else if let Some(have) = &pending.have {
            create::attributes(&self.site, &pending.directory, &pending.entry(), have, pending.why);
        }
    }

    /// Takes a file from another directory, or else from the source.
    fn basis(&mut self, file: FileId, mut pending: Pending, listing: Option<Arc<Listing>>) {
        let Some(basis) = pending.basis.take() else { return };
        let Some(pending) = self.copied_from(&basis, pending) else { return };
        match listing {
            Some(listing) => self.copy(&listing, file.index, pending, &Plea::Whole),
            None => self.site.ask_for(file, pending, Plea::Whole),
        }
    }

    /// Links a file of another directory to its place, or leaves it out, where it is all it should be.
    fn linked(&self, pending: &Pending, basis: &Found) -> bool {
        let way = self.site.bases.get().map(|bases| bases.way);
        basis.how == Match::All
            && way.is_some_and(|way| way != Way::Copy)
            && create::taken(
                &self.site,
                &pending.directory,
                &pending.entry(),
                pending.have.as_ref(),
                basis,
            )
    }

    /// Copies a file of another directory; gives the job back where it is no longer what it was.
    fn copied_from(&self, basis: &Found, mut pending: Pending) -> Option<Pending> {
        let site = &self.site;
        let told = pending.told;
        let stamp = &told;
        let is_it = |file: &File| fstat(file).is_ok_and(|now| Stamp::of(&now) == basis.stamp);
        let Ok(file) = basis.open(&pending.name) else { return Some(pending) };
        if basis.how == Match::Name || !is_it(&file) || basis.stamp.size != stamp.size {
            return Some(pending);
        }
        if site.options.dry_run {
            would(site, &pending, stamp);
            return None;
        }
        let path = pending.path();
        let mut temporary = match site.store.begin(site, &mut pending, stamp) {
            Ok(temporary) => temporary,
            Err(error) => {
                site.failed(path, error, "cannot be written");
                return None;
            }
        };
        match temporary.output.copy(&file, stamp.size) {
            Ok(copied) if copied == stamp.size && is_it(&file) => {}
            Err(error @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS)) => {
                site.failed(path, error, "cannot be written");
                return None;
            }
            _ => return Some(pending),
        }
        site.ledger.matched.fetch_add(stamp.size, Ordering::Relaxed);
        site.finish(temporary, stamp, pending, stamp.size);
        None
    }

    fn digest(&mut self, file: FileId, pending: Pending) {
        let old = pending.open_old().map_err(std::io::Error::from);
        let site = &self.site;
        let digest = || {
            let (digest, read) = content::digest_of(&old?)?;
            site.ledger.bytes_read.fetch_add(read, Ordering::Relaxed);
            Ok(digest)
        };
        if self.site.options.verify {
            // The source digests its file while this one is digested here.
            site.ask_for(file, pending, Plea::Digest);
            self.digests.insert(file, digest());
        } else {
            let plea = digest().map_or(Plea::Whole, Plea::Unless);
            site.ask_for(file, pending, plea);
        }
    }

    fn compare_digests(&mut self, file: FileId, digest: [u8; 32]) -> Result<(), Error> {
        let pending = self.take(file)?;
        match self.digests.remove(&file) {
            Some(Ok(own)) if own == digest => self.same(pending),
            Some(Ok(_)) => would(&self.site, &pending, &pending.want),
            Some(Err(error)) => {
                let error = fs::words(sys::errno(&error));
                let message = format!("cannot be read at the destination: {error}");
                self.site.ledger.failed(pending.path(), "read_error", message);
            }
            None => return Err(damaged("a digest that was not asked for")),
        }
        Ok(())
    }

    fn files(
        &mut self,
        directory: u32,
        files: Vec<SmallFile>,
        data: &[u8],
        intact: bool,
    ) -> Result<(), Error> {
        // Nothing of a frame that is wrong may be on its way to its place when that is found.
        let told = files.iter().try_fold(0u64, |sum, small| sum.checked_add(small.stamp.size));
        if told.is_some_and(|told| told < data.len() as u64) {
            return Err(damaged("data that belongs to no file"));
        }
        let mut rest = data;
        for small in files {
            let (bytes, tail) = rest
                .split_at_checked(usize::try_from(small.stamp.size).unwrap_or(usize::MAX))
                .ok_or_else(|| damaged("a file that is cut"))?;
            rest = tail;
            let id = FileId { directory, index: small.index };
            let pending = self.take(id)?;
            if intact {
                self.small(pending, &small.stamp, bytes);
            } else {
                again(&self.site, id, pending);
            }
        }
        Ok(())
    }

    /// Writes a small file whose content is known to be right.
    pub(super) fn small(&self, mut pending: Pending, stamp: &Stamp, bytes: &[u8]) {
        if self.site.options.dry_run {
            return would(&self.site, &pending, stamp);
        }
        let begun = self.site.store.begin(&self.site, &mut pending, stamp);
        let written = begun.and_then(|mut temporary| {
            temporary.output.write(bytes)?;
            Ok(temporary)
        });
        self.site.ledger.literal.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.site.pace.spend(bytes.len() as u64);
        pending.sent = bytes.len() as u64;
        match written {
            Ok(temporary) => self.site.finish(temporary, stamp, pending, stamp.size),
            Err(error) => self.site.failed(pending.path(), error, "cannot be written"),
        }
    }
}
