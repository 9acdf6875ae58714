//! How much may be asked for and not yet written: it bounds the memory of both ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

const MOST_BYTES: u64 = 8 << 20;

/// The account of what is under way.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    batches: u64,
    closed: bool,
}

/// A share of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Credit {
    credits: Arc<Credits>,
    bytes: u64,
}

impl Credits {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a share, once there is one; a share that is larger than all there is waits to be alone.
    pub(crate) fn take(self: &Arc<Credits>, bytes: u64) -> Credit {
        let mut state = self.lock();
        while !state.closed && state.batches > 0 && state.bytes + bytes > MOST_BYTES {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += bytes;
        state.batches += 1;
        Credit { credits: Arc::clone(self), bytes }
    }

    /// Waits until everything that was asked for is written, or the run is over.
    pub(crate) fn wait_until_idle(&self) {
        let mut state = self.lock();
        while !state.closed && state.batches > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the run: nobody waits any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        let mut state = self.credits.lock();
        state.bytes -= self.bytes;
        state.batches -= 1;
        self.credits.changed.notify_all();
    }
}
