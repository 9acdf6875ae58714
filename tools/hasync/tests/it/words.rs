//! Messages, byte by byte.

use serde_json::{Value, json};

/// A frame in the making: a type byte and fields.
#[derive(Clone)]
pub(crate) struct Message(pub(crate) Vec<u8>);

pub(crate) fn message(kind: u8) -> Message {
    Message(vec![kind])
}

impl Message {
    pub(crate) fn byte(mut self, value: u8) -> Message {
        self.0.push(value);
        self
    }

    pub(crate) fn number(mut self, mut value: u64) -> Message {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub(crate) fn fixed(mut self, bytes: &[u8]) -> Message {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn string(self, bytes: &[u8]) -> Message {
        self.number(bytes.len() as u64).fixed(bytes)
    }

    pub(crate) fn stamp(self, stamp: &Stamp) -> Message {
        // Times here are never negative, so zigzag is twice the number.
        let message = self
            .byte(stamp.kind)
            .number(stamp.mode)
            .number(stamp.size)
            .number(stamp.seconds * 2)
            .number(0)
            .number(0)
            .number(0);
        if stamp.kind >= DEVICE { message.number(0) } else { message }
    }

    /// As it goes over the wire.
    pub(crate) fn framed(&self) -> Vec<u8> {
        framed(&self.0)
    }
}

pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_le_bytes()[..], frame].concat()
}

pub(crate) const FILE: u8 = 0;
pub(crate) const DIRECTORY: u8 = 1;
pub(crate) const SYMLINK: u8 = 2;
const DEVICE: u8 = 5;

#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) kind: u8,
    pub(crate) mode: u64,
    pub(crate) size: u64,
    pub(crate) seconds: u64,
}

/// A file of this size, changed at a moment that no test's own file has.
pub(crate) fn file_of(size: u64) -> Stamp {
    Stamp { kind: FILE, mode: 0o644, size, seconds: 1_000_000_000 }
}

pub(crate) fn directory_stamp() -> Stamp {
    Stamp { kind: DIRECTORY, mode: 0o755, size: 0, seconds: 1_000_000_000 }
}

/// An entry of a list.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) stamp: Stamp,
    pub(crate) target: Vec<u8>,
    /// What some options keep beside: a byte that tells what, and that.
    pub(crate) extra: Vec<u8>,
}

pub(crate) fn entry(name: &[u8], stamp: Stamp) -> Entry {
    Entry { name: name.to_vec(), stamp, target: Vec::new(), extra: vec![0] }
}

pub(crate) fn link(name: &[u8], target: &[u8]) -> Entry {
    let stamp = Stamp { kind: SYMLINK, mode: 0o777, size: 0, seconds: 1_000_000_000 };
    Entry { name: name.to_vec(), stamp, target: target.to_vec(), extra: vec![0] }
}

pub(crate) const PING: u8 = 0;
pub(crate) const FATAL: u8 = 1;
// From the standby.
pub(crate) const READY: u8 = 2;
pub(crate) const GET: u8 = 5;
pub(crate) const BLOCKS: u8 = 6;
pub(crate) const ROLLING: u8 = 7;
pub(crate) const EVENT: u8 = 8;
pub(crate) const DONE: u8 = 9;
// From the source.
pub(crate) const START: u8 = 2;
pub(crate) const HEAD: u8 = 4;
pub(crate) const OPEN: u8 = 7;
pub(crate) const ASK_ROLLING: u8 = 11;
pub(crate) const WALKED: u8 = 17;

pub(crate) fn start(single: bool) -> Message {
    message(START).byte(single.into()).byte(0)
}

/// A directory whose list follows at once.
pub(crate) fn head(id: u64, parent: u64, name: &[u8], entries: u64, below: u64) -> Message {
    head_whole(id, parent, name, entries, below, true)
}

pub(crate) fn head_whole(
    id: u64,
    parent: u64,
    name: &[u8],
    entries: u64,
    below: u64,
    whole: bool,
) -> Message {
    let message = message(HEAD).number(id).number(parent).string(name).byte(0);
    message.number(entries).number(below).byte(whole.into())
}

