//! A tree by its open top: paths are from there, and no link on the way is followed.

use super::beside::{Beside, Kept};
use super::bytes;
use super::talk::worked;
use crate::content;
use crate::entry::{Kind, Moment, Stamp, components};
use crate::fs;
use crate::standby::copy;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod, futimens};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, linkat, unlinkat};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What is known of an entry without reading it, and that it is the same one as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// In bytes.
    pub(super) size: u64,
    pub(super) modified: Moment,
    /// When the inode was changed last: what is not changed keeps it.
    pub(super) changed: Moment,
    pub(super) inode: u64,
    pub(super) device: u64,
    /// The number of a device.
    #[serde(default, skip_serializing_if = "is_no_device")]
    pub(super) number: u64,
    /// Of a symbolic link.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "bytes")]
    pub(super) target: Vec<u8>,
    /// Of a directory, where it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) beside: Option<Beside>,
}

fn is_no_device(number: &u64) -> bool {
    *number == 0
}

impl Mark {
    /// True where both are the same thing to whoever uses them, as far as it shows without reading.
    pub(super) fn looks_like(&self, other: &Mark) -> bool {
        self.same_attributes(other)
            && self.size == other.size
            && (self.kind == Kind::Symlink || self.modified == other.modified)
    }

    /// Kind, mode, owner, target and number are the same.
    pub(super) fn same_attributes(&self, other: &Mark) -> bool {
        self.kind == other.kind
            && (self.kind == Kind::Symlink || self.mode == other.mode)
            && (self.uid, self.gid) == (other.uid, other.gid)
            && self.target == other.target
            && self.number == other.number
            && (self.beside.is_none() || other.beside.is_none() || self.beside == other.beside)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// An open directory, and what is beneath it.
#[derive(Debug)]
pub(super) struct Tree {
    top: OwnedFd,
    path: PathBuf,
}

impl Tree {
    pub(super) fn open(path: &Path) -> nix::Result<Tree> {
        Ok(Tree { top: fs::open_named_directory(path)?, path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn top(&self) -> &OwnedFd {
        &self.top
    }

    /// The directory that a path's last name is in, and that name.
    pub(super) fn parent<'a>(&self, path: &'a [u8]) -> nix::Result<(OwnedFd, &'a [u8])> {
        worked();
        let mut names: Vec<_> = components(path).collect();
        let name = names.pop().unwrap_or(b".");
        let top = self.top.try_clone().map_err(|error| crate::sys::errno(&error))?;
        let parent = names.into_iter().try_fold(top, |at, name| match name {
            b".." => Err(Errno::EXDEV),
            name => fs::open_directory(&at, name),
        })?;
        match name {
            b".." => Err(Errno::EXDEV),
            name => Ok((parent, name)),
        }
    }

    /// `None` where nothing is there.
    pub(super) fn mark(&self, path: &[u8]) -> nix::Result<Option<Mark>> {
        self.look().mark(path)
    }

    /// Looks at many paths, one directory after the other, while nothing is moved.
    pub(super) fn look(&self) -> Look<'_> {
        Look { tree: self, last: None }
    }

    /// The BLAKE3 digest of a regular file, in hexadecimal.
    pub(super) fn digest(&self, path: &[u8]) -> nix::Result<String> {
        let (parent, name) = self.parent(path)?;
        let file = fs::open_to_read(&parent, name, OFlag::O_NOFOLLOW, true)?;
        let (digest, _) =
            content::digest_telling(&file, &worked).map_err(|error| crate::sys::errno(&error))?;
        Ok(blake3::Hash::from_bytes(digest).to_hex().to_string())
    }

    /// The beginning of a regular file.
    pub(super) fn read(&self, path: &[u8], most: u64) -> nix::Result<Vec<u8>> {
        use std::io::Read;
        let (parent, name) = self.parent(path)?;
        let file = fs::open_to_read(&parent, name, OFlag::O_NOFOLLOW, true)?;
        let mut text = Vec::new();
        file.take(most).read_to_end(&mut text).map_err(|error| crate::sys::errno(&error))?;
        Ok(text)
    }

    /// What stands beside owner, mode and time of a directory.
    pub(super) fn beside(&self, path: &[u8], kept: Kept) -> nix::Result<Beside> {
        let (parent, name) = self.parent(path)?;
        Beside::read(&fs::open_directory(&parent, name)?, kept)
    }

    /// The names in a directory.
    pub(super) fn names(&self, path: &[u8]) -> nix::Result<Vec<Vec<u8>>> {
        let (parent, name) = self.parent(path)?;
        fs::names(&fs::open_directory(&parent, name)?)
    }

    /// All that is beneath a path, directories before what is in them.
    pub(super) fn walk(&self, path: &[u8], each: &mut impl FnMut(&[u8], Mark)) -> nix::Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = fs::open_directory(&parent, name)?;
        for name in fs::names(&directory)? {
            let Some(mark) = mark(&directory, &name)? else { continue };
            let whole = crate::entry::join(path, &name);
            let goes_on = mark.is_directory();
            each(&whole, mark);
            if goes_on {
                self.walk(&whole, each)?;
            }
        }
        Ok(())
    }

    /// Copies a file, or what else has one name alone, to a path of another tree, with what belongs to it.
    pub(super) fn copy_to(&self, path: &[u8], other: &Tree, to: &[u8]) -> nix::Result<()> {
        let ((from, name), (into, other_name)) = (self.parent(path)?, other.parent(to)?);
        let stat = fs::stat(&from, name)?;
        // What was cut before is begun again.
        match unlinkat(&into, other_name, UnlinkatFlags::NoRemoveDir) {
            Err(error) if error != Errno::ENOENT => return Err(error),
            _ => {}
        }
        copy(&from, name, &into, other_name, &stat)
    }

    /// Makes the directories that lead to a path, for nobody else.
    pub(super) fn make_way(&self, path: &[u8]) -> nix::Result<()> {
        let mut names: Vec<_> = components(path).collect();
        names.pop();
        let top = self.top.try_clone().map_err(|error| crate::sys::errno(&error))?;
        names.into_iter().try_fold(top, |at, name| {
            fs::make_directory(&at, name, Mode::S_IRWXU)?;
            fs::open_directory(&at, name)
        })?;
        Ok(())
    }

    pub(super) fn make_directory(&self, path: &[u8]) -> nix::Result<()> {
        let (parent, name) = self.parent(path)?;
        fs::make_directory(&parent, name, Mode::S_IRWXU)
    }

    /// Moves what has a path here to a path of another tree, over what is there.
    pub(super) fn move_to(&self, path: &[u8], other: &Tree, to: &[u8]) -> nix::Result<()> {
        let ((from, name), (into, other_name)) = (self.parent(path)?, other.parent(to)?);
        renameat(&from, name, &into, other_name)
    }

    /// Gives what has a path here another name as well; one that is there is as good.
    pub(super) fn link_to(&self, path: &[u8], other: &Tree, to: &[u8]) -> nix::Result<()> {
        let ((from, name), (into, other_name)) = (self.parent(path)?, other.parent(to)?);
        match linkat(&from, name, &into, other_name, LinkatFlags::empty()) {
            Err(Errno::EEXIST) => Ok(()),
            result => result,
        }
    }

    pub(super) fn remove_directory(&self, path: &[u8]) -> nix::Result<()> {
        let (parent, name) = self.parent(path)?;
        unlinkat(&parent, name, UnlinkatFlags::RemoveDir)
    }

    /// Removes whatever has a path, with all that is in it; nothing may.
    pub(super) fn remove_all(&self, path: &[u8]) -> nix::Result<()> {
        let Some(mark) = self.mark(path)? else { return Ok(()) };
        let (parent, name) = self.parent(path)?;
        match mark.is_directory() {
            true => clear(&parent, name),
            false => unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir),
        }
    }

    /// Sets a directory's owner, mode and time, and what stands beside them.
    pub(super) fn set(&self, path: &[u8], want: &Mark) -> nix::Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = fs::open_directory(&parent, name)?;
        let stat = nix::sys::stat::fstat(&directory)?;
        if (stat.st_uid, stat.st_gid) != (want.uid, want.gid) {
            fchown(&directory, Some(Uid::from_raw(want.uid)), Some(Gid::from_raw(want.gid)))?;
        }
        if let Some(beside) = &want.beside {
            beside.write(&directory)?;
        }
        fchmod(&directory, Mode::from_bits_truncate(want.mode))?;
        let Moment { seconds, nanoseconds } = want.modified;
        let time = TimeSpec::new(seconds, nanoseconds.into());
        futimens(&directory, &TimeSpec::UTIME_OMIT, &time)
    }

