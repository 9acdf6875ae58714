//! A file that was asked for, until it is in place.

use super::Site;
use super::ahead::Ahead;
use super::basis::Found;
use super::credit::Credit;
use super::directory::Directory;
use crate::entry::{Entry, Kind, Stamp};
use crate::extra::Extra;
use crate::fs;
use crate::wire::{Action, Change, Details, FileId, Plea, ToSource, Why};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

/// A file that was asked for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) directory: Arc<Directory>,
    pub(super) name: Vec<u8>,
    /// As the source listed it, with owners as they are here.
    pub(super) want: Stamp,
    /// As the source listed it.
    pub(super) told: Stamp,
    pub(super) have: Option<Stamp>,
    /// What it shall have beside its stamp.
    pub(super) extra: Option<Box<Extra>>,
    /// A file of another directory that takes the place of one that is here.
    pub(super) basis: Option<Box<Found>>,
    pub(super) why: Why,
    /// Bytes of content that came from the source.
    pub(super) sent: u64,
    /// Something of it could not be kept.
    pub(super) flawed: bool,
    /// There is a partial file of an earlier run, so long, in bytes.
    pub(super) partial: Option<u64>,
    /// The file here is so long, in bytes, and what the source has beyond that is asked for.
    pub(super) append: Option<u64>,
    /// How often it came and was not what its digest said.
    pub(super) tries: u32,
    /// The old file is kept, and is not what stands here any more.
    pub(super) backed_up: bool,
    pub(super) credit: Option<Arc<Credit>>,
    /// Kept for what dropping it does.
    #[allow(dead_code)]
    pub(super) hold: Option<Arc<Hold>>,
}

impl Pending {
    /// A file stands under its name.
    pub(super) fn updates(&self) -> bool {
        self.have.is_some_and(|have| have.kind == Kind::File)
    }

    pub(super) fn path(&self) -> Vec<u8> {
        self.directory.path_of(&self.name)
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            stamp: self.want,
            target: Vec::new(),
            implied: false,
            extra: self.extra.clone(),
        }
    }

    /// The file that is here now, open for reading.
    pub(super) fn open_old(&self) -> nix::Result<File> {
        if let Some(basis) = &self.basis {
            return basis.open(&self.name);
        }
        let fd = self.directory.fd().ok_or(Errno::ENOENT)?;
        let quietly = self.extra.as_ref().is_some_and(|extra| extra.atime.is_some());
        fs::open_to_read(fd, &self.name, OFlag::O_NOFOLLOW, quietly)
    }
}

/// While it is held, the source keeps a directory's list; then it is told to let go.
#[derive(Debug)]
pub(crate) struct Hold {
    source: SyncSender<ToSource>,
    ahead: Arc<Ahead>,
    directory: u32,
}

impl Hold {
    pub(super) fn new(site: &Site, directory: u32) -> Hold {
        Hold { source: site.source.clone(), ahead: Arc::clone(&site.ahead), directory }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Before the source knows: it may go on at once.
        self.ahead.release(self.directory);
        let _ = self.source.send(ToSource::Release { directory: self.directory });
    }
}

/// What a dry run tells of a file that would be written.
pub(super) fn would(site: &Site, pending: &Pending, stamp: &Stamp) {
    let mut why = pending.why;
    why.add(Why::CONTENT, true);
    told(site, || pending.path(), pending.updates(), *stamp, why, 0);
}

/// Tells of a file that is in place.
pub(super) fn placed(site: &Site, pending: &Pending, stamp: &Stamp) {
    told(site, || pending.path(), pending.updates(), *stamp, pending.why, pending.sent);
}

/// Tells of a file that `updates` another of its name, or is new, with so many bytes that were sent.
pub(super) fn told(
    site: &Site,
    path: impl FnOnce() -> Vec<u8>,
    updates: bool,
    stamp: Stamp,
    why: Why,
    sent: u64,
) {
    let action = if updates { Action::Update } else { Action::Create };
    let change = || Change {
        path: path(),
        kind: Kind::File,
        action,
        why,
        size: stamp.size,
        details: Some(Details { stamp, target: Vec::new(), sent }),
    };
    site.ledger.changed(change, action);
}

/// Asks for a file again that did not come as its digest says; a second time it is given up.
pub(super) fn again(site: &Site, file: FileId, mut pending: Pending) {
    pending.tries += 1;
    pending.append = None;
    if pending.tries > 1 {
        let message = "came twice with another content than its digest says";
        site.ledger.troubled.store(true, Ordering::Relaxed);
        site.ledger.failed(pending.path(), "digest_mismatch", message);
        return;
    }
    site.ask_for(file, pending, Plea::Whole);
}
