//! The content of files: digests and comparison.

use std::fs::File;
use std::os::unix::fs::FileExt;

const PIECE: usize = 256 << 10;

/// Zeros, to write and to compare with.
pub(crate) static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// True when there is nothing but zeros in it.
pub(crate) fn is_zero(data: &[u8]) -> bool {
    data.chunks(ZEROS.len()).all(|piece| piece == &ZEROS[..piece.len()])
}

/// The digest of a file on its way, of which long runs of zeros are told and not sent. Without such
/// a run it is the BLAKE3 digest of the content.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    data: blake3::Hasher,
    at: u64,
    /// Where each run of zeros lies and how long it is, in bytes; runs that touch are one.
    runs: blake3::Hasher,
    /// The last of them.
    run: Option<(u64, u64)>,
}

impl Sum {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.data.update(data);
        self.at += data.len() as u64;
    }

    /// Takes a run of so many zeros.
    pub(crate) fn zeros(&mut self, length: u64) {
        match &mut self.run {
            Some((start, so_far)) if *start + *so_far == self.at => *so_far += length,
            _ => {
                self.put_run();
                self.run = Some((self.at, length));
            }
        }
        self.at += length;
    }

    fn put_run(&mut self) {
        if let Some((start, length)) = self.run {
            self.runs.update(&start.to_le_bytes()).update(&length.to_le_bytes());
        }
    }

    /// The digest of all that was taken.
    pub(crate) fn finish(mut self) -> [u8; 32] {
        let data = self.data.finalize();
        if self.run.is_none() {
            return *data.as_bytes();
        }
        self.put_run();
        let runs = self.runs.finalize();
        *blake3::Hasher::new().update(data.as_bytes()).update(runs.as_bytes()).finalize().as_bytes()
    }
}

/// The BLAKE3 digest of a file from its start, and how many bytes were read for it.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest_of(file: &File) -> std::io::Result<([u8; 32], u64)> {
    digest_telling(file, &|| {})
}

/// The same, with a call after each piece.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest_telling(file: &File, told: &dyn Fn()) -> std::io::Result<([u8; 32], u64)> {
    let mut hash = blake3::Hasher::new();
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset) {
            Ok(0) => return Ok((*hash.finalize().as_bytes(), offset)),
            Ok(read) => {
                hash.update(&buffer[..read]);
                told();
                offset += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether two files have the same content, as far as so many bytes, and how many bytes of both were
/// read for it.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn equal(one: &File, other: &File, limit: u64) -> std::io::Result<(bool, u64)> {
    let (mut a, mut b) = (vec![0; PIECE], vec![0; PIECE]);
    let mut offset = 0;
    loop {
        let piece = usize::try_from(limit - offset).map_or(PIECE, |left| left.min(PIECE));
        let (a, b) = (&mut a[..piece], &mut b[..piece]);
        let (read, other_read) = (read_at(one, a, offset)?, read_at(other, b, offset)?);
        let so_far = offset * 2 + (read + other_read) as u64;
        if a[..read] != b[..other_read] {
            return Ok((false, so_far));
        }
        if read < PIECE {
            return Ok((true, so_far));
        }
        offset += PIECE as u64;
    }
}

/// Reads once; a file that is read to its end gives less than there is room for.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Fills `buffer` from `offset` as far as the file goes; gives how much of it.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[(&[u8], u64)]) -> [u8; 32] {
        let mut sum = Sum::default();
        for (data, zeros) in parts {
            sum.update(data);
            if *zeros > 0 {
                sum.zeros(*zeros);
            }
        }
        sum.finish()
    }

    #[test]
    fn a_sum_tells_where_zeros_lie_and_how_many_but_not_how_they_were_cut() {
        assert_eq!(sum(&[(b"ab", 0), (b"c", 0)]), *blake3::hash(b"abc").as_bytes());
        assert_eq!(sum(&[(b"ab", 7), (b"", 2), (b"c", 0)]), sum(&[(b"ab", 9), (b"c", 0)]));
        assert_ne!(sum(&[(b"ab", 9), (b"c", 0)]), sum(&[(b"a", 9), (b"bc", 0)]));
        assert_ne!(sum(&[(b"ab", 9), (b"c", 0)]), sum(&[(b"ab", 8), (b"c", 0)]));
        assert_ne!(sum(&[(b"a", 1), (b"b", 1)]), sum(&[(b"a", 1), (b"b", 0)]));
    }

    #[test]
    fn a_byte_among_zeros_is_seen() {
        let mut data = vec![0; 200_000];
        assert!(is_zero(&data));
        data[199_999] = 1;
        assert!(!is_zero(&data));
        assert!(is_zero(b""));
    }
}
