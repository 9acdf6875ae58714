//! What the source no longer has.

use super::Site;
use super::directory::Directory;
use crate::entry::{Kind, Stamp, components, join};
use crate::filter::{Fault, Scope};
use crate::fs;
use crate::wire::{Action, Change, Why};
use nix::errno::Errno;
use nix::sys::stat::{fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Deletions found so far. They come last, when it is known that the source was read completely.
#[derive(Debug, Default)]
pub(crate) struct Deletions {
    list: Mutex<Vec<InDirectory>>,
    /// How many entries were deleted, where there is a limit.
    done: AtomicU64,
    /// How many stay because of it.
    beyond: AtomicU64,
}

/// A directory's path, and the names in it that are to go.
type InDirectory = (Vec<u8>, Vec<Vec<u8>>);

impl Deletions {
    /// These names in the directory of this path are to go.
    pub(crate) fn add(&self, directory: Vec<u8>, names: Vec<Vec<u8>>) {
        if !names.is_empty() {
            self.list.lock().unwrap_or_else(PoisonError::into_inner).push((directory, names));
        }
    }

    /// Deletes beneath `root`, or holds all of it back when the source was not read completely.
    pub(crate) fn carry_out(&self, site: &Site, root: &OwnedFd, troubled: bool) {
        let list = std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner));
        let list = spare(site, root, list);
        let count: usize = list.iter().map(|going| going.names.len()).sum();
        let goes_on = site.options.ignore_errors || site.options.verify;
        if troubled && !goes_on && count > 0 {
            let message =
                format!("{count} deletions are held back: the source could not be read completely");
            return site.ledger.failed(b".".to_vec(), "deletions_held_back", message);
        }
        for going in list {
            if let Err(error) = delete_in(site, root, &going) {
                site.failed(going.path, error, "cannot be deleted from");
            }
        }
    }

    /// Counts an entry that is about to be deleted.
    ///
    /// # Errors
    /// When it is one too many.
    fn count(&self, site: &Site) -> Result<(), Stays> {
        if site.options.max_delete.is_none() {
            return Ok(());
        }
        if self.is_at_limit(site) {
            self.beyond.fetch_add(1, Ordering::Relaxed);
            return Err(Stays::Limit);
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn is_at_limit(&self, site: &Site) -> bool {
        let most = site.options.max_delete.map(|most| u64::try_from(most).unwrap_or(0));
        most.is_some_and(|most| self.done.load(Ordering::Relaxed) >= most)
    }

    /// Tells how many stay because of `--max-delete`.
    pub(crate) fn tell_limit(&self, site: &Site) {
        let beyond = self.beyond.load(Ordering::Relaxed);
        if beyond > 0 {
            let message =
                format!("{beyond} more would be deleted: --max-delete allows no more of them");
            site.ledger.failed(b".".to_vec(), "deletions_held_back", message);
        }
    }
}

/// Why something is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stays {
    /// A directory that holds what is excluded.
    Holds,
    /// It would be beyond `--max-delete`.
    Limit,
    /// Of what is in it something could not be deleted, and that was told.
    Told,
    Failed(Errno),
}

impl From<Errno> for Stays {
    fn from(error: Errno) -> Stays {
        match error {
            Errno::ENOTEMPTY | Errno::EEXIST => Stays::Holds,
            error => Stays::Failed(error),
        }
    }
}

/// Opens a directory beneath the root, component by component, following no link.
pub(crate) fn open_beneath(root: &OwnedFd, path: &[u8]) -> nix::Result<OwnedFd> {
    let mut fd = fs::open_directory(root, b".")?;
    for name in components(path) {
        if name == b".." {
            return Err(Errno::EXDEV);
        }
        fd = fs::open_directory(&fd, name)?;
    }
    Ok(fd)
}

/// What is to go in a directory, and the rules that hold there.
struct Going {
    path: Vec<u8>,
    names: Vec<Vec<u8>>,
    scope: Arc<Scope>,
}

