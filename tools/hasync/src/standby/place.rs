//! Where a file is while it is written.

use super::Site;
use super::directory::Directory;
use crate::fs;
use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A temporary name in its directory.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: Arc<Directory>,
    name: Vec<u8>,
    kept: bool,
    /// It is the final name.
    is_final: bool,
    /// It is not in its directory yet, but where temporary files are asked for.
    apart: bool,
}

impl Place {
    /// Makes a file with this temporary name in `fd`, which is the directory or, `apart` from it, that
    /// of temporary files.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn make(
        name: Vec<u8>,
        directory: &Arc<Directory>,
        fd: &OwnedFd,
        mode: Mode,
        apart: bool,
    ) -> nix::Result<(File, Place)> {
        let file = fs::create_new(fd, &name, mode)?;
        let directory = Arc::clone(directory);
        Ok((file, Place { directory, name, kept: false, is_final: false, apart }))
    }

    /// A file that is written where it stands.
    pub(super) fn of_its_own(directory: Arc<Directory>, name: Vec<u8>) -> Place {
        Place { directory, name, kept: true, is_final: true, apart: false }
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }

    pub(super) fn is_apart(&self) -> bool {
        self.apart
    }

    /// The directory that it is in, open, and the name.
    ///
    /// # Errors
    /// When the directory is not open.
    pub(super) fn at(&self) -> nix::Result<(&OwnedFd, &[u8])> {
        let fd = match self.directory.site().elsewhere.get().filter(|_| self.apart) {
            Some(elsewhere) => &elsewhere.fd,
            None => self.directory.fd().ok_or(Errno::ENOENT)?,
        };
        Ok((fd, &self.name))
    }

    /// It is in its directory by now.
    pub(super) fn is_beside(&mut self) {
        self.apart = false;
    }

    /// The file has another name by now.
    pub(super) fn keep(&mut self, site: &Site) {
        self.kept = true;
        site.partials.end(&self.name);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            self.directory.site().partials.end(&self.name);
        }
        if !self.kept
            && let Ok((fd, name)) = self.at()
        {
            // What cannot be removed now, the next run removes.
            let _ = unlinkat(fd, name, UnlinkatFlags::NoRemoveDir);
        }
    }
}
