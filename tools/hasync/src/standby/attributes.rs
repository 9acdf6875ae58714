//! Owner, mode and time: what differs, and how it is set.

use super::beside::Beside;
pub(super) use super::beside::Missed;
use super::directory::Directory;
use crate::digest::View;
use crate::entry::{Entry, Kind, Moment, Stamp};
use crate::extra::{Extra, Keep};
use crate::fs;
use crate::mode::Changes;
use crate::options::Options;
use crate::owner::Names;
use crate::wire::Why;
use crate::xattr::Place;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{
    FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, umask, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, getegid, geteuid, getgroups};
use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{PoisonError, RwLock};

/// What attributes this run sets, and as whom.
#[derive(Debug)]
pub(crate) struct Attributes {
    view: View,
    pub(crate) is_root: bool,
    /// The owner and group of what this process makes.
    own: (u32, u32),
    groups: HashSet<u32>,
    /// What a new thing's mode lacks where the source's is not kept.
    pub(crate) umask: u32,
    /// How far apart times are that count as equal, in seconds.
    window: Option<i64>,
    names: RwLock<Names>,
    chmod: Changes,
    keep: Keep,
}

impl Drop for Attributes {
    fn drop(&mut self) {
        umask(Mode::from_bits_truncate(self.umask));
    }
}

