//! What is replaced or deleted, kept under another name. The old content has a name at every moment:
//! it is linked to its new one before the old one is taken.

use super::Site;
use super::attributes::bits;
use super::root::{Opened, Root};
use crate::beneath;
use crate::entry::{Kind, Stamp, components};
use crate::fs;
use crate::options::Options;
use crate::sys;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, UtimensatFlags, fchmod, fchmodat, fstat, futimens, mkdirat,
    mknodat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, fsync, linkat, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where what is replaced or deleted is kept.
#[derive(Debug)]
pub(super) struct Backups {
    /// Beside the old name where there is none.
    apart: Option<Apart>,
    suffix: Vec<u8>,
    /// Backups are deleted with all else that the source does not have.
    are_deleted: bool,
}

/// A directory with the same paths beneath it as the destination.
#[derive(Debug)]
struct Apart {
    /// The destination, whose directories give theirs their attributes.
    root: OwnedFd,
    fd: OwnedFd,
    device_inode: (u64, u64),
    /// The last directory beneath it that was used, by its path.
    last: Mutex<Option<(Vec<u8>, Arc<OwnedFd>)>>,
}

impl Backups {
    /// Opens where backups go, and makes it; `None` where none are asked for.
    ///
    /// # Errors
    /// When it cannot be opened or made.
    pub(super) fn open(
        root: &Root,
        opened: &Opened,
        options: &Options,
        umask: u32,
    ) -> Result<Option<Backups>, Error> {
        if !options.backup || options.dry_run {
            return Ok(None);
        }
        let apart = match (&options.backup_dir, &opened.fd) {
            (Some(path), Some(destination)) => {
                let fail = |error: Errno| {
                    let shown = String::from_utf8_lossy(path).into_owned();
                    Error::failed(
                        shown,
                        format!("no backups can be kept here: {}", beneath::words(error)),
                    )
                };
                let fd = root
                    .beside(Some(destination), path, Some(bits(0o777 & !umask)))
                    .map_err(fail)?;
                let stat = fstat(&fd).map_err(fail)?;
                Some(Apart {
                    root: fs::open_directory(destination, b".").map_err(fail)?,
                    fd,
                    device_inode: (stat.st_dev, stat.st_ino),
                    last: Mutex::default(),
                })
            }
            _ => None,
        };
        let usual: &[u8] = if apart.is_some() { b"" } else { b"~" };
        let suffix = options.suffix.clone().unwrap_or_else(|| usual.to_vec());
        Ok(Some(Backups { apart, suffix, are_deleted: options.delete_excluded }))
    }

    /// True for a name that stands beside the one that it is a backup of.
    pub(super) fn is_backup(&self, name: &[u8]) -> bool {
        self.apart.is_none() && name.ends_with(&self.suffix) && name.len() > self.suffix.len()
    }

    /// True for what is not deleted although the source does not have it.
    pub(super) fn protects(&self, name: &[u8]) -> bool {
        !self.are_deleted && self.apart.is_none() && name.ends_with(&self.suffix)
    }

    /// True for the directory that the backups lie in.
    pub(super) fn is_here(&self, stat: &FileStat) -> bool {
        self.apart.as_ref().is_some_and(|apart| apart.device_inode == (stat.st_dev, stat.st_ino))
    }

    /// Keeps what stands under a name in the directory of this path, where it is no directory. It stays
    /// there, too, but where links are not to be had; `by_copy`, as a file of its own.
    ///
    /// # Errors
    /// The system's own; then nothing was taken away.
    pub(super) fn keep(
        &self,
        site: &Site,
        path: &[u8],
        fd: &OwnedFd,
        name: &[u8],
        by_copy: bool,
    ) -> nix::Result<()> {
        let stat = match fs::stat(fd, name) {
            Err(Errno::ENOENT) => return Ok(()),
            stat => stat?,
        };
        if Kind::of_mode(stat.st_mode) == Kind::Directory {
            return Ok(());
        }
        let apart = self.apart.as_ref().map(|apart| apart.directory(path)).transpose()?;
        let to = apart.as_deref().unwrap_or(fd);
        let kept = [name, &self.suffix].concat();
        let temporary = site.store.name();
        let linked = if by_copy {
            Err(Errno::EXDEV)
        } else {
            linkat(fd, name, to, &temporary[..], AtFlags::empty())
        };
        match linked {
            Ok(()) => {}
            Err(Errno::EXDEV) => copy(fd, name, to, &temporary, &stat).inspect_err(|_| {
                let _ = unlinkat(to, &temporary[..], UnlinkatFlags::NoRemoveDir);
            })?,
            // No link more may be made to it: then it moves.
            Err(Errno::EPERM | Errno::EMLINK | Errno::EOPNOTSUPP) => {
                renameat(fd, name, to, &kept[..])?;
                return site.store.remember(to).map(|()| site.store.needs_sync());
            }
            Err(error) => return Err(error),
        }
        let placed = renameat(to, &temporary[..], to, &kept[..]);
        // Two names of one file stay two: renaming the one to the other does nothing.
        let _ = unlinkat(to, &temporary[..], UnlinkatFlags::NoRemoveDir);
        placed?;
        site.store.remember(to)?;
        site.store.needs_sync();
        Ok(())
    }
}

