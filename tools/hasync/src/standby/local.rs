//! The worker where the source is in this process: the files are compared and copied here.

use super::output::MOST_AT_ONCE;
use super::pending::{Pending, would};
use super::worker::Worker;
use crate::SMALL;
use crate::content;
use crate::entry::Stamp;
use crate::fs;
use crate::source::{self, Listing, Loss};
use crate::sys;
use crate::wire::Plea;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use std::fs::File;
use std::io::Seek;
use std::sync::atomic::Ordering;

impl Worker {
    pub(super) fn copy(&mut self, listing: &Listing, index: u32, pending: Pending, plea: &Plea) {
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
            let mut temporary = match self.site.store.begin(site, &mut pending, &stamp) {
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
