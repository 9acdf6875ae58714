//! The readers: they read the files that the standby asked for, small ones many to a frame.

use super::Source;
use super::file::{self, ATTEMPTS, Loss, listed_size};
use super::listing::Listing;
use super::removal;
use crate::content::{self, Sum};
use crate::entry::Stamp;
use crate::wire::{Event, FileId, MOST_ZEROS, Payload, SmallFile, ToStandby, Totals, buffer};
use crate::{SMALL, sys};
use ha_json::Error;
use nix::sys::stat::fstat;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A frame of small files is sent when it holds so many bytes.
const BATCH: usize = 192 << 10;
/// A piece of a large file, in bytes.
const PIECE: usize = 256 << 10;

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
    source: Arc<Source>,
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

    fn lost(&self, file: FileId, loss: Loss) -> Result<(), Gone> {
        self.send(ToStandby::Lost { file, reason: loss.reason.into(), message: loss.message })
    }

    fn files(
        &mut self,
        directory: u32,
        listing: &Listing,
        files: &[(u32, Option<[u8; 32]>)],
    ) -> Result<(), Gone> {
        let mut batch = Vec::new();
        // As large as it will get: a buffer that grows leaves holes behind.
        let small = |index| Some(listed_size(listing.entry(index))).filter(|size| *size <= SMALL);
        let total: u64 = files.iter().filter_map(|(index, _)| small(*index)).map(|s| s + 1).sum();
        let room = (total as usize).min(BATCH + SMALL as usize + 1);
        let mut data = buffer(room);
        let mut used = 0;
        for &(index, unless) in files {
            let id = FileId { directory, index };
            if listed_size(listing.entry(index)) > SMALL {
                self.large(listing, id, unless, None, 0)?;
                continue;
            }
            match file::read_whole(listing, index, SMALL, &mut data, used) {
                Ok(Some(stamp)) => {
                    self.totals.bytes_read += stamp.size;
                    let known = unless.is_some() || listing.expected(index).is_some();
                    let end = used + stamp.size as usize;
                    let digest = known.then(|| *blake3::hash(&data[used..end]).as_bytes());
                    let as_told = digest.map_or(Ok(()), |digest| {
                        file::check_expected(listing, index, stamp.size, &digest)
                    });
                    if let Err(loss) = as_told {
                        self.lost(id, loss)?;
                    } else if unless.is_some() && unless == digest {
                        self.send(ToStandby::Same { file: id })?;
                    } else if self.source.options.dry_run {
                        self.send(ToStandby::Open { file: id, stamp, from: 0 })?;
                    } else {
                        batch.push(SmallFile { index, stamp });
                        used = end;
                    }
                }
                Ok(None) => self.large(listing, id, unless, None, 0)?,
                Err(loss) => self.lost(id, loss)?,
            }
            if used >= BATCH {
                let full = std::mem::replace(&mut data, buffer(room));
                self.flush(directory, &mut batch, Payload::head(full, used))?;
                used = 0;
            }
        }
        self.flush(directory, &mut batch, Payload::head(data, used))
    }

    fn flush(
        &mut self,
        directory: u32,
        batch: &mut Vec<SmallFile>,
        data: Payload,
    ) -> Result<(), Gone> {
        if batch.is_empty() {
            return Ok(());
        }
        let files = std::mem::take(batch);
        let digest = *blake3::hash(&data).as_bytes();
        self.send(ToStandby::Files { directory, files, digest, data })
    }

    /// Sends a large file, as a delta where the standby's blocks come; again when it changes.
    fn large(
        &mut self,
        listing: &Listing,
        id: FileId,
        unless: Option<[u8; 32]>,
        delta: Option<&DeltaInput>,
        from: u64,
    ) -> Result<(), Gone> {
        for attempt in 0..ATTEMPTS {
            file::pause(attempt);
            let opened = file::open(listing, id.index);
            let (file, before) = match opened {
                Ok(opened) => opened,
                Err(loss) => return self.lost(id, loss),
            };
            let stamp = Stamp::of(&before);
            if let Some(digest) = unless
                && self.digest(&file).is_ok_and(|own| own == digest)
            {
                return match file::check_expected(listing, id.index, stamp.size, &digest) {
                    Ok(()) => self.send(ToStandby::Same { file: id }),
                    Err(loss) => self.lost(id, loss),
                };
            }
            let from = if attempt == 0 && from <= stamp.size { from } else { 0 };
            self.send(ToStandby::Open { file: id, stamp, from })?;
            if self.source.options.dry_run {
                return Ok(());
            }
            let sent = match delta {
                Some(input) if attempt == 0 => self.segments(&file, id, stamp.size, input)?,
                // A record names the digest of the content, which the sum is not where holes are told.
                _ => {
                    let holes = listing.expected(id.index).is_none();
                    self.whole(&file, id, from..stamp.size, holes)?
                }
            };
            let digest = match sent {
                Ok(digest) => digest,
                Err(loss) => return self.lost(id, loss),
            };
            match (digest, fstat(&file)) {
                (Some(digest), Ok(after)) if file::is_unchanged(&before, &after) => {
                    return match file::check_expected(listing, id.index, stamp.size, &digest) {
                        Ok(()) => self.send(ToStandby::Close { file: id, digest }),
                        Err(loss) => self.lost(id, loss),
                    };
                }
                _ => {}
            }
        }
        self.lost(id, Loss::changing())
    }

    /// Tells the digest of a file in one state.
    fn tell_digest(&mut self, listing: &Listing, file: FileId) -> Result<(), Gone> {
        for attempt in 0..ATTEMPTS {
            file::pause(attempt);
            let (content, before) = match file::open(listing, file.index) {
                Ok(opened) => opened,
                Err(loss) => return self.lost(file, loss),
            };
            match (self.digest(&content), fstat(&content)) {
                (Err(error), _) => return self.lost(file, Loss::read(sys::errno(&error))),
                (Ok(digest), Ok(after)) if file::is_unchanged(&before, &after) => {
                    return self.send(ToStandby::Digest { file, digest });
                }
                _ => {}
            }
        }
        self.lost(file, Loss::changing())
    }

    fn digest(&mut self, file: &File) -> std::io::Result<[u8; 32]> {
        let (digest, read) = content::digest_of(file)?;
        self.totals.bytes_read += read;
        Ok(digest)
    }

    /// Sends a part of the content, up to its end, and tells its `holes` where that is wanted; gives the
    /// sum of it all, or none when the file was shorter or longer than it said.
    fn whole(
        &mut self,
        file: &File,
        id: FileId,
        part: Range<u64>,
        holes: bool,
    ) -> Result<Result<Option<[u8; 32]>, Loss>, Gone> {
        let mut sum = Sum::default();
        let size = part.end;
        let mut sent = 0;
        while sent < part.start {
            let piece = PIECE.min(usize::try_from(part.start - sent).unwrap_or(PIECE));
            let mut data = buffer(PIECE);
            match content::read_at(file, &mut data[..piece], sent) {
                Ok(read) if read == piece => sum.update(&data[..piece]),
                Ok(_) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Loss::read(sys::errno(&error)))),
            }
            sent += piece as u64;
            self.totals.bytes_read += piece as u64;
        }
        // Up to there nothing but data is known to lie.
        let mut hole = 0;
        while sent < size {
            if sent >= hole {
                let data = match holes.then(|| sys::next_data(file, sent)).transpose() {
                    Ok(data) => data.map_or(sent, |data| data.unwrap_or(size).min(size)),
                    Err(error) => return Ok(Err(Loss::read(error))),
                };
                if data - sent >= PIECE as u64 {
                    let length = (data - sent).min(MOST_ZEROS);
                    sum.zeros(length);
                    sent += length;
                    self.send(ToStandby::Zeros { file: id, length })?;
                    continue;
                }
                hole = if holes { sys::next_hole(file, data).unwrap_or(u64::MAX) } else { size };
            }
            let piece = PIECE.min(usize::try_from(size - sent).unwrap_or(PIECE));
            let mut data = buffer(PIECE);
            match content::read_at(file, &mut data[..piece], sent) {
                Ok(read) if read == piece => {}
                Ok(_) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Loss::read(sys::errno(&error)))),
            }
            sum.update(&data[..piece]);
            sent += piece as u64;
            self.totals.bytes_read += piece as u64;
            let data = Payload::head(data, piece);
            self.send(ToStandby::Data { file: id, data })?;
        }
        Ok(Ok(Some(sum.finish())))
    }
}
