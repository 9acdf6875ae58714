//! A takeover waits for no primary that is dead: whoever waits for one that lost the role lets go of its
//! group. What is being put in place is put in place.

use super::role::Role;
use super::state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(500);
/// Who waits for one that lost the role has let go of the group by then.
pub(super) const LETS_GO: Duration = Duration::from_secs(5);

/// Looks now and then, as long as it lives.
pub(super) struct Watch {
    lost: Arc<AtomicBool>,
    _ends: Sender<()>,
}

impl Watch {
    /// Of one that brings something with this role.
    pub(super) fn start(state: &State, role: &Role) -> Watch {
        let lost = Arc::<AtomicBool>::default();
        let (ends, ended) = channel();
        let (told, path, role) = (Arc::clone(&lost), state.path().to_owned(), role.clone());
        thread::spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let is_other = |now: Role| {
                    (now.generation, now.primary) != (role.generation, role.primary.clone())
                };
                if Role::read(&path).ok().flatten().is_some_and(is_other) {
                    told.store(true, Ordering::Relaxed);
                }
            }
        });
        Watch { lost, _ends: ends }
    }

    /// True once it lost the role.
    pub(super) fn lost(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lost)
    }
}
