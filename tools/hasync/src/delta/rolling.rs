//! Rolling sums: the same bytes at any place, by fast_rsync.

use super::{Piece, SEGMENT, SLACK, push_copy, push_literal};
use crate::wire::damaged;
use fast_rsync::{Signature, SignatureOptions, diff};
use ha_json::Error;
use std::ops::Range;

const HASH: u32 = 16;
const MAGIC: u32 = 0x7273_0136;

/// Blocks of a signature of much of a file, in bytes.
pub(crate) const FAR_BLOCK: usize = 64 << 10;
/// How much of a file such a signature tells of, in bytes.
const MOST_FAR: u64 = FAR_BLOCK as u64 * 65_536;

/// How much of the old file a signature tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// A segment and what is around it, in small blocks.
    Near,
    /// As much as the file has, in large blocks.
    Far,
}

impl Reach {
    fn block(self) -> u32 {
        match self {
            Reach::Near => 2048,
            Reach::Far => FAR_BLOCK as u32,
        }
    }

    /// The longest part of a file that is signed, in bytes.
    pub(crate) fn most(self) -> u64 {
        match self {
            Reach::Near => (SEGMENT + 2 * SLACK) as u64,
            Reach::Far => MOST_FAR,
        }
    }

    fn header(self) -> Vec<u8> {
        [MAGIC, self.block(), HASH].map(u32::to_be_bytes).concat()
    }
}

/// The signature of a part of the old file, as it travels. `read` gives the next bytes of it: all of
/// its buffer, but at the end.
pub(crate) fn sign(reach: Reach, length: u64, mut read: impl FnMut(&mut [u8])) -> Vec<u8> {
    let options = SignatureOptions { block_size: reach.block(), crypto_hash_size: HASH };
    let mut signature = reach.header();
    // A multiple of both sizes of blocks.
    let mut piece = vec![0; SEGMENT.min(usize::try_from(length).unwrap_or(SEGMENT))];
    let mut left = length;
    while left > 0 {
        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        read(&mut piece[..count]);
        let part = Signature::calculate(&piece[..count], options).into_serialized();
        signature.extend_from_slice(&part[reach.header().len()..]);
        left -= count as u64;
    }
    signature
}

/// A signature that came from the standby.
#[derive(Debug)]
pub(crate) struct Signed {
    signature: Signature,
    start: u64,
}

impl Signed {
    /// Reads the signature of the part of the old file that begins at `start`.
    ///
    /// # Errors
    /// When it is not one that [`sign`] makes of so many bytes: fast_rsync itself trusts the block
    /// size in it, and never ends for 0.
    pub(crate) fn read(
        bytes: Vec<u8>,
        reach: Reach,
        start: u64,
        length: u64,
    ) -> Result<Signed, Error> {
        let header = reach.header();
        let blocks = length.div_ceil(u64::from(reach.block()));
        let expected = header.len() as u64 + blocks * u64::from(4 + HASH);
        if !bytes.starts_with(&header) || bytes.len() as u64 != expected {
            return Err(damaged("a rolling signature of another form"));
        }
        let signature = Signature::deserialize(bytes)
            .map_err(|_| damaged("a rolling signature that cannot be read"))?;
        Ok(Signed { signature, start })
    }

    /// Looks for a run of a new segment.
    ///
    /// # Errors
    /// When the signature does not serve.
    pub(crate) fn find(&self, segment: &[u8], run: Range<usize>) -> Result<Vec<Piece>, Error> {
        let mut delta = Vec::new();
        diff(&self.signature.index(), &segment[run.clone()], &mut delta)
            .map_err(|_| damaged("a rolling signature that does not serve"))?;
        let mut pieces = Vec::new();
        read_delta(&delta, &run, self.start, &mut pieces)?;
        Ok(pieces)
    }
}

/// Reads a delta of fast_rsync: librsync's format, whose literals are the run itself, in order.
fn read_delta(
    delta: &[u8],
    run: &Range<usize>,
    window_offset: u64,
    pieces: &mut Vec<Piece>,
) -> Result<(), Error> {
    let broken = || Error::failed("delta", "fast_rsync wrote what is not a delta");
    let mut rest = delta.strip_prefix(&0x7273_0236u32.to_be_bytes()).ok_or_else(broken)?;
    let mut at = run.start;
    let number = |rest: &mut &[u8], width: usize| {
        let (bytes, tail) = rest.split_at_checked(width).ok_or_else(broken)?;
        *rest = tail;
        Ok(bytes.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)))
    };
    loop {
        let command = number(&mut rest, 1)? as u8;
        match command {
            0x00 => break,
            0x01..=0x44 => {
                let length = match command {
                    0x41..=0x44 => number(&mut rest, 1 << (command - 0x41))? as usize,
                    length => usize::from(length),
                };
                rest = rest.get(length..).ok_or_else(broken)?;
                push_literal(pieces, at..at + length);
                at += length;
            }
            0x45..=0x54 => {
                let (offset_width, length_width) = ((command - 0x45) / 4, (command - 0x45) % 4);
                let offset = number(&mut rest, 1 << offset_width)?;
                let length = number(&mut rest, 1 << length_width)?;
                push_copy(pieces, window_offset + offset, length);
                at += length as usize;
            }
            _ => return Err(broken()),
        }
    }
    if at == run.end { Ok(()) } else { Err(broken()) }
}
