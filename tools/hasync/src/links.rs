//! Hard links: which names are names of one file.

use crate::entry::{Entry, join};
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use xxhash_rust::xxh3::xxh3_128;

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

/// What may have been a first name and was left as it is: of its further names one takes its place. A
/// digest of each path, for there may be many.
#[derive(Debug, Default)]
pub(crate) struct Passed(HashMap<u128, Option<Vec<u8>>>);

impl Passed {
    /// What has this path was left.
    pub(crate) fn add(&mut self, path: &[u8]) {
        self.0.insert(xxh3_128(path), None);
    }

    /// The name that a further name is to be a link to: the first, or what took its place. `None`
    /// for the one that takes it, whose own path `path` tells.
    pub(crate) fn first(
        &mut self,
        mut first: Vec<u8>,
        path: impl FnOnce() -> Vec<u8>,
    ) -> Option<Vec<u8>> {
        loop {
            match self.0.get_mut(&xxh3_128(&first)) {
                None => return Some(first),
                // That one may have been left, too. Each comes after the one before: it ends.
                Some(Some(other)) => first.clone_from(other),
                Some(place) => {
                    *place = Some(path());
                    return None;
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
    fn a_further_name_takes_the_place_of_a_first_one_that_was_left() {
        let mut passed = Passed::default();
        passed.add(b"a");
        let mut first = |first: &[u8], own: &[u8]| passed.first(first.to_vec(), || own.to_vec());
        assert_eq!(first(b"b", b"c"), Some(b"b".to_vec()));
        assert_eq!(first(b"a", b"d/e"), None);
        assert_eq!(first(b"a", b"d/f"), Some(b"d/e".to_vec()));
        passed.add(b"d/e");
        let mut first = |first: &[u8], own: &[u8]| passed.first(first.to_vec(), || own.to_vec());
        assert_eq!(first(b"a", b"d/g"), None);
        assert_eq!(first(b"a", b"d/h"), Some(b"d/g".to_vec()));
    }

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
