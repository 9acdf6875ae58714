//! What differs from the standby's old file, segment by segment.

use super::file::Loss;
use super::reader::{DeltaInput, Gone, Reader};
use super::readings::SharedSum;
use crate::content;
use crate::delta::{
    self, AHEAD, BLOCK, Blocks, FAR_BLOCK, Patience, Piece, Reach, SEGMENT, SLACK, Signed,
};
use crate::sys;
use crate::wire::{FileId, Part, Payload, ToStandby, buffer, damaged};
use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// So much of a run is rolled over to find where its old place is, in bytes.
const PROBE: usize = 128 << 10;
/// Large blocks are found only where one of them lies whole in it.
const FAR_PROBE: usize = 3 * FAR_BLOCK;
/// How many runs of a segment are looked for by a probe.
const PROBES: usize = 4;

/// Where in the old file the new one is looked for.
struct Search<'a> {
    input: &'a DeltaInput,
    blocks: Blocks,
    /// The blocks that the standby is about to tell: where each message of them begins.
    coming: VecDeque<u64>,
    /// Where the blocks begin that it will tell after those.
    next: u64,
    /// How far the old place of the new bytes lies from their own.
    drift: i64,
    patience: Patience,
    far: Option<Signed>,
}

impl Search<'_> {
    fn new(input: &DeltaInput) -> Search<'_> {
        let mut search = Search {
            input,
            blocks: Blocks::new(input.old_length),
            coming: VecDeque::new(),
            next: 0,
            drift: 0,
            patience: Patience::default(),
            far: None,
        };
        search.begin(0);
        search
    }

    /// The standby begins to tell blocks at this place.
    fn begin(&mut self, place: u64) {
        self.blocks = Blocks::new(self.input.old_length);
        self.next = place;
        for _ in 0..AHEAD {
            self.go_on();
        }
    }

    /// The standby has been sent a segment: it tells of one more.
    fn go_on(&mut self) {
        if self.next < self.input.old_length {
            self.coming.push_back(self.next);
            self.next = self.next.saturating_add(SEGMENT as u64);
        }
    }

    /// How long a segment is that begins here: it ends where an old block does.
    fn cut(&self, offset: u64, size: u64) -> usize {
        let left = usize::try_from(size - offset).unwrap_or(usize::MAX);
        if left <= SEGMENT {
            return left;
        }
        let end = i128::from(offset) + SEGMENT as i128 + i128::from(self.drift);
        SEGMENT - end.rem_euclid(BLOCK as i128) as usize
    }

    /// The first block that is not needed for this part of the new file.
    fn last_block(&self, end: u64, drift: i64) -> u64 {
        let all = self.input.old_length.div_ceil(BLOCK as u64);
        end.saturating_add_signed(drift).div_ceil(BLOCK as u64).min(all)
    }

    /// The part of the old file around a segment: start and length, in bytes.
    fn window(&self, offset: u64, length: usize) -> (u64, u64) {
        window(offset, self.drift, length, self.input.old_length)
    }
}

fn window(offset: u64, drift: i64, length: usize, old_length: u64) -> (u64, u64) {
    let middle = offset.saturating_add_signed(drift);
    let start = middle.saturating_sub(SLACK as u64).min(old_length);
    let end = middle.saturating_add((length + SLACK) as u64).min(old_length);
    (start, end - start)
}

