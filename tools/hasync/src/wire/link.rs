//! Frames over a pair of pipes: one thread reads, one writes, neither waits for the other.

use super::bytes::damaged;
use super::codec::Frame;
use super::message::MAX_FRAME;
use ha_json::{Error, reason};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// A silent line is pinged this often, so that only a far side that is gone stays silent.
const PING_EVERY: Duration = Duration::from_secs(10);
const BUFFER: usize = 256 << 10;

/// A pipe that counts its bytes and gives up when the other end is silent too long.
pub(crate) struct Counted<P> {
    pipe: P,
    bytes: Arc<AtomicU64>,
    patience: Option<Duration>,
}

impl<P> Counted<P> {
    pub(crate) fn counting(
        pipe: P,
        bytes: Arc<AtomicU64>,
        patience: Option<Duration>,
    ) -> Counted<P> {
        Counted { pipe, bytes, patience }
    }

    /// The same pipe, which now waits so long.
    pub(crate) fn with_patience(self, patience: Duration) -> Counted<P> {
        Counted { patience: Some(patience), ..self }
    }
}

impl<P: Read + AsFd> Read for Counted<P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(patience) = self.patience {
            let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, timeout)? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        let read = self.pipe.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<P: Write> Write for Counted<P> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.pipe.write(buffer)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.pipe.flush()
    }
}

/// Reads one frame: its length, little-endian in four bytes, then so many bytes. `None` at the end.
///
/// # Errors
/// When the frame is cut, too long, or the line is silent too long.
pub(crate) fn read_frame(pipe: &mut impl Read) -> Result<Option<Vec<u8>>, Error> {
    let mut length = [0; 4];
    match pipe.read(&mut length[..1]) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(line(&error)),
    }
    pipe.read_exact(&mut length[1..]).map_err(|error| line(&error))?;
    let length = u32::from_le_bytes(length) as usize;
    if length == 0 || length > MAX_FRAME {
        return Err(damaged(&format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length];
    pipe.read_exact(&mut frame).map_err(|error| line(&error))?;
    Ok(Some(frame))
}

/// Writes one frame.
///
/// # Errors
/// When the pipe is gone.
pub(crate) fn write_frame(pipe: &mut impl Write, frame: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(frame.len()).map_err(|_| damaged("a frame without an end"))?;
    pipe.write_all(&length.to_le_bytes())
        .and_then(|()| pipe.write_all(frame))
        .map_err(|error| line(&error))
}

fn line(error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::TimedOut => Error::busy("the far side", "is silent (--timeout waits longer)"),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            Error::failed("the far side", "went away in the middle")
        }
        _ => Error::failed("the far side", reason(error)),
    }
}

/// Messages as they come in.
pub(crate) struct Incoming<P: Read> {
    pipe: std::io::BufReader<P>,
}

impl<P: Read> Incoming<P> {
    pub(crate) fn new(pipe: P) -> Incoming<P> {
        Incoming { pipe: std::io::BufReader::with_capacity(BUFFER, pipe) }
    }

    /// The next message that is more than a sign of life; `None` at the end of the pipe.
    pub(crate) fn next<M: Frame + PartialEq>(&mut self) -> Result<Option<M>, Error> {
        while let Some(frame) = read_frame(&mut self.pipe)? {
            let message = M::decode(&frame)?;
            if message != M::PING {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

/// Messages on their way out.
pub(crate) struct Outgoing<P: Write> {
    pipe: P,
    /// Bytes a second; 0 for no limit.
    limit: u64,
    due: Instant,
}

impl<P: Write> Outgoing<P> {
    pub(crate) fn new(pipe: P, limit: u64) -> Outgoing<P> {
        Outgoing { pipe, limit, due: Instant::now() }
    }

    /// Writes what comes through the channel until it closes, gathering what is there into one
    /// write. The pipe is closed by dropping it.
    ///
    /// # Errors
    /// When the pipe is gone; what still comes is then dropped.
    pub(crate) fn run<M: Frame>(mut self, messages: &Receiver<M>) -> Result<(), Error> {
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return self.send(&mut buffer),
                Err(TryRecvError::Empty) => {
                    self.send(&mut buffer)?;
                    match messages.recv_timeout(PING_EVERY) {
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout) => M::PING,
                        Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    }
                }
            };
            let start = buffer.len();
            buffer.extend_from_slice(&[0; 4]);
            message.encode(&mut buffer);
            let length = u32::try_from(buffer.len() - start - 4)
                .map_err(|_| damaged("a frame without an end"))?;
            buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
            if buffer.len() >= BUFFER {
                self.send(&mut buffer)?;
            }
        }
    }

    fn send(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        // A limited line gets small pieces, each when it is due.
        let piece = if self.limit == 0 { buffer.len().max(1) } else { 16 << 10 };
        for chunk in buffer.chunks(piece) {
            if self.limit > 0 {
                let now = Instant::now();
                std::thread::sleep(self.due.saturating_duration_since(now));
                let cost = Duration::from_secs_f64(chunk.len() as f64 / self.limit as f64);
                self.due = self.due.max(now) + cost;
            }
            self.pipe.write_all(chunk).map_err(|error| line(&error))?;
        }
        buffer.clear();
        self.pipe.flush().map_err(|error| line(&error))
    }
}
