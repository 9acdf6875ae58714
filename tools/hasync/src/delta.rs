//! The difference between an old file and a new one, in two stages: blocks at equal offsets, which
//! finds edits in place at the speed of memory, then rolling sums on what is left.

use fast_rsync::{Signature, SignatureOptions, diff};
use ha_json::Error;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// A file is compared in segments of this size, in bytes; it bounds the memory of both ends.
pub(crate) const SEGMENT: usize = 4 << 20;
/// Blocks at equal offsets, in bytes.
pub(crate) const BLOCK: usize = 4096;
/// Blocks of a rolling signature, in bytes.
const ROLLING_BLOCK: u32 = 2048;
const ROLLING_HASH: u32 = 16;
/// How far around its own place a segment is looked for in the old file, in bytes.
pub(crate) const SLACK: usize = 1 << 20;
/// A run of new bytes shorter than this is sent as it is, in bytes.
const WORTH_ROLLING: usize = 64 << 10;

/// A piece of a new segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// These bytes of the old file.
    Copy { offset: u64, length: u64 },
    /// These bytes of the new segment.
    Literal(Range<usize>),
}

/// One hash a block; the last block may be short.
pub(crate) fn block_hashes(segment: &[u8]) -> Vec<u64> {
    segment.chunks(BLOCK).map(xxh3_64).collect()
}

/// What of `segment`, which lies at `offset`, is at the same place in the old file, whose blocks
/// there have these hashes and which is `old_length` bytes long.
pub(crate) fn aligned(segment: &[u8], offset: u64, hashes: &[u64], old_length: u64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, block) in segment.chunks(BLOCK).enumerate() {
        let start = index * BLOCK;
        let place = offset + start as u64;
        // The old file's last block may be shorter than ours; then it is another block.
        let same_length = old_length.saturating_sub(place).min(BLOCK as u64) == block.len() as u64;
        if same_length && hashes.get(index) == Some(&xxh3_64(block)) {
            push_copy(&mut pieces, place, block.len() as u64);
        } else {
            push_literal(&mut pieces, start..start + block.len());
        }
    }
    pieces
}

fn push_copy(pieces: &mut Vec<Piece>, offset: u64, length: u64) {
    match pieces.last_mut() {
        Some(Piece::Copy { offset: o, length: l }) if *o + *l == offset => *l += length,
        _ => pieces.push(Piece::Copy { offset, length }),
    }
}

fn push_literal(pieces: &mut Vec<Piece>, range: Range<usize>) {
    match pieces.last_mut() {
        Some(Piece::Literal(last)) if last.end == range.start => last.end = range.end,
        _ if range.is_empty() => {}
        _ => pieces.push(Piece::Literal(range)),
    }
}

/// The runs that are long enough to look for elsewhere.
pub(crate) fn worth_rolling(pieces: &[Piece]) -> bool {
    pieces.iter().any(|p| matches!(p, Piece::Literal(run) if run.len() >= WORTH_ROLLING))
}

/// The rolling signature of a window of the old file, as it travels.
pub(crate) fn rolling_signature(window: &[u8]) -> Vec<u8> {
    let options = SignatureOptions { block_size: ROLLING_BLOCK, crypto_hash_size: ROLLING_HASH };
    Signature::calculate(window, options).into_serialized()
}

/// Looks for the long runs of `pieces` anywhere in the window of the old file that begins at
/// `window_offset`, is `window_length` long, and has this signature.
///
/// # Errors
/// When the signature is not one that [`rolling_signature`] makes of such a window: fast_rsync
/// itself trusts the block size in it, and never ends for 0.
pub(crate) fn rolled(
    segment: &[u8],
    pieces: &[Piece],
    signature: Vec<u8>,
    window_offset: u64,
    window_length: u64,
) -> Result<Vec<Piece>, Error> {
    check_signature(&signature, window_length)?;
    let bad = |_| crate::wire::damaged("a rolling signature that cannot be read");
    let signature = Signature::deserialize(signature).map_err(bad)?;
    let index = signature.index();
    let mut result = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(run) if run.len() >= WORTH_ROLLING => {
                let mut delta = Vec::new();
                diff(&index, &segment[run.clone()], &mut delta)
                    .map_err(|_| crate::wire::damaged("a rolling signature that does not serve"))?;
                read_delta(&delta, run, window_offset, &mut result)?;
            }
            Piece::Literal(run) => push_literal(&mut result, run.clone()),
            Piece::Copy { offset, length } => push_copy(&mut result, *offset, *length),
        }
    }
    Ok(result)
}

