//! Where the standby's files go: the destination as rsync understands it.

use super::delete::open_beneath;
use crate::beneath::{self, Beneath};
use crate::entry::components;
use crate::filter::{self, Filter, Scope};
use crate::fs;
use crate::options::Options;
use crate::wire::Start;
use ha_command::{Lock, lock_directory};
use ha_json::Error;
use nix::errno::Errno;
use nix::sys::stat::Mode;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

/// The destination that was asked for.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) path: OsString,
    pub(crate) beneath: Option<Beneath>,
}

/// The destination, open.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Absent only in a dry run, where it would be made.
    pub(crate) fd: Option<OwnedFd>,
    pub(crate) is_new: bool,
    /// The name that the one source gets.
    pub(crate) rename: Option<Vec<u8>>,
    shown: String,
}

impl Root {
    /// Opens the destination, makes it when only its last component is missing, or with `--mkpath`
    /// whatever is missing above it, too.
    ///
    /// # Errors
    /// When it cannot be opened or made, or is a file where a directory is due.
    pub(crate) fn open(
        &self,
        start: &Start,
        options: &Options,
        umask: u32,
    ) -> Result<Opened, Error> {
        let dry_run = options.dry_run;
        let mode = Mode::from_bits_truncate(0o777 & !umask);
        let bytes = if self.path.is_empty() { b"." } else { self.path.as_bytes() };
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let fail = |error: Errno| Error::failed(shown.clone(), beneath::words(error));
        match self.directory(bytes) {
            Ok(fd) => return Ok(Opened { fd: Some(fd), is_new: false, rename: None, shown }),
            Err(Errno::ENOTDIR) if start.single && !bytes.ends_with(b"/") => {}
            Err(Errno::ENOTDIR) => {
                let why = "is not a directory, and more than one file may come";
                return Err(Error::failed(shown, why));
            }
            Err(Errno::ENOENT) => {}
            Err(error) => return Err(fail(error)),
        }
        let trimmed = trim(bytes);
        let cut = trimmed.iter().rposition(|&byte| byte == b'/');
        let (parent, name) = match cut {
            Some(cut) => (&trimmed[..=cut], &trimmed[cut + 1..]),
            None => (&b"."[..], trimmed),
        };
        let is_named = start.single && !bytes.ends_with(b"/");
        let found = match self.directory(parent) {
            Err(Errno::ENOENT) if options.mkpath && dry_run => {
                let rename = is_named.then(|| name.to_vec());
                return Ok(Opened { fd: None, is_new: true, rename, shown });
            }
            Err(Errno::ENOENT) if options.mkpath => self.make_path(trim(parent), mode),
            found => found,
        };
        let parent_fd = found.map_err(|error| {
            let parent = String::from_utf8_lossy(parent);
            Error::failed(shown.clone(), format!("{}: {parent}", beneath::words(error)))
        })?;
        if is_named {
            let rename = Some(name.to_vec());
            return Ok(Opened { fd: Some(parent_fd), is_new: false, rename, shown });
        }
        if dry_run {
            return Ok(Opened { fd: None, is_new: true, rename: None, shown });
        }
        let made = fs::make_directory(&parent_fd, name, mode);
        let fd = made.and_then(|()| fs::open_directory(&parent_fd, name)).map_err(fail)?;
        // rsync takes one that --mkpath made for one that was there.
        Ok(Opened { fd: Some(fd), is_new: !options.mkpath, rename: None, shown })
    }

