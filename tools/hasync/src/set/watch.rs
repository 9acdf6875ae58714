//! A takeover waits for no primary that is dead: whoever waits for one that lost the role lets go of its
//! group. What is being put in place is put in place.

use super::role::{Role, admit};
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
                let now = Role::read(&path).ok().flatten();
                if admit(now.as_ref(), &role).is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_nobody_heard_of_is_not_lost_and_one_that_another_followed_is() {
        let root = tempfile::tempdir().unwrap();
        let state = State::open(root.path(), None).unwrap();
        let role = |generation, primary| Role::new(generation, primary);
        role(1, "mn1").write(state.path()).unwrap();
        let watch = Watch::start(&state, &role(2, "mn2"));
        let is_lost = || watch.lost().load(Ordering::Relaxed);
        thread::sleep(EVERY * 3);
        assert!(!is_lost());
        role(2, "mn2").write(state.path()).unwrap();
        thread::sleep(EVERY * 3);
        assert!(!is_lost());
        role(3, "mn1").write(state.path()).unwrap();
        let lost = (0..40).any(|_| {
            thread::sleep(EVERY / 2);
            is_lost()
        });
        assert!(lost);
    }
}