/// Takes from the list what per-directory rules keep, as they stand now: the source's files that
/// say so are in place, and those that are to go are still there.
fn spare(site: &Site, root: &OwnedFd, list: Vec<InDirectory>) -> Vec<Going> {
    let filter = &site.filters.protect;
    let mut told = HashSet::new();
    let mut tell = |fault: Fault| {
        if told.insert(fault.path.clone()) {
            tell_fault(site, fault);
        }
    };
    let mut spared = Vec::with_capacity(list.len());
    for (path, mut names) in list {
        let mut scope = site.top();
        if filter.has_merges() {
            let (fd, inner) = match open_scoped(site, root, &path, &mut tell) {
                Ok(opened) => opened,
                Err(error) => {
                    site.failed(path, error, "cannot be deleted from");
                    continue;
                }
            };
            names.retain(|name| {
                let entry = fs::entry(&fd, name).ok().flatten();
                let is_directory = entry.is_some_and(|entry| entry.stamp.kind == Kind::Directory);
                !filter.excludes(&inner, &join(&path, name), is_directory)
            });
            scope = inner;
        }
        if !names.is_empty() {
            spared.push(Going { path, names, scope });
        }
    }
    spared
}

fn tell_fault(site: &Site, fault: Fault) {
    let message = format!("nothing is deleted here: {}", fault.message);
    site.ledger.failed(fault.path, "filter", message);
}

/// [`open_beneath`], with the rules that hold there.
fn open_scoped(
    site: &Site,
    root: &OwnedFd,
    path: &[u8],
    mut tell: impl FnMut(Fault),
) -> nix::Result<(OwnedFd, Arc<Scope>)> {
    let mut enter =
        |above: Arc<Scope>, fd: &OwnedFd, path: &[u8]| match site.enter(&above, fd, path) {
            Ok(scope) => scope,
            Err(fault) => {
                tell(fault);
                Arc::new(above.unknown())
            }
        };
    let mut fd = fs::open_directory(root, b".")?;
    let mut scope = enter(site.top(), &fd, b"");
    let mut above = Vec::new();
    for name in components(path) {
        fd = open_beneath(&fd, name)?;
        above = join(&above, name);
        scope = enter(scope, &fd, &above);
    }
    Ok((fd, scope))
}

fn delete_in(site: &Site, root: &OwnedFd, going: &Going) -> nix::Result<()> {
    let Going { path, names, scope } = going;
    let fd = open_beneath(root, path)?;
    let before = Stamp::of(&fstat(&fd)?);
    let loosened = loosen(site, &fd, &before)?;
    remove_all(site, &fd, path, names, scope);
    if loosened {
        fchmod(&fd, super::attributes::bits(before.mode))?;
    }
    if site.options.dry_run || (matches!(&path[..], b"" | b".") && site.root_entry().is_none()) {
        return Ok(());
    }
    site.attributes.restore_time(&fd, before.mtime)
}

/// Deletes in a directory that is being worked in, before the run goes on.
pub(crate) fn at_once(site: &Site, directory: &Directory, names: Vec<Vec<u8>>) {
    if names.is_empty() {
        return;
    }
    let fd =
        if site.options.dry_run { directory.fd().ok_or(Errno::ENOENT) } else { directory.touch() };
    // What an earlier run left where files wait goes when those of this run are in place.
    let (later, names): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| site.partials.wait_in(name));
    site.deletions.add(directory.path(), later);
    match fd {
        Ok(fd) => remove_all(site, fd, &directory.path(), &names, &directory.scope()),
        Err(error) => site.failed(directory.path(), error, "cannot be deleted from"),
    }
}

fn remove_all(site: &Site, fd: &OwnedFd, path: &[u8], names: &[Vec<u8>], scope: &Arc<Scope>) {
    for name in names.iter().filter(|name| !is_protected(site, name)) {
        let path = join(path, name);
        match remove(site, fd, name, &path, scope, false) {
            // The limit is told of at the end.
            Ok(()) | Err(Stays::Limit | Stays::Told) => {}
            Err(Stays::Holds) => site.ledger.skipped(path, "it holds what is excluded".into()),
            Err(Stays::Failed(error)) => site.failed(path, error, "cannot be deleted"),
        }
    }
}

