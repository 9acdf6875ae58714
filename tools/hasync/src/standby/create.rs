//! Directories, links, fifos and devices: made at once, without content to wait for.

use super::Site;
use super::basis::{Found, Match, Way};
use super::delete;
use super::directory::Directory;
use super::store::rename_over;
use crate::entry::{Entry, Kind, Stamp};
use crate::wire::{Action, Change, Details, Why};
use nix::errno::Errno;
use nix::sys::stat::{Mode, mkdirat, mknodat};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Makes a directory where it is missing; its attributes follow when all beneath it is done.
pub(super) fn directory(site: &Site, within: &Arc<Directory>, entry: Entry, have: Option<Entry>) {
    let path = || within.path_of(&entry.name);
    let change = |action, why| {
        let details = Details::of(entry.stamp, b"");
        Change { path: path(), kind: Kind::Directory, action, why, size: 0, details }
    };
    match &have {
        Some(have) if have.stamp.kind == Kind::Directory => {
            let why = site.attributes.differences(&entry, have);
            if entry.implied || why.is_empty() {
                site.ledger.unchanged(1);
            } else {
                site.ledger.changed(|| change(Action::Attributes, why), Action::Attributes);
            }
            site.ledger.done(1, 0);
            if entry.implied {
                return;
            }
            if !site.options.dry_run
                && let Err(error) = within.let_in(&entry.name, &have.stamp)
            {
                return site.failed(path(), error, "cannot be entered");
            }
            within.expect(entry, Some(have.stamp));
        }
        Some(have) if entry.implied => {
            let target = String::from_utf8_lossy(&have.target);
            let message = match have.stamp.kind {
                Kind::Symlink => format!("is a symbolic link to {target} here: it is not followed"),
                kind => {
                    format!("is a {} here, and only leads to what was named: it stays", kind.word())
                }
            };
            site.ledger.failed(path(), "in_the_way", message);
        }
        other => {
            if !site.options.dry_run
                && let Err(error) = make(site, within, &entry, other.as_ref())
            {
                return site.failed(path(), error, "cannot be made");
            }
            site.ledger.changed(|| change(Action::Create, Why::default()), Action::Create);
            site.ledger.done(1, 0);
            if !(entry.implied && site.options.leaves_implied()) {
                within.expect(entry, None);
            }
        }
    }
}

/// Tells of the root, where its own attributes differ; they are set when all is done.
pub(super) fn root(site: &Site, is_new: bool, want: &Entry, have: Option<&Entry>) {
    let why = match have {
        Some(have) if !is_new => site.attributes.differences(want, have),
        _ => Why::default(),
    };
    let action = if is_new { Action::Create } else { Action::Attributes };
    if is_new || !why.is_empty() {
        let path = b".".to_vec();
        let details = Details::of(want.stamp, b"");
        let change = || Change { path, kind: Kind::Directory, action, why, size: 0, details };
        site.ledger.changed(change, action);
    }
}

fn make(
    site: &Site,
    within: &Directory,
    entry: &Entry,
    in_the_way: Option<&Entry>,
) -> nix::Result<()> {
    let fd = within.touch()?;
    if in_the_way.is_some() {
        site.keep(&within.path(), fd, &entry.name)?;
        unlink(fd, &entry.name)?;
    }
    // Whoever writes it must get in; its own mode comes when all is done.
    let mode = match entry.implied && site.options.leaves_implied() {
        true => within.mode_of_new(),
        false => (site.attributes.mode(within, &entry.stamp, None) & 0o777) | 0o700,
    };
    let mode = Mode::from_bits_truncate(mode);
    mkdirat(fd, &entry.name[..], mode)
}