    /// Puts other content in the place of a file, with all else as it was.
    pub(super) fn rewrite(&self, path: &[u8], content: &[u8]) -> nix::Result<()> {
        use std::io::Write;
        let (parent, name) = self.parent(path)?;
        let was = fs::stat(&parent, name)?;
        let flags = OFlag::O_WRONLY | OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = std::fs::File::from(openat(&parent, name, flags, Mode::empty())?);
        file.write_all(content).map_err(|error| crate::sys::errno(&error))?;
        let stamp = Stamp::of(&was);
        // Writing takes the setuid bit away.
        fchmod(&file, Mode::from_bits_truncate(stamp.mode))?;
        let Moment { seconds, nanoseconds } = stamp.mtime;
        futimens(&file, &TimeSpec::UTIME_OMIT, &TimeSpec::new(seconds, nanoseconds.into()))
    }

    /// Which file system a path is on, or would be.
    pub(super) fn device(&self, path: &[u8]) -> nix::Result<u64> {
        let names: Vec<_> = components(path).collect();
        let mut at = self.top.try_clone().map_err(|error| crate::sys::errno(&error))?;
        for name in names {
            at = match fs::open_directory(&at, name) {
                Ok(next) => next,
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => break,
                Err(error) => return Err(error),
            };
        }
        Ok(nix::sys::stat::fstat(&at)?.st_dev)
    }
}

