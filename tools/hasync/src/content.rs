//! The content of files: digests and comparison.

use std::fs::File;
use std::os::unix::fs::FileExt;

const PIECE: usize = 256 << 10;

/// The BLAKE3 digest of a file from its start, and how many bytes were read for it.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest_of(file: &File) -> std::io::Result<([u8; 32], u64)> {
    let mut hash = blake3::Hasher::new();
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset) {
            Ok(0) => return Ok((*hash.finalize().as_bytes(), offset)),
            Ok(read) => {
                hash.update(&buffer[..read]);
                offset += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
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
