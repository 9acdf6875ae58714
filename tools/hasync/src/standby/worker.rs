//! The workers: they write what comes, and copy where the source is in this process.

use super::Site;
use super::basis::{Found, Match, Way};
use super::create;
use super::credit::Credit;
use super::directory::Directory;
use super::large::Larges;
use super::old::Old;
use super::output::MOST_AT_ONCE;
use crate::SMALL;
use crate::content;
use crate::entry::{Entry, Kind, Stamp};
use crate::extra::Extra;
use crate::fs;
use crate::source::{self, Listing, Loss};
use crate::sys;
use crate::wire::{FileId, Plea, SmallFile, ToSource, ToStandby, Why, damaged};
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use std::collections::HashMap;
use std::fs::File;
use std::io::Seek;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};

/// A file that was asked for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) directory: Arc<Directory>,
    pub(super) name: Vec<u8>,
    /// As the source listed it, with owners as they are here.
    pub(super) want: Stamp,
    /// As the source listed it.
    pub(super) told: Stamp,
    pub(super) have: Option<Stamp>,
    /// What it shall have beside its stamp.
    pub(super) extra: Option<Box<Extra>>,
    /// A file of another directory that takes the place of one that is here.
    pub(super) basis: Option<Box<Found>>,
    pub(super) why: Why,
    /// Bytes of content that came from the source.
    pub(super) sent: u64,
    /// Something of it could not be kept.
    pub(super) flawed: bool,
    /// There is a partial file of an earlier run, so long, in bytes.
    pub(super) partial: Option<u64>,
    /// The file here is so long, in bytes, and what the source has beyond that is asked for.
    pub(super) append: Option<u64>,
    /// How often it came and was not what its digest said.
    pub(super) tries: u32,
    pub(super) credit: Option<Arc<Credit>>,
    /// Kept for what dropping it does.
    #[allow(dead_code)]
    pub(super) hold: Option<Arc<Hold>>,
}

impl Pending {
    pub(super) fn kind(&self) -> Kind {
        self.want.kind
    }

    pub(super) fn path(&self) -> Vec<u8> {
        self.directory.path_of(&self.name)
    }

    fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            stamp: self.want,
            target: Vec::new(),
            implied: false,
            extra: self.extra.clone(),
        }
    }

    /// The file that is here now, open for reading.
    pub(super) fn open_old(&self) -> nix::Result<File> {
        if let Some(basis) = &self.basis {
            return basis.open(&self.name);
        }
        let fd = self.directory.fd().ok_or(Errno::ENOENT)?;
        let quietly = self.extra.as_ref().is_some_and(|extra| extra.atime.is_some());
        fs::open_to_read(fd, &self.name, OFlag::O_NOFOLLOW, quietly)
    }
}

/// While it is held, the source keeps a directory's list; then it is told to let go.
#[derive(Debug)]
pub(crate) struct Hold {
    source: Sender<ToSource>,
    directory: u32,
}

