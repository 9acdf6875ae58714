//! One number for a whole directory: equal on both ends when there is nothing to do in it.

use crate::entry::{Entry, Kind};
use crate::options::Options;
use crate::owner::Names;
use xxhash_rust::xxh3::Xxh3;

/// What of an entry the options synchronize.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) perms: bool,
    pub(crate) times: bool,
    pub(crate) owner: bool,
    pub(crate) group: bool,
}

impl View {
    /// The view of `options` where owners can be set, or not.
    pub(crate) fn new(options: &Options, owners: bool) -> View {
        View {
            perms: options.perms,
            times: options.times,
            owner: options.owner && owners,
            group: options.group,
        }
    }
}

/// The digest of a directory's entries, which are sorted by name.
pub(crate) fn of_directory(entries: &[Entry], view: View, names: &mut Names) -> [u8; 16] {
    let mut hash = Xxh3::new();
    let mut field = Vec::with_capacity(512);
    for entry in entries {
        let stamp = &entry.stamp;
        field.clear();
        field.extend_from_slice(&(entry.name.len() as u64).to_le_bytes());
        field.extend_from_slice(&entry.name);
        field.push(stamp.kind as u8);
        field.extend_from_slice(&stamp.size.to_le_bytes());
        field.extend_from_slice(&stamp.device.to_le_bytes());
        field.extend_from_slice(&(entry.target.len() as u64).to_le_bytes());
        field.extend_from_slice(&entry.target);
        if view.times || stamp.kind == Kind::File {
            field.extend_from_slice(&stamp.mtime.seconds.to_le_bytes());
            field.extend_from_slice(&stamp.mtime.nanoseconds.to_le_bytes());
        }
        if view.perms && stamp.kind != Kind::Symlink {
            field.extend_from_slice(&stamp.mode.to_le_bytes());
        }
        for (wanted, group, id) in [(view.owner, false, stamp.uid), (view.group, true, stamp.gid)] {
            if wanted {
                let key = names.key(group, id);
                field.extend_from_slice(&(key.len() as u64).to_le_bytes());
                field.extend_from_slice(key);
            }
        }
        hash.update(&field);
    }
    hash.digest128().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Moment, Stamp};
    use proptest::prelude::*;

    fn entry(name: &[u8], mode: u32, size: u64, nanoseconds: u32) -> Entry {
        let mtime = Moment { seconds: 1, nanoseconds };
        let stamp = Stamp { kind: Kind::File, mode, size, mtime, uid: 0, gid: 0, device: 0 };
        Entry { name: name.to_vec(), stamp, target: Vec::new(), implied: false }
    }

    const ALL: View = View { perms: true, times: true, owner: true, group: true };

    proptest! {
        #[test]
        fn any_change_that_the_options_see_changes_the_digest(
            name: Vec<u8>, other: Vec<u8>, mode in 0u32..0o7777, size: u64,
        ) {
            let of = |e: &[Entry]| of_directory(e, ALL, &mut Names::new(true));
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
        let view = View { perms: false, ..ALL };
        let mut names = Names::new(true);
        assert_eq!(
            of_directory(&[entry(b"a", 0o644, 1, 1)], view, &mut names),
            of_directory(&[entry(b"a", 0o600, 1, 1)], view, &mut names)
        );
    }
}
