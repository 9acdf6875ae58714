//! Extended attributes of what is held by descriptor: the calls take paths, and these lead over
//! /proc to the descriptor and no further than one name.

use crate::sys;
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What has the attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// What is open.
    Open(BorrowedFd<'a>),
    /// A name in an open directory, which may be a symbolic link.
    Named(BorrowedFd<'a>, &'a [u8]),
    /// What the symbolic link of this name leads to.
    Through(BorrowedFd<'a>, &'a [u8]),
}

/// An attribute: its name and its value.
pub(crate) type Attribute = (Vec<u8>, Vec<u8>);

impl<'a> Place<'a> {
    pub(crate) fn open(fd: &'a impl AsFd) -> Place<'a> {
        Place::Open(fd.as_fd())
    }

    pub(crate) fn named(directory: &'a impl AsFd, name: &'a [u8]) -> Place<'a> {
        Place::Named(directory.as_fd(), name)
    }

    pub(crate) fn through(directory: &'a impl AsFd, name: &'a [u8]) -> Place<'a> {
        Place::Through(directory.as_fd(), name)
    }

    fn path(&self) -> OsString {
        let (fd, name) = match self {
            Place::Open(fd) => (fd, &b""[..]),
            Place::Named(fd, name) | Place::Through(fd, name) => (fd, *name),
        };
        let mut path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
        if !name.is_empty() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        OsString::from_vec(path)
    }

    fn follows(&self) -> bool {
        !matches!(self, Place::Named(..))
    }

    /// The names of all attributes; none where the file system has no such thing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn names(&self) -> nix::Result<Vec<Vec<u8>>> {
        let path = self.path();
        let list = if self.follows() { xattr::list_deref(&path) } else { xattr::list(&path) };
        match list.map_err(|error| sys::errno(&error)) {
            Ok(names) => Ok(names.map(OsString::into_vec).collect()),
            Err(Errno::EOPNOTSUPP) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The value of an attribute, if it is there.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn get(&self, name: &[u8]) -> nix::Result<Option<Vec<u8>>> {
        let (path, name) = (self.path(), OsStr::from_bytes(name));
        let got =
            if self.follows() { xattr::get_deref(&path, name) } else { xattr::get(&path, name) };
        match got.map_err(|error| sys::errno(&error)) {
            Err(Errno::EOPNOTSUPP) => Ok(None),
            result => result,
        }
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// The system's own; `EOPNOTSUPP` where the file system has no such attributes.
    pub(crate) fn set(&self, name: &[u8], value: &[u8]) -> nix::Result<()> {
        let (path, name) = (self.path(), OsStr::from_bytes(name));
        let set = match self.follows() {
            true => xattr::set_deref(&path, name, value),
            false => xattr::set(&path, name, value),
        };
        set.map_err(|error| sys::errno(&error))
    }

    /// Removes an attribute; that it is not there is no error.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn remove(&self, name: &[u8]) -> nix::Result<()> {
        let (path, name) = (self.path(), OsStr::from_bytes(name));
        let removed = match self.follows() {
            true => xattr::remove_deref(&path, name),
            false => xattr::remove(&path, name),
        };
        match removed.map_err(|error| sys::errno(&error)) {
            Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(()),
            result => result,
        }
    }
}
