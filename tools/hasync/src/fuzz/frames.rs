//! Whatever stands on the line: the greeting, the job, frames, and what differences are made of.

use super::scene::large;
use crate::delta::{
    self, BLOCK, Blocks, Piece, Reach, Signed, ahead_only, block_hashes, drift_of, long_run,
    replaced, sign,
};
use crate::filter::Filters;
use crate::job::Job;
use crate::owner::Names;
use crate::serve::select;
use crate::standby::partial;
use crate::wire::{Frame, ToSource, ToStandby, greet, unpacked};
use std::io::Cursor;

/// No line of a greeting is longer, in bytes.
const LINE: usize = 256;

/// The first line.
pub fn greeting(data: &[u8]) {
    let mut rest = data;
    let agreed = greet(&mut Vec::new(), &mut rest);
    assert!(data.len() - rest.len() <= LINE, "more than a line was read");
    match agreed {
        Ok(version) => assert_eq!(version, 2),
        Err(error) => assert!(error.to_string().len() < 16 * LINE),
    }
}

/// Frames out of bytes that are easily changed: each begins with its length in two bytes, and one
/// that is too long ends with the bytes.
pub(super) fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        data = rest;
        Some(frame)
    })
}

/// A stream as it is, or the pieces as a stream.
fn stream(whole: bool, data: &[u8]) -> Vec<u8> {
    if whole {
        return data.to_vec();
    }
    let mut stream = Vec::new();
    for frame in pieces(data) {
        stream.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        stream.extend_from_slice(frame);
    }
    stream
}

/// The job, and what a server makes of it before it opens anything.
pub fn job(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let Ok(job) = Job::receive(&mut &stream(how & 1 != 0, data)[..]) else { return };
    let mut sent = Vec::new();
    assert!(job.send(&mut sent).is_ok());
    assert_eq!(Job::receive(&mut &sent[..]).ok().as_ref(), Some(&job));
    let _ = Filters::new(&job.options);
    let _ = Names::of_standby(&job.options);
    let _ = partial::check(&job.options, true);
    if let Some(list) = &job.list {
        let _ = select(list);
    }
}

/// Messages to a standby, packed or not.
pub fn to_standby(data: &[u8]) {
    messages::<ToStandby>(data);
}

/// Messages to a source.
pub fn to_source(data: &[u8]) {
    messages::<ToSource>(data);
}

fn messages<M: Frame + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let (whole, packed) = (how & 1 != 0, how & 2 != 0);
    let Ok(mut incoming) = unpacked(Cursor::new(stream(whole, data)), packed) else { return };
    while let Ok(Some(message)) = incoming.next::<M>() {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        frame.extend_from_slice(message.payload().map_or(&[][..], |payload| payload));
        let is_text = std::str::from_utf8(&frame).is_ok();
        match M::decode(&mut frame) {
            Ok(again) => assert_eq!(again, message),
            // A text that is no UTF-8 grows when it is made one, beyond what a text may have.
            Err(_) => assert!(frame.len() > 64 << 10 && !is_text || data.len() > 64 << 10),
        }
    }
}

/// Takes numbers from the front of the bytes; 0 where there are none.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        let mut bytes = [0; N];
        bytes[..taken.len()].copy_from_slice(taken);
        bytes
    }

    fn small(&mut self) -> usize {
        u16::from_le_bytes(self.bytes()).into()
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}

/// Signatures, block hashes, and what is found by them.
pub fn delta(data: &[u8]) {
    let mut numbers = Numbers(data);
    let [how] = numbers.bytes();
    match how % 3 {
        0 => honest(numbers),
        1 => signature(numbers),
        _ => blocks(numbers),
    }
}