pub(crate) fn list(directory: u64, entries: &[Entry]) -> Message {
    let mut list = message(5).number(directory).byte(1).number(entries.len() as u64);
    for entry in entries {
        list = list.string(&entry.name).stamp(&entry.stamp).byte(0);
        if entry.stamp.kind == SYMLINK {
            list = list.string(&entry.target);
        }
        list = list.fixed(&entry.extra);
    }
    list
}

pub(crate) fn digest(data: &[u8]) -> [u8; 32] {
    *blake3::hash(data).as_bytes()
}

/// One small file, with the digest that its data has.
pub(crate) fn file(directory: u64, index: u64, data: &[u8]) -> Message {
    file_with(directory, index, data.len() as u64, &digest(data), data)
}

pub(crate) fn file_with(
    directory: u64,
    index: u64,
    size: u64,
    digest: &[u8; 32],
    data: &[u8],
) -> Message {
    let message = message(6).number(directory).number(1);
    message.number(index).stamp(&file_of(size)).fixed(digest).string(data)
}

pub(crate) fn open(directory: u64, index: u64, size: u64) -> Message {
    message(OPEN).number(directory).number(index).stamp(&file_of(size)).number(0)
}

pub(crate) fn data(directory: u64, index: u64, data: &[u8]) -> Message {
    message(8).number(directory).number(index).string(data)
}

/// A segment of so many pieces, which follow; then the bytes of those that are new.
pub(crate) fn segment(directory: u64, index: u64, pieces: u64) -> Message {
    message(19).number(directory).number(index).number(pieces)
}

/// A segment that is a part of the old file.
pub(crate) fn copy(directory: u64, index: u64, offset: u64, length: u64) -> Message {
    segment(directory, index, 1).byte(0).number(offset).number(length).string(b"")
}

/// Asks for the rolling signature of a part of the old file.
pub(crate) fn ask_rolling(index: u64, offset: u64, length: u64, far: bool) -> Message {
    let message = message(ASK_ROLLING).number(0).number(index).number(offset);
    message.number(length).byte(far.into())
}

/// Asks for the blocks of the old file from this place on.
pub(crate) fn ask_blocks(index: u64, offset: u64) -> Message {
    message(9).number(0).number(index).number(offset)
}

pub(crate) fn close(directory: u64, index: u64, digest: &[u8; 32]) -> Message {
    message(12).number(directory).number(index).fixed(digest)
}

pub(crate) fn same(directory: u64, index: u64) -> Message {
    message(13).number(directory).number(index)
}

pub(crate) fn trouble(path: &[u8]) -> Message {
    message(15).string(path).string(b"read_error").string(b"cannot be read")
}

pub(crate) fn walked() -> Message {
    message(17).number(0).number(0)
}

pub(crate) fn bye() -> Message {
    (0..9).fold(message(18), |message, _| message.number(0))
}

// What a standby says.

pub(crate) fn ready() -> Message {
    message(READY).byte(0).byte(0)
}

/// A Get of one file: 0 whole, 2 the difference to an old file that is so long.
pub(crate) fn get(directory: u64, index: u64, difference_to: Option<u64>) -> Message {
    let message = message(GET).number(directory).number(1).number(index);
    match difference_to {
        None => message.byte(0),
        Some(length) => message.byte(2).number(length),
    }
}

pub(crate) fn blocks(directory: u64, index: u64, count: usize) -> Message {
    let message = message(BLOCKS).number(directory).number(index).number(count as u64);
    message.fixed(&vec![0; count * 8])
}

pub(crate) fn done() -> Message {
    (0..9).fold(message(DONE), |message, _| message.number(0)).byte(0)
}

/// The frames of a job.
pub(crate) fn job(role: &str, options: &Value, paths: &[&[u8]]) -> Vec<u8> {
    let mut all = json!({"recursive": true, "links": true, "perms": true, "times": true,
        "lock_wait_seconds": 1, "timeout_seconds": 8});
    if let (Value::Object(all), Value::Object(options)) = (&mut all, options) {
        all.extend(options.clone());
    }
    let header = json!({"role": role, "options": all, "has_list": false}).to_string();
    let mut names: Vec<u8> = paths.iter().flat_map(|path| [path, &[0][..]].concat()).collect();
    names.push(0);
    [framed(header.as_bytes()), framed(&names)].concat()
}

pub(crate) const GREETING: &[u8] = b"hasync-protocol 2 2 hand/1\n";
