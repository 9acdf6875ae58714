//! Hard links: further names of files, given when all files are in place.

use super::Site;
use super::attributes::bits;
use super::basis::{Found, Match};
use super::choice;
use super::delete::{loosen, open_beneath};
use crate::entry::{Entry, Kind, Stamp, join};
use crate::fs;
use crate::leftover;
use crate::wire::{Action, Change, Details, Why};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::{FileStat, fchmod, fstat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

/// Further names that are to be given: only of what has more than one, and is not right yet.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<Vec<(Vec<u8>, Vec<Further>)>>);

/// A further name: its entry, and the path of the first.
#[derive(Debug)]
struct Further {
    entry: Entry,
    first: Vec<u8>,
}

impl Links {
    /// The entry in the directory of this path is a further name of the file whose path is `first`.
    pub(crate) fn add(&self, directory: Vec<u8>, entry: Entry, first: Vec<u8>) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let further = Further { entry, first };
        match links.last_mut() {
            Some((last, names)) if *last == directory => names.push(further),
            _ => links.push((directory, vec![further])),
        }
    }

    /// Gives the names beneath `root`.
    pub(crate) fn carry_out(&self, site: &Site, root: &OwnedFd) {
        let links = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let placed = site.store.placed_paths(site);
        for (path, names) in links {
            if let Err(error) = link_in(site, root, &path, &names, &placed) {
                site.failed(path, error, "names cannot be given in it");
            }
        }
    }
}

/// True for a path that the rules leave out, or that names a file in the making: the source could
/// not bring it, and does not make a link to it either.
pub(crate) fn is_left_out(site: &Site, path: &[u8]) -> bool {
    let filter = &site.filters.hide;
    let mut ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    path.split(|&byte| byte == b'/').any(leftover::is_temporary)
        || filter.forbids(path, false)
        || !site.options.names_paths() && ends.any(|end| filter.forbids(&path[..end], true))
}

/// Device and inode of what has this path beneath `root`; no link in it is followed.
///
/// # Errors
/// The system's own.
pub(crate) fn inode_of(root: &OwnedFd, path: &[u8]) -> nix::Result<(u64, u64)> {
    let (directory, name) = split(path);
    let stat = fs::stat(&open_beneath(root, directory)?, name)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(cut) => (&path[..cut], &path[cut + 1..]),
        None => (b".", path),
    }
}

/// What stands under the first name is another kind of thing.
const ANOTHER: Errno = Errno::ECANCELED;

fn link_in(
    site: &Site,
    root: &OwnedFd,
    path: &[u8],
    names: &[Further],
    placed: &HashSet<Vec<u8>>,
) -> nix::Result<()> {
    let fd = match open_beneath(root, path) {
        // It would have been made.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) if site.options.dry_run => {
            for further in names {
                tell(site, path, further, None);
            }
            return Ok(());
        }
        fd => fd?,
    };
    let before = Stamp::of(&fstat(&fd)?);
    let loosened = loosen(site, &fd, &before)?;
    let mut given = false;
    for further in names {
        match link(site, root, &fd, path, further) {
            Ok(new) => {
                given |= new;
                // The first name may be that of an old file, where the new one could not be brought.
                if placed.contains(&further.first) {
                    let path = || join(path, &further.entry.name);
                    site.store.placed_at(site, &fd, path, &further.entry.stamp);
                }
            }
            Err(error) => {
                let first = String::from_utf8_lossy(&further.first).into_owned();
                let what = format!("cannot be made a link to {first}");
                let path = join(path, &further.entry.name);
                match error {
                    ANOTHER => {
                        let why = format!("{what}: that did not come, and another thing is there");
                        site.ledger.failed(path, "write_error", why);
                    }
                    error => site.failed(path, error, &what),
                }
            }
        }
    }
    if loosened {
        fchmod(&fd, bits(before.mode))?;
    }
    if !given || site.options.dry_run {
        return Ok(());
    }
    if !matches!(path, b"" | b".") || site.root_entry().is_some() {
        site.attributes.restore_time(&fd, before.mtime)?;
    }
    site.store.sync_directory(&fd)
}

