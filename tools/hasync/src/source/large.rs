//! A large file: in pieces, or by its differences from what the standby has.

use super::file::{self, ATTEMPTS, Loss};
use super::listing::Listing;
use super::reader::{DeltaInput, Gone, Reader};
use super::readings::{Piece, SharedSum, Version};
use crate::content;
use crate::entry::Stamp;
use crate::sys;
use crate::wire::{FileId, MOST_ZEROS, Payload, ToStandby, buffer};
use nix::sys::stat::fstat;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// A piece, in bytes.
const PIECE: usize = 256 << 10;

/// A file that is open, in the state that it has then.
struct Opened<'a> {
    file: &'a File,
    version: Version,
    /// Its runs of zeros are told.
    holes: bool,
    /// Up to there nothing but data is known to lie.
    hole: u64,
}

impl Reader {
    /// Sends a large file, as a delta where the standby's blocks come; again when it changes.
    pub(super) fn large(
        &mut self,
        listing: &Listing,
        id: FileId,
        unless: Option<[u8; 32]>,
        delta: Option<&DeltaInput>,
        from: u64,
    ) -> Result<(), Gone> {
        for attempt in 0..ATTEMPTS {
            file::pause(attempt);
            let opened = file::open(listing, id.index);
            let (file, before) = match opened {
                Ok(opened) => opened,
                Err(loss) => return self.lost(id, loss),
            };
            let (stamp, version) = (Stamp::of(&before), Version::new(&before));
            if let Some(digest) = unless
                && self.known_digest(&file, &version) == Some(digest)
            {
                return match file::check_expected(listing, id.index, stamp.size, &digest) {
                    Ok(()) => self.send(ToStandby::Same { file: id }),
                    Err(loss) => self.lost(id, loss),
                };
            }
            let from = if attempt == 0 && from <= stamp.size { from } else { 0 };
            self.send(ToStandby::Open { file: id, stamp, from })?;
            if self.source.options.dry_run {
                return Ok(());
            }
            let sent = match delta {
                Some(input) if attempt == 0 => {
                    let sum = self.sum(&version, false);
                    self.segments(&file, id, stamp.size, input, &sum)?
                }
                // A record names the digest of the content, which the sum is not where holes are told.
                _ => {
                    let holes = listing.expected(id.index).is_none();
                    let opened = Opened { file: &file, version, holes, hole: 0 };
                    self.whole(opened, id, from..stamp.size)?
                }
            };
            let digest = match sent {
                Ok(digest) => digest,
                Err(loss) => return self.lost(id, loss),
            };
            match (digest, fstat(&file)) {
                (Some(digest), Ok(after)) if file::is_unchanged(&before, &after) => {
                    return match file::check_expected(listing, id.index, stamp.size, &digest) {
                        Ok(()) => self.send(ToStandby::Close { file: id, digest }),
                        Err(loss) => self.lost(id, loss),
                    };
                }
                _ => {}
            }
        }
        self.lost(id, Loss::changing())
    }

    /// Tells the digest of a file in one state.
    pub(super) fn tell_digest(&mut self, listing: &Listing, file: FileId) -> Result<(), Gone> {
        for attempt in 0..ATTEMPTS {
            file::pause(attempt);
            let (content, before) = match file::open(listing, file.index) {
                Ok(opened) => opened,
                Err(loss) => return self.lost(file, loss),
            };
            match (self.digest(&content), fstat(&content)) {
                (Err(error), _) => return self.lost(file, Loss::read(sys::errno(&error))),
                (Ok(digest), Ok(after)) if file::is_unchanged(&before, &after) => {
                    return self.send(ToStandby::Digest { file, digest });
                }
                _ => {}
            }
        }
        self.lost(file, Loss::changing())
    }

    fn digest(&mut self, file: &File) -> std::io::Result<[u8; 32]> {
        let (digest, read) = content::digest_of(file)?;
        self.totals.bytes_read += read;
        Ok(digest)
    }

    fn known_digest(&mut self, file: &File, version: &Version) -> Option<[u8; 32]> {
        let source = Arc::clone(&self.source);
        match &source.readings {
            Some(readings) => readings.digest(version, || self.digest(file).ok()),
            None => self.digest(file).ok(),
        }
    }

    fn sum(&self, version: &Version, holes: bool) -> Arc<SharedSum> {
        match &self.source.readings {
            Some(readings) => readings.sum(version, holes),
            None => Arc::default(),
        }
    }

    /// Sends a part of the content, up to its end, and tells its holes where that is wanted; gives the
    /// sum of it all, or none when the file was shorter or longer than it said.
    fn whole(
        &mut self,
        mut opened: Opened<'_>,
        id: FileId,
        part: Range<u64>,
    ) -> Result<Result<Option<[u8; 32]>, Loss>, Gone> {
        // What is not sent counts as data, zeros or not.
        let sum = match part.start {
            0 => self.sum(&opened.version, opened.holes),
            _ => Arc::default(),
        };
        let size = part.end;
        let mut sent = 0;
        while sent < part.start {
            match self.data(opened.file, sent, part.start) {
                Ok(Some(data)) => {
                    sum.update(sent, &data);
                    sent += data.len() as u64;
                }
                Ok(None) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Loss::read(error))),
            }
        }
        while sent < size {
            match self.piece(&mut opened, sent, size) {
                Ok(Some(Piece::Zeros(length))) => {
                    sum.zeros(sent, length);
                    sent += length;
                    self.send(ToStandby::Zeros { file: id, length })?;
                }
                Ok(Some(Piece::Data(data))) => {
                    sum.update(sent, &data);
                    sent += data.len() as u64;
                    self.send(ToStandby::Data { file: id, data })?;
                }
                Ok(None) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Loss::read(error))),
            }
        }
        Ok(Ok(sum.finish(size)))
    }

    /// What comes next; `None` where the file is shorter.
    fn piece(&mut self, opened: &mut Opened<'_>, at: u64, size: u64) -> nix::Result<Option<Piece>> {
        let source = Arc::clone(&self.source);
        if let Some(readings) = &source.readings {
            let version = opened.version.clone();
            let read = || self.read_piece(opened, at, size).ok().flatten();
            if let Some(piece) = readings.piece(version, at, read) {
                return Ok(Some(piece));
            }
        }
        self.read_piece(opened, at, size)
    }

    fn read_piece(
        &mut self,
        opened: &mut Opened<'_>,
        at: u64,
        size: u64,
    ) -> nix::Result<Option<Piece>> {
        if at >= opened.hole {
            let data = match opened.holes {
                true => sys::next_data(opened.file, at)?.unwrap_or(size).min(size),
                false => at,
            };
            if data - at >= PIECE as u64 {
                return Ok(Some(Piece::Zeros((data - at).min(MOST_ZEROS))));
            }
            opened.hole = match opened.holes {
                true => sys::next_hole(opened.file, data).unwrap_or(u64::MAX),
                false => size,
            };
        }
        Ok(self.data(opened.file, at, size)?.map(Piece::Data))
    }

    fn data(&mut self, file: &File, at: u64, end: u64) -> nix::Result<Option<Payload>> {
        let length = PIECE.min(usize::try_from(end - at).unwrap_or(PIECE));
        let mut data = buffer(PIECE);
        let read = content::read_at(file, &mut data[..length], at);
        if read.map_err(|error| sys::errno(&error))? < length {
            return Ok(None);
        }
        self.totals.bytes_read += length as u64;
        Ok(Some(Payload::head(data, length)))
    }
}
