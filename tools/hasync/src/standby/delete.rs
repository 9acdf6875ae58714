//! What the source no longer has.

use super::Site;
use super::directory::Directory;
use crate::entry::{Kind, Stamp, join};
use crate::fs;
use crate::wire::{Action, Change, Why};
use nix::errno::Errno;
use nix::sys::stat::{fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

/// Deletions found so far. They come last, when it is known that the source was read completely.
#[derive(Debug, Default)]
pub(crate) struct Deletions(Mutex<Vec<InDirectory>>);

/// A directory's path, and the names in it that are to go.
type InDirectory = (Vec<u8>, Vec<Vec<u8>>);

impl Deletions {
    /// These names in the directory of this path are to go.
    pub(crate) fn add(&self, directory: Vec<u8>, names: Vec<Vec<u8>>) {
        if !names.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((directory, names));
        }
    }

    /// Deletes beneath `root`, or holds all of it back when the source was not read completely.
    pub(crate) fn carry_out(&self, site: &Site, root: &OwnedFd, troubled: bool) {
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let count: usize = list.iter().map(|(_, names)| names.len()).sum();
        if troubled && count > 0 {
            let message =
                format!("{count} deletions are held back: the source could not be read completely");
            site.ledger.failed(b".".to_vec(), "deletions_held_back", message);
            return;
        }
        for (path, names) in list {
            if let Err(error) = delete_in(site, root, &path, &names) {
                site.failed(path, error, "cannot be deleted from");
            }
        }
    }
}

/// Opens a directory beneath the root, component by component, following no link.
pub(crate) fn open_beneath(root: &OwnedFd, path: &[u8]) -> nix::Result<OwnedFd> {
    let mut fd = fs::open_directory(root, b".")?;
    for name in path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")) {
        if name == b".." {
            return Err(Errno::EXDEV);
        }
        fd = fs::open_directory(&fd, name)?;
    }
    Ok(fd)
}

fn delete_in(site: &Site, root: &OwnedFd, path: &[u8], names: &[Vec<u8>]) -> nix::Result<()> {
    let fd = open_beneath(root, path)?;
    let before = Stamp::of(&fstat(&fd)?);
    let loosened = loosen(site, &fd, &before)?;
    for name in names {
        if let Err(error) = remove(site, &fd, name, &join(path, name)) {
            let path = join(path, name);
            match error {
                Errno::ENOTEMPTY | Errno::EEXIST => {
                    site.ledger.skipped(path, "it holds what is excluded".into());
                }
                error => site.failed(path, error, "cannot be deleted"),
            }
        }
    }
    if loosened {
        fchmod(&fd, super::attributes::bits(before.mode))?;
    }
    if site.options.dry_run || (matches!(path, b"" | b".") && site.root_stamp().is_none()) {
        return Ok(());
    }
    site.attributes.restore_time(&fd, before.mtime)
}

fn loosen(site: &Site, fd: &OwnedFd, stamp: &Stamp) -> nix::Result<bool> {
    let needed = !site.attributes.is_root && stamp.mode & 0o700 != 0o700 && !site.options.dry_run;
    if needed {
        fchmod(fd, super::attributes::bits(stamp.mode | 0o700))?;
    }
    Ok(needed)
}

/// Removes a name and all beneath it. What is excluded stays, and so do the directories above it,
/// with the modes that they had.
fn remove(site: &Site, fd: &OwnedFd, name: &[u8], path: &[u8]) -> nix::Result<()> {
    let Some(entry) = fs::entry(fd, name)? else { return Ok(()) };
    let kind = entry.stamp.kind;
    if kind == Kind::Directory {
        let inner = fs::open_directory(fd, name)?;
        let loosened = loosen(site, &inner, &entry.stamp)?;
        let emptied = empty(site, &inner, path);
        if loosened && emptied != Ok(true) {
            fchmod(&inner, super::attributes::bits(entry.stamp.mode))?;
        }
        if !emptied? {
            return Err(Errno::ENOTEMPTY);
        }
    }
    if !site.options.dry_run {
        let flag = match kind {
            Kind::Directory => UnlinkatFlags::RemoveDir,
            _ => UnlinkatFlags::NoRemoveDir,
        };
        unlinkat(fd, name, flag)?;
        site.store.needs_sync();
    }
    let change = || Change {
        path: path.to_vec(),
        kind,
        action: Action::Delete,
        why: Why::default(),
        size: entry.stamp.size,
        details: None,
    };
    site.ledger.changed(change, Action::Delete);
    Ok(())
}

/// Removes what is in a directory; `false` when some of it stays because it is excluded.
fn empty(site: &Site, directory: &OwnedFd, path: &[u8]) -> nix::Result<bool> {
    let mut all = true;
    for child in fs::names(directory)? {
        let beneath = join(path, &child);
        let kind = fs::entry(directory, &child)?.map(|entry| entry.stamp.kind);
        if site.filter.excludes(&beneath, kind == Some(Kind::Directory)) {
            all = false;
            continue;
        }
        match remove(site, directory, &child, &beneath) {
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => all = false,
            result => result?,
        }
    }
    Ok(all)
}

/// Removes a directory that stands where something else shall be: all of it when deleting was asked
/// for, else only when it is empty.
///
/// # Errors
/// `ENOTEMPTY` when it stays, and the system's own.
pub(crate) fn make_way(
    site: &Site,
    directory: &Directory,
    fd: &OwnedFd,
    name: &[u8],
) -> nix::Result<()> {
    if site.options.delete.is_some() {
        remove(site, fd, name, &directory.path_of(name))
    } else {
        unlinkat(fd, name, UnlinkatFlags::RemoveDir)
    }
}
