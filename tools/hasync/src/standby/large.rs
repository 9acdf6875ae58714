//! Large files: they come in pieces, as they are or as the difference to the old one.

use super::Site;
use super::store::Temporary;
use super::worker::{self, Pending};
use crate::content::{self, Sum};
use crate::delta::{self, SEGMENT, SLACK};
use crate::entry::Stamp;
use crate::wire::{FileId, Part, ToSource, ToStandby, damaged};
use ha_json::Error;
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Block hashes are sent so many segments ahead.
const AHEAD: u64 = 4;
const PIECE: usize = 256 << 10;

/// The file that is here, for a difference to it.
#[derive(Debug)]
pub(super) struct Old {
    file: File,
    length: u64,
    /// Where the next segment begins whose hashes are to be sent.
    next: u64,
}

impl Old {
    pub(super) fn new(file: File, length: u64) -> Old {
        Old { file, length, next: 0 }
    }

    /// Reads a part of it. What cannot be read is zeros: the digest will tell, and the file comes
    /// whole.
    fn read(&self, offset: u64, buffer: &mut [u8]) {
        let read = content::read_at(&self.file, buffer, offset).unwrap_or(0);
        buffer[read..].fill(0);
    }
}

/// A file on its way.
struct Coming {
    pending: Pending,
    /// None once it failed here: what still comes of it is dropped.
    temporary: Option<Temporary>,
    hash: Sum,
    written: u64,
    stamp: Stamp,
    old: Option<Old>,
    /// Of a file that is written where it stands: what is to be written once nothing more of what
    /// it will lie over is read.
    held: Vec<u8>,
}

/// The large files of one worker.
pub(super) struct Larges {
    site: Arc<Site>,
    expected: HashMap<FileId, Old>,
    coming: HashMap<FileId, Coming>,
    /// A segment being put together.
    buffer: Vec<u8>,
}