/// Takes a name away, which a backup may have moved.
fn unlink(fd: &OwnedFd, name: &[u8]) -> nix::Result<()> {
    match unlinkat(fd, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a symbolic link, fifo, socket or device what it should be.
pub(super) fn other(site: &Site, within: &Arc<Directory>, entry: Entry, have: Option<Entry>) {
    let why = match &have {
        Some(have) => site.attributes.differences(&entry, have),
        None => Why::default(),
    };
    let same = have.as_ref().filter(|have| {
        have.stamp.kind == entry.stamp.kind && !why.has(Why::TARGET) && !why.has(Why::DEVICE)
    });
    if let Some(have) = same {
        return attributes(site, within, &entry, &have.stamp, why);
    }
    if have.is_none()
        && let Some(bases) = site.bases.get().filter(|bases| bases.way != Way::Copy)
        && let Some(found) = bases.find(site, &within.path(), &entry)
        && found.how == Match::All
        && taken(site, within, &entry, None, &found)
    {
        return;
    }
    if !site.options.dry_run
        && let Err(error) = replace(site, within, &entry, have.as_ref())
    {
        return site.failed(within.path_of(&entry.name), error, "cannot be made");
    }
    let kind = entry.stamp.kind;
    let updated = have.is_some_and(|have| have.stamp.kind == kind);
    let action = if updated { Action::Update } else { Action::Create };
    let path = || within.path_of(&entry.name);
    let details = || Details::of(entry.stamp, &entry.target);
    let change = || Change { path: path(), kind, action, why, size: 0, details: details() };
    site.ledger.changed(change, action);
    site.ledger.done(1, 0);
    site.store.placed(site, within, &entry.name, &entry.stamp);
}

/// Leaves out, or links to its place, what another directory has as it should be; what is here under
/// its name gives way. `false` where it cannot be linked.
pub(super) fn taken(
    site: &Site,
    within: &Directory,
    entry: &Entry,
    have: Option<&Stamp>,
    found: &Found,
) -> bool {
    let (kind, size) = (entry.stamp.kind, entry.stamp.size);
    let left_out = site.leaves_out();
    let leave_out = || {
        if left_out && let Some(bases) = site.bases.get() {
            bases.leave_out(site, || within.path_of(&entry.name));
        }
    };
    if left_out && have.is_none() {
        leave_out();
        site.ledger.unchanged(1);
        site.ledger.done(1, size);
        return true;
    }
    if !site.options.dry_run {
        let placed = match left_out {
            true => give_way(site, within, &entry.name),
            false => link(site, within, &entry.name, have, found),
        };
        match placed {
            Err(error) if left_out => {
                site.failed(within.path_of(&entry.name), error, "cannot be deleted");
                return true;
            }
            Err(_) => return false,
            Ok(()) => site.store.needs_sync(),
        }
    }
    leave_out();
    let action = match have {
        _ if left_out => Action::Delete,
        Some(have) if have.kind == kind => Action::Update,
        _ => Action::Create,
    };
    let path = || within.path_of(&entry.name);
    let details = || Details::of(entry.stamp, &entry.target).filter(|_| !left_out);
    let why = Why::default();
    let change = || Change { path: path(), kind, action, why, size, details: details() };
    site.ledger.changed(change, action);
    site.ledger.done(1, size);
    if !left_out {
        site.store.placed(site, within, &entry.name, &entry.stamp);
    }
    true
}

/// Takes a name away that stands where nothing is to be.
fn give_way(site: &Site, within: &Directory, name: &[u8]) -> nix::Result<()> {
    let fd = within.touch()?;
    site.keep(&within.path(), fd, name)?;
    match unlink(fd, name) {
        Err(Errno::EISDIR | Errno::EPERM) => delete::make_way(site, within, fd, name),
        result => result,
    }
}

/// Links what another directory has to its place.
fn link(
    site: &Site,
    within: &Directory,
    name: &[u8],
    have: Option<&Stamp>,
    found: &Found,
) -> nix::Result<()> {
    let fd = within.touch()?;
    if have.is_none() {
        return found.link(fd, name, name);
    }
    let temporary = site.store.name();
    found.link(fd, name, &temporary)?;
    let placed = rename_over(site, within, fd, &temporary, name);
    if placed.is_err() {
        // The next run would remove it, too.
        let _ = unlinkat(fd, &temporary[..], UnlinkatFlags::NoRemoveDir);
    }
    placed
}

fn replace(
    site: &Site,
    within: &Arc<Directory>,
    entry: &Entry,
    have: Option<&Entry>,
) -> nix::Result<()> {
    let fd = within.touch()?;
    let name = site.store.name();
    match entry.stamp.kind {
        Kind::Symlink => symlinkat(OsStr::from_bytes(&entry.target), fd, &name[..])?,
        kind => {
            let mode = Mode::S_IRUSR | Mode::S_IWUSR;
            mknodat(fd, &name[..], kind.flag(), mode, entry.stamp.device)?;
        }
    }
    let placed =
        site.attributes.set_named(within, &name, &entry.stamp, None, entry.extra.as_deref());
    let placed = placed.and_then(|missed| {
        site.missed(|| within.path_of(&entry.name), missed);
        if have.is_some_and(|have| have.stamp.kind == Kind::Directory) {
            delete::make_way(site, within, fd, &entry.name)?;
        }
        rename_over(site, within, fd, &name, &entry.name)
    });
    if placed.is_err() {
        // The next run would remove it, too.
        let _ = unlinkat(fd, &name[..], UnlinkatFlags::NoRemoveDir);
    }
    placed
}

/// Sets the attributes of what has the right content.
pub(super) fn attributes(
    site: &Site,
    within: &Arc<Directory>,
    entry: &Entry,
    have: &Stamp,
    why: Why,
) {
    let (kind, size) = (entry.stamp.kind, entry.stamp.size);
    site.ledger.done(1, size);
    // Without -t a file keeps its own time when its content is known to be the same.
    let why = if site.options.times { why } else { Why(why.0 & !Why::TIME.0) };
    if why.is_empty() {
        site.ledger.unchanged(1);
        site.store.placed(site, within, &entry.name, &entry.stamp);
        return;
    }
    if !site.options.dry_run {
        // The directory is not touched: nothing is named or unnamed in it.
        let extra = entry.extra.as_deref();
        let set = site.attributes.set_named(within, &entry.name, &entry.stamp, Some(have), extra);
        site.store.needs_sync();
        match set {
            Ok(None) => {}
            Ok(missed) => return site.missed(|| within.path_of(&entry.name), missed),
            Err(error) => {
                let path = within.path_of(&entry.name);
                return site.failed(path, error, "attributes cannot be set");
            }
        }
    }
    let action = Action::Attributes;
    let path = || within.path_of(&entry.name);
    let details = || Details::of(entry.stamp, &entry.target);
    let change = || Change { path: path(), kind, action, why, size, details: details() };
    site.ledger.changed(change, action);
    site.store.placed(site, within, &entry.name, &entry.stamp);
}