impl Apart {
    /// The directory for what is in the destination's directory of this path, with its attributes.
    fn directory(&self, path: &[u8]) -> nix::Result<Arc<OwnedFd>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, fd)) = last.as_ref().filter(|(known, _)| known == path) {
            return Ok(Arc::clone(fd));
        }
        let mut like = fs::open_directory(&self.root, b".")?;
        let mut fd = fs::open_directory(&self.fd, b".")?;
        for name in components(path) {
            like = fs::open_directory(&like, name)?;
            fd = match mkdirat(&fd, name, Mode::S_IRWXU) {
                Ok(()) => {
                    let fd = fs::open_directory(&fd, name)?;
                    set(&fd, &fstat(&like)?)?;
                    fd
                }
                Err(Errno::EEXIST) => fs::open_directory(&fd, name)?,
                Err(error) => return Err(error),
            };
        }
        let fd = Arc::new(fd);
        *last = Some((path.to_vec(), Arc::clone(&fd)));
        Ok(fd)
    }
}

/// Makes `to` what `name` is, durably: it lies on another file system, or is to change.
///
/// # Errors
/// The system's own, and ESTALE where a file was cut meanwhile.
pub(crate) fn copy(
    fd: &OwnedFd,
    name: &[u8],
    to_fd: &OwnedFd,
    to: &[u8],
    stat: &FileStat,
) -> nix::Result<()> {
    match Kind::of_mode(stat.st_mode) {
        Kind::File => {
            let from = fs::open_to_read(fd, name, OFlag::O_NOFOLLOW, false)?;
            let file = fs::create_new(to_fd, to, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let now = fstat(&from)?;
            let size = Stamp::of(&now).size;
            if sys::copy(&from, &file, size)? != size {
                return Err(Errno::ESTALE);
            }
            set(&file, &now)?;
            futimens(
                &file,
                &TimeSpec::UTIME_OMIT,
                &TimeSpec::new(now.st_mtime, now.st_mtime_nsec),
            )?;
            fsync(&file)
        }
        kind => {
            match kind {
                Kind::Symlink => {
                    symlinkat(OsStr::from_bytes(&fs::link_target(fd, name)?), to_fd, to)?;
                }
                kind => mknodat(to_fd, to, kind.flag(), bits(0o600), stat.st_rdev)?,
            }
            let owner = (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)));
            owned(fchownat(to_fd, to, owner.0, owner.1, AtFlags::AT_SYMLINK_NOFOLLOW))?;
            if kind != Kind::Symlink {
                let mode = bits(stat.st_mode & 0o7777);
                fchmodat(to_fd, to, mode, FchmodatFlags::NoFollowSymlink)?;
            }
            let time = TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec);
            let flag = UtimensatFlags::NoFollowSymlink;
            utimensat(to_fd, to, &TimeSpec::UTIME_OMIT, &time, flag)
        }
    }
}

/// Gives an open file or directory owner and mode.
fn set(fd: impl AsFd + Copy, stat: &FileStat) -> nix::Result<()> {
    owned(fchown(fd, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid))))?;
    fchmod(fd, bits(stat.st_mode & 0o7777))
}

/// Whoever is not root keeps what he may not give away.
fn owned(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        Err(Errno::EPERM) => Ok(()),
        result => result,
    }
}
