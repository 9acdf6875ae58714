//! An open directory of the source, and how the symbolic links in it are followed.

use crate::beneath::{Beneath, Level};
use crate::entry::join;
use crate::fs;
use crate::xattr::Place;
use nix::fcntl::OFlag;
use nix::sys::stat::FileStat;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// An open directory.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) fd: Arc<OwnedFd>,
    links: Links,
}

/// How links are followed.
#[derive(Clone, Debug)]
enum Links {
    /// As the system does.
    Freely,
    /// Too, and the path from where the person pointed is known: a circle of links ends where it
    /// would for the system.
    Counted { start: Arc<OwnedFd>, path: Vec<u8>, through_link: bool },
    /// Only beneath the directory that a forced command lets in.
    Beneath(Arc<Level>),
}

impl Spot {
    /// Opens a directory as a person named it.
    ///
    /// # Errors
    /// `EXDEV` where it is not beneath what is let in, and the system's own.
    pub(crate) fn named(path: &OsStr, within: Option<&Beneath>) -> nix::Result<Spot> {
        let Some(beneath) = within else {
            let fd = Arc::new(fs::open_named_directory(Path::new(path))?);
            return Ok(Spot { fd, links: Links::Freely });
        };
        let level = Level::top(beneath)?.open(beneath.inside(path.as_bytes())?, true)?;
        Ok(Spot::beneath(level))
    }

    fn beneath(level: Arc<Level>) -> Spot {
        Spot { fd: Arc::clone(&level.fd), links: Links::Beneath(level) }
    }

    /// The same directory, from which the links on the way are counted.
    pub(crate) fn counting(&self) -> Spot {
        let Links::Freely = self.links else { return self.clone() };
        let start = Arc::clone(&self.fd);
        let links = Links::Counted { start, path: Vec::new(), through_link: false };
        Spot { fd: Arc::clone(&self.fd), links }
    }

    /// True where links lead only beneath what a forced command lets in.
    pub(crate) fn is_confined(&self) -> bool {
        matches!(self.links, Links::Beneath(_))
    }

    /// What a path leads to, over links.
    ///
    /// # Errors
    /// `EXDEV` where it is not beneath what is let in, and the system's own.
    pub(crate) fn stat_through(&self, path: &[u8]) -> nix::Result<FileStat> {
        match &self.links {
            Links::Counted { start, path: before, through_link: true } => {
                fs::stat_through(start, &join(before, path))
            }
            Links::Beneath(level) => {
                let end = level.resolve(path)?;
                fs::stat(&end.level.fd, &end.name)
            }
            _ => fs::stat_through(&self.fd, path),
        }
    }

    /// Opens a directory in this one, whose name may be a link if that is to be followed.
    ///
    /// # Errors
    /// As [`Spot::stat_through`].
    pub(crate) fn enter(&self, name: &[u8], follow: bool, is_link: bool) -> nix::Result<Spot> {
        if let Links::Beneath(level) = &self.links {
            return level.open(name, follow).map(Spot::beneath);
        }
        let fd = Arc::new(match follow {
            true => fs::open_directory_through(&self.fd, name)?,
            false => fs::open_directory(&self.fd, name)?,
        });
        let links = match &self.links {
            Links::Counted { start, path, through_link } => Links::Counted {
                start: Arc::clone(start),
                path: join(path, name),
                through_link: *through_link || is_link,
            },
            links => links.clone(),
        };
        Ok(Spot { fd, links })
    }

    /// Opens a file for reading, over a link if that is to be followed.
    ///
    /// # Errors
    /// As [`Spot::stat_through`].
    pub(crate) fn open_file(&self, name: &[u8], follow: bool, quietly: bool) -> nix::Result<File> {
        match &self.links {
            Links::Beneath(level) if follow => {
                let end = level.resolve(name)?;
                fs::open_to_read(&*end.level.fd, &end.name, OFlag::O_NOFOLLOW, quietly)
            }
            _ => {
                let flags = if follow { OFlag::empty() } else { OFlag::O_NOFOLLOW };
                fs::open_to_read(&*self.fd, name, flags, quietly)
            }
        }
    }

    /// Gives the attributes of a name to `read`, those of what a link leads to if it is followed.
    ///
    /// # Errors
    /// As [`Spot::stat_through`], and those of `read`.
    pub(crate) fn attributes<T>(
        &self,
        name: &[u8],
        follow: bool,
        read: impl FnOnce(Place<'_>) -> nix::Result<T>,
    ) -> nix::Result<T> {
        match &self.links {
            Links::Beneath(level) if follow => {
                let end = level.resolve(name)?;
                read(Place::named(&*end.level.fd, &end.name))
            }
            _ if follow => read(Place::through(&*self.fd, name)),
            _ => read(Place::named(&*self.fd, name)),
        }
    }
}
