//! The file system by descriptor: every call is relative to a directory that is held open, and
//! follows no link unless it says so.

use crate::entry::{Entry, Kind, Stamp};
use crate::extra::{Extra, Keep};
use crate::sys;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{Whence, lseek};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// Opens a directory beneath `directory`; a symbolic link is not followed.
pub(crate) fn open_directory(directory: impl AsFd, name: &[u8]) -> nix::Result<OwnedFd> {
    openat(directory, name, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty())
}

/// Opens a directory beneath `directory`, through a symbolic link too.
pub(crate) fn open_directory_through(directory: impl AsFd, name: &[u8]) -> nix::Result<OwnedFd> {
    openat(directory, name, DIRECTORY, Mode::empty())
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Opens a path as the person named it: links are followed.
pub(crate) fn open_named_directory(path: &std::path::Path) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, DIRECTORY, Mode::empty())
}

/// Makes a directory; one that is there is as good.
pub(crate) fn make_directory(directory: impl AsFd, name: &[u8], mode: Mode) -> nix::Result<()> {
    match mkdirat(directory, name, mode) {
        Err(Errno::EEXIST) => Ok(()),
        result => result,
    }
}

pub(crate) fn stat(directory: impl AsFd, name: &[u8]) -> nix::Result<FileStat> {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

pub(crate) fn stat_through(directory: impl AsFd, name: &[u8]) -> nix::Result<FileStat> {
    fstatat(directory, name, AtFlags::empty())
}

/// Where the symbolic link points.
pub(crate) fn link_target(directory: impl AsFd, name: &[u8]) -> nix::Result<Vec<u8>> {
    Ok(readlinkat(directory, name)?.into_vec())
}

/// Makes a file where nothing of its name is, to be written and read.
///
/// # Errors
/// `EEXIST`, and the system's own.
pub(crate) fn create_new(directory: impl AsFd, name: &[u8], mode: Mode) -> nix::Result<File> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
    openat(directory, name, flags | OFlag::O_RDWR | OFlag::O_CLOEXEC, mode).map(File::from)
}

/// Opens a file for reading, with these flags beside. Where access times are kept it leaves that of
/// the file alone, if this process may.
pub(crate) fn open_to_read(
    directory: impl AsFd + Copy,
    name: &[u8],
    flags: OFlag,
    quietly: bool,
) -> nix::Result<File> {
    // O_NONBLOCK: a fifo that took the file's place must not hold us up.
    let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let open = |flags| openat(directory, name, flags, Mode::empty()).map(File::from);
    match open(if quietly { flags | sys::NO_ATIME } else { flags }) {
        // Only the owner may.
        Err(Errno::EPERM) if quietly => open(flags),
        result => result,
    }
}

/// The names in a directory, without `.` and `..`, in the order the file system has them. No two
/// threads may read one open directory at once.
pub(crate) fn names(directory: &OwnedFd) -> nix::Result<Vec<Vec<u8>>> {
    // The position belongs to the open directory: whoever reads it begins at its start.
    lseek(directory, 0, Whence::SeekSet)?;
    let again = directory.try_clone().map_err(|error| crate::sys::errno(&error))?;
    let mut dir = Dir::from_fd(again)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

/// The entry of a name as it is on disk, its link's target read; `None` when there is none.
pub(crate) fn entry(directory: &OwnedFd, name: &[u8]) -> nix::Result<Option<Entry>> {
    entry_kept(directory, name.to_vec(), Keep::default())
}

/// [`entry`] with what stat(2) tells of what is kept beside.
pub(crate) fn entry_kept(
    directory: &OwnedFd,
    name: Vec<u8>,
    keep: Keep,
) -> nix::Result<Option<Entry>> {
    let stat = match stat(directory, &name) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stamp = Stamp::of(&stat);
    let target = match stamp.kind {
        Kind::Symlink => match link_target(directory, &name) {
            Ok(target) => target,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(error),
        },
        _ => Vec::new(),
    };
    let extra = Extra::of_stat(&stat, stamp.kind, keep);
    Ok(Some(Entry { name, stamp, target, implied: false, extra }))
}

/// The system's words for an error, in lower case.
pub(crate) fn words(error: Errno) -> String {
    error.desc().to_lowercase()
}