/// Gives one name; `false` where it was there.
fn link(
    site: &Site,
    root: &OwnedFd,
    fd: &OwnedFd,
    path: &[u8],
    further: &Further,
) -> nix::Result<bool> {
    let name = &further.entry.name[..];
    let have = match fs::stat(fd, name) {
        Ok(stat) => Some(stat),
        Err(Errno::ENOENT) => None,
        Err(error) => return Err(error),
    };
    if site.bases.get().is_some_and(|bases| bases.has_left_out(&further.first)) {
        return left_out(site, fd, path, further, have.as_ref());
    }
    let (directory, first_name) = split(&further.first);
    let first = open_beneath(root, directory)
        .and_then(|directory| fs::stat(&directory, first_name).map(|stat| (directory, stat)));
    let (directory, first) = match first {
        Ok(first) => first,
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) if site.options.dry_run => {
            tell(site, path, further, have.as_ref());
            return Ok(true);
        }
        // The first name was left out, too.
        Err(Errno::ENOENT) if site.options.existing => {
            site.ledger.unchanged(1);
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let is_linked = |have: &FileStat| (have.st_dev, have.st_ino) == (first.st_dev, first.st_ino);
    // In a dry run both names are still those of the old file, which would be replaced.
    let stays = |have: &FileStat| {
        !site.options.dry_run || Stamp::of(have).same_content(&further.entry.stamp)
    };
    if have.as_ref().is_some_and(|have| is_linked(have) && stays(have)) {
        site.ledger.unchanged(1);
        return Ok(false);
    }
    if !site.options.dry_run {
        if Kind::of_mode(first.st_mode) != further.entry.stamp.kind {
            // Another kind of thing stands there: what should be did not come.
            return Err(ANOTHER);
        }
        let temporary = site.store.name();
        linkat(&directory, first_name, fd, &temporary[..], AtFlags::empty())?;
        let kept = if have.is_some() { site.keep(path, fd, name) } else { Ok(()) };
        let placed = kept.and_then(|()| renameat(fd, &temporary[..], fd, name));
        if placed.is_err() {
            // The next run would remove it, too.
            let _ = unlinkat(fd, &temporary[..], UnlinkatFlags::NoRemoveDir);
        }
        placed?;
    }
    tell(site, path, further, have.as_ref());
    Ok(true)
}

/// The first name was left out because another directory has it: so is this one, where that has it,
/// too, and what is here under its name gives way. `false` where nothing did.
fn left_out(
    site: &Site,
    fd: &OwnedFd,
    path: &[u8],
    further: &Further,
    have: Option<&FileStat>,
) -> nix::Result<bool> {
    let entry = &further.entry;
    let in_another = |path: &[u8], entry: &Entry| site.bases.get()?.find(site, path, entry);
    // With -c only the content of the first was compared.
    let is_as_first = |found: &Found| {
        let (directory, name) = split(&further.first);
        let first = in_another(directory, &Entry { name: name.to_vec(), ..entry.clone() });
        first.is_some_and(|first| first.is_as(name, found, &entry.name))
    };
    let compared = site.options.checksum && entry.stamp.kind == Kind::File;
    let is_there = in_another(path, entry)
        .is_some_and(|found| found.how == Match::All && (!compared || is_as_first(&found)));
    let is_right = have.is_some_and(|have| {
        !compared && choice::is_same(&site.options, &entry.stamp, &Stamp::of(have))
    });
    if !is_there && !is_right && (have.is_some() || !site.options.existing) {
        // Its content was not asked for, and is here under no name that it could be linked to.
        let first = String::from_utf8_lossy(&further.first);
        let why = format!(
            "the directory of --compare-dest has {first}, another name of this file, and has not this \
             one: without -H it is brought"
        );
        site.ledger.failed(join(path, &entry.name), "write_error", why);
        return Ok(false);
    }
    let Some(have) = have.filter(|_| is_there) else {
        site.ledger.unchanged(1);
        return Ok(false);
    };
    if !site.options.dry_run {
        site.keep(path, fd, &entry.name)?;
        match unlinkat(fd, &entry.name[..], UnlinkatFlags::NoRemoveDir) {
            // Its backup has moved it.
            Err(Errno::ENOENT) if site.backups.get().is_some() => {}
            result => result?,
        }
    }
    let gone = Stamp::of(have);
    let change = || Change {
        path: join(path, &entry.name),
        kind: gone.kind,
        action: Action::Delete,
        why: Why::default(),
        size: gone.size,
        details: None,
    };
    site.ledger.changed(change, Action::Delete);
    Ok(true)
}

fn tell(site: &Site, directory: &[u8], further: &Further, have: Option<&FileStat>) {
    let Stamp { kind, size, .. } = further.entry.stamp;
    let update = have.is_some_and(|have| Kind::of_mode(have.st_mode) == kind);
    let action = if update { Action::Update } else { Action::Create };
    let change = || Change {
        path: join(directory, &further.entry.name),
        kind,
        action,
        why: if update { Why::LINKS } else { Why::default() },
        size,
        details: Details::of(further.entry.stamp, &further.entry.target),
    };
    site.ledger.changed(change, action);
}
