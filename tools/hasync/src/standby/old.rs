//! The file that is here, for a difference to it.

use super::Site;
use crate::content;
use crate::delta::{self, AHEAD, BLOCK, Reach, SEGMENT};
use crate::wire::{FileId, Part, ToSource, damaged};
use ha_json::Error;
use std::collections::VecDeque;
use std::fs::File;
use std::sync::atomic::Ordering;

/// The old file, and the part of it whose hashes the source knows and has not used.
#[derive(Debug)]
pub(super) struct Old {
    file: File,
    /// How much of it counts: what lies beyond is that of another file, where there is one.
    own: u64,
    beyond: Option<File>,
    pub(super) length: u64,
    /// Where the next segment begins whose hashes are to be sent.
    next: u64,
    /// Segments that were hashed: most of a new file is put together from them, unread.
    kept: VecDeque<Kept>,
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Kept {
    offset: u64,
    data: Vec<u8>,
}

impl Old {
    pub(super) fn new(file: File, length: u64) -> Old {
        let (kept, spare) = (VecDeque::new(), Vec::new());
        Old { file, own: length, beyond: None, length, next: 0, kept, spare }
    }

    /// With what lies beyond its end in a longer file.
    pub(super) fn and_beyond(self, longer: File, length: u64) -> Old {
        Old { beyond: Some(longer), length, ..self }
    }

    /// Reads a part of it. What cannot be read is zeros: the digest will tell, and the file comes
    /// whole.
    fn read(&self, offset: u64, buffer: &mut [u8]) {
        let own = self.own.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let (own, beyond) = buffer.split_at_mut(own);
        let place = offset + own.len() as u64;
        for (file, part, offset) in
            [(Some(&self.file), own, offset), (self.beyond.as_ref(), beyond, place)]
        {
            let read = file.map(|file| content::read_at(file, part, offset).unwrap_or(0));
            part[read.unwrap_or(0)..].fill(0);
        }
    }

    /// Sends the hashes of the first segments from this place on.
    ///
    /// # Errors
    /// When no block begins there.
    pub(super) fn begin(&mut self, site: &Site, file: FileId, offset: u64) -> Result<(), Error> {
        if offset > self.length || !offset.is_multiple_of(BLOCK as u64) {
            return Err(damaged("a question for blocks that are not there"));
        }
        self.next = offset;
        for _ in 0..AHEAD {
            self.go_on(site, file);
        }
        Ok(())
    }

    /// Sends the hashes of the next segment.
    pub(super) fn go_on(&mut self, site: &Site, file: FileId) {
        if self.next >= self.length {
            return;
        }
        let length = SEGMENT.min(usize::try_from(self.length - self.next).unwrap_or(SEGMENT));
        if self.kept.len() >= AHEAD
            && let Some(oldest) = self.kept.pop_front()
        {
            self.spare = oldest.data;
        }
        let mut data = std::mem::take(&mut self.spare);
        data.resize(length, 0);
        self.read(self.next, &mut data);
        site.ledger.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        site.ask(ToSource::Blocks { file, hashes: delta::block_hashes(&data) });
        self.kept.push_back(Kept { offset: self.next, data });
        self.next += length as u64;
    }

    /// Puts a new segment together, which lies at `offset`, and gives it to `then`.
    ///
    /// # Errors
    /// When its pieces are not in the old file, not in `data`, or too long.
    pub(super) fn assemble<T>(
        &mut self,
        offset: u64,
        pieces: &[Part],
        data: &[u8],
        buffer: &mut Vec<u8>,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error> {
        let length = self.check(pieces, data)?;
        let in_place = |kept: &Kept| {
            kept.offset == offset && kept.data.len() == length && stay(pieces, offset)
        };
        if self.kept.front().is_some_and(in_place)
            && let Some(mut kept) = self.kept.pop_front()
        {
            patch(&mut kept.data, pieces, data);
            let result = then(&kept.data);
            self.spare = kept.data;
            return Ok(result);
        }
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let (mut at, mut rest) = (0, data);
        for piece in pieces {
            match *piece {
                Part::Old { offset, length } => {
                    let end = at + length as usize;
                    self.copy(offset, &mut buffer[at..end]);
                    at = end;
                }
                Part::New { length } => {
                    let (new, tail) = rest.split_at(length as usize);
                    buffer[at..at + new.len()].copy_from_slice(new);
                    at += new.len();
                    rest = tail;
                }
            }
        }
        Ok(then(&buffer[..length]))
    }

    /// The length of the segment, which is what it should be.
    fn check(&self, pieces: &[Part], data: &[u8]) -> Result<usize, Error> {
        let (mut total, mut new) = (0u64, 0u64);
        for piece in pieces {
            let length = match *piece {
                Part::Old { offset, length } => {
                    if offset.checked_add(length).is_none_or(|end| end > self.length) {
                        return Err(damaged("a copy of what is not there"));
                    }
                    length
                }
                Part::New { length } => {
                    new = new.saturating_add(length);
                    length
                }
            };
            total = total.saturating_add(length);
        }
        if total > SEGMENT as u64 {
            return Err(damaged("a segment that is too long"));
        }
        match new.cmp(&(data.len() as u64)) {
            std::cmp::Ordering::Equal => Ok(total as usize),
            std::cmp::Ordering::Greater => Err(damaged("a segment that is cut")),
            std::cmp::Ordering::Less => Err(damaged("data that belongs to no piece")),
        }
    }

    /// Copies a part of the old file, from what is kept as far as it goes.
    fn copy(&self, offset: u64, to: &mut [u8]) {
        let mut done = 0;
        while done < to.len() {
            let place = offset + done as u64;
            let kept = self.kept.iter().find_map(|kept| {
                let start = usize::try_from(place.checked_sub(kept.offset)?).ok()?;
                kept.data.get(start..).filter(|data| !data.is_empty())
            });
            let Some(data) = kept else { return self.read(place, &mut to[done..]) };
            let count = data.len().min(to.len() - done);
            to[done..done + count].copy_from_slice(&data[..count]);
            done += count;
        }
    }

    /// The rolling signature of a part of it.
    ///
    /// # Errors
    /// When there is no such part, or it is too long.
    pub(super) fn sign(&self, reach: Reach, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.length);
        if !inside || length > reach.most() {
            return Err(damaged("a window beyond the old file"));
        }
        let mut place = offset;
        Ok(delta::sign(reach, length, |buffer| {
            self.read(place, buffer);
            place += buffer.len() as u64;
        }))
    }
}

/// True when everything old stays where it is.
fn stay(pieces: &[Part], mut place: u64) -> bool {
    pieces.iter().all(|piece| {
        let (Part::Old { length, .. } | Part::New { length }) = *piece;
        let stays = !matches!(*piece, Part::Old { offset, .. } if offset != place);
        place += length;
        stays
    })
}

fn patch(segment: &mut [u8], pieces: &[Part], mut data: &[u8]) {
    let mut at = 0;
    for piece in pieces {
        match *piece {
            Part::Old { length, .. } => at += length as usize,
            Part::New { length } => {
                let (new, tail) = data.split_at(length as usize);
                segment[at..at + new.len()].copy_from_slice(new);
                at += new.len();
                data = tail;
            }
        }
    }
}
