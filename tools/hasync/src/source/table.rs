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
    /// Somebody waits for room for so many.
    awaited: Option<usize>,
    closed: bool,
}

impl State {
    /// True where so many entries can be put in. Whoever had to wait goes on when a quarter is free, so
    /// as not to wait again at once.
    fn has_room(&self, entries: usize, most_directories: usize, waited: bool) -> bool {
        let most = |bound: usize| if waited { bound - bound / 4 } else { bound };
        self.listings.is_empty()
            || self.listings.len() < most(most_directories)
                && self.entries <= most(MOST_ENTRIES)
                && self.entries + entries <= MOST_ENTRIES
    }
}

impl Table {
    /// A table of at most so many directories, each of which holds a descriptor.
    pub(crate) fn new(most_directories: usize) -> Table {
        Table { state: Mutex::default(), room: Condvar::new(), most_directories }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where a directory can be put in at once.
    pub(crate) fn has_room(&self, listing: &Listing) -> bool {
        self.lock().has_room(listing.weight(), self.most_directories, false)
    }

    /// Puts a directory in, once there is room; `false` when the run has ended meanwhile.
    pub(crate) fn put(&self, id: u32, listing: Arc<Listing>) -> bool {
        let entries = listing.weight();
        let mut state = self.lock();
        while !state.closed
            && !state.has_room(entries, self.most_directories, state.awaited.is_some())
        {
            state.awaited = Some(entries);
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.awaited = None;
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
            let awaited = state.awaited;
            if awaited.is_some_and(|entries| state.has_room(entries, self.most_directories, true)) {
                self.room.notify_all();
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filters;
    use crate::options::Options;

    #[test]
    fn whoever_waited_goes_on_when_a_quarter_is_free_or_nothing_is_there() {
        let mut state = State::default();
        assert!(state.has_room(10 * MOST_ENTRIES, 1, true));
        let options = Options::default();
        let hide = Filters::new(&options).unwrap().hide;
        let empty = Listing::read(Vec::new(), Vec::new(), &options, &hide, false);
        state.listings.insert(0, Arc::new(empty));
        state.entries = MOST_ENTRIES - 10;
        assert!(state.has_room(10, 8, false) && !state.has_room(11, 8, false));
        assert!(!state.has_room(10, 8, true));
        state.entries = MOST_ENTRIES - MOST_ENTRIES / 4;
        assert!(state.has_room(MOST_ENTRIES / 4, 8, true) && state.has_room(10, 2, true));
        assert!(!state.has_room(10, 1, true) && !state.has_room(10, 1, false));
    }
}
