//! Named paths instead of whole trees: `--files-from` and `--from-json`.

use crate::entry::components;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest path that a system call takes, in bytes (PATH_MAX).
const LONGEST: usize = 4096;

/// What a record says that a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) size: Option<u64>,
    /// BLAKE3 of the content.
    pub(crate) digest: Option<[u8; 32]>,
}

/// The paths that were named, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) children: BTreeMap<Vec<u8>, Arc<Node>>,
    /// This very path was named, not only one beneath it.
    pub(crate) named: bool,
    /// What is in it was asked for (`dir/`), so that a link is followed.
    pub(crate) contents: bool,
    pub(crate) expected: Option<Expected>,
}

impl Node {
    /// Adds a path; `false` when it has a component `..`, which could lead anywhere, or is longer
    /// than a path can be.
    pub(crate) fn add(&mut self, path: &[u8], expected: Option<Expected>) -> bool {
        if path.len() > LONGEST || components(path).any(|name| name == b"..") {
            return false;
        }
        let node = self.at(path);
        node.named = true;
        node.expected = expected.or(node.expected.take());
        true
    }

    /// Asks for what is in a directory that was added by this path.
    pub(crate) fn ask_contents(&mut self, path: &[u8]) {
        self.at(path).contents = true;
    }

    /// The node of a path, made where it is not there.
    fn at(&mut self, path: &[u8]) -> &mut Node {
        components(path)
            .fold(self, |node, name| Arc::make_mut(node.children.entry(name.to_vec()).or_default()))
    }

    /// True for a path whose own contents take part, or some of them.
    pub(crate) fn leads_on(&self) -> bool {
        self.contents || !self.children.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_share_their_directories() {
        let mut root = Node::default();
        assert!(root.add(b"/etc//hosts", None));
        assert!(root.add(b"./etc/motd", None));
        let etc = &root.children[&b"etc"[..]];
        assert!(!etc.named);
        assert_eq!(etc.children.len(), 2);
        assert!(etc.children[&b"motd"[..]].named);
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        assert!(!Node::default().add(b"a/../../etc/shadow", None));
    }
}