impl Hold {
    pub(super) fn new(site: &Site, directory: u32) -> Hold {
        Hold { source: site.source.clone(), directory }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = self.source.send(ToSource::Release { directory: self.directory });
    }
}

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
    site: Arc<Site>,
    larges: Larges,
    /// For the content of small files.
    buffer: Vec<u8>,
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

    fn lost(&self, pending: &Pending, reason: &str, message: String) {
        self.site.ledger.troubled.store(true, Ordering::Relaxed);
        self.site.ledger.failed(pending.path(), reason, message);
    }

    /// The content is the same: only attributes may differ.
    fn same(&self, mut pending: Pending) {
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
            && create::taken(&self.site, &pending.directory, &pending.entry(), basis)
    }

    /// Copies a file of another directory; gives the job back where it is no longer what it was.
    fn copied_from(&self, basis: &Found, pending: Pending) -> Option<Pending> {
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
        let mut temporary = match site.store.begin(site, &pending, stamp) {
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
    fn small(&self, mut pending: Pending, stamp: &Stamp, bytes: &[u8]) {
        if self.site.options.dry_run {
            return would(&self.site, &pending, stamp);
        }
        let begun = self.site.store.begin(&self.site, &pending, stamp);
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

    fn copy(&mut self, listing: &Listing, index: u32, pending: Pending, plea: &Plea) {
        let site = &self.site;
        if site.ledger.is_stopped() {
            return;
        }
        if matches!(plea, Plea::Unless(_)) {
            match self.compare_content(listing, index, &pending) {
                Ok(true) => return self.same(pending),
                Ok(false) => {}
                Err(loss) => return self.lost(&pending, loss.reason, loss.message),
            }
        }
        if site.options.dry_run {
            return would(site, &pending, &pending.want);
        }
        let mut data = std::mem::take(&mut self.buffer);
        let limit = if pending.want.size > SMALL { 0 } else { SMALL };
        let read = source::read_whole(listing, index, limit, &mut data, 0);
        self.copied(listing, index, pending, read, &data);
        self.buffer = data;
    }

    fn copied(
        &self,
        listing: &Listing,
        index: u32,
        pending: Pending,
        read: Result<Option<Stamp>, Loss>,
        data: &[u8],
    ) {
        let site = &self.site;
        match read {
            Ok(Some(stamp)) => {
                site.ledger.bytes_read.fetch_add(stamp.size, Ordering::Relaxed);
                let data = &data[..stamp.size as usize];
                let expected = || *blake3::hash(data).as_bytes();
                if listing.expected(index).is_some()
                    && let Err(loss) =
                        source::check_expected(listing, index, stamp.size, &expected())
                {
                    return self.lost(&pending, loss.reason, loss.message);
                }
                self.small(pending, &stamp, data);
            }
            Ok(None) => self.copy_large(listing, index, pending),
            Err(loss) => self.lost(&pending, loss.reason, loss.message),
        }
    }

    fn compare_content(
        &self,
        listing: &Listing,
        index: u32,
        pending: &Pending,
    ) -> Result<bool, Loss> {
        if listing.expected(index).is_none() {
            return self.compare_bytes(listing, index, pending);
        }
        let (file, _) = source::open_file(listing, index)?;
        let read = |file: &File| {
            let (digest, read) =
                content::digest_of(file).map_err(|error| Loss::read(sys::errno(&error)))?;
            self.site.ledger.bytes_read.fetch_add(read, Ordering::Relaxed);
            Ok((digest, read))
        };
        let (wanted, size) = read(&file)?;
        source::check_expected(listing, index, size, &wanted)?;
        // A file here that cannot be read is another file.
        let Ok(old) = pending.open_old() else { return Ok(false) };
        Ok(read(&old).is_ok_and(|(digest, _)| digest == wanted))
    }

    /// Compares a file with that of the source in this process, byte by byte.
    fn compare_bytes(
        &self,
        listing: &Listing,
        index: u32,
        pending: &Pending,
    ) -> Result<bool, Loss> {
        for attempt in 0..source::ATTEMPTS {
            source::pause(attempt);
            let (file, before) = source::open_file(listing, index)?;
            let old = match pending.open_old() {
                Ok(old) => old,
                Err(error) if self.site.options.verify => {
                    let message =
                        format!("cannot be read at the destination: {}", fs::words(error));
                    return Err(Loss::new("read_error", message));
                }
                // A file here that cannot be read is another file.
                Err(_) => return Ok(false),
            };
            let (equal, read) = content::equal(&file, &old, u64::MAX)
                .map_err(|error| Loss::read(sys::errno(&error)))?;
            self.site.ledger.bytes_read.fetch_add(read, Ordering::Relaxed);
            if fstat(&file).is_ok_and(|now| source::is_unchanged(&before, &now)) {
                return Ok(equal);
            }
        }
        Err(Loss::changing())
    }

    /// Copies a large file inside this machine; the kernel does the work.
    fn copy_large(&self, listing: &Listing, index: u32, mut pending: Pending) {
        let site = &self.site;
        let path = pending.path();
        for attempt in 0..source::ATTEMPTS {
            source::pause(attempt);
            let (file, before) = match source::open_file(listing, index) {
                Ok(opened) => opened,
                Err(loss) => return self.lost(&pending, loss.reason, loss.message),
            };
            let stamp = Stamp::of(&before);
            let mut temporary = match self.site.store.begin(site, &pending, &stamp) {
                Ok(temporary) => temporary,
                Err(error) => return self.site.failed(path, error, "cannot be written"),
            };
            if attempt == 0
                && let Some(from) = pending.append.filter(|from| *from <= stamp.size)
                && content::equal(&file, temporary.output.file(), from)
                    .is_ok_and(|(equal, read)| equal && read == from * 2)
                && let Err(error) =
                    rewind_to(&file, from).and_then(|()| temporary.output.keep(from))
            {
                return self.site.failed(path, error, "cannot be written");
            }
            let copied = match self.site.pace.copy(&file, &mut temporary.output, stamp.size) {
                Ok(copied) => copied,
                Err(error @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS)) => {
                    return self.site.failed(path, error, "cannot be written");
                }
                // The kernel does not say which side it was: one that reads is not the bad one.
                Err(error @ Errno::EIO) if reads(&file, temporary.output.at()) => {
                    return self.site.failed(path, error, "cannot be written");
                }
                Err(error) => {
                    let loss = Loss::read(error);
                    return self.lost(&pending, loss.reason, loss.message);
                }
            };
            self.site.ledger.bytes_read.fetch_add(copied.data, Ordering::Relaxed);
            let unchanged = fstat(&file).is_ok_and(|now| source::is_unchanged(&before, &now));
            if copied.length != stamp.size || !unchanged {
                continue;
            }
            if listing.expected(index).is_some() {
                // What was written is what is judged.
                let digest = content::digest_of(temporary.output.file());
                let loss = match digest {
                    Ok((digest, _)) => {
                        source::check_expected(listing, index, stamp.size, &digest).err()
                    }
                    Err(error) => Some(Loss::read(sys::errno(&error))),
                };
                if let Some(loss) = loss {
                    return self.lost(&pending, loss.reason, loss.message);
                }
            }
            self.site.ledger.literal.fetch_add(copied.data, Ordering::Relaxed);
            pending.sent = copied.data;
            return site.finish(temporary, &stamp, pending, stamp.size);
        }
        let loss = Loss::changing();
        self.lost(&pending, loss.reason, loss.message);
    }
}

/// True when what is copied at once can be read from there.
fn reads(file: &File, offset: u64) -> bool {
    let mut buffer = vec![0; SMALL as usize];
    let end = offset.saturating_add(MOST_AT_ONCE);
    let mut at = offset;
    while at < end {
        match content::read_at(file, &mut buffer, at) {
            Ok(0) => return true,
            Ok(read) => at += read as u64,
            Err(_) => return false,
        }
    }
    true
}

fn rewind_to(mut file: &File, offset: u64) -> nix::Result<()> {
    file.seek(std::io::SeekFrom::Start(offset)).map(drop).map_err(|error| sys::errno(&error))
}

/// What a dry run tells of a file that would be written.
pub(super) fn would(site: &Site, pending: &Pending, stamp: &Stamp) {
    use crate::wire::{Action, Change, Details};
    let action = match pending.have {
        Some(have) if have.kind == Kind::File => Action::Update,
        _ => Action::Create,
    };
    let mut why = pending.why;
    why.add(Why::CONTENT, true);
    let details = Details::of(*stamp, b"");
    let (path, kind, size) = (|| pending.path(), Kind::File, stamp.size);
    let change = || Change { path: path(), kind, action, why, size, details };
    site.ledger.changed(change, action);
}

/// Asks for a file again that did not come as its digest says; a second time it is given up.
pub(super) fn again(site: &Site, file: FileId, mut pending: Pending) {
    pending.tries += 1;
    pending.append = None;
    if pending.tries > 1 {
        let message = "came twice with another content than its digest says";
        site.ledger.troubled.store(true, Ordering::Relaxed);
        site.ledger.failed(pending.path(), "digest_mismatch", message);
        return;
    }
    site.ask_for(file, pending, Plea::Whole);
}
