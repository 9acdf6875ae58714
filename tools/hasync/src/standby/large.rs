//! Large files: they come in pieces, as they are or as the difference to the old one.

use super::Site;
use super::old::Old;
use super::pending::{self, Pending};
use super::store::Temporary;
use crate::content::{self, Sum};
use crate::delta::Reach;
use crate::entry::Stamp;
use crate::wire::{FileId, Part, ToSource, ToStandby, damaged};
use ha_json::Error;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is here is read in pieces of this size, in bytes.
const PIECE: usize = 256 << 10;

/// A file on its way.
struct Coming {
    pending: Pending,
    /// None once it failed here: what still comes of it is dropped.
    temporary: Option<Temporary>,
    sum: Sum,
    written: u64,
    stamp: Stamp,
    old: Option<Old>,
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
    ///
    /// # Errors
    /// Never, from the start of a file.
    pub(super) fn expect(&mut self, file: FileId, mut old: Old) -> Result<(), Error> {
        old.begin(&self.site, file, 0)?;
        self.expected.insert(file, old);
        Ok(())
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
                coming.sum.update(&data);
                let result = coming.write(&data);
                self.check(file, result);
                Ok(())
            }
            ToStandby::Zeros { file, length } => {
                let site = Arc::clone(&self.site);
                let coming = self.coming(file)?;
                coming.take(length)?;
                site.ledger.done(0, length);
                coming.sum.zeros(length);
                let result = match &mut coming.temporary {
                    Some(temporary) => temporary.output.zeros(length, || !site.ledger.is_stopped()),
                    None => Ok(()),
                };
                self.check(file, result);
                Ok(())
            }
            ToStandby::Segment { file, pieces, data } => self.segment(file, &pieces, &data),
            ToStandby::AskBlocks { file, offset } => {
                let site = Arc::clone(&self.site);
                self.old(file)?.begin(&site, file, offset)
            }
            ToStandby::AskRolling { file, offset, length, far } => {
                self.rolling(file, offset, length, far)
            }
            ToStandby::Close { file, digest } => self.close(file, &digest),
            _ => Err(damaged("a message out of place")),
        }
    }

    fn coming(&mut self, file: FileId) -> Result<&mut Coming, Error> {
        self.coming.get_mut(&file).ok_or_else(|| damaged("content of a file that is not open"))
    }

    fn open(&mut self, file: FileId, stamp: Stamp, from: u64) -> Result<(), Error> {
        let old = self.expected.remove(&file);
        let mut pending = match self.coming.remove(&file) {
            Some(before) => before.pending,
            None => self
                .site
                .asked()
                .remove(&file)
                .ok_or_else(|| damaged("a file that was not asked for"))?,
        };
        if self.site.options.dry_run {
            pending::would(&self.site, &pending, &stamp);
            return Ok(());
        }
        if from > 0 && (pending.append != Some(from) || from > stamp.size) {
            return Err(damaged("the rest of a file whose beginning is not here"));
        }
        let (temporary, result) = match self.site.store.begin(&self.site, &mut pending, &stamp) {
            Ok(temporary) => (Some(temporary), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let sum = Sum::default();
        let mut coming = Coming { pending, temporary, sum, written: 0, stamp, old };
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

    /// Puts a segment together and writes it in one piece.
    fn segment(&mut self, file: FileId, pieces: &[Part], data: &[u8]) -> Result<(), Error> {
        let site = Arc::clone(&self.site);
        let mut buffer = std::mem::take(&mut self.buffer);
        let coming = self.coming(file)?;
        let Coming { pending, temporary, sum, written, old, stamp } = coming;
        let Some(old) = old else { return Err(damaged("a segment of no difference")) };
        let (length, result) = old.assemble(*written, pieces, data, &mut buffer, |segment| {
            sum.update(segment);
            let result = match temporary {
                Some(temporary) => temporary.output.write(segment),
                None => Ok(()),
            };
            (segment.len() as u64, result)
        })?;
        *written += length;
        if *written > stamp.size {
            return Err(damaged("more of a file than it said"));
        }
        old.go_on(&site, file);
        let literal = data.len() as u64;
        pending.sent += literal;
        site.ledger.literal.fetch_add(literal, Ordering::Relaxed);
        site.ledger.matched.fetch_add(length - literal, Ordering::Relaxed);
        site.ledger.done(0, length);
        self.buffer = buffer;
        self.check(file, result);
        Ok(())
    }

    fn rolling(&mut self, file: FileId, offset: u64, length: u64, far: bool) -> Result<(), Error> {
        let reach = if far { Reach::Far } else { Reach::Near };
        let signature = self.old(file)?.sign(reach, offset, length)?;
        self.site.ledger.bytes_read.fetch_add(length, Ordering::Relaxed);
        self.site.ask(ToSource::Rolling { file, signature });
        Ok(())
    }

    fn old(&mut self, file: FileId) -> Result<&mut Old, Error> {
        let old = &mut self.coming(file)?.old;
        old.as_mut().ok_or_else(|| damaged("a segment of no difference"))
    }

    fn close(&mut self, file: FileId, digest: &[u8; 32]) -> Result<(), Error> {
        let coming = self
            .coming
            .remove(&file)
            .ok_or_else(|| damaged("the end of a file that is not open"))?;
        let Coming { pending, temporary, sum, written, stamp, .. } = coming;
        // Without a temporary it has failed, and that was told.
        let Some(temporary) = temporary else { return Ok(()) };
        if sum.finish() != *digest || written != stamp.size {
            drop(temporary);
            pending::again(&self.site, file, pending);
            return Ok(());
        }
        self.site.finish(temporary, &stamp, pending, 0);
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
            self.sum.update(buffer);
            done += piece as u64;
        }
        self.written = length;
        temporary.output.keep(length)
    }

    fn write(&mut self, data: &[u8]) -> nix::Result<()> {
        match &mut self.temporary {
            Some(temporary) => temporary.output.write(data),
            None => Ok(()),
        }
    }
}
