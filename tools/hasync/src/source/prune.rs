//! `--prune-empty-dirs`: directories in which nothing is but directories are left out.

use super::Source;
use super::listing::Listing;
use crate::entry::{Kind, join};
use crate::filter::Scope;
use std::collections::HashMap;

/// So many answers are remembered; what is forgotten is found out again.
const MOST_KNOWN: usize = 65_536;

/// What was found out of directories that the walk has not come to: by path, whether each holds
/// anything.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    known: HashMap<Vec<u8>, bool>,
}

impl Pruning {
    /// Takes the directories from a list that hold nothing, and are not protected by name.
    pub(super) fn prune(&mut self, source: &Source, listing: &mut Listing) {
        let keep: Vec<bool> = (0u32..)
            .zip(&listing.entries)
            .map(|(index, entry)| {
                entry.stamp.kind != Kind::Directory || self.holds(source, listing, index)
            })
            .collect();
        if keep.contains(&false) {
            listing.retain(&keep);
        }
    }

    /// True for a directory that holds anything, at whatever depth, or may: what cannot be read is
    /// told by the walk.
    fn holds(&mut self, source: &Source, listing: &Listing, index: u32) -> bool {
        let Some(entry) = listing.entry(index) else { return false };
        let path = join(&listing.path, &entry.name);
        if let Some(known) = self.known.remove(&path) {
            return known;
        }
        if protects(source, &path) {
            return true;
        }
        let Some(inner) = look(source, listing, index, path) else { return true };
        let mut stack = vec![(inner, 0)];
        while let Some((inner, next)) = stack.last_mut() {
            let index = *next;
            *next += 1;
            let Some(entry) = inner.entry(index) else {
                if let Some((inner, _)) = stack.pop()
                    && !stack.is_empty()
                {
                    self.remember(inner.path, false);
                }
                continue;
            };
            let path = join(&inner.path, &entry.name);
            let deeper = match entry.stamp.kind == Kind::Directory && !protects(source, &path) {
                true => look(source, inner, index, path),
                false => None,
            };
            match deeper {
                Some(deeper) => stack.push((deeper, 0)),
                None => {
                    // So do all that it lies in.
                    for (inner, _) in stack.into_iter().skip(1) {
                        self.remember(inner.path, true);
                    }
                    return true;
                }
            }
        }
        false
    }

    fn remember(&mut self, path: Vec<u8>, holds: bool) {
        if self.known.len() < MOST_KNOWN {
            self.known.insert(path, holds);
        }
    }
}

/// What is in a directory; `None` when it cannot be read.
fn look(source: &Source, listing: &Listing, index: u32, path: Vec<u8>) -> Option<Listing> {
    let origins = match source.options.recursive || listing.leads_on(index) {
        true => listing.descend(index, source.options.recursive).ok()?,
        false => Vec::new(),
    };
    let inner = source.list(path, origins);
    inner.troubles.is_empty().then_some(inner)
}

/// True when a rule of the command line keeps an empty directory at the standby: it stays in the
/// list, too. What per-directory files say does not count, as with rsync.
fn protects(source: &Source, path: &[u8]) -> bool {
    let filter = &source.filters.protect;
    !filter.is_empty() && filter.excludes(&Scope::default(), path, true)
}