/// librsync's signature format: magic, block size, hash size, then weak and strong sum a block.
fn check_signature(signature: &[u8], window_length: u64) -> Result<(), Error> {
    let mut header = Vec::with_capacity(12);
    for word in [0x7273_0136u32, ROLLING_BLOCK, ROLLING_HASH] {
        header.extend_from_slice(&word.to_be_bytes());
    }
    let blocks = window_length.div_ceil(u64::from(ROLLING_BLOCK));
    let expected = 12 + blocks * u64::from(4 + ROLLING_HASH);
    if !signature.starts_with(&header) || signature.len() as u64 != expected {
        return Err(crate::wire::damaged("a rolling signature of another form"));
    }
    Ok(())
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

/// Decides how long rolling pays: it is given up after two segments in a row that brought little,
/// and tried again after sixteen.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    poor: u32,
    rest: u32,
}

impl Patience {
    pub(crate) fn tries(&mut self) -> bool {
        self.rest = self.rest.saturating_sub(1);
        self.rest == 0
    }

    pub(crate) fn learn(&mut self, before: &[Piece], after: &[Piece]) {
        let literal = |pieces: &[Piece]| -> usize {
            pieces.iter().map(|p| if let Piece::Literal(run) = p { run.len() } else { 0 }).sum()
        };
        if literal(after) > literal(before) / 16 * 15 {
            self.poor += 1;
            if self.poor >= 2 {
                *self = Patience { poor: 0, rest: 17 };
            }
        } else {
            self.poor = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rebuild(old: &[u8], segment: &[u8], pieces: &[Piece]) -> Vec<u8> {
        let mut new = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Copy { offset, length } => {
                    new.extend_from_slice(&old[*offset as usize..(*offset + *length) as usize]);
                }
                Piece::Literal(run) => new.extend_from_slice(&segment[run.clone()]),
            }
        }
        new
    }

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(|_| next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn both_stages_rebuild_the_new_file(
            seed: u64, length in 0usize..300_000, cut in 0usize..300_000, insert in 0usize..5_000,
        ) {
            let old = noise(seed, length);
            let cut = cut.min(length);
            let mut new = old[..cut].to_vec();
            new.extend(noise(!seed, insert));
            new.extend_from_slice(&old[cut..]);
            let pieces = aligned(&new, 0, &block_hashes(&old), old.len() as u64);
            prop_assert_eq!(&rebuild(&old, &new, &pieces), &new);
            let signature = rolling_signature(&old);
            let rolled = rolled(&new, &pieces, signature, 0, old.len() as u64).unwrap();
            prop_assert_eq!(&rebuild(&old, &new, &rolled), &new);
        }

        #[test]
        fn a_signature_of_any_bytes_is_refused_or_read_in_time(mut soup: Vec<u8>, header: bool) {
            if header {
                let mut bytes = rolling_signature(b"");
                bytes.append(&mut soup);
                soup = bytes;
            }
            let _ = rolled(&[0; 70_000], &[Piece::Literal(0..70_000)], soup, 0, 4096);
        }
    }

    #[test]
    fn a_byte_at_the_front_is_found_by_rolling() {
        let old = noise(1, 1 << 20);
        let new = [&b"x"[..], &old].concat();
        let pieces = aligned(&new, 0, &block_hashes(&old), old.len() as u64);
        assert!(worth_rolling(&pieces));
        let rolled = rolled(&new, &pieces, rolling_signature(&old), 0, old.len() as u64).unwrap();
        let literal: usize = rolled
            .iter()
            .map(|piece| if let Piece::Literal(run) = piece { run.len() } else { 0 })
            .sum();
        assert!(literal < 4096, "{literal} bytes were not found");
    }

    #[test]
    fn an_edit_in_place_needs_no_rolling() {
        let old = noise(1, 1 << 20);
        let mut new = old.clone();
        new[500_000] ^= 1;
        let pieces = aligned(&new, 0, &block_hashes(&old), old.len() as u64);
        assert!(!worth_rolling(&pieces));
        assert_eq!(pieces.len(), 3);
    }

    #[test]
    fn a_block_size_of_zero_is_refused() {
        let mut signature = rolling_signature(&[1; 4096]);
        signature[4..8].fill(0);
        let pieces = [Piece::Literal(0..70_000)];
        assert!(rolled(&[1; 70_000], &pieces, signature, 0, 4096).is_err());
    }
}