    /// Opens another directory that was asked for; a relative path begins at the destination. What is
    /// named in the destination itself is reached through no link, for others write there. What is
    /// missing is made with the mode of `make`, or else an error.
    ///
    /// # Errors
    /// `EXDEV` when it lies outside of the directory that a forced command lets in, and the system's
    /// own.
    pub(super) fn beside(
        &self,
        destination: Option<&OwnedFd>,
        path: &[u8],
        make: Option<Mode>,
    ) -> nix::Result<OwnedFd> {
        let absolute = path.starts_with(b"/");
        let upward = path.split(|&byte| byte == b'/').any(|name| name == b"..");
        let (mut fd, rest) = match &self.beneath {
            Some(_) if upward => return Err(Errno::EXDEV),
            Some(beneath) if absolute => {
                let rest = Some(beneath.inside(path)?).filter(|rest| !rest.is_empty());
                (fs::open_directory(&beneath.fd, b".")?, rest.ok_or(Errno::EXDEV)?)
            }
            None if absolute => (fs::open_named_directory(Path::new("/"))?, path),
            _ => (fs::open_directory(destination.ok_or(Errno::ENOENT)?, b".")?, path),
        };
        let follow = self.beneath.is_none() && (absolute || upward);
        for name in components(rest) {
            let open = |fd: &OwnedFd| match follow {
                true => fs::open_directory_through(fd, name),
                false => fs::open_directory(fd, name),
            };
            fd = match open(&fd) {
                Ok(fd) => fd,
                Err(error) => {
                    let mode = make.filter(|_| error == Errno::ENOENT).ok_or(error)?;
                    fs::make_directory(&fd, name, mode)?;
                    open(&fd)?
                }
            };
        }
        Ok(fd)
    }

    /// The rules that hold for the destination itself: beneath a directory that a forced command
    /// lets in, nothing above the destination is looked into.
    pub(crate) fn scope(&self, filter: &Filter) -> Scope {
        let here = match &self.beneath {
            Some(beneath) => beneath.path.clone(),
            None => std::env::current_dir().unwrap_or_default(),
        };
        let place = filter::absolute(here.as_os_str().as_bytes(), self.path.as_bytes());
        Scope::top(filter, place, self.beneath.is_some())
    }

    /// Opens a directory that was asked for; what is missing of its path is made.
    fn make_path(&self, path: &[u8], mode: Mode) -> nix::Result<OwnedFd> {
        let mut missing = Vec::new();
        let mut rest = path;
        let mut fd = loop {
            match self.directory(rest) {
                Ok(fd) => break fd,
                // What is not there has nothing above it that ".." could lead to.
                Err(Errno::ENOENT) if !matches!(rest, b"." | b"/") => {}
                Err(error) => return Err(error),
            }
            let cut = rest.iter().rposition(|&byte| byte == b'/');
            missing.push(&rest[cut.map_or(0, |cut| cut + 1)..]);
            rest = match cut {
                None => b".",
                Some(cut) => trim(&rest[..=cut]),
            };
        };
        for name in missing.into_iter().rev().filter(|name| !matches!(*name, b"" | b".")) {
            if name == b".." {
                return Err(Errno::ENOENT);
            }
            fs::make_directory(&fd, name, mode)?;
            fd = fs::open_directory(&fd, name)?;
        }
        Ok(fd)
    }

    fn directory(&self, path: &[u8]) -> nix::Result<OwnedFd> {
        match &self.beneath {
            None => fs::open_named_directory(Path::new(&OsString::from_vec(path.to_vec()))),
            Some(beneath) => open_beneath(&beneath.fd, beneath.inside(path)?),
        }
    }
}

impl Opened {
    /// Locks the destination against another run that changes it.
    ///
    /// # Errors
    /// Busy, when another run holds it longer than `--lock-wait`.
    pub(crate) fn lock(&self, options: &Options) -> Result<Option<Lock>, Error> {
        let Some(fd) = self.fd.as_ref().filter(|_| !options.dry_run) else { return Ok(None) };
        let again = fs::open_directory(fd, b".")
            .map_err(|error| Error::failed(self.shown.clone(), fs::words(error)))?;
        let wait = Duration::from_secs(options.lock_wait_seconds);
        lock_directory(again, &self.shown, wait).map(Some)
    }
}

fn trim(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(1, |last| last + 1);
    &path[..end]
}
