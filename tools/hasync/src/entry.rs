//! One thing in a directory: what is compared and what is sent of it.

use crate::extra::Extra;
use nix::sys::stat::{FileStat, SFlag};
use serde::{Deserialize, Serialize};

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    Fifo,
    Socket,
    CharacterDevice,
    BlockDevice,
}

impl Kind {
    pub(crate) const ALL: [Kind; 7] = [
        Kind::File,
        Kind::Directory,
        Kind::Symlink,
        Kind::Fifo,
        Kind::Socket,
        Kind::CharacterDevice,
        Kind::BlockDevice,
    ];

    /// The kind that a mode of stat(2) tells.
    pub(crate) fn of_mode(mode: u32) -> Kind {
        match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Symlink,
            SFlag::S_IFIFO => Kind::Fifo,
            SFlag::S_IFSOCK => Kind::Socket,
            SFlag::S_IFCHR => Kind::CharacterDevice,
            SFlag::S_IFBLK => Kind::BlockDevice,
            _ => Kind::File,
        }
    }

    /// The bits of stat(2) for mknod(2).
    pub(crate) fn flag(self) -> SFlag {
        match self {
            Kind::File => SFlag::S_IFREG,
            Kind::Directory => SFlag::S_IFDIR,
            Kind::Symlink => SFlag::S_IFLNK,
            Kind::Fifo => SFlag::S_IFIFO,
            Kind::Socket => SFlag::S_IFSOCK,
            Kind::CharacterDevice => SFlag::S_IFCHR,
            Kind::BlockDevice => SFlag::S_IFBLK,
        }
    }

    /// The word in records.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "symlink",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::CharacterDevice => "character_device",
            Kind::BlockDevice => "block_device",
        }
    }

    pub(crate) fn is_device(self) -> bool {
        matches!(self, Kind::CharacterDevice | Kind::BlockDevice)
    }
}

/// A moment as a file system keeps it: seconds since 1970 UTC, and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

impl Moment {
    /// True when the two are at most so many whole seconds apart; without a window, or with a negative
    /// one, when they are the same to the nanosecond.
    pub(crate) fn is_within(self, other: Moment, window: Option<i64>) -> bool {
        match window.and_then(|window| u64::try_from(window).ok()) {
            Some(window) => self.seconds.abs_diff(other.seconds) <= window,
            None => self == other,
        }
    }
}

/// What stat(2) says of a thing, as far as it is synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) kind: Kind,
    /// Permission bits, with setuid, setgid and sticky.
    pub(crate) mode: u32,
    /// Bytes; 0 for all but files.
    pub(crate) size: u64,
    pub(crate) mtime: Moment,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The device's number; 0 for all but devices.
    pub(crate) device: u64,
}

impl Stamp {
    pub(crate) fn of(stat: &FileStat) -> Stamp {
        let kind = Kind::of_mode(stat.st_mode);
        Stamp {
            kind,
            mode: stat.st_mode & 0o7777,
            size: if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 },
            mtime: Moment {
                seconds: stat.st_mtime,
                nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
            },
            uid: stat.st_uid,
            gid: stat.st_gid,
            device: if kind.is_device() { stat.st_rdev } else { 0 },
        }
    }

    /// True when both tell of the same content, as far as size and time can tell.
    pub(crate) fn same_content(&self, other: &Stamp) -> bool {
        self.size == other.size && self.mtime == other.mtime
    }
}

/// A thing and its name in its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) stamp: Stamp,
    /// Where a symbolic link points; empty for all else.
    pub(crate) target: Vec<u8>,
    /// A directory that only leads to what was asked for: made where it is missing, else left.
    pub(crate) implied: bool,
    /// What only some options keep.
    pub(crate) extra: Option<Box<Extra>>,
}

impl Entry {
    /// The entry of a directory itself, which has no name.
    pub(crate) fn nameless(stamp: Stamp) -> Entry {
        Entry { name: Vec::new(), stamp, target: Vec::new(), implied: false, extra: None }
    }
}

/// The names of a path, one after the other, without `.` and doubled slashes.
pub(crate) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
}

/// A path for messages and records: components joined, `.` for the root itself.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match (directory, name) {
        ([] | [b'.'], []) => b".".to_vec(),
        ([] | [b'.'], _) => name.to_vec(),
        (_, []) => directory.to_vec(),
        _ => [directory, b"/", name].concat(),
    }
}