impl Attributes {
    /// Takes the process's umask for its own use and clears it as long as it lives, so that modes are what
    /// they say.
    ///
    /// # Errors
    /// When an owner that was asked for is not known here.
    pub(crate) fn new(options: &Options) -> Result<Attributes, Error> {
        let names = RwLock::new(Names::of_standby(options)?);
        let is_root = geteuid().is_root();
        let own = umask(Mode::empty());
        let mut groups: HashSet<u32> =
            getgroups().unwrap_or_default().into_iter().map(Gid::as_raw).collect();
        groups.insert(getegid().as_raw());
        Ok(Attributes {
            view: View::new(options, is_root),
            is_root,
            own: (geteuid().as_raw(), getegid().as_raw()),
            groups,
            umask: own.bits(),
            // Whose content was compared gets the very time.
            window: options.modify_window.filter(|_| !options.checksum),
            names,
            chmod: options.chmod.clone(),
            keep: Keep::new(options),
        })
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// Takes the source's word for the name of an owner.
    pub(crate) fn learn(&self, group: bool, id: u32, name: &[u8]) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).learn(group, id, name);
    }

    /// What the source's stamp shall be here: with the numbers that its owner and group have, and the
    /// mode that `--chmod` makes of its own.
    pub(crate) fn here(&self, stamp: &Stamp) -> Stamp {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        Stamp {
            uid: names.here(false, stamp.uid),
            gid: names.here(true, stamp.gid),
            mode: self.chmod.of(stamp),
            ..*stamp
        }
    }

    /// Makes the source's entry what it shall be here: as [`Attributes::here`], and so what stands
    /// beside the stamp.
    pub(crate) fn settle_in(&self, entry: &mut Entry) {
        entry.stamp = self.here(&entry.stamp);
        let Some(extra) = &mut entry.extra else { return };
        if let Some(lists) = &mut extra.lists {
            let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
            lists.renumber(|group, id| names.in_list(group, id));
        }
        if let Some(xattrs) = &mut extra.xattrs {
            xattrs.retain(|(name, _)| self.view.scope.has(name));
        }
    }

    /// The entry of a name that is here, with all that is kept of it; `None` when there is none.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn look(&self, directory: &OwnedFd, name: Vec<u8>) -> nix::Result<Option<Entry>> {
        let Some(mut entry) = fs::entry_kept(directory, name, self.keep)? else { return Ok(None) };
        if let Some(extra) = &mut entry.extra {
            let place = Place::named(directory, &entry.name);
            match extra.read(place, self.keep, self.view.scope) {
                // It went just now.
                Err(Errno::ENOENT) => return Ok(None),
                result => result?,
            }
        }
        Ok(Some(entry))
    }

    /// What stands beside the stamp of an open directory.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn extra_of(&self, directory: &OwnedFd) -> nix::Result<Option<Box<Extra>>> {
        if !self.keep.any() {
            return Ok(None);
        }
        let mut extra = Extra::default();
        extra.read(Place::open(directory), self.keep, self.view.scope)?;
        Ok(Some(Box::new(extra)))
    }

    /// True when the source tells of an entry nothing but what is kept.
    pub(crate) fn keeps_all_of(&self, entry: &Entry) -> bool {
        entry.extra.as_ref().is_none_or(|extra| {
            (self.keep.links || extra.first.is_none())
                && (self.keep.atimes || extra.atime.is_none())
                && (self.keep.acls || extra.lists.is_none())
                && (self.keep.xattrs || extra.xattrs.is_none())
        })
    }

    fn sets_group(&self, gid: u32) -> bool {
        self.view.group && (self.is_root || self.groups.contains(&gid))
    }

    /// The mode that a thing in this directory gets: the source's, or its own, or what is left there of
    /// the source's.
    pub(crate) fn mode(&self, within: &Directory, want: &Stamp, have: Option<&Stamp>) -> u32 {
        match have {
            _ if self.view.perms => want.mode,
            Some(have) if have.kind == want.kind => self.kept_mode(want, have),
            _ => want.mode & within.leaves(),
        }
    }

    /// The mode of what is there already and stays.
    fn kept_mode(&self, want: &Stamp, have: &Stamp) -> u32 {
        if self.view.perms {
            want.mode
        } else if !self.view.executability || !self.view.sees_mode(want, have) {
            have.mode
        } else if want.mode & 0o111 == 0 {
            have.mode & !0o111
        } else {
            // Whoever may read it: of what nobody may, nothing changes.
            have.mode | (have.mode & 0o444) >> 2
        }
    }

    /// What differs between what should be (with owners as they are here) and what is.
    pub(crate) fn differences(&self, want: &Entry, have: &Entry) -> Why {
        let (w, h) = (&want.stamp, &have.stamp);
        let mut why = Why::default();
        if w.kind != h.kind {
            why.add(Why::KIND, true);
            return why;
        }
        why.add(Why::SIZE, w.size != h.size);
        why.add(
            Why::TIME,
            !w.mtime.is_within(h.mtime, self.window)
                && (w.kind == Kind::File || self.view.keeps_time(w.kind)),
        );
        why.add(Why::MODE, self.view.sees_mode(w, h) && self.kept_mode(w, h) != h.mode);
        why.add(Why::OWNER, self.view.owner && w.uid != h.uid);
        why.add(Why::GROUP, self.sets_group(w.gid) && w.gid != h.gid);
        why.add(Why::TARGET, want.target != have.target);
        why.add(Why::DEVICE, w.device != h.device);
        if let (Some(w), Some(h)) = (&want.extra, &have.extra) {
            why.add(Why::ATIME, w.atime.is_some() && w.atime != h.atime);
            why.add(Why::ACL, w.lists.is_some() && w.lists != h.lists);
            why.add(Why::XATTR, w.xattrs.is_some() && w.xattrs != h.xattrs);
        }
        why
    }

    fn owner(&self, want: &Stamp) -> (Option<Uid>, Option<Gid>) {
        let uid = self.view.owner.then(|| Uid::from_raw(want.uid));
        let gid = self.sets_group(want.gid).then(|| Gid::from_raw(want.gid));
        (uid, gid)
    }

    /// What a directory that was just made counts as having had before, where modes are not kept:
    /// the setgid bit that it has from the directory above it stays.
    pub(crate) fn made(&self, within: &Directory, want: &Stamp, made: &Stamp) -> Option<Stamp> {
        let setgid = made.mode & Mode::S_ISGID.bits();
        (!self.view.perms).then(|| Stamp { mode: self.mode(within, want, None) | setgid, ..*made })
    }

    /// The mode that a new file in this directory can be made with, and needs no other call to have:
    /// its owner and group are right from the beginning, and nothing but this mode decides.
    pub(crate) fn made_right(
        &self,
        directory: &Directory,
        want: &Stamp,
        have: Option<&Stamp>,
        extra: Option<&Extra>,
    ) -> Option<u32> {
        let (uid, gid) = self.owner(want);
        let mode = self.mode(directory, want, have);
        let right = uid.is_none_or(|uid| uid.as_raw() == self.own.0)
            && gid.is_none_or(|gid| gid.as_raw() == self.own.1)
            // Some directories give their own group to what is made in them.
            && directory.before().is_some_and(|stamp| stamp.gid == self.own.1)
            && mode & 0o7000 == 0
            && !directory.has_default_acl()
            && extra.is_none_or(Extra::is_bare);
        right.then_some(mode)
    }

    /// True where a file keeps something from the directory that it is made in: what it gives to
    /// all that is made in it, and no option says otherwise.
    pub(crate) fn come_from(&self, directory: &Directory) -> bool {
        let setgid = |stamp: Stamp| stamp.mode & Mode::S_ISGID.bits() != 0;
        !self.view.group && directory.before().is_some_and(setgid)
            || !self.keep.acls && directory.has_default_acl()
    }

    /// Sets the modification time of an open file or directory that has all else.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set_time(
        &self,
        fd: impl AsFd,
        want: &Stamp,
        extra: Option<&Extra>,
    ) -> nix::Result<()> {
        match self.times(want, extra) {
            Some((atime, mtime)) => futimens(fd, &atime, &mtime),
            None => Ok(()),
        }
    }

    /// The times to set, if there are any.
    fn times(&self, want: &Stamp, extra: Option<&Extra>) -> Option<(TimeSpec, TimeSpec)> {
        let atime = extra.and_then(|extra| extra.atime);
        let mtime = self.view.keeps_time(want.kind).then_some(want.mtime);
        let spec = |moment: Option<Moment>| moment.map_or(TimeSpec::UTIME_OMIT, time);
        (atime.is_some() || mtime.is_some()).then(|| (spec(atime), spec(mtime)))
    }

    /// Sets the attributes of an open file or directory that lies in this one. The owner comes first: changing it clears
    /// setuid and capabilities. Gives what could not be kept beside the stamp, for people.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set(
        &self,
        within: &Directory,
        fd: impl AsFd + Copy,
        want: &Stamp,
        have: Option<&Stamp>,
        extra: Option<&Extra>,
    ) -> nix::Result<Missed> {
        let (uid, gid) = self.owner(want);
        if uid.is_some() || gid.is_some() {
            fchown(fd, uid, gid)?;
        }
        let mode = self.mode(within, want, have);
        let mut beside = Beside::new(Place::open(&fd), extra, self.view.scope);
        beside.before_mode(|| fchmod(fd, bits(mode | 0o600)));
        fchmod(fd, bits(mode))?;
        beside.after_mode(want.kind, mode);
        self.set_time(fd, want, extra)?;
        Ok(beside.missed)
    }

    /// Sets the attributes of a name in a directory, which is no directory and may be a symbolic link.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set_named(
        &self,
        within: &Directory,
        name: &[u8],
        want: &Stamp,
        have: Option<&Stamp>,
        extra: Option<&Extra>,
    ) -> nix::Result<Missed> {
        let directory = within.fd().ok_or(Errno::ENOENT)?;
        let (uid, gid) = self.owner(want);
        let owned = have.is_some_and(|have| {
            uid.is_none_or(|uid| uid.as_raw() == have.uid)
                && gid.is_none_or(|gid| gid.as_raw() == have.gid)
        });
        if !owned && (uid.is_some() || gid.is_some()) {
            fchownat(directory, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        let mode = self.mode(within, want, have);
        let chmod = |mode| fchmodat(directory, name, bits(mode), FchmodatFlags::NoFollowSymlink);
        let mut beside = Beside::new(Place::named(directory, name), extra, self.view.scope);
        let disturbed = want.kind != Kind::Symlink && beside.before_mode(|| chmod(mode | 0o600));
        // A new owner clears setuid; else a mode that is right is left alone.
        let same_mode = owned && !disturbed && have.is_some_and(|have| have.mode == mode);
        if want.kind != Kind::Symlink && !same_mode {
            chmod(mode)?;
        }
        match want.kind {
            Kind::Symlink => beside.of_link(),
            kind => beside.after_mode(kind, mode),
        }
        if let Some((atime, mtime)) = self.times(want, extra) {
            match utimensat(directory, name, &atime, &mtime, UtimensatFlags::NoFollowSymlink) {
                // Some systems keep no times of their own for links.
                Err(Errno::ENOSYS | Errno::EOPNOTSUPP) if want.kind == Kind::Symlink => {}
                result => result?,
            }
        }
        Ok(beside.missed)
    }

    /// Puts a directory's time back after something was done in it.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn restore_time(&self, fd: impl AsFd, mtime: Moment) -> nix::Result<()> {
        if !self.view.directory_times {
            return Ok(());
        }
        futimens(fd, &TimeSpec::UTIME_OMIT, &time(mtime))
    }
}

/// Permission bits as nix has them.
pub(crate) fn bits(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode)
}

fn time(moment: Moment) -> TimeSpec {
    TimeSpec::new(moment.seconds, moment.nanoseconds.into())
}
