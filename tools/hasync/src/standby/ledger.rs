//! What was done, counted and told; and whether to go on.

use crate::events::Events;
use crate::wire::{Action, Change, Event, ToSource, Totals};
use ha_json::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Whom events are told.
#[derive(Debug)]
pub(crate) enum Told {
    /// The person is at this end.
    Here(Events),
    /// The person is at the source's end.
    There(SyncSender<ToSource>),
}

/// Counts, events, and the error that ends the run.
#[derive(Debug)]
pub(crate) struct Ledger {
    told: Told,
    itemize: bool,
    totals: Mutex<Totals>,
    stopped: AtomicBool,
    over: AtomicBool,
    error: Mutex<Option<Error>>,
    /// Something of the source could not be read: then nothing is deleted.
    pub(crate) troubled: AtomicBool,
    progress: Option<Mutex<Progress>>,
    pub(crate) matched: AtomicU64,
    pub(crate) literal: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
}

#[derive(Debug)]
struct Progress {
    files: u64,
    bytes: u64,
    total_files: u64,
    total_bytes: u64,
    walked: bool,
    told: Instant,
}

impl Ledger {
    pub(crate) fn new(told: Told, itemize: bool, progress: bool) -> Ledger {
        let none = Progress {
            files: 0,
            bytes: 0,
            total_files: 0,
            total_bytes: 0,
            walked: false,
            told: Instant::now(),
        };
        Ledger {
            told,
            itemize,
            totals: Mutex::default(),
            stopped: AtomicBool::new(false),
            over: AtomicBool::new(false),
            error: Mutex::new(None),
            troubled: AtomicBool::new(false),
            progress: progress.then(|| Mutex::new(none)),
            matched: AtomicU64::new(0),
            literal: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
        }
    }

    fn tell(&self, event: Event) {
        // Whoever listened may have gone; the work goes on.
        match &self.told {
            Told::Here(events) => events.tell(event),
            Told::There(source) => drop(source.send(ToSource::Event(event))),
        }
    }

    fn count(&self, add: impl FnOnce(&mut Totals)) {
        add(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// An entry was changed, or would be.
    pub(crate) fn changed(&self, change: impl FnOnce() -> Change, action: Action) {
        self.count(|totals| match action {
            Action::Create => totals.created += 1,
            Action::Update => totals.updated += 1,
            Action::Attributes => totals.attributes += 1,
            Action::Delete => totals.deleted += 1,
        });
        if self.itemize {
            self.tell(Event::Change(change()));
        }
    }

    /// So many entries are as they should be.
    pub(crate) fn unchanged(&self, entries: u64) {
        self.count(|totals| totals.unchanged += entries);
    }

    /// So many entries of the source were compared.
    pub(crate) fn compared(&self, entries: u64) {
        self.count(|totals| totals.files += entries);
    }

    pub(crate) fn failed(&self, path: Vec<u8>, reason: &str, message: impl Into<String>) {
        self.tell(Event::Failed { path, reason: reason.into(), message: message.into() });
    }

    /// What is in place here could not be removed at the source, which tells it at its own end.
    pub(crate) fn stays(&self, path: Vec<u8>, reason: &str, message: String) {
        if matches!(self.told, Told::Here(_)) {
            self.failed(path, reason, message);
        }
    }

    pub(crate) fn skipped(&self, path: Vec<u8>, why: String) {
        self.tell(Event::Skipped { path, why });
    }

    /// Ends the run. The first error is the one that is told.
    pub(crate) fn stop(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stopped.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Everything is done, or the run has been ended: the source has only to say goodbye.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.is_stopped()
    }

    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn error(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = *self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.matched = self.matched.load(Ordering::Relaxed);
        totals.literal = self.literal.load(Ordering::Relaxed);
        totals.bytes_read = self.bytes_read.load(Ordering::Relaxed);
        totals
    }

    /// Progress: there are so many more entries and bytes in all.
    pub(crate) fn found(&self, files: u64, bytes: u64) {
        self.progressed(|progress| {
            progress.total_files += files;
            progress.total_bytes += bytes;
        });
    }

    /// Progress: so many more entries and bytes are done.
    pub(crate) fn done(&self, files: u64, bytes: u64) {
        self.progressed(|progress| {
            progress.files += files;
            progress.bytes += bytes;
        });
    }

    /// Progress: what was found so far is all there is.
    pub(crate) fn walked(&self, files: u64, bytes: u64) {
        self.progressed(|progress| {
            (progress.total_files, progress.total_bytes) = (files, bytes);
            progress.walked = true;
        });
    }

    fn progressed(&self, change: impl FnOnce(&mut Progress)) {
        let Some(progress) = &self.progress else { return };
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        if progress.told.elapsed() < TOLD_EVERY {
            return;
        }
        progress.told = Instant::now();
        self.tell(Event::Progress {
            files: progress.files,
            bytes: progress.bytes,
            total_files: progress.total_files,
            total_bytes: progress.total_bytes,
            walked: progress.walked,
        });
    }
}
