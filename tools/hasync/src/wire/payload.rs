//! The bytes at the end of a message: content of files. They are not copied on their way, many lines
//! may send them, and the memory that holds them is used again.

use std::io::{Error, Result};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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
    content: Arc<Content>,
    start: usize,
    end: usize,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// `None` within, where it could not be packed.
    packed: OnceLock<Option<Vec<u8>>>,
}

impl Payload {
    /// The beginning of a buffer; all of it where it is not so long.
    pub(crate) fn head(bytes: Vec<u8>, length: usize) -> Payload {
        let end = length.min(bytes.len());
        Payload::part(bytes, 0, end)
    }

    /// The last `length` bytes of a frame; all of it where it has not so many.
    pub(crate) fn tail(frame: &mut Vec<u8>, length: usize) -> Payload {
        let end = frame.len();
        Payload::part(std::mem::take(frame), end.saturating_sub(length), end)
    }

    /// The same in memory of its own, where it is a small part of what it was read to: to be kept.
    pub(crate) fn compact(self) -> Payload {
        if self.len() * 2 < self.content.bytes.len() {
            return Payload::head(self.to_vec(), self.len());
        }
        self
    }

    fn part(bytes: Vec<u8>, start: usize, end: usize) -> Payload {
        Payload { content: Arc::new(Content { bytes, packed: OnceLock::new() }), start, end }
    }

    /// The same, packed: by the first line that sends it, for all of them.
    ///
    /// # Errors
    /// When the one that packed it failed.
    pub(crate) fn packed(&self, pack: impl FnOnce(&[u8]) -> Result<Vec<u8>>) -> Result<&[u8]> {
        let packed = self.content.packed.get_or_init(|| pack(self).ok());
        packed.as_deref().ok_or_else(|| Error::other("cannot be packed"))
    }
}

impl Drop for Content {
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
        &self.content.bytes[self.start..self.end]
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        **self == **other
    }
}
