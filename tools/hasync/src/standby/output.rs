//! The bytes of a file being written, from its start to its end.

use super::room::Share;
use crate::content::{self, ZEROS, is_zero};
use crate::sys;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// What is zeros is looked for in blocks of this size, in bytes: no file system has smaller holes.
const BLOCK: u64 = 4096;
/// What is there is read in pieces of this size, in bytes.
const PIECE: usize = 256 << 10;
/// No more is copied at once, so that it is known how far a copy came.
pub(crate) const MOST_AT_ONCE: u64 = 16 << 20;

/// A file, written from its start.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    /// How long it was before: what lies there is written over only where it differs.
    old: u64,
    /// How much of it is there, holes included.
    at: u64,
    /// Zeros become holes.
    sparse: bool,
    /// Of the room that is left, what it still takes.
    share: Option<Share>,
}

impl Output {
    /// To a file that is empty and open for writing.
    pub(crate) fn new(file: File, sparse: bool) -> Output {
        Output { file, old: 0, at: 0, sparse, share: None }
    }

    /// To a file that is open for reading and writing, and so long.
    pub(crate) fn over(file: File, sparse: bool, length: u64) -> Output {
        Output { file, old: length, at: 0, sparse, share: None }
    }

    /// With this share of the room there is.
    pub(crate) fn with(self, share: Option<Share>) -> Output {
        Output { share, ..self }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// How much of it is there.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Takes the first bytes of it as they are.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn keep(&mut self, length: u64) -> nix::Result<()> {
        self.at = length;
        (&self.file).seek(SeekFrom::Start(length)).map(drop).map_err(|error| sys::errno(&error))
    }

    /// Whether zeros become holes.
    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn write(&mut self, data: &[u8]) -> nix::Result<()> {
        if !self.sparse {
            return self.put(data);
        }
        let mut rest = data;
        while !rest.is_empty() {
            let (zeros, length) = run(rest, self.at);
            let (next, tail) = rest.split_at(length);
            if zeros {
                self.hole(length as u64)?;
            } else {
                self.put(next)?;
            }
            rest = tail;
        }
        Ok(())
    }

    /// Writes the next bytes of `from`, read from its position on, at most `length`; gives how many.
    ///
    /// # Errors
    /// As [`sys::copy`].
    pub(crate) fn copy(&mut self, from: &File, length: u64) -> nix::Result<u64> {
        let copied = sys::copy(from, &self.file, length)?;
        self.advance(copied);
        Ok(copied)
    }

    /// Writes so many zeros; `go_on` is asked now and then.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn zeros(&mut self, length: u64, go_on: impl Fn() -> bool) -> nix::Result<()> {
        if self.sparse {
            return self.hole(length);
        }
        let mut left = length;
        while left > 0 && go_on() {
            let piece = ZEROS.len().min(usize::try_from(left).unwrap_or(ZEROS.len()));
            self.put(&ZEROS[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }

    /// Gives the file its length, and itself: there may be a hole at its end.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn finish(self) -> nix::Result<File> {
        if self.sparse || self.at < self.old {
            self.file.set_len(self.at).map_err(|error| sys::errno(&error))?;
        }
        Ok(self.file)
    }

    /// So many bytes more are there, and took room.
    fn advance(&mut self, bytes: u64) {
        self.at += bytes;
        self.share.iter_mut().for_each(|share| share.spend(bytes));
    }

    fn hole(&mut self, length: u64) -> nix::Result<()> {
        let there = self.old.saturating_sub(self.at).min(length);
        if there > 0 {
            sys::punch_hole(&self.file, self.at, there)?;
        }
        self.at += length;
        Ok(())
    }

    fn put(&mut self, data: &[u8]) -> nix::Result<()> {
        let there = self.old.saturating_sub(self.at).min(data.len() as u64) as usize;
        let (over, behind) = data.split_at(there);
        let mut now = vec![0; there.min(PIECE)];
        for piece in over.chunks(PIECE) {
            let now = &mut now[..piece.len()];
            let read = content::read_at(&self.file, now, self.at).unwrap_or(0);
            for (index, block) in piece.chunks(BLOCK as usize).enumerate() {
                let start = index * BLOCK as usize;
                if read < start + block.len() || now[start..start + block.len()] != *block {
                    self.put_at(block, self.at + start as u64)?;
                }
            }
            self.at += piece.len() as u64;
        }
        self.put_at(behind, self.at)?;
        self.advance(behind.len() as u64);
        Ok(())
    }

    fn put_at(&self, data: &[u8], offset: u64) -> nix::Result<()> {
        self.file.write_all_at(data, offset).map_err(|error| sys::errno(&error))
    }
}

/// Whether `data`, which lies at `offset`, begins with blocks of zeros, and how long that run of
/// such blocks, or of others, is.
fn run(data: &[u8], offset: u64) -> (bool, usize) {
    let first = (BLOCK - offset % BLOCK) as usize;
    let mut length = first.min(data.len());
    let zeros = is_zero(&data[..length]);
    while length < data.len() {
        let next = (length + BLOCK as usize).min(data.len());
        if is_zero(&data[length..next]) != zeros {
            break;
        }
        length = next;
    }
    (zeros, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::MetadataExt;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn with_holes_or_without_the_content_is_the_same(
            runs in proptest::collection::vec((any::<bool>(), 1usize..20_000), 0..12),
            piece in 1usize..9_000, old in 0usize..150_000,
        ) {
            let data: Vec<u8> = runs.iter().flat_map(|(zeros, length)| {
                std::iter::repeat_n(if *zeros { 0u8 } else { 7 }, *length)
            }).collect();
            for (sparse, old) in [(false, 0), (true, 0), (false, old), (true, old)] {
                let file = tempfile::tempfile().unwrap();
                file.write_all_at(&vec![7; old], 0).unwrap();
                let mut output = Output::over(file, sparse, old as u64);
                for piece in data.chunks(piece) {
                    output.write(piece).unwrap();
                }
                output.zeros(5_000, || true).unwrap();
                let file = output.finish().unwrap();
                let mut read = vec![1; data.len() + 5_001];
                let length = crate::content::read_at(&file, &mut read, 0).unwrap();
                prop_assert_eq!(&read[..length], &[&data[..], &[0; 5_000]].concat()[..]);
            }
        }
    }

    #[test]
    fn a_long_run_of_zeros_takes_no_room() {
        let mut output = Output::new(tempfile::tempfile().unwrap(), true);
        output.write(&[1; 4096]).unwrap();
        output.write(&[0; 1 << 20]).unwrap();
        output.zeros(1 << 40, || true).unwrap();
        let stat = output.finish().unwrap().metadata().unwrap();
        assert_eq!(stat.len(), 4096 + (1 << 20) + (1 << 40));
        assert!(stat.blocks() < 128, "{} blocks", stat.blocks());
    }
}
