//! Blocks by their hashes: those of the old file against the new one, at a known distance.

use super::{BLOCK, Piece, push_copy, push_literal};
use std::collections::VecDeque;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// One hash a block; the last block may be short.
pub(crate) fn block_hashes(segment: &[u8]) -> Vec<u64> {
    segment.chunks(BLOCK).map(xxh3_64).collect()
}

/// What is known of the old file's blocks: a part of it without a gap.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// The number of the first block that is known.
    first: u64,
    hashes: VecDeque<u64>,
    old_length: u64,
}

impl Blocks {
    /// Nothing is known of an old file of this length, in bytes.
    pub(crate) fn new(old_length: u64) -> Blocks {
        Blocks { first: 0, hashes: VecDeque::new(), old_length }
    }

    /// Takes the hashes that follow from this block on; those that do not follow what is known
    /// replace it.
    pub(crate) fn take(&mut self, block: u64, hashes: Vec<u64>) {
        if self.end() != block {
            self.first = block;
            self.hashes.clear();
        }
        self.hashes.extend(hashes);
    }

    /// The first block that is not known.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.hashes.len() as u64
    }

    /// True when the block is known that lies at this place of the old file, or the next that begins.
    pub(crate) fn know(&self, place: u64) -> bool {
        (self.first..self.end()).contains(&(place / BLOCK as u64))
    }

    /// What lies before this block is not needed any more.
    pub(crate) fn forget_before(&mut self, block: u64) {
        let gone = block.saturating_sub(self.first).min(self.hashes.len() as u64);
        self.hashes.drain(..gone as usize);
        self.first += gone;
    }

    fn hash(&self, block: u64) -> Option<u64> {
        let index = usize::try_from(block.checked_sub(self.first)?).ok()?;
        self.hashes.get(index).copied()
    }

    /// What of a run of the new segment, which lies at `offset`, is `drift` bytes further in the old
    /// file, as far as its blocks there are known.
    pub(crate) fn aligned(
        &self,
        segment: &[u8],
        run: Range<usize>,
        offset: u64,
        drift: i64,
    ) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = run.start;
        let start = i128::from(offset) + run.start as i128 + i128::from(drift);
        let mut block = u64::try_from(start.max(0)).unwrap_or(u64::MAX).div_ceil(BLOCK as u64);
        while let Some(place) = block.checked_mul(BLOCK as u64).filter(|p| *p < self.old_length) {
            let length = (self.old_length - place).min(BLOCK as u64) as usize;
            let from = run.start + usize::try_from(i128::from(place) - start).unwrap_or(usize::MAX);
            let Some(to) = from.checked_add(length).filter(|to| *to <= run.end) else { break };
            push_literal(&mut pieces, at..from);
            if self.hash(block) == Some(xxh3_64(&segment[from..to])) {
                push_copy(&mut pieces, place, length as u64);
            } else {
                push_literal(&mut pieces, from..to);
            }
            at = to;
            block += 1;
        }
        push_literal(&mut pieces, at..run.end);
        pieces
    }
}
