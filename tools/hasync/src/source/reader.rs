//! The readers: they read the files that the standby asked for, small ones many to a frame.

use super::Source;
use super::batch::Batch;
use super::file::{Loss, listed_size};
use super::listing::Listing;
use super::removal;
use crate::SMALL;
use crate::entry::Stamp;
use crate::wire::{Event, FileId, ToStandby, Totals};
use ha_json::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many times `--timeout` the standby may owe its part of a delta.
const DEBT: u64 = 4;

/// What a reader is asked to do.
pub(super) enum Job {
    Files { directory: u32, listing: Arc<Listing>, files: Vec<(u32, Option<[u8; 32]>)> },
    Delta { directory: u32, listing: Arc<Listing>, index: u32, input: DeltaInput },
    Remove { path: Vec<u8>, stamp: Stamp },
    Append { directory: u32, listing: Arc<Listing>, index: u32, from: u64 },
    Digest { directory: u32, listing: Arc<Listing>, index: u32 },
}

/// What comes from the standby for a delta.
pub(super) struct DeltaInput {
    pub(super) old_length: u64,
    pub(super) blocks: Receiver<Vec<u64>>,
    pub(super) rolling: Receiver<Vec<u8>>,
    /// True while a signature is asked for.
    pub(super) signs: Arc<AtomicBool>,
    pub(super) read: Arc<AtomicBool>,
}

/// The standby has gone.
pub(super) struct Gone;

pub(super) struct Reader {
    pub(super) source: Arc<Source>,
    out: SyncSender<ToStandby>,
    pub(super) totals: Totals,
}

impl Reader {
    /// Starts so many readers on one queue; each ends with it and tells what it read.
    pub(super) fn start(
        count: usize,
        source: &Arc<Source>,
        queue: Receiver<Job>,
        out: &SyncSender<ToStandby>,
    ) -> Vec<JoinHandle<Totals>> {
        let queue = Arc::new(Mutex::new(queue));
        let start = |_| {
            let queue = Arc::clone(&queue);
            let mut reader =
                Reader { source: Arc::clone(source), out: out.clone(), totals: Totals::default() };
            thread::spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job.map(|job| reader.work(job)) {
                        Ok(Ok(())) => {}
                        Ok(Err(Gone)) | Err(_) => break reader.totals,
                    }
                }
            })
        };
        (0..count).map(start).collect()
    }

    fn work(&mut self, job: Job) -> Result<(), Gone> {
        let pleas = match &job {
            Job::Files { files, .. } => files.len(),
            Job::Remove { .. } => 0,
            Job::Append { .. } | Job::Digest { .. } | Job::Delta { .. } => 1,
        };
        let result = self.answer(job);
        self.source.pleas.fetch_sub(pleas, Ordering::AcqRel);
        result
    }

    fn answer(&mut self, job: Job) -> Result<(), Gone> {
        match job {
            Job::Remove { path, stamp } => self.remove(path, &stamp),
            Job::Append { directory, listing, index, from } => {
                self.large(&listing, FileId { directory, index }, None, None, from)
            }
            Job::Digest { directory, listing, index } => {
                self.tell_digest(&listing, FileId { directory, index })
            }
            Job::Files { directory, listing, files } => self.files(directory, &listing, &files),
            Job::Delta { directory, listing, index, input } => {
                let id = FileId { directory, index };
                let result = self.large(&listing, id, None, Some(&input), 0);
                input.read.store(true, Ordering::Relaxed);
                result
            }
        }
    }

    fn remove(&self, path: Vec<u8>, stamp: &Stamp) -> Result<(), Gone> {
        let Err(Loss { reason, message }) = removal::remove(&self.source, &path, stamp) else {
            return Ok(());
        };
        let reason = reason.to_owned();
        let event =
            Event::Failed { path: path.clone(), reason: reason.clone(), message: message.clone() };
        self.source.stayed().push(event);
        self.send(ToStandby::Stays { path, reason, message })
    }

    /// True where the standby writes over its old file while it is compared.
    pub(super) fn writes_in_place(&self) -> bool {
        self.source.options.inplace
    }

    pub(super) fn give_up(&self, error: Error) {
        self.source.give_up(error);
    }

    pub(super) fn send(&self, message: ToStandby) -> Result<(), Gone> {
        self.out.send(message).map_err(|_| Gone)
    }

    /// What the standby owes for a delta. It may be at its disk for longer than it may be silent.
    pub(super) fn hear<T>(&self, from: &Receiver<T>) -> Result<T, Gone> {
        let seconds = self.source.options.timeout_seconds.clamp(1, 86_400) * DEBT;
        from.recv_timeout(Duration::from_secs(seconds)).map_err(|error| {
            if error == RecvTimeoutError::Timeout {
                let why = "does not tell what it has of a file (--timeout waits longer)";
                self.source.give_up(Error::busy("the far side", why));
            }
            Gone
        })
    }

    pub(super) fn lost(&self, file: FileId, loss: Loss) -> Result<(), Gone> {
        self.send(ToStandby::Lost { file, reason: loss.reason.into(), message: loss.message })
    }

    fn files(
        &mut self,
        directory: u32,
        listing: &Arc<Listing>,
        files: &[(u32, Option<[u8; 32]>)],
    ) -> Result<(), Gone> {
        let is_small = |index| listed_size(listing.entry(index)) <= SMALL;
        let mut rest = files;
        while let Some(&(index, unless)) = rest.first() {
            if !is_small(index) {
                self.large(listing, FileId { directory, index }, unless, None, 0)?;
                rest = &rest[1..];
                continue;
            }
            let small = rest.iter().take_while(|(index, _)| is_small(*index)).count();
            let batch = self.batch(listing, &rest[..small]);
            rest = &rest[batch.taken..];
            self.small(directory, listing, &batch)?;
        }
        Ok(())
    }

    fn batch(&mut self, listing: &Arc<Listing>, files: &[(u32, Option<[u8; 32]>)]) -> Arc<Batch> {
        let source = Arc::clone(&self.source);
        let mut read = || {
            let batch = Batch::read(listing, files, source.options.dry_run);
            self.totals.bytes_read += batch.bytes_read;
            batch
        };
        match &source.readings {
            Some(readings) => readings.batch(listing, files, read),
            None => Arc::new(read()),
        }
    }

    fn small(&mut self, directory: u32, listing: &Listing, batch: &Batch) -> Result<(), Gone> {
        let id = |index| FileId { directory, index };
        for (index, loss) in &batch.lost {
            self.lost(id(*index), loss.clone())?;
        }
        for index in &batch.same {
            self.send(ToStandby::Same { file: id(*index) })?;
        }
        for (index, stamp) in &batch.opened {
            self.send(ToStandby::Open { file: id(*index), stamp: *stamp, from: 0 })?;
        }
        if !batch.files.is_empty() {
            let (files, digest, data) = (batch.files.clone(), batch.digest, batch.data.clone());
            self.send(ToStandby::Files { directory, files, digest, data })?;
        }
        for (index, unless) in &batch.grown {
            self.large(listing, id(*index), *unless, None, 0)?;
        }
        Ok(())
    }
}