fn clear(parent: &OwnedFd, name: &[u8]) -> nix::Result<()> {
    let directory = fs::open_directory(parent, name)?;
    for inner in fs::names(&directory)? {
        match unlinkat(&directory, &*inner, UnlinkatFlags::NoRemoveDir) {
            // POSIX has EPERM for a directory.
            Err(Errno::EISDIR | Errno::EPERM) => clear(&directory, &inner)?,
            result => result?,
        }
    }
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

/// Keeps the directory that it looked into last.
pub(super) struct Look<'a> {
    tree: &'a Tree,
    last: Option<(Vec<u8>, nix::Result<OwnedFd>)>,
}

impl Look<'_> {
    /// `None` where nothing is there.
    pub(super) fn mark(&mut self, path: &[u8]) -> nix::Result<Option<Mark>> {
        let name = components(path).next_back().unwrap_or(b".");
        let above = &path[..path.len() - name.len().min(path.len())];
        if self.last.as_ref().is_none_or(|last| last.0 != above || name == b"..") {
            let directory = self.tree.parent(path).map(|(directory, _)| directory);
            self.last = Some((above.to_vec(), directory));
        }
        match &self.last {
            Some((_, Ok(directory))) => mark(directory, name),
            // Something else may be where a directory of it would be.
            Some((_, Err(Errno::ENOENT | Errno::ENOTDIR))) | None => Ok(None),
            Some((_, Err(error))) => Err(*error),
        }
    }
}

fn mark(parent: &OwnedFd, name: &[u8]) -> nix::Result<Option<Mark>> {
    let stat = match fs::stat(parent, name) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stamp = Stamp::of(&stat);
    let target = match stamp.kind {
        Kind::Symlink => fs::link_target(parent, name)?,
        _ => Vec::new(),
    };
    let nanoseconds = u32::try_from(stat.st_ctime_nsec).unwrap_or_default();
    Ok(Some(Mark {
        kind: stamp.kind,
        mode: stamp.mode,
        uid: stamp.uid,
        gid: stamp.gid,
        size: stamp.size,
        modified: stamp.mtime,
        changed: Moment { seconds: stat.st_ctime, nanoseconds },
        inode: stat.st_ino,
        device: stat.st_dev,
        number: stamp.device,
        target,
        beside: None,
    }))
}
