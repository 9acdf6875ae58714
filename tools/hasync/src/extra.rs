//! What only some options keep: access times, hard links, access control lists and extended
//! attributes. Without these options there is none of it, and nothing is asked for it.

use crate::acl;
use crate::entry::{Kind, Moment};
use crate::options::Options;
use crate::xattr::{Attribute, Place};
use nix::errno::Errno;
use nix::sys::stat::FileStat;

/// No more is kept of one thing's extended attributes, in bytes: they travel in its directory's list.
pub(crate) const MOST_BYTES: usize = 1 << 20;
/// What the kernel takes for a name, and for a value, in bytes.
pub(crate) const MOST_NAME: usize = 255;
pub(crate) const MOST_VALUE: usize = 64 << 10;

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) links: bool,
    pub(crate) atimes: bool,
    pub(crate) acls: bool,
    pub(crate) xattrs: bool,
}

impl Keep {
    pub(crate) fn new(options: &Options) -> Keep {
        Keep {
            links: options.hard_links,
            atimes: options.atimes,
            acls: options.acls,
            xattrs: options.xattrs,
        }
    }

    /// Whether anything is.
    pub(crate) fn any(self) -> bool {
        self != Keep::default()
    }
}

/// What is known of a thing beyond its stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// Device and inode on this end, of what has more than one name; it does not travel.
    pub(crate) inode: Option<(u64, u64)>,
    /// Of what has more than one name: the path of the first, where this is a further one.
    pub(crate) first: Option<Vec<u8>>,
    /// Of neither directories nor links: looking at them changes it.
    pub(crate) atime: Option<Moment>,
    pub(crate) lists: Option<acl::Lists>,
    /// Sorted by name.
    pub(crate) xattrs: Option<Vec<Attribute>>,
}

impl Extra {
    /// What stat(2) tells of it.
    pub(crate) fn of_stat(stat: &FileStat, kind: Kind, keep: Keep) -> Option<Box<Extra>> {
        let atime = Moment {
            seconds: stat.st_atime,
            nanoseconds: u32::try_from(stat.st_atime_nsec).unwrap_or(0),
        };
        let keeps = keep.atimes && !matches!(kind, Kind::Directory | Kind::Symlink);
        let atime = keeps.then_some(atime);
        let several = keep.links && kind != Kind::Directory && stat.st_nlink > 1;
        let inode = several.then_some((stat.st_dev, stat.st_ino));
        let any = keep.acls || keep.xattrs || atime.is_some() || inode.is_some();
        any.then(|| Box::new(Extra { inode, atime, ..Extra::default() }))
    }

    /// Reads attributes and lists.
    ///
    /// # Errors
    /// The system's own; `E2BIG` for more than [`MOST_BYTES`].
    pub(crate) fn read(&mut self, place: Place<'_>, keep: Keep, scope: Scope) -> nix::Result<()> {
        if !keep.acls && !keep.xattrs {
            return Ok(());
        }
        let mut lists = acl::Lists::default();
        let mut xattrs = Vec::new();
        let mut bytes = 0;
        for name in place.names()? {
            let list = [acl::ACCESS, acl::DEFAULT].into_iter().find(|l| l.as_bytes() == name);
            if !(keep.acls && list.is_some() || keep.xattrs && scope.has(&name)) {
                continue;
            }
            // One that went meanwhile is none.
            let Some(value) = place.get(&name)? else { continue };
            if let Some(list) = list {
                lists.take(list, &value)?;
                continue;
            }
            bytes += name.len() + value.len();
            if bytes > MOST_BYTES {
                return Err(Errno::E2BIG);
            }
            xattrs.push((name, value));
        }
        xattrs.sort_unstable();
        self.lists = keep.acls.then_some(lists);
        self.xattrs = keep.xattrs.then_some(xattrs);
        Ok(())
    }

    /// True when a new file has all of it without being given anything but its times.
    pub(crate) fn is_bare(&self) -> bool {
        self.lists.as_ref().is_none_or(|lists| lists.access.is_empty())
            && self.xattrs.as_ref().is_none_or(Vec::is_empty)
    }

    /// About how many bytes it takes on the wire and in memory.
    pub(crate) fn weight(&self) -> usize {
        let lists = self.lists.as_ref().map_or(0, |l| l.access.len() + l.default.len());
        let xattrs = self.xattrs.iter().flatten();
        let first = self.first.as_ref().map_or(0, Vec::len);
        64 + first
            + lists * 8
            + xattrs.map(|(name, value)| name.len() + value.len() + 8).sum::<usize>()
    }
}

/// Which extended attributes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that can be brought: not what the system keeps there, and not what rsync keeps for itself.
    All,
    /// Of these only what anybody may set.
    User,
}

impl Scope {
    /// What a process may set.
    pub(crate) fn of(is_root: bool) -> Scope {
        if is_root { Scope::All } else { Scope::User }
    }

    pub(crate) fn has(self, name: &[u8]) -> bool {
        let own = name.starts_with(b"user.");
        !name.starts_with(b"system.")
            && !name.starts_with(b"user.rsync.%")
            && (own || self == Scope::All)
    }
}
