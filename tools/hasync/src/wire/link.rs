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
/// zstd's level, and the window in which it looks back (a power of two, bytes).
const LEVEL: i32 = 1;
const WINDOW_LOG: u32 = 22;

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

/// Reads one frame to `frame`: its length, little-endian in four bytes, then so many bytes; `false`
/// at the end.
///
/// # Errors
/// When the frame is cut, too long, or the line is silent too long.
pub(crate) fn read_frame(pipe: &mut impl Read, frame: &mut Vec<u8>) -> Result<bool, Error> {
    let mut length = [0; 4];
    loop {
        match pipe.read(&mut length[..1]) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(line(&error)),
        }
    }
    pipe.read_exact(&mut length[1..]).map_err(|error| line(&error))?;
    let length = u32::from_le_bytes(length) as usize;
    if length == 0 || length > MAX_FRAME {
        return Err(damaged(&format!("a frame of {length} bytes")));
    }
    frame.resize(length, 0);
    pipe.read_exact(frame).map_err(|error| line(&error))?;
    Ok(true)
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
    frame: Vec<u8>,
}

impl<P: Read> Incoming<P> {
    pub(crate) fn new(pipe: P) -> Incoming<P> {
        Incoming { pipe: std::io::BufReader::with_capacity(BUFFER, pipe), frame: Vec::new() }
    }

    /// The next message; `None` at the end of the pipe.
    pub(crate) fn next<M: Frame>(&mut self) -> Result<Option<M>, Error> {
        match read_frame(&mut self.pipe, &mut self.frame)? {
            true => M::decode(&self.frame).map(Some),
            false => Ok(None),
        }
    }
}

/// What comes through the pipe, unpacked where it was packed.
///
/// # Errors
/// When zstd cannot be set up.
pub(crate) fn unpacked(
    pipe: impl Read + Send + 'static,
    packed: bool,
) -> Result<Incoming<Box<dyn Read + Send>>, Error> {
    if !packed {
        return Ok(Incoming::new(Box::new(pipe)));
    }
    let mut zstd = zstd::stream::read::Decoder::new(pipe).map_err(|error| line(&error))?;
    zstd.window_log_max(WINDOW_LOG).map_err(|error| line(&error))?;
    Ok(Incoming::new(Box::new(zstd)))
}

/// A pipe that takes so many bytes a second and no more.
struct Paced<P> {
    pipe: P,
    bytes_per_second: u64,
    due: Instant,
}

impl<P: Write> Write for Paced<P> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        // Small pieces, each when it is due.
        let piece = &buffer[..buffer.len().min(16 << 10)];
        let now = Instant::now();
        std::thread::sleep(self.due.saturating_duration_since(now));
        let cost = Duration::from_secs_f64(piece.len() as f64 / self.bytes_per_second as f64);
        self.due = self.due.max(now) + cost;
        self.pipe.write(piece)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.pipe.flush()
    }
}

/// Messages on their way out.
pub(crate) struct Outgoing(Box<dyn Write + Send>);

impl Outgoing {
    /// Into a pipe as they are.
    pub(crate) fn plain(pipe: impl Write + Send + 'static) -> Outgoing {
        Outgoing(Box::new(pipe))
    }

    /// Into a pipe at a pace in bytes a second (0 for any), packed by zstd where that is wanted:
    /// one stream for all, so that what files have in common is sent once.
    ///
    /// # Errors
    /// When zstd cannot be set up.
    pub(crate) fn new(
        pipe: impl Write + Send + 'static,
        bytes_per_second: u64,
        packed: bool,
    ) -> Result<Outgoing, Error> {
        let pipe: Box<dyn Write + Send> = match bytes_per_second {
            0 => Box::new(pipe),
            _ => Box::new(Paced { pipe, bytes_per_second, due: Instant::now() }),
        };
        if !packed {
            return Ok(Outgoing(pipe));
        }
        let mut zstd = zstd::stream::write::Encoder::new(pipe, LEVEL).map_err(|e| line(&e))?;
        zstd.window_log(WINDOW_LOG).map_err(|error| line(&error))?;
        zstd.long_distance_matching(true).map_err(|error| line(&error))?;
        Ok(Outgoing(Box::new(zstd)))
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
                Err(TryRecvError::Disconnected) => return self.send(&mut buffer, true),
                Err(TryRecvError::Empty) => {
                    self.send(&mut buffer, true)?;
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
                self.send(&mut buffer, false)?;
            }
        }
    }

    fn send(&mut self, buffer: &mut Vec<u8>, flush: bool) -> Result<(), Error> {
        self.0.write_all(buffer).map_err(|error| line(&error))?;
        buffer.clear();
        if flush { self.0.flush().map_err(|error| line(&error)) } else { Ok(()) }
    }
}
