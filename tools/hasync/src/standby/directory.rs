//! A directory of the standby while something is done in it.

use super::Site;
use super::attributes::bits;
use crate::acl;
use crate::entry::{Entry, Kind, Stamp, join};
use crate::filter::Scope;
use crate::fs;
use crate::leftover;
use crate::sys;
use nix::errno::Errno;
use nix::sys::stat::{FchmodatFlags, fchmod, fchmodat, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What a directory in a directory shall be when all is done beneath it.
#[derive(Debug)]
struct Child {
    want: Entry,
    /// What it was before; absent when this run made it.
    before: Option<Stamp>,
}

/// Deeper trees are refused, before what is held for them grows without an end.
const MOST_DEPTH: u32 = 4096;

/// A directory. Whoever works in it, or beneath it, holds it; when the last one lets go, the
/// attributes that the work disturbed are put right, children before parents.
#[derive(Debug)]
pub(crate) struct Directory {
    site: Arc<Site>,
    parent: Option<Arc<Directory>>,
    name: Vec<u8>,
    open: OnceLock<(OwnedFd, Stamp)>,
    default_acl: OnceLock<nix::Result<Option<u32>>>,
    scope: OnceLock<Arc<Scope>>,
    /// Made by this run: there is nothing in it that we did not put there.
    pub(crate) is_new: AtomicBool,
    touched: AtomicBool,
    /// What it shall be is not known yet: it stays as it is.
    stays: bool,
    loosened: AtomicBool,
    /// What the directories in it shall be once all is done beneath them.
    children: Mutex<HashMap<Vec<u8>, Child>>,
    /// Names in it of directories that are neither made nor entered.
    left: Mutex<HashSet<Vec<u8>>>,
    /// How many directories lie above it.
    depth: u32,
}

impl Directory {
    /// The root, open.
    pub(crate) fn root(site: &Arc<Site>, fd: Option<OwnedFd>) -> nix::Result<Arc<Directory>> {
        let root = Directory::new(site, None, Vec::new(), 0);
        if let Some(fd) = fd {
            root.opened(fd)?;
        }
        Ok(Arc::new(root))
    }

    /// The root, open, where it is only looked into.
    pub(crate) fn root_to_look(site: &Arc<Site>, fd: OwnedFd) -> nix::Result<Arc<Directory>> {
        let mut root = Directory::new(site, None, Vec::new(), 0);
        root.stays = true;
        root.opened(fd)?;
        Ok(Arc::new(root))
    }

    /// A directory beneath another, which need not be there yet; `None` when it lies too deep.
    pub(crate) fn beneath(parent: &Arc<Directory>, name: Vec<u8>) -> Option<Arc<Directory>> {
        let depth = parent.depth + 1;
        if depth > MOST_DEPTH {
            return None;
        }
        Some(Arc::new(Directory::new(&parent.site, Some(Arc::clone(parent)), name, depth)))
    }

    fn new(
        site: &Arc<Site>,
        parent: Option<Arc<Directory>>,
        name: Vec<u8>,
        depth: u32,
    ) -> Directory {
        Directory {
            site: Arc::clone(site),
            parent,
            name,
            open: OnceLock::new(),
            default_acl: OnceLock::new(),
            scope: OnceLock::new(),
            is_new: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            stays: false,
            loosened: AtomicBool::new(false),
            children: Mutex::default(),
            left: Mutex::default(),
            depth,
        }
    }

    fn opened(&self, fd: OwnedFd) -> nix::Result<()> {
        let stamp = Stamp::of(&fstat(&fd)?);
        // Only the comparing thread opens, so nobody was faster.
        let _ = self.open.set((fd, stamp));
        Ok(())
    }

    /// Opens it, if it is there; a symbolic link in its place is not followed.
    ///
    /// # Errors
    /// `ENOENT` when it is not there, and the system's own.
    pub(crate) fn open(&self) -> nix::Result<()> {
        if self.open.get().is_some() {
            return Ok(());
        }
        let parent = self.parent.as_ref().and_then(|parent| parent.fd()).ok_or(Errno::ENOENT)?;
        self.opened(fs::open_directory(parent, &self.name)?)
    }

    /// [`Directory::open`], and lets whoever is not root in where modes keep him out; they are put
    /// back when it is let go. True where that was needed.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn enter(&self) -> nix::Result<bool> {
        let parent = match (self.open(), &self.parent) {
            (Err(Errno::EACCES), Some(parent)) if !self.site.attributes.is_root => parent,
            (result, _) => return result.map(|()| false),
        };
        let above = parent.touch()?;
        let before = Stamp::of(&fs::stat(above, &self.name)?);
        if before.kind != Kind::Directory {
            return Err(Errno::ENOTDIR);
        }
        parent.let_in(&self.name, &before)?;
        self.loosened.store(true, Ordering::Relaxed);
        let fd = fs::open_directory(above, &self.name)?;
        let _ = self.open.set((fd, before));
        Ok(true)
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// What it was when it was opened.
    pub(crate) fn before(&self) -> Option<Stamp> {
        self.open.get().map(|(_, before)| *before)
    }

    /// What the list that things made in it get leaves of their permissions, if it has one.
    fn default_acl(&self) -> nix::Result<Option<u32>> {
        *self.default_acl.get_or_init(|| {
            let list = sys::default_acl(self.fd().ok_or(Errno::ENOENT)?)?;
            list.map(|list| acl::permissions(&list).ok_or(Errno::EINVAL)).transpose()
        })
    }

    /// True where what is made in it may get other permissions than it is made with.
    pub(crate) fn has_default_acl(&self) -> bool {
        self.default_acl() != Ok(None)
    }

    /// The permissions that what is made in it may have where they are not kept: its default list
    /// stands for the umask.
    pub(crate) fn leaves(&self) -> u32 {
        let list = self.default_acl().ok().flatten();
        list.unwrap_or(0o777 & !self.site.attributes.umask)
    }

    /// What a directory that has no mode of the source is made with: the kernel asks the default list.
    pub(crate) fn mode_of_new(&self) -> u32 {
        match self.default_acl() {
            Ok(Some(_)) => 0o777,
            _ => self.leaves(),
        }
    }

    pub(crate) fn fd(&self) -> Option<&OwnedFd> {
        self.open.get().map(|(fd, _)| fd)
    }

    /// The rules that keep what is in it from being deleted, as they stood when it was opened;
    /// where they cannot be read, all of it is kept.
    pub(crate) fn scope(&self) -> Arc<Scope> {
        let above = match &self.parent {
            Some(parent) => parent.scope(),
            None => self.site.top(),
        };
        let Some(fd) = self.fd() else { return above };
        let scope = self.scope.get_or_init(|| {
            let scope = self.site.enter(&above, fd, &self.path());
            scope.unwrap_or_else(|_| Arc::new(above.unknown()))
        });
        Arc::clone(scope)
    }

    /// The path relative to the root of the transfer; `.` for the root.
    pub(crate) fn path(&self) -> Vec<u8> {
        match &self.parent {
            None => b".".to_vec(),
            Some(parent) => join(&parent.path(), &self.name),
        }
    }

    /// The path of a name in it.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        join(&self.path(), name)
    }

    /// Makes ready to change something in it: whoever is not root may have to be let in first.
    ///
    /// # Errors
    /// `ENOENT` when it could not be opened, and the system's own.
    pub(crate) fn touch(&self) -> nix::Result<&OwnedFd> {
        let (fd, stamp) = self.open.get().ok_or(Errno::ENOENT)?;
        self.touched.store(true, Ordering::Relaxed);
        if !self.site.attributes.is_root
            && stamp.mode & 0o700 != 0o700
            && !self.is_new.load(Ordering::Relaxed)
            && !self.loosened.swap(true, Ordering::Relaxed)
        {
            fchmod(fd, bits(stamp.mode | 0o700))?;
        }
        Ok(fd)
    }

    fn children(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a directory in it shall be when all is done, and what it was before.
    pub(crate) fn expect(&self, want: Entry, before: Option<Stamp>) {
        self.children().insert(want.name.clone(), Child { want, before });
    }

    /// A directory of this name is neither made nor entered, as the options say.
    pub(crate) fn leave(&self, name: Vec<u8>) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
    }

    /// True when it, or one above it, is neither made nor entered.
    pub(crate) fn is_left(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| {
            let left = parent.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.contains(&self.name) || {
                drop(left);
                parent.is_left()
            }
        })
    }

    /// True when this run made it, so that nothing is in it that this run did not put there.
    pub(crate) fn was_made(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
            || self.parent.as_ref().is_some_and(|parent| {
                parent.children().get(&self.name).is_some_and(|child| child.before.is_none())
            })
    }

    /// Lets this run into a directory in it, where its mode keeps whoever is not root out.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn let_in(&self, name: &[u8], stamp: &Stamp) -> nix::Result<()> {
        if self.site.attributes.is_root || stamp.mode & 0o700 == 0o700 {
            return Ok(());
        }
        let fd = self.fd().ok_or(Errno::ENOENT)?;
        fchmodat(fd, name, bits(stamp.mode | 0o700), FchmodatFlags::NoFollowSymlink)
    }

    /// The names in it. What a run that was killed left behind is removed, and never named; of the place
    /// where its files lay, only what is empty.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn names(&self) -> nix::Result<Vec<Vec<u8>>> {
        let fd = self.fd().ok_or(Errno::ENOENT)?;
        let mut names = fs::names(fd)?;
        let mut left = Vec::new();
        names.retain(|name| {
            let temporary = leftover::is_temporary(name);
            if temporary {
                left.push(name.clone());
            }
            !temporary
        });
        for name in left {
            if !self.site.options.dry_run && leftover::is_abandoned(&name) {
                let fd = self.touch()?;
                match unlinkat(fd, &name[..], UnlinkatFlags::NoRemoveDir) {
                    // Another run cleans, too; and what is one's directory goes with --temp-dir.
                    Ok(()) | Err(Errno::ENOENT | Errno::EISDIR) => {}
                    Err(error) => {
                        let message = format!("a leftover stays: {}", fs::words(error));
                        self.site.ledger.failed(self.path_of(&name), "write_error", message);
                    }
                }
            }
        }
        let partials = &self.site.partials;
        let is_place = |name: &Vec<u8>| partials.lie_in(name);
        if names.iter().any(is_place) && partials.holds_nothing(self) && self.touch().is_ok() {
            partials.remove_place(self);
        }
        Ok(names)
    }

    /// Puts right what the work disturbed.
    fn settle(&self) -> nix::Result<()> {
        let Some((fd, before)) = self.open.get() else { return Ok(()) };
        let attributes = &self.site.attributes;
        for child in self.children().values() {
            self.settle_child(fd, child);
        }
        if self.loosened.load(Ordering::Relaxed) {
            fchmod(fd, bits(before.mode))?;
        }
        let touched = self.touched.load(Ordering::Relaxed);
        match (&self.parent, self.site.root_entry()) {
            (None, Some(want)) if !self.stays => {
                let have = Some(before).filter(|_| !self.is_new.load(Ordering::Relaxed));
                let missed = attributes.set(self, fd, &want.stamp, have, want.extra.as_deref())?;
                self.site.missed(|| self.path(), missed);
            }
            (parent, _) if touched && (parent.is_some() || self.stays) => {
                attributes.restore_time(fd, before.mtime)?
            }
            _ => {}
        }
        if touched { self.site.store.sync_directory(fd) } else { Ok(()) }
    }

    fn settle_child(&self, fd: &OwnedFd, child: &Child) {
        let attributes = &self.site.attributes;
        let Child { want, before } = child;
        let result = attributes.look(fd, want.name.clone()).and_then(|have| {
            let Some(have) = have else { return Ok(()) };
            let before = before.or_else(|| attributes.made(self, &want.stamp, &have.stamp));
            let mode = attributes.mode(self, &want.stamp, before.as_ref());
            if attributes.differences(want, &have).is_empty() && mode == have.stamp.mode {
                return Ok(());
            }
            let child = fs::open_directory(fd, &want.name)?;
            self.site.store.needs_sync();
            let extra = want.extra.as_deref();
            let missed = attributes.set(self, &child, &want.stamp, before.as_ref(), extra)?;
            self.site.missed(|| self.path_of(&want.name), missed);
            Ok(())
        });
        if let Err(error) = result {
            self.site.ledger.failed(self.path_of(&want.name), "attributes", fs::words(error));
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.site.options.dry_run {
            return;
        }
        if let Err(error) = self.settle() {
            self.site.ledger.failed(self.path(), "attributes", fs::words(error));
        }
    }
}
