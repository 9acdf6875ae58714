//! The messages, as values. Locally they travel through a channel as they are.

use super::payload::Payload;
use crate::entry::{Entry, Kind, Stamp};
use ha_json::Error;

/// No frame is longer, in bytes.
pub(crate) const MAX_FRAME: usize = 4 << 20;
/// No longer run of zeros is told at once, in bytes: one message is not to be work for long.
pub(crate) const MOST_ZEROS: u64 = 1 << 30;

/// A file: the number of its directory, and its place in that directory's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub(crate) directory: u32,
    pub(crate) index: u32,
}

/// What the standby must know to open its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The one source is not a directory: it may be given another name.
    pub(crate) single: bool,
    /// The root itself, where its contents were asked for (`dir/`).
    pub(crate) root: Option<Entry>,
}

/// A directory of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    pub(crate) name: Vec<u8>,
    /// Over all its entries; absent where the list follows at once.
    pub(crate) digest: Option<[u8; 16]>,
    pub(crate) entries: u32,
    /// How many of them are directories whose own heads follow.
    pub(crate) subdirectories: u32,
    /// It was read to its end, whole: what it does not name is not there.
    pub(crate) whole: bool,
}

/// A file that came whole in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SmallFile {
    pub(crate) index: u32,
    pub(crate) stamp: Stamp,
}

/// A piece of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// These bytes of the standby's old file.
    Old { offset: u64, length: u64 },
    /// So many bytes that come with it.
    New { length: u64 },
}

/// From the source to the standby.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToStandby {
    Start(Start),
    /// The name of a user or group that a later entry belongs to.
    Owner {
        group: bool,
        id: u32,
        name: Vec<u8>,
    },
    Head(Head),
    List {
        directory: u32,
        entries: Vec<Entry>,
        last: bool,
    },
    /// `data` holds the files one after the other; `digest` is that of all of it.
    Files {
        directory: u32,
        files: Vec<SmallFile>,
        digest: [u8; 32],
        data: Payload,
    },
    /// A large file begins, or begins again.
    Open {
        file: FileId,
        stamp: Stamp,
        /// So many bytes are the standby's own, and are not sent.
        from: u64,
    },
    Data {
        file: FileId,
        data: Payload,
    },
    /// So many zeros stand here, at most [`MOST_ZEROS`].
    Zeros {
        file: FileId,
        length: u64,
    },
    /// Asks for the blocks of the standby's old file from this place on.
    AskBlocks {
        file: FileId,
        offset: u64,
    },
    /// Asks for the rolling signature of this part of the standby's old file, in large blocks where
    /// it is `far`.
    AskRolling {
        file: FileId,
        offset: u64,
        length: u64,
        far: bool,
    },
    /// A whole segment in one message: its pieces in order, and the literal ones' bytes.
    Segment {
        file: FileId,
        pieces: Vec<Part>,
        data: Payload,
    },
    Close {
        file: FileId,
        digest: [u8; 32],
    },
    /// The standby's file has the same content.
    Same {
        file: FileId,
    },
    /// The digest of the content, which was asked for.
    Digest {
        file: FileId,
        digest: [u8; 32],
    },
    /// The file could not be read; the standby's old one stays.
    Lost {
        file: FileId,
        reason: String,
        message: String,
    },
    /// Something of the source could not be read or listed.
    Trouble {
        path: Vec<u8>,
        reason: String,
        message: String,
    },
    /// Something was passed over as the options say.
    Skipped {
        path: Vec<u8>,
        why: String,
    },
    Walked {
        files: u64,
        bytes: u64,
    },
    /// What the standby has in place could not be removed at the source.
    Stays {
        path: Vec<u8>,
        reason: String,
        message: String,
    },
    /// The server's time, in microseconds since 1970.
    Clock(i64),
    Bye(Totals),
    Fatal(Error),
    Ping,
}

/// What the standby asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plea {
    Whole,
    /// Only if the content's digest is another.
    Unless([u8; 32]),
    /// Its digest, and not itself.
    Digest,
    /// The difference to a file of this size, in bytes.
    Delta(u64),
    /// What lies beyond this size, in bytes.
    Append(u64),
}

/// From the standby to the source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToSource {
    /// The root is open. `owner`: owners can be set there; `digests`: there is something to compare.
    Ready {
        owner: bool,
        digests: bool,
    },
    /// The digest is another: the list is wanted.
    Want {
        directory: u32,
    },
    /// Nothing more will be asked of this directory.
    Release {
        directory: u32,
    },
    Get {
        directory: u32,
        files: Vec<(u32, Plea)>,
    },
    /// Hashes of the next segment of the old file, one a block.
    Blocks {
        file: FileId,
        hashes: Vec<u64>,
    },
    Rolling {
        file: FileId,
        signature: Vec<u8>,
    },
    /// What was brought, as the source told it, is in place and durable: it may go there.
    Placed {
        path: Vec<u8>,
        stamp: Stamp,
    },
    Event(Event),
    /// The server's time, in microseconds since 1970.
    Clock(i64),
    Done {
        totals: Totals,
        error: Option<Error>,
    },
    Fatal(Error),
    Ping,
}

