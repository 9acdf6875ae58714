//! The bytes of a file being written, from its start to its end.

use crate::content::{ZEROS, is_zero};
use crate::sys;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// What is zeros is looked for in blocks of this size, in bytes: no file system has smaller holes.
const BLOCK: u64 = 4096;

/// A new file, written from its start.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    /// How much of it is there, holes included.
    at: u64,
    /// Zeros become holes.
    sparse: bool,
}

impl Output {
    /// To a file that is empty and open for writing.
    pub(crate) fn new(file: File, sparse: bool) -> Output {
        Output { file, at: 0, sparse }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
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
                self.at += length as u64;
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
        self.at += copied;
        Ok(copied)
    }

    /// Writes so many zeros; `go_on` is asked now and then.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn zeros(&mut self, length: u64, go_on: impl Fn() -> bool) -> nix::Result<()> {
        if self.sparse {
            self.at += length;
            return Ok(());
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
        if self.sparse {
            self.file.set_len(self.at).map_err(|error| sys::errno(&error))?;
        }
        Ok(self.file)
    }

    fn put(&mut self, data: &[u8]) -> nix::Result<()> {
        self.file.write_all_at(data, self.at).map_err(|error| sys::errno(&error))?;
        self.at += data.len() as u64;
        Ok(())
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
            piece in 1usize..9_000,
        ) {
            let data: Vec<u8> = runs.iter().flat_map(|(zeros, length)| {
                std::iter::repeat_n(if *zeros { 0u8 } else { 7 }, *length)
            }).collect();
            for sparse in [false, true] {
                let mut output = Output::new(tempfile::tempfile().unwrap(), sparse);
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
