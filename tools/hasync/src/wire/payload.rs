//! The bytes at the end of a message: content of files. They are not copied on their way, and the
//! memory that holds them is used again.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

/// Buffers that wait to be used again: as many as are under way at once.
const MOST_SPARE: usize = 4;
/// Buffers of other sizes are rare, in bytes.
const WORTH_KEEPING: std::ops::RangeInclusive<usize> = (64 << 10)..=(1 << 20);

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A buffer of at least this length, in bytes; what is in it means nothing.
pub(crate) fn buffer(length: usize) -> Vec<u8> {
    let mut buffer = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    if buffer.len() < length {
        buffer.reserve_exact(length - buffer.len());
        buffer.resize(length, 0);
    }
    buffer
}

/// Content: a part of the frame that it came in, or of the buffer that it was read to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Payload {
    /// The beginning of a buffer; all of it where it is not so long.
    pub(crate) fn head(bytes: Vec<u8>, length: usize) -> Payload {
        let end = length.min(bytes.len());
        Payload { bytes, start: 0, end }
    }

    /// The last `length` bytes of a frame; all of it where it has not so many.
    pub(crate) fn tail(frame: &mut Vec<u8>, length: usize) -> Payload {
        let end = frame.len();
        Payload { bytes: std::mem::take(frame), start: end.saturating_sub(length), end }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        if !WORTH_KEEPING.contains(&self.bytes.capacity()) {
            return;
        }
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        **self == **other
    }
}