impl Larges {
    pub(super) fn new(site: &Arc<Site>) -> Larges {
        Larges {
            site: Arc::clone(site),
            expected: HashMap::new(),
            coming: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    /// Sends the first hashes of the old file of one whose difference was asked for.
    pub(super) fn expect(&mut self, file: FileId, mut old: Old) {
        for _ in 0..AHEAD {
            send_blocks(&self.site, file, &mut old);
        }
        self.expected.insert(file, old);
    }

    /// Gives up a file that the source could not read to its end.
    pub(super) fn forget(&mut self, file: FileId) -> Option<Pending> {
        self.expected.remove(&file);
        self.coming.remove(&file).map(|coming| coming.pending)
    }

    /// Takes the next piece of a file.
    ///
    /// # Errors
    /// When it is none that may come.
    pub(super) fn message(&mut self, message: ToStandby) -> Result<(), Error> {
        match message {
            ToStandby::Open { file, stamp, from } => self.open(file, stamp, from),
            ToStandby::Data { file, data } => {
                let site = Arc::clone(&self.site);
                self.site.ledger.literal.fetch_add(data.len() as u64, Ordering::Relaxed);
                let coming = self.coming(file)?;
                coming.take(data.len() as u64)?;
                coming.pending.sent += data.len() as u64;
                site.ledger.done(0, data.len() as u64);
                coming.hash.update(&data);
                let result = coming.write(&data);
                self.check(file, result);
                Ok(())
            }
            ToStandby::Zeros { file, length } => {
                let site = Arc::clone(&self.site);
                let coming = self.coming(file)?;
                coming.take(length)?;
                site.ledger.done(0, length);
                coming.hash.zeros(length);
                let result = match &mut coming.temporary {
                    Some(temporary) => temporary.output.zeros(length, || !site.ledger.is_stopped()),
                    None => Ok(()),
                };
                self.check(file, result);
                Ok(())
            }
            ToStandby::Copy { file, offset, length } => self.copy(file, offset, length),
            ToStandby::SegmentDone { file } => {
                let site = Arc::clone(&self.site);
                let coming = self.coming(file)?;
                let Some(old) = &mut coming.old else {
                    return Err(damaged("a segment of no difference"));
                };
                send_blocks(&site, file, old);
                let result = coming.settle();
                self.check(file, result);
                Ok(())
            }
            ToStandby::Segment { file, pieces, data } => self.segment(file, &pieces, &data),
            ToStandby::AskRolling { file, offset, length } => self.rolling(file, offset, length),
            ToStandby::Close { file, digest } => self.close(file, &digest),
            _ => Err(damaged("a message out of place")),
        }
    }

    fn coming(&mut self, file: FileId) -> Result<&mut Coming, Error> {
        self.coming.get_mut(&file).ok_or_else(|| damaged("content of a file that is not open"))
    }

    fn open(&mut self, file: FileId, stamp: Stamp, from: u64) -> Result<(), Error> {
        let old = self.expected.remove(&file);
        let pending = match self.coming.remove(&file) {
            Some(before) => before.pending,
            None => self
                .site
                .asked()
                .remove(&file)
                .ok_or_else(|| damaged("a file that was not asked for"))?,
        };
        if self.site.options.dry_run {
            worker::would(&self.site, &pending, &stamp);
            return Ok(());
        }
        if from > 0 && (pending.append != Some(from) || from > stamp.size) {
            return Err(damaged("the rest of a file whose beginning is not here"));
        }
        let (temporary, result) = match self.site.store.begin(&self.site, &pending, &stamp) {
            Ok(temporary) => (Some(temporary), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let hash = Sum::default();
        let held = Vec::new();
        let mut coming = Coming { pending, temporary, hash, written: 0, stamp, old, held };
        let result = result.and_then(|()| coming.keep(from));
        self.site.ledger.bytes_read.fetch_add(from, Ordering::Relaxed);
        self.site.ledger.matched.fetch_add(from, Ordering::Relaxed);
        self.site.ledger.done(0, from);
        self.coming.insert(file, coming);
        self.check(file, result);
        Ok(())
    }

    /// Tells of a failure to write, once; the rest of the file is dropped as it comes.
    fn check(&mut self, file: FileId, result: nix::Result<()>) {
        if let (Err(error), Some(coming)) = (result, self.coming.get_mut(&file)) {
            coming.temporary = None;
            self.site.failed(coming.pending.path(), error, "cannot be written");
        }
    }

    fn copy(&mut self, file: FileId, offset: u64, length: u64) -> Result<(), Error> {
        self.site.ledger.matched.fetch_add(length, Ordering::Relaxed);
        self.site.ledger.bytes_read.fetch_add(length, Ordering::Relaxed);
        let site = Arc::clone(&self.site);
        let coming = self.coming(file)?;
        let inside = coming
            .old
            .as_ref()
            .is_some_and(|old| offset.checked_add(length).is_some_and(|end| end <= old.length));
        if !inside {
            return Err(damaged("a copy of what is not there"));
        }
        coming.take(length)?;
        site.ledger.done(0, length);
        let mut buffer = vec![0; PIECE.min(length as usize)];
        let mut done = 0;
        let mut result = Ok(());
        while done < length && result.is_ok() {
            let piece = buffer.len().min((length - done) as usize);
            let buffer = &mut buffer[..piece];
            if let Some(old) = &coming.old {
                old.read(offset + done, buffer);
            }
            coming.hash.update(buffer);
            result = coming.write(buffer);
            done += piece as u64;
        }
        self.check(file, result);
        Ok(())
    }

    /// Puts a segment together and writes it in one piece.
    fn segment(&mut self, file: FileId, pieces: &[Part], data: &[u8]) -> Result<(), Error> {
        let site = Arc::clone(&self.site);
        let mut buffer = std::mem::take(&mut self.buffer);
        let coming = self.coming(file)?;
        let Some(old) = &mut coming.old else { return Err(damaged("a segment of no difference")) };
        let mut rest = data;
        let mut at = 0;
        for piece in pieces {
            let (Part::Old { length, .. } | Part::New { length }) = *piece;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let end = at + length.min(SEGMENT + 1);
            if end > SEGMENT {
                return Err(damaged("a segment that is too long"));
            }
            if buffer.len() < end {
                buffer.resize(end, 0);
            }
            let place = &mut buffer[at..end];
            match *piece {
                Part::Old { offset, length } => {
                    if offset.checked_add(length).is_none_or(|end| end > old.length) {
                        return Err(damaged("a copy of what is not there"));
                    }
                    old.read(offset, place);
                }
                Part::New { .. } => {
                    let (new, tail) = rest
                        .split_at_checked(length)
                        .ok_or_else(|| damaged("a segment that is cut"))?;
                    place.copy_from_slice(new);
                    rest = tail;
                }
            }
            at = end;
        }
        if !rest.is_empty() {
            return Err(damaged("data that belongs to no piece"));
        }
        send_blocks(&site, file, old);
        coming.take(at as u64)?;
        coming.pending.sent += data.len() as u64;
        coming.hash.update(&buffer[..at]);
        let result = coming.write(&buffer[..at]).and_then(|()| coming.settle());
        site.ledger.literal.fetch_add(data.len() as u64, Ordering::Relaxed);
        site.ledger.matched.fetch_add((at - data.len()) as u64, Ordering::Relaxed);
        site.ledger.bytes_read.fetch_add((at - data.len()) as u64, Ordering::Relaxed);
        site.ledger.done(0, at as u64);
        self.buffer = buffer;
        self.check(file, result);
        Ok(())
    }

    fn rolling(&mut self, file: FileId, offset: u64, length: u64) -> Result<(), Error> {
        let coming = self.coming(file)?;
        let Some(old) = &coming.old else { return Err(damaged("a segment of no difference")) };
        let fits = length <= (SEGMENT + 2 * SLACK) as u64
            && offset.checked_add(length).is_some_and(|end| end <= old.length);
        if !fits {
            return Err(damaged("a window beyond the old file"));
        }
        let mut window = vec![0; length as usize];
        old.read(offset, &mut window);
        let signature = delta::rolling_signature(&window);
        self.site.ledger.bytes_read.fetch_add(length, Ordering::Relaxed);
        self.site.ask(ToSource::Rolling { file, signature });
        Ok(())
    }

    fn close(&mut self, file: FileId, digest: &[u8; 32]) -> Result<(), Error> {
        let mut coming = self
            .coming
            .remove(&file)
            .ok_or_else(|| damaged("the end of a file that is not open"))?;
        if let Err(error) = coming.settle() {
            self.site.failed(coming.pending.path(), error, "cannot be written");
            return Ok(());
        }
        let Coming { pending, temporary, hash, written, stamp, .. } = coming;
        // Without a temporary it has failed, and that was told.
        let Some(temporary) = temporary else { return Ok(()) };
        if hash.finish() != *digest || written != stamp.size {
            drop(temporary);
            worker::again(&self.site, file, pending);
            return Ok(());
        }
        let path = pending.path();
        match self.site.store.finish(&self.site, temporary, &stamp, pending) {
            Ok(()) => self.site.ledger.done(1, 0),
            Err(error) => self.site.failed(path, error, "cannot be written"),
        }
        Ok(())
    }
}

impl Coming {
    fn take(&mut self, length: u64) -> Result<(), Error> {
        self.written = self
            .written
            .checked_add(length)
            .filter(|written| *written <= self.stamp.size)
            .ok_or_else(|| damaged("more of a file than it said"))?;
        Ok(())
    }

    /// Takes so many bytes of the file that is here, which is written where it stands.
    fn keep(&mut self, length: u64) -> nix::Result<()> {
        let Some(temporary) = self.temporary.as_mut().filter(|_| length > 0) else { return Ok(()) };
        let mut buffer = vec![0; PIECE];
        let mut done = 0;
        while done < length {
            let piece = buffer.len().min(usize::try_from(length - done).unwrap_or(PIECE));
            let buffer = &mut buffer[..piece];
            // What is no longer there is zeros: the digest will tell.
            let read = content::read_at(temporary.output.file(), buffer, done).unwrap_or(0);
            buffer[read..].fill(0);
            self.hash.update(buffer);
            done += piece as u64;
        }
        self.written = length;
        temporary.output.keep(length)
    }

    /// Writes what was held.
    fn settle(&mut self) -> nix::Result<()> {
        let held = std::mem::take(&mut self.held);
        match &mut self.temporary {
            Some(temporary) if !held.is_empty() => temporary.output.write(&held),
            _ => Ok(()),
        }
    }

    fn write(&mut self, data: &[u8]) -> nix::Result<()> {
        let holds =
            self.old.is_some() && self.temporary.as_ref().is_some_and(Temporary::is_in_place);
        if holds && self.held.len() + data.len() <= SEGMENT {
            self.held.extend_from_slice(data);
            return Ok(());
        }
        self.settle()?;
        match &mut self.temporary {
            Some(temporary) => temporary.output.write(data),
            None => Ok(()),
        }
    }
}

fn send_blocks(site: &Site, file: FileId, old: &mut Old) {
    if old.next >= old.length {
        return;
    }
    let length = SEGMENT.min(usize::try_from(old.length - old.next).unwrap_or(SEGMENT));
    let mut segment = vec![0; length];
    old.read(old.next, &mut segment);
    site.ledger.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
    old.next += length as u64;
    site.ask(ToSource::Blocks { file, hashes: delta::block_hashes(&segment) });
}