/// A new file made of parts of the old one and of other bytes: it is put together again.
fn honest(mut numbers: Numbers<'_>) {
    let large = large();
    let old = &large[..numbers.small() * 3];
    let mut new = Vec::new();
    while !numbers.0.is_empty() && new.len() < 200_000 {
        let (from, length) = (numbers.small() * 4, numbers.small());
        if from % 8 == 0 {
            let from = from.min(old.len());
            new.extend_from_slice(&old[from..(from + length).min(old.len())]);
        } else {
            let from = from.min(large.len());
            new.extend(large[from..].iter().take(length).map(|byte| !byte));
        }
    }
    let all = 0..new.len();
    let mut blocks = Blocks::new(old.len() as u64);
    blocks.take(0, block_hashes(old));
    let length = old.len() as u64;
    let mut rest = old;
    let signature = sign(Reach::Near, length, |buffer| {
        let (piece, tail) = rest.split_at(buffer.len());
        buffer.copy_from_slice(piece);
        rest = tail;
    });
    let signed = Signed::read(signature, Reach::Near, 0, length);
    let Ok(signed) = signed else { unreachable!("one's own signature is refused") };
    let Ok(found) = signed.find(&new, all.clone()) else {
        unreachable!("one's own signature does not serve")
    };
    rebuilds(old, &new, &found);
    let mut pieces = blocks.aligned(&new, all, 0, drift_of(&found, 0).unwrap_or(0));
    rebuilds(old, &new, &pieces);
    if let Some(run) = long_run(&pieces, 0)
        && let Ok(found) = signed.find(&new, run.clone())
    {
        pieces = replaced(pieces, &run, &found);
        rebuilds(old, &new, &pieces);
    }
    rebuilds(old, &new, &ahead_only(pieces, 0));
}

fn rebuilds(old: &[u8], new: &[u8], pieces: &[Piece]) {
    let mut built = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Copy { offset, length } => {
                built.extend_from_slice(&old[*offset as usize..(*offset + *length) as usize]);
            }
            Piece::Literal(run) => built.extend_from_slice(&new[run.clone()]),
        }
    }
    assert!(built == new, "another file than the new one");
}

/// The pieces say where each byte of the segment is from, in order.
fn covers(pieces: &[Piece], length: usize) {
    let mut at = 0;
    for piece in pieces {
        match piece {
            Piece::Copy { length, .. } => at += *length as usize,
            Piece::Literal(run) => {
                assert_eq!(run.start, at);
                at = run.end;
            }
        }
    }
    assert_eq!(at, length);
}

/// A signature that somebody else made.
fn signature(mut numbers: Numbers<'_>) {
    let reach = if numbers.small().is_multiple_of(2) { Reach::Near } else { Reach::Far };
    let length = numbers.number() % 2_621_441;
    let start = numbers.number() >> 1;
    let run = numbers.small() * 2;
    let mut bytes = sign(reach, length.min(1), |_| {});
    bytes.truncate(12);
    let form = sign(reach, 0, |_| {});
    let block = u64::from(u32::from_be_bytes([form[4], form[5], form[6], form[7]]));
    let hashes = numbers.0.iter().copied().cycle();
    match numbers.0.first() {
        // The right number of hashes, so that it is read, and otherwise what is there.
        Some(0..=127) => bytes.extend(hashes.take((length.div_ceil(block) * 20) as usize)),
        Some(_) => bytes.extend_from_slice(numbers.0),
        None => {}
    }
    let Ok(signed) = Signed::read(bytes, reach, start, length) else { return };
    let segment = &large()[..run];
    let Ok(found) = signed.find(segment, 0..run) else { return };
    covers(&found, run);
    drift_of(&found, start);
    covers(&replaced(vec![Piece::Literal(0..run)], &(0..run), &found), run);
    covers(&ahead_only(found, start), run);
}

/// Block hashes that somebody else told.
fn blocks(mut numbers: Numbers<'_>) {
    let mut blocks = Blocks::new(numbers.number());
    let length = numbers.small() * 2;
    let segment = &large()[..length];
    let own = block_hashes(segment);
    while !numbers.0.is_empty() {
        let place = numbers.number() / BLOCK as u64;
        match numbers.small() {
            0 => blocks.forget_before(place),
            1 => drop(blocks.know(place)),
            2..=9 => {
                let (offset, drift) = (numbers.number() >> 1, numbers.number() as i64);
                let pieces = blocks.aligned(segment, 0..length, offset, drift);
                covers(&pieces, length);
                assert!(delta::new_bytes(&pieces) <= length);
                drift_of(&pieces, offset);
            }
            count => {
                let hashes = own.iter().copied().chain([count as u64]).cycle();
                blocks.take(place, hashes.take(count % 129).collect());
            }
        }
    }
}
