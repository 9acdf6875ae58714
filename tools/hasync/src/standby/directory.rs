//! A directory of the standby while something is done in it.

use super::Site;
use super::attributes::bits;
use crate::entry::{Entry, Stamp, join};
use crate::fs;
use crate::leftover;
use nix::errno::Errno;
use nix::sys::stat::{fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A directory. Whoever works in it, or beneath it, holds it; when the last one lets go, the
/// attributes that the work disturbed are put right, children before parents.
#[derive(Debug)]
pub(crate) struct Directory {
    site: Arc<Site>,
    parent: Option<Arc<Directory>>,
    name: Vec<u8>,
    open: OnceLock<(OwnedFd, Stamp)>,
    /// Made by this run: there is nothing in it that we did not put there.
    pub(crate) is_new: AtomicBool,
    touched: AtomicBool,
    loosened: AtomicBool,
    /// What the directories in it shall be once all is done beneath them.
    children: Mutex<Vec<Entry>>,
}

impl Directory {
    /// The root, open.
    pub(crate) fn root(site: &Arc<Site>, fd: Option<OwnedFd>) -> nix::Result<Arc<Directory>> {
        let root = Directory::new(site, None, Vec::new());
        if let Some(fd) = fd {
            root.opened(fd)?;
        }
        Ok(Arc::new(root))
    }

    /// A directory beneath another; it need not be there yet.
    pub(crate) fn beneath(parent: &Arc<Directory>, name: Vec<u8>) -> Arc<Directory> {
        Arc::new(Directory::new(&parent.site, Some(Arc::clone(parent)), name))
    }

    fn new(site: &Arc<Site>, parent: Option<Arc<Directory>>, name: Vec<u8>) -> Directory {
        Directory {
            site: Arc::clone(site),
            parent,
            name,
            open: OnceLock::new(),
            is_new: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            loosened: AtomicBool::new(false),
            children: Mutex::default(),
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

    pub(crate) fn fd(&self) -> Option<&OwnedFd> {
        self.open.get().map(|(fd, _)| fd)
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

    /// What a directory in it shall be when all is done.
    pub(crate) fn expect(&self, child: Entry) {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }

    /// The names in it. What a run that was killed left behind is removed, and never named.
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
                    // Another run cleans, too.
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(error) => {
                        let message = format!("a leftover stays: {}", fs::words(error));
                        self.site.ledger.failed(self.path_of(&name), "write_error", message);
                    }
                }
            }
        }
        Ok(names)
    }

    /// Puts right what the work disturbed.
    fn settle(&self) -> nix::Result<()> {
        let Some((fd, before)) = self.open.get() else { return Ok(()) };
        let attributes = &self.site.attributes;
        for child in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.settle_child(fd, child);
        }
        if self.loosened.load(Ordering::Relaxed) {
            fchmod(fd, bits(before.mode))?;
        }
        if !self.touched.load(Ordering::Relaxed) {
            return Ok(());
        }
        match (&self.parent, self.site.root_stamp()) {
            (None, None) => Ok(()),
            (None, Some(want)) => attributes.set(fd, &attributes.here(&want), Some(before)),
            (Some(_), _) => attributes.restore_time(fd, before.mtime),
        }
    }

    fn settle_child(&self, fd: &OwnedFd, want: &Entry) {
        let attributes = &self.site.attributes;
        let result = fs::entry(fd, &want.name).and_then(|have| {
            let Some(have) = have else { return Ok(()) };
            let mode = attributes.mode(&want.stamp, Some(&have.stamp));
            if attributes.differences(want, &have).is_empty() && mode == have.stamp.mode {
                return Ok(());
            }
            let child = fs::open_directory(fd, &want.name)?;
            attributes.set(&child, &want.stamp, Some(&have.stamp))
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
