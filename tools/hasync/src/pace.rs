//! `--bwlimit`: so many bytes a second and no more.

use crate::content;
use crate::standby::{MOST_AT_ONCE, Output};
use crate::sys;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is read at once where holes are looked for, in bytes.
const BUFFER: usize = 256 << 10;

/// A rate that several threads keep together.
#[derive(Debug)]
pub(crate) struct Pace {
    /// 0 for no limit.
    bytes_per_second: u64,
    due: Mutex<Instant>,
}

/// A pipe that keeps a pace.
pub(crate) struct Paced<P> {
    pub(crate) pipe: P,
    pub(crate) pace: Pace,
}

/// What came of a copy, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copied {
    /// How far it came.
    pub(crate) length: u64,
    /// How much of that was read: the rest is holes.
    pub(crate) data: u64,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: u64) -> Pace {
        Pace { bytes_per_second, due: Mutex::new(Instant::now()) }
    }

    /// How much may go at once, in bytes: a tenth of a second's worth.
    fn piece(&self) -> u64 {
        match self.bytes_per_second {
            0 => u64::MAX,
            rate => (rate / 10).clamp(1024, 1 << 20),
        }
    }

    /// Waits until so many more bytes may go.
    pub(crate) fn spend(&self, bytes: u64) {
        if self.bytes_per_second == 0 {
            return;
        }
        let wait = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let wait = due.saturating_duration_since(now);
            let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
            *due = (*due).max(now) + cost;
            wait
        };
        thread::sleep(wait);
    }

    /// Copies a file from where `to` stands, at this pace; the holes of it only where `to` may have any.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn copy(&self, from: &File, to: &mut Output, length: u64) -> nix::Result<Copied> {
        if to.is_sparse() {
            return self.copy_data(from, to, length);
        }
        let begin = to.at();
        let mut copied = begin;
        while copied < length {
            let piece = self.piece().min(MOST_AT_ONCE).min(length - copied);
            self.spend(piece);
            let count = to.copy(from, piece)?;
            copied += count;
            if count < piece {
                break;
            }
        }
        Ok(Copied { length: copied, data: copied - begin })
    }

    fn copy_data(&self, from: &File, to: &mut Output, length: u64) -> nix::Result<Copied> {
        let mut buffer = vec![0; BUFFER.min(usize::try_from(length).unwrap_or(BUFFER))];
        let mut copied = Copied { length: to.at(), data: 0 };
        while copied.length < length {
            let data = sys::next_data(from, copied.length)?.unwrap_or(length).min(length);
            to.zeros(data - copied.length, || true)?;
            copied.length = data;
            let hole = sys::next_hole(from, data)?.min(length);
            while copied.length < hole {
                let piece = self.piece().min(hole - copied.length).min(buffer.len() as u64);
                self.spend(piece);
                let piece = &mut buffer[..piece as usize];
                let read = content::read_at(from, piece, copied.length)
                    .map_err(|error| sys::errno(&error))?;
                to.write(&piece[..read])?;
                copied.length += read as u64;
                copied.data += read as u64;
                if read < piece.len() {
                    return Ok(copied);
                }
            }
        }
        Ok(copied)
    }
}

impl<P: Write> Write for Paced<P> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let piece = usize::try_from(self.pace.piece()).unwrap_or(usize::MAX).min(buffer.len());
        self.pace.spend(piece as u64);
        self.pipe.write(&buffer[..piece])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_and_no_pace_is_no_wait() {
        let started = Instant::now();
        let data = [0; 40 << 10];
        let mut slow = Paced { pipe: Vec::new(), pace: Pace::new(100 << 10) };
        slow.write_all(&data).unwrap();
        slow.write_all(&data).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(600), "{:?}", started.elapsed());
        assert_eq!(slow.pipe.len(), 80 << 10);
        Pace::new(0).spend(u64::MAX);
    }
}
