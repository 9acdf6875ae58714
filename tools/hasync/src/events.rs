//! What is told to the person, on its way from the work to the report: so much may wait, and then the
//! work does.

use crate::wire::Event;
use ha_json::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Events that wait, in bytes: enough for somebody who reads in a pager.
const MOST: usize = 32 << 20;

/// Takes events.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    sender: Sender<Event>,
    waiting: Arc<Waiting>,
}

/// Gives them, in their order.
#[derive(Debug)]
pub(crate) struct Heard {
    receiver: Receiver<Event>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<State>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// Nobody hears any more.
    gone: bool,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn events() -> (Events, Heard) {
    let (sender, receiver) = channel();
    let waiting = Arc::<Waiting>::default();
    (Events { sender, waiting: Arc::clone(&waiting) }, Heard { receiver, waiting })
}

impl Events {
    /// Those that nobody is told.
    pub(crate) fn unheard() -> Events {
        events().0
    }

    /// Tells one; nobody may be there to hear.
    pub(crate) fn tell(&self, event: Event) {
        let mut state = self.waiting.lock();
        while !state.gone && state.bytes > MOST {
            state = self.waiting.fewer.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let weight = weight(&event);
        if !state.gone && self.sender.send(event).is_ok() {
            state.bytes += weight;
        }
    }
}

impl Iterator for Heard {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let event = self.receiver.recv().ok()?;
        self.waiting.lock().bytes -= weight(&event);
        self.waiting.fewer.notify_all();
        Some(event)
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.waiting.lock().gone = true;
        self.waiting.fewer.notify_all();
    }
}

/// Runs `work` in a thread of its own, and has `hear` take what it tells, to the end.
///
/// # Errors
/// What the work failed of.
pub(crate) fn hearing<T: Send>(
    work: impl FnOnce(Events) -> Result<T, Error> + Send,
    hear: impl FnMut(Event),
) -> Result<T, Error> {
    let (sender, heard) = events();
    thread::scope(|scope| {
        let working = scope.spawn(move || work(sender));
        heard.for_each(hear);
        working.join().unwrap_or_else(|_| {
            Err(Error::failed("hasync", "a thread of it failed; this is a defect"))
        })
    })
}

fn weight(event: &Event) -> usize {
    let beside = match event {
        Event::Change(change) => {
            change.path.len() + change.details.as_ref().map_or(0, |details| details.target.len())
        }
        Event::Failed { path, reason, message } => path.len() + reason.len() + message.len(),
        Event::Skipped { path, why } => path.len() + why.len(),
        Event::Progress { .. } => 0,
    };
    size_of::<Event>() + beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn so_much_waits_and_no_more_and_nobody_waits_for_one_who_is_gone() {
        let (events, mut heard) = events();
        let big = || Event::Skipped { path: vec![0; MOST / 2], why: String::new() };
        let (told, tells) = channel();
        let teller = std::thread::spawn(move || {
            for number in 0..6 {
                events.tell(big());
                told.send(number).unwrap();
            }
        });
        let passed = || tells.recv_timeout(Duration::from_secs(20)).ok();
        let waits = || tells.recv_timeout(Duration::from_millis(100)).is_err();
        assert_eq!([passed(), passed()], [Some(0), Some(1)]);
        assert!(waits());
        assert!(heard.next().is_some());
        assert_eq!(passed(), Some(2));
        assert!(waits());
        drop(heard);
        teller.join().unwrap();
    }
}
