//! The difference between an old file and a new one, in two stages: blocks where they are expected,
//! which goes at the speed of memory, then rolling sums on what is left, which find where to expect
//! them.

mod blocks;
mod patience;
mod rolling;

pub(crate) use blocks::{Blocks, block_hashes};
pub(crate) use patience::Patience;
pub(crate) use rolling::{FAR_BLOCK, Reach, Signed, sign};

use std::ops::Range;

/// A file is compared in segments of this size, in bytes; it bounds the memory of both ends.
pub(crate) const SEGMENT: usize = 512 << 10;
/// The hashes of the old file are told so many segments ahead.
pub(crate) const AHEAD: usize = 4;
/// Blocks that are compared by their hashes, in bytes.
pub(crate) const BLOCK: usize = 4096;
/// How far around the place where it is expected a segment is looked for in the old file, in bytes.
pub(crate) const SLACK: usize = 1 << 20;
/// A run of new bytes shorter than this is sent as it is, in bytes.
pub(crate) const WORTH_ROLLING: usize = 64 << 10;

/// A piece of a new segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// These bytes of the old file.
    Copy { offset: u64, length: u64 },
    /// These bytes of the new segment.
    Literal(Range<usize>),
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

/// Adds a piece that follows those that are there.
pub(crate) fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match piece {
        Piece::Copy { offset, length } => push_copy(pieces, offset, length),
        Piece::Literal(run) => push_literal(pieces, run),
    }
}

/// How many bytes of the pieces are new.
pub(crate) fn new_bytes(pieces: &[Piece]) -> usize {
    pieces.iter().map(|p| if let Piece::Literal(run) = p { run.len() } else { 0 }).sum()
}

/// The first run from this place on that is long enough to look for elsewhere.
pub(crate) fn long_run(pieces: &[Piece], from: usize) -> Option<Range<usize>> {
    pieces.iter().find_map(|piece| match piece {
        Piece::Literal(run) if run.end.saturating_sub(run.start.max(from)) >= WORTH_ROLLING => {
            Some(run.start.max(from)..run.end)
        }
        _ => None,
    })
}

/// The pieces with another way to say a part of one of the runs.
pub(crate) fn replaced(pieces: Vec<Piece>, run: &Range<usize>, by: &[Piece]) -> Vec<Piece> {
    let mut result = Vec::with_capacity(pieces.len() + by.len());
    for piece in pieces {
        match piece {
            Piece::Literal(whole) if whole.start <= run.start && run.end <= whole.end => {
                push_literal(&mut result, whole.start..run.start);
                by.iter().for_each(|piece| push(&mut result, piece.clone()));
                push_literal(&mut result, run.end..whole.end);
            }
            other => push(&mut result, other),
        }
    }
    result
}

/// The pieces of a segment at `offset`, without those of the old file that lie before their new place:
/// where the old file is written over they are gone.
pub(crate) fn ahead_only(pieces: Vec<Piece>, offset: u64) -> Vec<Piece> {
    let mut result = Vec::with_capacity(pieces.len());
    let mut at = 0;
    for piece in pieces {
        let end = at
            + match &piece {
                Piece::Copy { length, .. } => *length as usize,
                Piece::Literal(run) => run.len(),
            };
        match piece {
            Piece::Copy { offset: old, .. } if old < offset + at as u64 => {
                push_literal(&mut result, at..end);
            }
            other => push(&mut result, other),
        }
        at = end;
    }
    result
}