/// What was done to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Attributes,
    Delete,
}

/// Why an entry was changed: one bit a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Why(pub(crate) u16);

impl Why {
    pub(crate) const KIND: Why = Why(1);
    pub(crate) const SIZE: Why = Why(2);
    pub(crate) const TIME: Why = Why(4);
    pub(crate) const CONTENT: Why = Why(8);
    pub(crate) const MODE: Why = Why(16);
    pub(crate) const OWNER: Why = Why(32);
    pub(crate) const GROUP: Why = Why(64);
    pub(crate) const TARGET: Why = Why(128);
    pub(crate) const DEVICE: Why = Why(256);
    pub(crate) const ATIME: Why = Why(512);
    pub(crate) const ACL: Why = Why(1024);
    pub(crate) const XATTR: Why = Why(2048);
    pub(crate) const LINKS: Why = Why(4096);

    const WORDS: [(Why, &'static str); 13] = [
        (Why::KIND, "kind"),
        (Why::SIZE, "size"),
        (Why::TIME, "time"),
        (Why::CONTENT, "content"),
        (Why::MODE, "mode"),
        (Why::OWNER, "owner"),
        (Why::GROUP, "group"),
        (Why::TARGET, "target"),
        (Why::DEVICE, "device"),
        (Why::ATIME, "atime"),
        (Why::ACL, "acl"),
        (Why::XATTR, "xattr"),
        (Why::LINKS, "links"),
    ];

    pub(crate) fn add(&mut self, cause: Why, holds: bool) {
        if holds {
            self.0 |= cause.0;
        }
    }

    pub(crate) fn has(self, cause: Why) -> bool {
        self.0 & cause.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        Why::WORDS.into_iter().filter(move |(cause, _)| self.has(*cause)).map(|(_, word)| word)
    }
}

/// An entry of the standby that was changed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) action: Action,
    pub(crate) why: Why,
    /// Bytes of the new content.
    pub(crate) size: u64,
    /// Absent for what is deleted.
    pub(crate) details: Option<Details>,
}

/// What an entry was made, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) stamp: Stamp,
    /// Where a symbolic link points.
    pub(crate) target: Vec<u8>,
    /// Bytes of content that came from the source.
    pub(crate) sent: u64,
}

impl Details {
    pub(crate) fn of(stamp: Stamp, target: &[u8]) -> Option<Details> {
        Some(Details { stamp, target: target.to_vec(), sent: 0 })
    }
}

/// What the standby tells of its work while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Change(Change),
    Failed {
        path: Vec<u8>,
        reason: String,
        message: String,
    },
    Skipped {
        path: Vec<u8>,
        why: String,
    },
    /// So many files and bytes are as they should be; so many there are so far, or in all.
    Progress {
        files: u64,
        bytes: u64,
        total_files: u64,
        total_bytes: u64,
        walked: bool,
    },
}

/// Counts of the whole run. Each end counts what it does; the sum is the run's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Entries of the source that take part.
    pub(crate) files: u64,
    /// Bytes read from the source's and the standby's files.
    pub(crate) bytes_read: u64,
    /// Bytes of content that came from the source.
    pub(crate) literal: u64,
    /// Bytes of content taken from the standby's old files.
    pub(crate) matched: u64,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) attributes: u64,
    pub(crate) deleted: u64,
    pub(crate) unchanged: u64,
}

impl Totals {
    pub(crate) fn fields(&mut self) -> [&mut u64; 9] {
        [
            &mut self.files,
            &mut self.bytes_read,
            &mut self.literal,
            &mut self.matched,
            &mut self.created,
            &mut self.updated,
            &mut self.attributes,
            &mut self.deleted,
            &mut self.unchanged,
        ]
    }

    pub(crate) fn plus(mut self, mut other: Totals) -> Totals {
        for (sum, value) in self.fields().into_iter().zip(other.fields()) {
            *sum = sum.saturating_add(*value);
        }
        self
    }
}

/// What came of a run: what was done, and what ended it before its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) totals: Totals,
    pub(crate) error: Option<Error>,
}

impl From<Result<Outcome, Error>> for Outcome {
    fn from(result: Result<Outcome, Error>) -> Outcome {
        result.unwrap_or_else(|error| Outcome { totals: Totals::default(), error: Some(error) })
    }
}
