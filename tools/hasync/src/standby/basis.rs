//! Other directories that may hold what is to be brought: it is taken from there, linked or left out.

use super::Site;
use super::choice;
use super::delete::open_beneath;
use super::root::{Opened, Root};
use crate::beneath;
use crate::entry::{Entry, Kind, Stamp};
use crate::fs;
use crate::options::{Basis, Options};
use crate::wire::Why;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are compared at a time.
const PIECE: usize = 64 << 10;

/// What becomes of a file that one of the directories has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    LeaveOut,
    Copy,
    Link,
}

/// The directories, the best first.
#[derive(Debug)]
pub(super) struct Bases {
    pub(super) way: Way,
    trees: Vec<Tree>,
    /// The paths of what was left out, with `-H`.
    left: Mutex<HashSet<Vec<u8>>>,
}

#[derive(Debug)]
struct Tree {
    root: OwnedFd,
    last: Mutex<Option<Known>>,
}

/// The directory beneath the root that was looked into last: its path, and itself where it is there.
type Known = (Vec<u8>, Option<Arc<OwnedFd>>);

/// How much of an entry is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// A file, of another content.
    Name,
    Content,
    /// All that is kept.
    All,
}

/// An entry of another directory.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) how: Match,
    pub(super) stamp: Stamp,
    directory: Arc<OwnedFd>,
}

impl Bases {
    /// Opens the directories that were asked for; `None` where none were. One that is not there is told
    /// and has nothing.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(super) fn open(site: &Site, root: &Root, opened: &Opened) -> Result<Option<Bases>, Error> {
        let (way, paths) = match &site.options.basis {
            None => return Ok(None),
            Some(Basis::Compare(paths)) => (Way::LeaveOut, paths),
            Some(Basis::Copy(paths)) => (Way::Copy, paths),
            Some(Basis::Link(paths)) => (Way::Link, paths),
        };
        let mut trees = Vec::new();
        for path in paths {
            match root.beside(opened.fd.as_ref(), path, None) {
                Ok(root) => trees.push(Tree { root, last: Mutex::default() }),
                Err(Errno::ENOENT) => {
                    let why = "is not there: nothing is taken from it".into();
                    site.ledger.skipped(path.clone(), why);
                }
                Err(error) => {
                    let shown = String::from_utf8_lossy(path).into_owned();
                    return Err(Error::failed(shown, beneath::words(error)));
                }
            }
        }
        Ok(Some(Bases { way, trees, left: Mutex::default() }))
    }

    /// Looks for an entry that is to be made in the directory of this path: the first that is all it
    /// should be, else the first with its content, else the first file of its name.
    pub(super) fn find(&self, site: &Site, path: &[u8], entry: &Entry) -> Option<Found> {
        let mut best: Option<Found> = None;
        for tree in &self.trees {
            let Some(directory) = tree.directory(path) else { continue };
            // What cannot be looked at is not there for us.
            let Ok(Some(have)) = site.attributes.look(&directory, entry.name.clone()) else {
                continue;
            };
            let Some(how) = compare(site, entry, &have) else { continue };
            if best.as_ref().is_none_or(|best| best.how < how) {
                best = Some(Found { how, stamp: have.stamp, directory });
            }
            if how == Match::All {
                break;
            }
        }
        best
    }

    /// What is at this path is left out. That is kept with `-H` only: further names may hang on it.
    pub(super) fn leave_out(&self, site: &Site, path: impl FnOnce() -> Vec<u8>) {
        if site.options.hard_links {
            self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(path());
        }
    }

    pub(super) fn has_left_out(&self, path: &[u8]) -> bool {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}

impl Tree {
    fn directory(&self, path: &[u8]) -> Option<Arc<OwnedFd>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, directory)) = last.as_ref().filter(|(known, _)| known == path) {
            return directory.clone();
        }
        let directory = open_beneath(&self.root, path).ok().map(Arc::new);
        *last = Some((path.to_vec(), directory.clone()));
        directory
    }
}

impl Found {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn open(&self, name: &[u8]) -> nix::Result<File> {
        fs::open_to_read(&*self.directory, name, OFlag::O_NOFOLLOW, false)
    }

    /// True where what has this name in another directory is the same file.
    pub(super) fn is(&self, fd: &OwnedFd, name: &[u8]) -> bool {
        is_one(&self.directory, name, fd, name)
    }

    /// True where the content of this, found under `name`, is that of another.
    pub(super) fn is_as(&self, name: &[u8], other: &Found, other_name: &[u8]) -> bool {
        let both = || Some((self.open(name).ok()?, other.open(other_name).ok()?));
        is_one(&self.directory, name, &other.directory, other_name)
            || both().is_some_and(|(one, other)| hold_the_same(&one, &other).unwrap_or(false))
    }

    /// Makes it stand in another directory, too, under the name `to`.
    ///
    /// # Errors
    /// `ESTALE` when it is no longer what was found, and the system's own; then nothing is there.
    pub(super) fn link(&self, fd: &OwnedFd, name: &[u8], to: &[u8]) -> nix::Result<()> {
        linkat(&*self.directory, name, fd, to, AtFlags::empty())?;
        let linked = fs::stat(fd, to).map(|stat| Stamp::of(&stat));
        if linked == Ok(self.stamp) {
            return Ok(());
        }
        let _ = unlinkat(fd, to, UnlinkatFlags::NoRemoveDir);
        Err(linked.err().unwrap_or(Errno::ESTALE))
    }
}

fn is_one(fd: &OwnedFd, name: &[u8], other: &OwnedFd, other_name: &[u8]) -> bool {
    let inode = |stat: nix::sys::stat::FileStat| (stat.st_dev, stat.st_ino);
    let own = fs::stat(fd, name).map(inode);
    own.is_ok() && own == fs::stat(other, other_name).map(inode)
}

fn hold_the_same(one: &File, other: &File) -> io::Result<bool> {
    let mut one = BufReader::with_capacity(PIECE, one);
    let mut other = BufReader::with_capacity(PIECE, other);
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let both = here.len().min(there.len());
        if both == 0 || here[..both] != there[..both] {
            return Ok(here.len() == there.len() && both == 0);
        }
        one.consume(both);
        other.consume(both);
    }
}

/// How much of what should be there `have` is; `None` where it is of no use.
fn compare(site: &Site, want: &Entry, have: &Entry) -> Option<Match> {
    let why = site.attributes.differences(want, have);
    if why.has(Why::KIND) || why.has(Why::TARGET) || why.has(Why::DEVICE) {
        return None;
    }
    if want.stamp.kind == Kind::File && !may_be_same(&site.options, &want.stamp, &have.stamp) {
        return Some(Match::Name);
    }
    // Without -t a file keeps its own time; and whoever reads one here changes when it was accessed.
    let kept = if site.options.times { why.0 } else { why.0 & !Why::TIME.0 };
    let why = Why(kept & !Why::ATIME.0);
    Some(if why.is_empty() { Match::All } else { Match::Content })
}

/// True where the content is the same as far as can be told without reading it.
fn may_be_same(options: &Options, want: &Stamp, have: &Stamp) -> bool {
    if options.checksum { want.size == have.size } else { choice::is_same(options, want, have) }
}