/// How far the old place of what was found lies from its new one, where a segment begins at
/// `offset`: that of the most bytes; none where nothing was found.
pub(crate) fn drift_of(pieces: &[Piece], offset: u64) -> Option<i64> {
    let mut found: Vec<(i64, u64)> = Vec::new();
    let mut place = offset;
    for piece in pieces {
        match piece {
            Piece::Copy { offset, length } => {
                let drift = offset.wrapping_sub(place) as i64;
                match found.iter_mut().find(|(known, _)| *known == drift) {
                    Some((_, bytes)) => *bytes += length,
                    None => found.push((drift, *length)),
                }
                place += length;
            }
            Piece::Literal(run) => place += run.len() as u64,
        }
    }
    found.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(drift, _)| drift)
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

    fn known(old: &[u8]) -> Blocks {
        let mut blocks = Blocks::new(old.len() as u64);
        blocks.take(0, block_hashes(old));
        blocks
    }

    fn reader(mut rest: &[u8]) -> impl FnMut(&mut [u8]) {
        move |buffer| {
            let (piece, tail) = rest.split_at(buffer.len());
            buffer.copy_from_slice(piece);
            rest = tail;
        }
    }

    fn signed(old: &[u8]) -> Signed {
        let length = old.len() as u64;
        Signed::read(sign(Reach::Near, length, reader(old)), Reach::Near, 0, length).unwrap()
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
            let signed = signed(&old);
            let found = signed.find(&new, 0..new.len()).unwrap();
            prop_assert_eq!(&rebuild(&old, &new, &found), &new);
            for drift in [0, drift_of(&found, 0).unwrap_or(1), -i64::try_from(insert).unwrap()] {
                let pieces = known(&old).aligned(&new, 0..new.len(), 0, drift);
                prop_assert_eq!(&rebuild(&old, &new, &pieces), &new);
                if let Some(run) = long_run(&pieces, 0) {
                    let found = signed.find(&new, run.clone()).unwrap();
                    let both = replaced(pieces, &run, &found);
                    prop_assert_eq!(&rebuild(&old, &new, &both), &new);
                }
            }
        }

        #[test]
        fn a_signature_of_any_bytes_is_refused_or_read_in_time(mut soup: Vec<u8>, header: bool) {
            if header {
                let mut bytes = sign(Reach::Near, 0, |_| {});
                bytes.append(&mut soup);
                soup = bytes;
            }
            if let Ok(signed) = Signed::read(soup, Reach::Near, 0, 4096) {
                let _ = signed.find(&[0; 70_000], 0..70_000);
            }
        }
    }

    #[test]
    fn a_byte_at_the_front_is_found_and_tells_where_the_rest_is_expected() {
        let old = noise(1, 1 << 20);
        let new = [&b"x"[..], &old].concat();
        let pieces = known(&old).aligned(&new, 0..new.len(), 0, 0);
        assert!(new_bytes(&pieces) > 1_000_000);
        let found = signed(&old).find(&new, 0..WORTH_ROLLING).unwrap();
        assert_eq!(drift_of(&found, 0), Some(-1));
        let pieces = known(&old).aligned(&new, 0..new.len(), 0, -1);
        assert_eq!(pieces, [Piece::Literal(0..1), Piece::Copy { offset: 0, length: 1 << 20 }]);
    }

    #[test]
    fn an_edit_in_place_needs_no_rolling() {
        let old = noise(1, 1 << 20);
        let mut new = old.clone();
        new[500_000] ^= 1;
        let pieces = known(&old).aligned(&new, 0..new.len(), 0, 0);
        assert!(long_run(&pieces, 0).is_none());
        assert_eq!(pieces.len(), 3);
    }

    #[test]
    fn what_is_far_away_is_found_by_large_blocks() {
        let old = noise(3, 2 << 20);
        let signature = sign(Reach::Far, old.len() as u64, reader(&old));
        let signed = Signed::read(signature, Reach::Far, 0, old.len() as u64).unwrap();
        let found = signed.find(&old[1_500_000..], 0..3 * FAR_BLOCK).unwrap();
        assert_eq!(drift_of(&found, 0), Some(1_500_000));
    }

    #[test]
    fn a_block_size_of_zero_is_refused() {
        let mut signature = sign(Reach::Near, 4096, |buffer| buffer.fill(1));
        signature[4..8].fill(0);
        assert!(Signed::read(signature, Reach::Near, 0, 4096).is_err());
    }

    #[test]
    fn the_drift_is_that_of_the_most_bytes() {
        let copy = |offset, length| Piece::Copy { offset, length };
        let pieces = [Piece::Literal(0..10), copy(100, 500), copy(7, 3), Piece::Literal(513..520)];
        assert_eq!(drift_of(&pieces, 0), Some(90));
        assert_eq!(drift_of(&pieces[..1], 0), None);
    }

    #[test]
    fn what_was_written_over_is_not_copied() {
        let copy = |offset, length| Piece::Copy { offset, length };
        let pieces = vec![copy(100, 50), copy(149, 50), copy(300, 50)];
        assert_eq!(
            ahead_only(pieces, 100),
            [copy(100, 50), Piece::Literal(50..100), copy(300, 50)]
        );
    }

    #[test]
    fn blocks_that_do_not_follow_replace_what_is_known() {
        let old = noise(4, 10 * BLOCK);
        let mut blocks = Blocks::new(old.len() as u64);
        blocks.take(0, block_hashes(&old[..BLOCK]));
        blocks.take(4, block_hashes(&old[4 * BLOCK..]));
        assert_eq!(blocks.end(), 10);
        let pieces = blocks.aligned(&old, 0..old.len(), 0, 0);
        let expected = Piece::Copy { offset: 4 * BLOCK as u64, length: 6 * BLOCK as u64 };
        assert_eq!(pieces, [Piece::Literal(0..4 * BLOCK), expected]);
        blocks.forget_before(9);
        assert_eq!(new_bytes(&blocks.aligned(&old, 0..old.len(), 0, 0)), 9 * BLOCK);
    }
}