fn is_protected(site: &Site, name: &[u8]) -> bool {
    site.backups.get().is_some_and(|backups| backups.protects(name))
}

pub(super) fn loosen(site: &Site, fd: &OwnedFd, stamp: &Stamp) -> nix::Result<bool> {
    let needed = !site.attributes.is_root && stamp.mode & 0o700 != 0o700 && !site.options.dry_run;
    if needed {
        fchmod(fd, super::attributes::bits(stamp.mode | 0o700))?;
    }
    Ok(needed)
}

/// Removes a name and all beneath it. What is excluded stays, and so do the directories above it,
/// with the modes that they had. What makes way for another entry does not count for `--max-delete`, but
/// what is in it does.
fn remove(
    site: &Site,
    fd: &OwnedFd,
    name: &[u8],
    path: &[u8],
    scope: &Arc<Scope>,
    makes_way: bool,
) -> Result<(), Stays> {
    let Some(entry) = fs::entry(fd, name)? else { return Ok(()) };
    let kind = entry.stamp.kind;
    if kind == Kind::Directory {
        let inner = fs::open_directory(fd, name)?;
        let stat = fstat(&inner)?;
        let kept = site.backups.get().is_some_and(|backups| backups.is_here(&stat));
        if kept || site.elsewhere.get().is_some_and(|elsewhere| elsewhere.is_here(&stat)) {
            return Err(Stays::Holds);
        }
        let loosened = loosen(site, &inner, &entry.stamp)?;
        let scope = site.enter(scope, &inner, path).unwrap_or_else(|fault| {
            tell_fault(site, fault);
            Arc::new(scope.unknown())
        });
        let emptied = empty(site, &inner, path, &scope);
        if loosened && emptied.is_err() {
            fchmod(&inner, super::attributes::bits(entry.stamp.mode))?;
        }
        emptied?;
    }
    if !makes_way {
        site.deletions.count(site)?;
    }
    if !site.options.dry_run {
        if kind != Kind::Directory
            && site.backups.get().is_some_and(|backups| !backups.is_backup(name))
        {
            let within = path.strip_suffix(name).unwrap_or_default();
            site.keep(within, fd, name)?;
        }
        let flag = match kind {
            Kind::Directory => UnlinkatFlags::RemoveDir,
            _ => UnlinkatFlags::NoRemoveDir,
        };
        match unlinkat(fd, name, flag) {
            // Its backup has moved it.
            Err(Errno::ENOENT) if site.backups.get().is_some() => {}
            result => result?,
        }
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

/// Removes what is in a directory, as far as it goes: what cannot be deleted is told and keeps nothing
/// else.
fn empty(site: &Site, directory: &OwnedFd, path: &[u8], scope: &Arc<Scope>) -> Result<(), Stays> {
    let mut emptied = Ok(());
    for child in fs::names(directory)? {
        let beneath = join(path, &child);
        let removed = fs::entry(directory, &child).map_err(Stays::from).and_then(|entry| {
            let is_directory = entry.is_some_and(|entry| entry.stamp.kind == Kind::Directory);
            let is_kept = site.filters.protect.keeps(scope, &beneath, is_directory);
            if is_kept || is_protected(site, &child) {
                return Err(Stays::Holds);
            }
            remove(site, directory, &child, &beneath, scope, false)
        });
        emptied = match (removed, emptied) {
            (Ok(()), before) => before,
            (Err(Stays::Failed(error)), _) => {
                site.failed(beneath, error, "cannot be deleted");
                Err(Stays::Told)
            }
            (Err(_), Err(before @ (Stays::Told | Stays::Holds))) => Err(before),
            (Err(why), _) => Err(why),
        };
    }
    emptied
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
    if site.options.delete.is_some() || site.options.force {
        remove(site, fd, name, &directory.path_of(name), &directory.scope(), true).map_err(
            |stays| match stays {
                Stays::Failed(error) => error,
                Stays::Holds | Stays::Limit | Stays::Told => Errno::ENOTEMPTY,
            },
        )
    } else {
        unlinkat(fd, name, UnlinkatFlags::RemoveDir)
    }
}
