//! One number for a whole directory: equal on both ends when there is nothing to do in it.

use crate::acl::Tag;
use crate::entry::{Entry, Kind, Stamp};
use crate::extra::{Extra, Scope};
use crate::mode::Changes;
use crate::options::Options;
use crate::owner::Names;
use xxhash_rust::xxh3::Xxh3;

/// What of an entry the options synchronize.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) perms: bool,
    /// Without `perms`: whether a file can be executed.
    pub(crate) executability: bool,
    pub(crate) times: bool,
    pub(crate) directory_times: bool,
    pub(crate) link_times: bool,
    pub(crate) owner: bool,
    pub(crate) group: bool,
    /// Which extended attributes can be set at the standby.
    pub(crate) scope: Scope,
    /// What the modes become; at the standby they are what they are.
    pub(crate) chmod: Changes,
}

impl View {
    /// The view of `options` where owners can be set, or not.
    pub(crate) fn new(options: &Options, owners: bool) -> View {
        View {
            perms: options.perms,
            executability: options.executability && !options.perms,
            times: options.times,
            directory_times: options.times && !options.omit_dir_times,
            link_times: options.times && !options.omit_link_times,
            owner: options.owner && owners,
            group: options.group,
            scope: Scope::of(owners),
            chmod: Changes::default(),
        }
    }

    /// Whether a thing of this kind keeps its time.
    pub(crate) fn keeps_time(&self, kind: Kind) -> bool {
        match kind {
            Kind::Directory => self.directory_times,
            Kind::Symlink => self.link_times,
            _ => self.times,
        }
    }

    /// Whether the modes differ in what is kept: all of it, or that somebody may execute a file.
    pub(crate) fn sees_mode(&self, want: &Stamp, have: &Stamp) -> bool {
        if self.perms && want.kind != Kind::Symlink {
            return want.mode != have.mode;
        }
        let executable = |stamp: &Stamp| stamp.mode & 0o111 != 0;
        self.executability && want.kind == Kind::File && executable(want) != executable(have)
    }
}

/// The digest of a directory's entries, which are sorted by name.
pub(crate) fn of_directory<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    view: &View,
    names: &mut Names,
) -> [u8; 16] {
    let mut hash = Xxh3::new();
    let mut field = Vec::with_capacity(512);
    for entry in entries {
        let stamp = &entry.stamp;
        let mode = view.chmod.of(stamp);
        field.clear();
        field.extend_from_slice(&(entry.name.len() as u64).to_le_bytes());
        field.extend_from_slice(&entry.name);
        field.push(stamp.kind as u8);
        field.extend_from_slice(&stamp.size.to_le_bytes());
        field.extend_from_slice(&stamp.device.to_le_bytes());
        field.extend_from_slice(&(entry.target.len() as u64).to_le_bytes());
        field.extend_from_slice(&entry.target);
        if view.keeps_time(stamp.kind) || stamp.kind == Kind::File {
            field.extend_from_slice(&stamp.mtime.seconds.to_le_bytes());
            field.extend_from_slice(&stamp.mtime.nanoseconds.to_le_bytes());
        }
        if view.perms && stamp.kind != Kind::Symlink {
            field.extend_from_slice(&mode.to_le_bytes());
        } else if view.executability && stamp.kind == Kind::File {
            field.push(u8::from(mode & 0o111 != 0));
        }
        for (wanted, group, id) in [(view.owner, false, stamp.uid), (view.group, true, stamp.gid)] {
            if wanted {
                let key = names.key(group, id);
                field.extend_from_slice(&(key.len() as u64).to_le_bytes());
                field.extend_from_slice(key);
            }
        }
        if let Some(extra) = &entry.extra {
            add_extra(&mut field, extra, view.scope, names);
        }
        hash.update(&field);
    }
    hash.digest128().to_le_bytes()
}

fn add_extra(field: &mut Vec<u8>, extra: &Extra, scope: Scope, names: &mut Names) {
    let number = |field: &mut Vec<u8>, n: usize| field.extend_from_slice(&(n as u64).to_le_bytes());
    if let Some(first) = &extra.first {
        field.push(0xff);
        number(field, first.len());
        field.extend_from_slice(first);
    }
    if let Some(atime) = extra.atime {
        field.extend_from_slice(&atime.seconds.to_le_bytes());
        field.extend_from_slice(&atime.nanoseconds.to_le_bytes());
    }
    for list in extra.lists.iter().flat_map(|lists| [&lists.access, &lists.default]) {
        // By name they may come in another order than by number.
        let mut allowed: Vec<_> = list
            .iter()
            .map(|allowed| {
                let is_group = allowed.tag == Tag::Group;
                let named = allowed.tag.is_named();
                let key = if named { names.key(is_group, allowed.id).to_vec() } else { Vec::new() };
                (allowed.tag, key, allowed.bits)
            })
            .collect();
        allowed.sort_unstable();
        number(field, allowed.len());
        for (tag, key, bits) in allowed {
            field.extend_from_slice(&[tag as u8, bits]);
            number(field, key.len());
            field.extend_from_slice(&key);
        }
    }
    if let Some(xattrs) = &extra.xattrs {
        let seen = || xattrs.iter().filter(|(name, _)| scope.has(name));
        number(field, seen().count());
        for part in seen().flat_map(|(name, value)| [name, value]) {
            number(field, part.len());
            field.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Moment;
    use proptest::prelude::*;

    fn entry(name: &[u8], mode: u32, size: u64, nanoseconds: u32) -> Entry {
        let mtime = Moment { seconds: 1, nanoseconds };
        let stamp = Stamp { kind: Kind::File, mode, size, mtime, uid: 0, gid: 0, device: 0 };
        Entry { name: name.to_vec(), stamp, target: Vec::new(), implied: false, extra: None }
    }

    fn all() -> View {
        View {
            perms: true,
            executability: false,
            times: true,
            directory_times: true,
            link_times: true,
            owner: true,
            group: true,
            scope: Scope::All,
            chmod: Changes::default(),
        }
    }

    proptest! {
        #[test]
        fn any_change_that_the_options_see_changes_the_digest(
            name: Vec<u8>, other: Vec<u8>, mode in 0u32..0o7777, size: u64,
        ) {
            let of = |e: &[Entry]| of_directory(e, &all(), &mut Names::new(true));
            let old = entry(&name, mode, size, 5);
            let digest = of(std::slice::from_ref(&old));
            prop_assert_ne!(digest, of(&[entry(&name, mode + 1, size, 5)]));
            prop_assert_ne!(digest, of(&[entry(&name, mode, size ^ 1, 5)]));
            prop_assert_ne!(digest, of(&[entry(&name, mode, size, 6)]));
            prop_assert_ne!(digest, of(&[]));
            if name != other {
                prop_assert_ne!(digest, of(&[entry(&other, mode, size, 5)]));
            }
        }
    }

    #[test]
    fn what_the_options_do_not_see_does_not_count() {
        let view = View { perms: false, ..all() };
        let mut names = Names::new(true);
        assert_eq!(
            of_directory(&[entry(b"a", 0o644, 1, 1)], &view, &mut names),
            of_directory(&[entry(b"a", 0o600, 1, 1)], &view, &mut names)
        );
    }
}
