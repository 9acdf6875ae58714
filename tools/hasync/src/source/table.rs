//! The directories that were told to the standby and may still be asked for: a bounded number.

use super::listing::Listing;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// It bounds how far the walk is ahead of the standby, and with it the memory of both ends.
const MOST_ENTRIES: usize = 8_192;

/// Directories by number.
#[derive(Debug)]
pub(crate) struct Table {
    state: Mutex<State>,
    room: Condvar,
    most_directories: usize,
}

#[derive(Debug, Default)]
struct State {
    listings: HashMap<u32, Arc<Listing>>,
    wanted: HashSet<u32>,
    entries: usize,
    closed: bool,
}

impl Table {
    /// A table of at most so many directories, each of which holds a descriptor.
    pub(crate) fn new(most_directories: usize) -> Table {
        Table { state: Mutex::default(), room: Condvar::new(), most_directories }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a directory in, once there is room; `false` when the run has ended meanwhile.
    pub(crate) fn put(&self, id: u32, listing: Arc<Listing>) -> bool {
        let entries = listing.weight();
        let mut state = self.lock();
        while !state.closed
            && !state.listings.is_empty()
            && (state.listings.len() >= self.most_directories
                || state.entries + entries > MOST_ENTRIES)
        {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        state.entries += entries;
        state.listings.insert(id, listing);
        true
    }

    pub(crate) fn get(&self, id: u32) -> Option<Arc<Listing>> {
        self.lock().listings.get(&id).cloned()
    }

    /// The list of a directory is wanted; `false` where it is not there, or was wanted before.
    pub(crate) fn want(&self, id: u32) -> bool {
        let mut state = self.lock();
        state.listings.contains_key(&id) && state.wanted.insert(id)
    }

    /// About how many entries it holds.
    pub(crate) fn entries(&self) -> usize {
        self.lock().entries
    }

    pub(crate) fn release(&self, id: u32) {
        let mut state = self.lock();
        state.wanted.remove(&id);
        if let Some(listing) = state.listings.remove(&id) {
            state.entries -= listing.weight();
            self.room.notify_all();
        }
    }

    /// Lets go of all that is in it.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.listings.clear();
        state.wanted.clear();
        state.entries = 0;
        self.room.notify_all();
    }

    /// Ends the run: nobody waits for room any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
    }
}