impl Reader {
    /// Sends the difference; gives the digest of the content, or none when the file was shorter than
    /// it said.
    pub(super) fn segments(
        &mut self,
        file: &File,
        id: FileId,
        size: u64,
        input: &DeltaInput,
        sum: &SharedSum,
    ) -> Result<Result<Option<[u8; 32]>, Loss>, Gone> {
        let mut search = Search::new(input);
        let mut data = vec![0; SEGMENT.min(usize::try_from(size).unwrap_or(SEGMENT))];
        let mut offset = 0u64;
        while offset < size {
            let segment = &mut data[..search.cut(offset, size)];
            match content::read_at(file, segment, offset) {
                Ok(read) if read == segment.len() => {}
                Ok(_) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Loss::read(sys::errno(&error)))),
            }
            self.totals.bytes_read += segment.len() as u64;
            sum.update(offset, segment);
            let mut pieces = self.compare(id, &mut search, segment, offset)?;
            if self.writes_in_place() {
                pieces = delta::ahead_only(pieces, offset);
            }
            self.pieces(id, segment, &pieces)?;
            search.go_on();
            offset += segment.len() as u64;
        }
        Ok(Ok(sum.finish(size)))
    }

    fn compare(
        &mut self,
        id: FileId,
        search: &mut Search<'_>,
        segment: &[u8],
        offset: u64,
    ) -> Result<Vec<Piece>, Gone> {
        let whole = 0..segment.len();
        let end = offset + segment.len() as u64;
        self.blocks_until(search, search.last_block(end, search.drift))?;
        let expected = offset.saturating_add_signed(search.drift);
        if expected < search.input.old_length && !search.blocks.know(expected) {
            self.seek(id, search, expected)?;
            self.blocks_until(search, search.last_block(end, search.drift))?;
        }
        let mut pieces = search.blocks.aligned(segment, whole.clone(), offset, search.drift);
        if search.drift != 0 && delta::new_bytes(&pieces) > segment.len() / 2 {
            let in_place = search.blocks.aligned(segment, whole, offset, 0);
            if delta::new_bytes(&in_place) < delta::new_bytes(&pieces) {
                pieces = in_place;
            }
        }
        if delta::long_run(&pieces, 0).is_some() && search.patience.tries() {
            let before = delta::new_bytes(&pieces);
            pieces = self.roll(id, search, segment, offset, pieces)?;
            if search.patience.learn(before, delta::new_bytes(&pieces)) {
                pieces = self.look_far(id, search, segment, offset, pieces)?;
            }
        }
        search.drift = delta::drift_of(&pieces, offset).unwrap_or(search.drift);
        let behind = offset.saturating_add_signed(search.drift).saturating_sub(SLACK as u64);
        search.blocks.forget_before(behind.min(offset) / BLOCK as u64);
        Ok(pieces)
    }

    /// Takes the hashes of old blocks until those before `end` are known, or none are on their way.
    fn blocks_until(&mut self, search: &mut Search<'_>, end: u64) -> Result<(), Gone> {
        while search.blocks.end() < end
            && let Some(place) = search.coming.pop_front()
        {
            let hashes = self.hear(&search.input.blocks)?;
            let length = (search.input.old_length - place).min(SEGMENT as u64);
            if hashes.len() as u64 != length.div_ceil(BLOCK as u64) {
                return self.refuse(damaged("more or fewer block hashes than a segment has"));
            }
            search.blocks.take(place / BLOCK as u64, hashes);
        }
        Ok(())
    }

    /// Has the standby tell blocks from this place of its old file on.
    fn seek(&mut self, id: FileId, search: &mut Search<'_>, place: u64) -> Result<(), Gone> {
        // What is on its way tells of another place.
        while search.coming.pop_front().is_some() {
            self.hear(&search.input.blocks)?;
        }
        let offset = place.min(search.input.old_length) / BLOCK as u64 * BLOCK as u64;
        self.send(ToStandby::AskBlocks { file: id, offset })?;
        search.begin(offset);
        Ok(())
    }

    fn refuse<T>(&self, error: ha_json::Error) -> Result<T, Gone> {
        self.give_up(error);
        Err(Gone)
    }

    fn ask(
        &mut self,
        id: FileId,
        search: &Search<'_>,
        reach: Reach,
        (offset, length): (u64, u64),
    ) -> Result<Signed, Gone> {
        let far = reach == Reach::Far;
        search.input.signs.store(true, Ordering::Release);
        self.send(ToStandby::AskRolling { file: id, offset, length, far })?;
        let signature = self.hear(&search.input.rolling)?;
        Signed::read(signature, reach, offset, length).or_else(|error| self.refuse(error))
    }

    fn find(&self, signed: &Signed, segment: &[u8], run: Range<usize>) -> Result<Vec<Piece>, Gone> {
        signed.find(segment, run).or_else(|error| self.refuse(error))
    }

    /// Looks for the long runs around their place: first where one begins, which tells where the rest
    /// of it is expected; then byte by byte.
    fn roll(
        &mut self,
        id: FileId,
        search: &mut Search<'_>,
        segment: &[u8],
        offset: u64,
        mut pieces: Vec<Piece>,
    ) -> Result<Vec<Piece>, Gone> {
        let window = search.window(offset, segment.len());
        if window.1 == 0 {
            return Ok(pieces);
        }
        let signed = self.ask(id, search, Reach::Near, window)?;
        let mut from = 0;
        for _ in 0..PROBES {
            let Some(run) = delta::long_run(&pieces, from) else { break };
            let probe = run.start..run.end.min(run.start + PROBE);
            let found = self.find(&signed, segment, probe.clone())?;
            from = probe.end;
            if let Some(drift) = delta::drift_of(&found, offset + probe.start as u64) {
                let end = search.last_block(offset + run.end as u64, drift);
                self.blocks_until(search, end)?;
                let expected = search.blocks.aligned(segment, run.clone(), offset, drift);
                if delta::new_bytes(&expected) < run.len() / 2 {
                    from = run.start;
                    pieces = delta::replaced(pieces, &run, &expected);
                }
            }
        }
        let mut from = 0;
        while let Some(run) = delta::long_run(&pieces, from) {
            let found = self.find(&signed, segment, run.clone())?;
            from = run.end;
            pieces = delta::replaced(pieces, &run, &found);
        }
        Ok(pieces)
    }

    /// Looks for a run in all of the old file, and goes on from where it is.
    fn look_far(
        &mut self,
        id: FileId,
        search: &mut Search<'_>,
        segment: &[u8],
        offset: u64,
        pieces: Vec<Piece>,
    ) -> Result<Vec<Piece>, Gone> {
        let all = search.input.old_length.min(Reach::Far.most());
        let Some(run) = delta::long_run(&pieces, 0).filter(|run| run.len() >= FAR_PROBE) else {
            return Ok(pieces);
        };
        if all <= Reach::Near.most() {
            return Ok(pieces);
        }
        if search.far.is_none() {
            search.far = Some(self.ask(id, search, Reach::Far, (0, all))?);
        }
        let Some(signed) = &search.far else { return Ok(pieces) };
        let found = self.find(signed, segment, run.start..run.start + FAR_PROBE)?;
        let Some(drift) = delta::drift_of(&found, offset + run.start as u64) else {
            return Ok(pieces);
        };
        self.seek(id, search, (offset + run.start as u64).saturating_add_signed(drift))?;
        let end = search.last_block(offset + run.end as u64, drift);
        self.blocks_until(search, end)?;
        let expected = search.blocks.aligned(segment, run.clone(), offset, drift);
        search.patience = Patience::default();
        Ok(delta::replaced(pieces, &run, &expected))
    }

    /// Sends the pieces of a segment.
    fn pieces(&self, file: FileId, segment: &[u8], pieces: &[Piece]) -> Result<(), Gone> {
        let new = delta::new_bytes(pieces);
        let mut data = if new == 0 { Vec::new() } else { buffer(new) };
        let mut at = 0;
        let part = |piece: &Piece| match piece {
            Piece::Copy { offset, length } => Part::Old { offset: *offset, length: *length },
            Piece::Literal(run) => {
                data[at..at + run.len()].copy_from_slice(&segment[run.clone()]);
                at += run.len();
                Part::New { length: run.len() as u64 }
            }
        };
        let pieces = pieces.iter().map(part).collect();
        self.send(ToStandby::Segment { file, pieces, data: Payload::head(data, new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_never_leaves_the_old_file() {
        assert_eq!(window(0, -5, SEGMENT, 100), (0, 100));
        assert_eq!(window(1 << 40, 0, SEGMENT, 100), (100, 0));
        let (start, length) = window(10 << 20, 1 << 20, SEGMENT, 1 << 30);
        assert_eq!((start, length), (10 << 20, (SEGMENT + 2 * SLACK) as u64));
    }
}
