//! `--temp-dir`: files are written in another directory. Each run has one of its own in it, which
//! nobody else may enter and which it holds locked, so that no name is shared with another run, on
//! this machine or beside it, and what one left that was killed is known to be nobody's.

use super::Site;
use super::output::Output;
use super::pending::Pending;
use super::place::Place;
use super::root::{Opened, Root};
use super::store::Store;
use crate::acl::DEFAULT;
use crate::beneath;
use crate::fs;
use crate::leftover::{is_abandoned, is_temporary};
use crate::pace::Pace;
use crate::sys;
use crate::xattr;
use ha_command::{Lock, lock_directory};
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};
use std::fs::File;
use std::io::Seek;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// So many names are tried before the directory is given up.
const TRIES: usize = 100;

/// The directory of this run's temporary files.
#[derive(Debug)]
pub(super) struct Elsewhere {
    /// The one that was named.
    named: OwnedFd,
    device_inode: (u64, u64),
    name: Vec<u8>,
    pub(super) fd: OwnedFd,
    /// Held to the end.
    _lock: Lock,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // What cannot be removed now, the next run removes.
        let _ = unlinkat(&self.named, &self.name[..], UnlinkatFlags::RemoveDir);
    }
}

impl Elsewhere {
    /// Opens what `--temp-dir` names, removes what killed runs left there, and makes this run's own
    /// directory in it; `None` where that is not asked for.
    ///
    /// # Errors
    /// When it cannot be opened or made.
    pub(super) fn open(
        site: &Site,
        root: &Root,
        opened: &Opened,
    ) -> Result<Option<Elsewhere>, Error> {
        let Some(path) = &site.options.temp_dir else { return Ok(None) };
        let fail = |error: Errno| {
            let shown = String::from_utf8_lossy(path).into_owned();
            Error::failed(
                shown,
                format!("no temporary files can be made here: {}", beneath::words(error)),
            )
        };
        if site.options.dry_run && opened.fd.is_none() && !path.starts_with(b"/") {
            return Ok(None);
        }
        let named = root.beside(opened.fd.as_ref(), path, None).map_err(fail)?;
        if site.options.dry_run || site.options.inplace {
            return Ok(None);
        }
        clear(&named);
        let stat = fstat(&named).map_err(fail)?;
        let (name, fd, lock) = own(site, &named).map_err(fail)?;
        let device_inode = (stat.st_dev, stat.st_ino);
        Ok(Some(Elsewhere { named, device_inode, name, fd, _lock: lock }))
    }

    /// True for the directory that was named.
    pub(super) fn is_here(&self, stat: &FileStat) -> bool {
        self.device_inode == (stat.st_dev, stat.st_ino)
    }
}

/// Makes a directory that is this run's alone, and locks it.
fn own(site: &Site, named: &OwnedFd) -> nix::Result<(Vec<u8>, OwnedFd, Lock)> {
    for _ in 0..TRIES {
        let name = site.store.name();
        match mkdirat(named, &name[..], Mode::S_IRWXU) {
            Err(Errno::EEXIST) => continue,
            made => made?,
        }
        // A run that clears up may have been faster.
        let fd = match fs::open_directory(named, &name) {
            Err(Errno::ENOENT) => continue,
            fd => fd?,
        };
        if let Some(lock) = locked(named, &name, &fd)? {
            gives_nothing(&fd)?;
            return Ok((name, fd, lock));
        }
    }
    Err(Errno::EEXIST)
}

/// What the directory above it gives to all that is made in it ends here: no file is to bring a group
/// or a list from there to its place.
fn gives_nothing(fd: &OwnedFd) -> nix::Result<()> {
    let own = xattr::Place::open(fd);
    if let Ok(Some(_)) = own.get(DEFAULT.as_bytes()) {
        own.remove(DEFAULT.as_bytes())?;
    }
    fchown(fd, None, Some(Gid::effective()))?;
    fchmod(fd, Mode::S_IRWXU)
}

