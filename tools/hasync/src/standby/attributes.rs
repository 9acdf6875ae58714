//! Owner, mode and time: what differs, and how it is set.

use super::directory::Directory;
use crate::digest::View;
use crate::entry::{Entry, Kind, Moment, Stamp};
use crate::mode::Changes;
use crate::options::Options;
use crate::owner::Names;
use crate::wire::Why;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{
    FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, umask, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, getegid, geteuid, getgroups};
use std::collections::HashSet;
use std::os::fd::AsFd;
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
}

impl Attributes {
    /// Takes the process's umask for its own use and clears it, so that modes are what they say.
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

    fn sets_group(&self, gid: u32) -> bool {
        self.view.group && (self.is_root || self.groups.contains(&gid))
    }

    /// The mode that a thing gets: the source's, or its own, or the source's as the umask has it.
    pub(crate) fn mode(&self, want: &Stamp, have: Option<&Stamp>) -> u32 {
        match have {
            _ if self.view.perms => want.mode,
            Some(have) if have.kind == want.kind => {
                if !self.view.executability || !self.view.sees_mode(want, have) {
                    have.mode
                } else if want.mode & 0o111 == 0 {
                    have.mode & !0o111
                } else {
                    // Whoever may read it.
                    have.mode | (have.mode & 0o444) >> 2
                }
            }
            _ => want.mode & 0o777 & !self.umask,
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
        why.add(Why::MODE, self.view.sees_mode(w, h));
        why.add(Why::OWNER, self.view.owner && w.uid != h.uid);
        why.add(Why::GROUP, self.sets_group(w.gid) && w.gid != h.gid);
        why.add(Why::TARGET, want.target != have.target);
        why.add(Why::DEVICE, w.device != h.device);
        why
    }

    fn owner(&self, want: &Stamp) -> (Option<Uid>, Option<Gid>) {
        let uid = self.view.owner.then(|| Uid::from_raw(want.uid));
        let gid = self.sets_group(want.gid).then(|| Gid::from_raw(want.gid));
        (uid, gid)
    }

    /// The mode that a new file in this directory can be made with, and needs no other call to have:
    /// its owner and group are right from the beginning, and nothing but this mode decides.
    pub(crate) fn made_right(
        &self,
        directory: &Directory,
        want: &Stamp,
        have: Option<&Stamp>,
    ) -> Option<u32> {
        let (uid, gid) = self.owner(want);
        let mode = self.mode(want, have);
        let right = uid.is_none_or(|uid| uid.as_raw() == self.own.0)
            && gid.is_none_or(|gid| gid.as_raw() == self.own.1)
            // Some directories give their own group to what is made in them.
            && directory.before().is_some_and(|stamp| stamp.gid == self.own.1)
            && mode & 0o7000 == 0
            && !directory.has_default_acl();
        right.then_some(mode)
    }

    /// Sets the modification time of an open file or directory that has all else.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set_time(&self, fd: impl AsFd, want: &Stamp) -> nix::Result<()> {
        if !self.view.keeps_time(want.kind) {
            return Ok(());
        }
        futimens(fd, &TimeSpec::UTIME_OMIT, &time(want.mtime))
    }

    /// Sets the attributes of an open file or directory. The owner comes first: changing it clears
    /// setuid.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set(
        &self,
        fd: impl AsFd + Copy,
        want: &Stamp,
        have: Option<&Stamp>,
    ) -> nix::Result<()> {
        let (uid, gid) = self.owner(want);
        if uid.is_some() || gid.is_some() {
            fchown(fd, uid, gid)?;
        }
        fchmod(fd, bits(self.mode(want, have)))?;
        self.set_time(fd, want)
    }

    /// Sets the attributes of a name, which is no directory and may be a symbolic link.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn set_named(
        &self,
        directory: impl AsFd + Copy,
        name: &[u8],
        want: &Stamp,
        have: Option<&Stamp>,
    ) -> nix::Result<()> {
        let (uid, gid) = self.owner(want);
        let owned = have.is_some_and(|have| {
            uid.is_none_or(|uid| uid.as_raw() == have.uid)
                && gid.is_none_or(|gid| gid.as_raw() == have.gid)
        });
        if !owned && (uid.is_some() || gid.is_some()) {
            fchownat(directory, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        let mode = self.mode(want, have);
        // A new owner clears setuid; else a mode that is right is left alone.
        let same_mode = owned && have.is_some_and(|have| have.mode == mode);
        if want.kind != Kind::Symlink && !same_mode {
            fchmodat(directory, name, bits(mode), FchmodatFlags::NoFollowSymlink)?;
        }
        if self.view.keeps_time(want.kind) {
            let flag = UtimensatFlags::NoFollowSymlink;
            match utimensat(directory, name, &TimeSpec::UTIME_OMIT, &time(want.mtime), flag) {
                // Some systems keep no times of their own for links.
                Err(Errno::ENOSYS | Errno::EOPNOTSUPP) if want.kind == Kind::Symlink => {}
                result => result?,
            }
        }
        Ok(())
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
