//! What the source has told and not been released from: it may be so much ahead, and no more.

use crate::entry::Entry;
use crate::wire::{Head, damaged};
use ha_json::Error;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Directories, and entries in all of them; a directory that is larger comes alone. A source that is
/// one of ours is never so far ahead.
const MOST_DIRECTORIES: usize = 1024;
const MOST_ENTRIES: u64 = 65_536;
/// What their entries have beside names, in bytes.
const MOST_BESIDE: usize = 64 << 20;
/// Users and groups that have a name, in a whole run.
const MOST_OWNERS: u32 = 262_144;
/// The longest name of one, in bytes.
const MOST_NAME: usize = 256;

/// The account of it.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    directories: HashMap<u32, Told>,
    entries: u64,
    beside: usize,
    owners: u32,
}

#[derive(Debug)]
struct Told {
    /// Entries that it has, and those that have come.
    entries: u32,
    come: u32,
    beside: usize,
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source tells a directory.
    ///
    /// # Errors
    /// When it should have waited for a release.
    pub(super) fn head(&self, head: &Head) -> Result<(), Error> {
        let mut state = self.lock();
        let told = Told { entries: head.entries, come: 0, beside: 0 };
        if head.subdirectories > head.entries {
            return Err(damaged("more directories in a directory than entries"));
        }
        if state.directories.insert(head.id, told).is_some() {
            return Err(damaged("a directory twice"));
        }
        state.entries += u64::from(head.entries);
        state.check()
    }

    /// A part of a list comes.
    ///
    /// # Errors
    /// When it is not due, or longer than was said.
    pub(super) fn list(&self, directory: u32, entries: &[Entry]) -> Result<(), Error> {
        let mut state = self.lock();
        let told = state
            .directories
            .get_mut(&directory)
            .ok_or_else(|| damaged("a list that was not asked for"))?;
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        told.come = told.come.saturating_add(count);
        if told.come > told.entries {
            return Err(damaged("more entries than it said"));
        }
        let extra = |entry: &Entry| entry.extra.as_ref().map_or(0, |extra| extra.weight());
        let beside = entries.iter().map(|entry| entry.target.len() + extra(entry)).sum::<usize>();
        told.beside += beside;
        state.beside += beside;
        state.check()
    }

    /// The source tells a name.
    ///
    /// # Errors
    /// When there are too many, or it is none.
    pub(super) fn owner(&self, name: &[u8]) -> Result<(), Error> {
        let mut state = self.lock();
        state.owners += 1;
        match state.owners > MOST_OWNERS || name.len() > MOST_NAME {
            true => Err(damaged("more names of owners than there can be")),
            false => Ok(()),
        }
    }

    /// All has been told; when it is told once more, it begins with nothing.
    pub(super) fn walked(&self) {
        self.lock().owners = 0;
    }

    /// The source will be released from a directory.
    pub(super) fn release(&self, directory: u32) {
        let mut state = self.lock();
        if let Some(told) = state.directories.remove(&directory) {
            state.entries -= u64::from(told.entries);
            state.beside -= told.beside;
        }
    }
}

impl State {
    fn check(&self) -> Result<(), Error> {
        let many = self.directories.len() > 1;
        let beyond = self.directories.len() > MOST_DIRECTORIES
            || many && (self.entries > MOST_ENTRIES || self.beside > MOST_BESIDE);
        if beyond {
            return Err(damaged("more directories than it may before it is released"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(id: u32, entries: u32) -> Head {
        let name = Vec::new();
        Head { id, parent: 0, name, digest: None, entries, subdirectories: 0, whole: true }
    }

    #[test]
    fn one_directory_may_be_large_and_many_may_not() {
        let ahead = Ahead::default();
        ahead.head(&head(0, u32::MAX)).unwrap();
        assert!(ahead.head(&head(1, 1)).is_err());
        let ahead = Ahead::default();
        ahead.head(&head(0, u32::MAX)).unwrap();
        ahead.release(0);
        for id in 0..MOST_DIRECTORIES as u32 {
            ahead.head(&head(id, 60)).unwrap();
        }
        assert!(ahead.head(&head(1 << 20, 0)).is_err());
    }
}
