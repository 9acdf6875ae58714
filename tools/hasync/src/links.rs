//! Hard links: which names are names of one file.

use crate::entry::{Entry, join};
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

/// The first names, in the order of the walk, of what has more than one.
#[derive(Debug, Default)]
pub(crate) struct FirstNames(HashMap<(u64, u64), Vec<u8>>);

impl FirstNames {
    /// Tells each entry of a directory that is a further name of something which name came first. A
    /// first name does not tell that others follow: nobody knows yet.
    pub(crate) fn mark(&mut self, directory: &[u8], entries: &mut [Entry]) {
        for entry in entries {
            let Some(extra) = &mut entry.extra else { continue };
            let Some(inode) = extra.inode else { continue };
            match self.0.entry(inode) {
                Occupied(first) => extra.first = Some(first.get().clone()),
                Vacant(vacant) => {
                    vacant.insert(join(directory, &entry.name));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Kind, Moment, Stamp};
    use crate::extra::Extra;

    #[test]
    fn a_further_name_tells_which_came_first() {
        let entry = |name: &[u8], inode| {
            let (kind, mtime) = (Kind::File, Moment::default());
            let stamp = Stamp { kind, mode: 0, size: 0, mtime, uid: 0, gid: 0, device: 0 };
            let extra = Some(Box::new(Extra { inode, ..Extra::default() }));
            Entry { name: name.to_vec(), extra, ..Entry::nameless(stamp) }
        };
        let mut names = FirstNames::default();
        let mut root = [entry(b"a", Some((1, 5))), entry(b"b", Some((2, 5))), entry(b"c", None)];
        names.mark(b"", &mut root);
        assert!(root.iter().all(|entry| entry.extra.as_ref().unwrap().first.is_none()));
        let mut below = [entry(b"a", Some((2, 5))), entry(b"b", Some((3, 5)))];
        names.mark(b"d", &mut below);
        let first = below.map(|entry| entry.extra.unwrap().first);
        assert_eq!(first, [Some(b"b".to_vec()), None]);
    }
}