/// Locks a directory; `None` where another has it, or where it does not have this name any more or
/// is somebody else's.
fn locked(named: &OwnedFd, name: &[u8], fd: &OwnedFd) -> nix::Result<Option<Lock>> {
    let again = fs::open_directory(fd, b".")?;
    let Ok(lock) = lock_directory(again, "temporary files", Duration::ZERO) else {
        return Ok(None);
    };
    let own = fstat(fd)?;
    let there = match fs::stat(named, name) {
        Err(Errno::ENOENT) => return Ok(None),
        stat => stat?,
    };
    let same = (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino);
    Ok((same && own.st_uid == Uid::effective().as_raw()).then_some(lock))
}

/// Removes the directories of runs that were killed. What cannot be removed is left.
fn clear(named: &OwnedFd) {
    let names = fs::names(named).unwrap_or_default();
    for name in names.into_iter().filter(|name| is_temporary(name) && is_abandoned(name)) {
        let Ok(fd) = fs::open_directory(named, &name) else { continue };
        let Ok(Some(_lock)) = locked(named, &name, &fd) else { continue };
        for file in fs::names(&fd).unwrap_or_default() {
            let _ = unlinkat(&fd, &file[..], UnlinkatFlags::NoRemoveDir);
        }
        let _ = unlinkat(named, &name[..], UnlinkatFlags::RemoveDir);
    }
}

impl Store {
    /// Moves a file that is written from there beside its place: by its name, or by a copy where that
    /// is another file system, or where a file has something from the directory that it is made in.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn bring(
        &self,
        site: &Site,
        file: File,
        mut place: Place,
        pending: &Pending,
        size: u64,
    ) -> nix::Result<(File, Place)> {
        let directory = Arc::clone(&place.directory);
        let fd = directory.touch()?;
        if !site.attributes.come_from(&directory) {
            let (from, name) = place.at()?;
            match renameat(from, name, fd, name) {
                Ok(()) => {
                    site.partials.begin(name, &directory, &pending.name, size, false);
                    place.is_beside();
                    return Ok((file, place));
                }
                Err(Errno::EXDEV) => {}
                Err(error) => return Err(error),
            }
        }
        let share = self.room.take(site, || pending.path(), fd, size)?;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let (copy, beside) = Place::make(self.name(), &directory, fd, mode, false)?;
        let mut output = Output::new(copy, site.options.sparse).with(share);
        (&file).rewind().map_err(|error| sys::errno(&error))?;
        if Pace::new(0).copy(&file, &mut output, size)?.length != size {
            return Err(Errno::ESTALE);
        }
        let copy = output.finish()?;
        let (_, name) = beside.at()?;
        site.partials.begin(name, &directory, &pending.name, size, false);
        Ok((copy, beside))
    }
}

/// Moves a file to another name, by a copy where that is on another file system.
///
/// # Errors
/// The system's own.
pub(super) fn carry(
    site: &Site,
    (from_fd, from): (&OwnedFd, &[u8]),
    (to_fd, to): (&OwnedFd, &[u8]),
) -> nix::Result<()> {
    match renameat(from_fd, from, to_fd, to) {
        Err(Errno::EXDEV) => {}
        result => return result,
    }
    let file = fs::open_to_read(from_fd, from, OFlag::O_NOFOLLOW, false)?;
    let name = site.store.name();
    let copy = fs::create_new(to_fd, &name, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let size = fstat(&file)?.st_size.unsigned_abs();
    let moved = sys::copy(&file, &copy, size).and_then(|_| renameat(to_fd, &name[..], to_fd, to));
    let (fd, gone) = if moved.is_ok() { (from_fd, from) } else { (to_fd, &name[..]) };
    let _ = unlinkat(fd, gone, UnlinkatFlags::NoRemoveDir);
    moved
}
