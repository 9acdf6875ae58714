//! Frames over a pair of pipes: one thread reads, one writes, neither waits for the other.

use super::bytes::damaged;
use super::frame::Frame;
use super::message::MAX_FRAME;
use super::payload::{Payload, buffer};
use crate::memory::LINE;
use crate::pace::{Pace, Paced};
use crate::sys;
use ha_json::{Error, reason};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// A silent line is pinged at least this often, so that only a far side that is gone stays silent.
const PING_EVERY: Duration = Duration::from_secs(10);
const BUFFER: usize = 64 << 10;
/// How long it takes at most to see that the line was given up.
const TURN: Duration = Duration::from_millis(500);
/// Content of so many bytes is written from where it is.
const WORTH_A_WRITE: usize = 16 << 10;
/// zstd's level, and the window in which it looks back (a power of two, bytes).
const LEVEL: i32 = 1;
const WINDOW_LOG: u32 = 22;

/// A pipe that counts its bytes and gives up when the other end is silent too long.
pub(crate) struct Counted<P> {
    pipe: P,
    bytes: Arc<AtomicU64>,
    patience: Duration,
    /// Once it is true nothing more is waited for.
    given_up: Option<Arc<AtomicBool>>,
}

impl<P> Counted<P> {
    pub(crate) fn counting(pipe: P, bytes: Arc<AtomicU64>, patience: Duration) -> Counted<P> {
        Counted { pipe, bytes, patience, given_up: None }
    }

    fn check(&self) -> std::io::Result<()> {
        match &self.given_up {
            Some(given_up) if given_up.load(Ordering::Relaxed) => {
                Err(ErrorKind::ConnectionAborted.into())
            }
            _ => Ok(()),
        }
    }

    /// Is read, and waited for, no longer than until this is true.
    pub(crate) fn give_up_when(&mut self, given_up: Option<Arc<AtomicBool>>) {
        self.given_up = given_up;
    }

    /// The same pipe once more: what one of the two has read, the other has not.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub(crate) fn again(&self) -> Result<Counted<File>, Error>
    where
        P: AsFd,
    {
        let pipe = self.pipe.as_fd().try_clone_to_owned().map_err(|error| line(&error))?;
        let (bytes, given_up) = (Arc::clone(&self.bytes), self.given_up.clone());
        Ok(Counted { pipe: File::from(pipe), bytes, patience: self.patience, given_up })
    }

    /// The same pipe, which now waits so long.
    pub(crate) fn with_patience(self, patience: Duration) -> Counted<P> {
        Counted { patience, ..self }
    }
}

impl<P: Read + AsFd> Read for Counted<P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            self.check()?;
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait_for(PollFlags::POLLIN)?;
                }
                Ok(read) => {
                    self.bytes.fetch_add(read as u64, Ordering::Relaxed);
                    return Ok(read);
                }
                result => return result,
            }
        }
    }
}

impl<P: AsFd> Counted<P> {
    fn wait_for(&self, what: PollFlags) -> std::io::Result<()> {
        let ends = Instant::now() + self.patience;
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            let turn = if self.given_up.is_some() { left.min(TURN) } else { left };
            let timeout = PollTimeout::try_from(turn).unwrap_or(PollTimeout::MAX);
            if poll(&mut [PollFd::new(self.pipe.as_fd(), what)], timeout)? > 0 {
                return Ok(());
            }
            self.check()?;
            if turn == left {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
}

impl<P: Write + AsFd> Write for Counted<P> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        loop {
            match self.pipe.write(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(written) => {
                    self.bytes.fetch_add(written as u64, Ordering::Relaxed);
                    return Ok(written);
                }
                result => return result,
            }
            self.wait_for(PollFlags::POLLOUT)?;
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.pipe.flush()
    }
}

/// Makes reads from an empty pipe and writes to a full one return, so that [`Counted`] can give up
/// waiting.
///
/// # Errors
/// The system's own.
pub(crate) fn never_block(pipe: impl AsFd) -> Result<(), Error> {
    sys::widen(&pipe);
    let flags = fcntl(&pipe, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
    flags
        .and_then(|flags| fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)))
        .map(drop)
        .map_err(|error| Error::failed("pipe", crate::fs::words(error)))
}

/// Reads one frame to `frame`: its length, little-endian in four bytes, then so many bytes; `false`
/// at the end.
///
/// # Errors
/// When the frame is cut, too long, or the line is silent too long.
pub(crate) fn read_frame(pipe: &mut impl Read, frame: &mut Vec<u8>) -> Result<bool, Error> {
    let begun = begin_frame(pipe, frame)?;
    if begun {
        pipe.read_exact(frame).map_err(|error| line(&error))?;
    }
    Ok(begun)
}

/// Reads the length of a frame, and makes room for the frame; `false` at the end.
fn begin_frame(pipe: &mut impl Read, frame: &mut Vec<u8>) -> Result<bool, Error> {
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
    if frame.capacity() == 0 {
        *frame = buffer(length);
    }
    frame.resize(length, 0);
    Ok(true)
}

/// Reads so much as the frame takes. What the reader has not yet is read past it, to where a line of the
/// cache begins: the system copies to there fast.
fn fill<P: Read>(pipe: &mut BufReader<P>, frame: &mut [u8]) -> std::io::Result<()> {
    let mut filled = pipe.buffer().len().min(frame.len());
    frame[..filled].copy_from_slice(&pipe.buffer()[..filled]);
    pipe.consume(filled);
    while frame.len() - filled >= BUFFER {
        let line = filled.next_multiple_of(LINE);
        let end = if line > filled { line } else { frame.len() };
        match pipe.get_mut().read(&mut frame[filled..end]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    pipe.read_exact(&mut frame[filled..])
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
        ErrorKind::ConnectionAborted => {
            Error::failed("the primary", "lost its role meanwhile (hasync takeover)")
        }
        ErrorKind::TimedOut => Error::busy("the far side", "is silent (--timeout waits longer)"),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            Error::failed("the far side", "went away in the middle")
        }
        _ => Error::failed("the far side", reason(error)),
    }
}

/// Messages as they come in.
pub(crate) struct Incoming<P: Read> {
    pipe: BufReader<P>,
    frame: Vec<u8>,
}

impl<P: Read> Incoming<P> {
    pub(crate) fn new(pipe: P) -> Incoming<P> {
        Incoming { pipe: BufReader::with_capacity(BUFFER, pipe), frame: Vec::new() }
    }

    /// The next message; `None` at the end of the pipe.
    pub(crate) fn next<M: Frame>(&mut self) -> Result<Option<M>, Error> {
        if !begin_frame(&mut self.pipe, &mut self.frame)? {
            return Ok(None);
        }
        fill(&mut self.pipe, &mut self.frame).map_err(|error| line(&error))?;
        M::decode(&mut self.frame).map(Some)
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

/// How what goes out is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    Plain,
    /// By zstd, in one stream: what files have in common is sent once.
    Stream,
    /// By zstd, each content by itself: where many lines send it, it is packed once.
    Pieces,
}

/// Messages on their way out.
pub(crate) struct Outgoing(Way);

enum Way {
    Plain(Box<dyn Write + Send>),
    Stream(Box<zstd::stream::write::Encoder<'static, Box<dyn Write + Send>>>),
    Pieces(Box<dyn Write + Send>, Box<zstd::bulk::Compressor<'static>>),
}

impl Outgoing {
    /// Into a pipe as they are.
    pub(crate) fn plain(pipe: impl Write + Send + 'static) -> Outgoing {
        Outgoing(Way::Plain(Box::new(pipe)))
    }

    /// Into a pipe at a pace in bytes a second (0 for any).
    ///
    /// # Errors
    /// When zstd cannot be set up.
    pub(crate) fn new(
        pipe: impl Write + Send + 'static,
        bytes_per_second: u64,
        packing: Packing,
    ) -> Result<Outgoing, Error> {
        let pipe: Box<dyn Write + Send> = match bytes_per_second {
            0 => Box::new(pipe),
            _ => Box::new(Paced { pipe, pace: Pace::new(bytes_per_second) }),
        };
        Ok(Outgoing(match packing {
            Packing::Plain => Way::Plain(pipe),
            Packing::Stream => {
                let mut zstd =
                    zstd::stream::write::Encoder::new(pipe, LEVEL).map_err(|e| line(&e))?;
                zstd.window_log(WINDOW_LOG).map_err(|error| line(&error))?;
                zstd.long_distance_matching(true).map_err(|error| line(&error))?;
                Way::Stream(Box::new(zstd))
            }
            Packing::Pieces => {
                let zstd = zstd::bulk::Compressor::new(LEVEL).map_err(|error| line(&error))?;
                Way::Pieces(pipe, Box::new(zstd))
            }
        }))
    }

    /// Writes what comes through the channel until it closes, gathering what is there into one
    /// write. After the last message nothing is written but that this end is still there: the line may
    /// be somebody else's then. The other end gives up after `patience` without a byte. The pipe is
    /// closed by dropping it.
    ///
    /// # Errors
    /// When the pipe is gone; what still comes is then dropped.
    pub(crate) fn run<M: Frame>(
        mut self,
        messages: &Receiver<M>,
        patience: Duration,
    ) -> Result<(), Error> {
        let ping_every = (patience / 3).min(PING_EVERY);
        let mut heads = Vec::new();
        let mut is_over = false;
        loop {
            let message = match messages.try_recv() {
                // Threads that end say so to nobody.
                Ok(_) if is_over => continue,
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return self.send(&mut heads, true),
                Err(TryRecvError::Empty) => {
                    self.send(&mut heads, true)?;
                    match messages.recv_timeout(ping_every) {
                        Ok(_) if is_over => continue,
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout) => M::PING,
                        Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    }
                }
            };
            is_over |= message.is_last();
            let start = heads.len();
            heads.extend_from_slice(&[0; 4]);
            message.encode(&mut heads);
            let payload = message.payload();
            let length = payload.map_or(0, |payload| payload.len());
            let whole = u32::try_from(heads.len() - start - 4 + length)
                .map_err(|_| damaged("a frame without an end"))?;
            heads[start..start + 4].copy_from_slice(&whole.to_le_bytes());
            match payload {
                Some(payload) if length >= WORTH_A_WRITE => {
                    self.send(&mut heads, false)?;
                    self.content(payload)?;
                }
                Some(payload) => heads.extend_from_slice(payload),
                None => {}
            }
            if heads.len() >= BUFFER {
                self.send(&mut heads, false)?;
            }
        }
    }

    fn content(&mut self, payload: &Payload) -> Result<(), Error> {
        match &mut self.0 {
            Way::Plain(pipe) => pipe.write_all(payload),
            Way::Stream(zstd) => zstd.write_all(payload),
            Way::Pieces(pipe, zstd) => payload
                .packed(|bytes| zstd.compress(bytes))
                .and_then(|packed| pipe.write_all(packed)),
        }
        .map_err(|error| line(&error))
    }

    fn send(&mut self, buffer: &mut Vec<u8>, flush: bool) -> Result<(), Error> {
        let sent = match &mut self.0 {
            Way::Plain(pipe) => pipe.write_all(buffer),
            Way::Stream(zstd) => zstd.write_all(buffer),
            Way::Pieces(_, _) if buffer.is_empty() => Ok(()),
            Way::Pieces(pipe, zstd) => {
                zstd.compress(buffer).and_then(|packed| pipe.write_all(&packed))
            }
        };
        buffer.clear();
        let flushed = match &mut self.0 {
            _ if !flush => Ok(()),
            Way::Plain(pipe) | Way::Pieces(pipe, _) => pipe.flush(),
            Way::Stream(zstd) => zstd.flush(),
        };
        sent.and(flushed).map_err(|error| line(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ToSource, Totals};

    /// Gives pieces of these lengths, again and again.
    struct InPieces(Vec<u8>, usize, std::iter::Cycle<std::vec::IntoIter<usize>>);

    impl Read for InPieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let piece = self.2.next().unwrap_or(1).min(buffer.len()).min(self.0.len() - self.1);
            buffer[..piece].copy_from_slice(&self.0[self.1..self.1 + piece]);
            self.1 += piece;
            Ok(piece)
        }
    }

    #[test]
    fn a_line_that_is_given_up_is_neither_read_nor_waited_for() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let line = File::from(std::os::fd::OwnedFd::from(ours));
        never_block(&line).unwrap();
        let mut line = Counted::counting(line, Arc::default(), Duration::from_secs(60));
        let given_up = Arc::<AtomicBool>::default();
        line.give_up_when(Some(Arc::clone(&given_up)));
        theirs.write_all(b"ab").unwrap();
        let mut byte = [0];
        assert_eq!(line.read(&mut byte).unwrap(), 1);
        let mut again = line.again().unwrap();
        let waiting = std::thread::spawn(move || {
            let mut frame = [0; 2];
            again.read_exact(&mut frame).unwrap_err().kind()
        });
        std::thread::sleep(TURN);
        given_up.store(true, Ordering::Relaxed);
        assert_eq!(waiting.join().unwrap(), ErrorKind::ConnectionAborted);
        assert_eq!(line.read(&mut byte).unwrap_err().kind(), ErrorKind::ConnectionAborted);
        // Why is said to whom it concerns.
        assert_eq!(line.write(b"c").unwrap(), 1);
    }

    #[test]
    fn after_the_last_message_it_is_only_said_that_this_end_is_there() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let (sender, receiver) = std::sync::mpsc::sync_channel(8);
        let patience = Duration::from_millis(30);
        let writer =
            std::thread::spawn(move || Outgoing::plain(ours).run(&receiver, patience).unwrap());
        let release = || ToSource::Release { directory: 7 };
        let done = ToSource::Done { totals: Totals::default(), error: None };
        for message in [release(), done, release()] {
            sender.send(message).unwrap();
        }
        std::thread::sleep(patience);
        sender.send(release()).unwrap();
        std::thread::sleep(patience);
        drop(sender);
        writer.join().unwrap();
        let mut said = Vec::new();
        let mut frame = Vec::new();
        while read_frame(&mut theirs, &mut frame).unwrap() {
            said.push(ToSource::decode(&mut frame).unwrap());
        }
        let others = said.split_off(2);
        assert!(matches!(said[..], [ToSource::Release { .. }, ToSource::Done { .. }]), "{said:?}");
        assert!(!others.is_empty());
        assert!(others.iter().all(|one| matches!(one, ToSource::Ping)), "{others:?}");
    }

    #[test]
    fn frames_are_whole_in_whatever_pieces_they_come() {
        let frames: Vec<Vec<u8>> =
            [1, 63, 64, 4095, BUFFER - 4, BUFFER, BUFFER + 1, 3 * BUFFER + 77, 5]
                .iter()
                .map(|length| (0..*length).map(|at| (at * 7 % 251) as u8).collect())
                .collect();
        let mut line = Vec::new();
        for frame in &frames {
            write_frame(&mut line, frame).unwrap();
        }
        for pieces in [vec![1], vec![3, 64], vec![4096], vec![65_537, 1, 30_000], vec![usize::MAX]]
        {
            let pieces = || pieces.clone().into_iter().cycle();
            let mut pipe = BufReader::with_capacity(BUFFER, InPieces(line.clone(), 0, pieces()));
            for frame in &frames {
                let mut come = Vec::new();
                assert!(begin_frame(&mut pipe, &mut come).unwrap());
                fill(&mut pipe, &mut come).unwrap();
                assert!(come == *frame, "{} bytes", frame.len());
            }
            assert!(!begin_frame(&mut pipe, &mut Vec::new()).unwrap());
            let cut = line[..line.len() - 10 - BUFFER].to_vec();
            let mut pipe = BufReader::with_capacity(BUFFER, InPieces(cut, 0, pieces()));
            let whole = frames.iter().take_while(|_| {
                let mut come = Vec::new();
                begin_frame(&mut pipe, &mut come).unwrap();
                fill(&mut pipe, &mut come).is_ok()
            });
            assert_eq!(whole.count(), 7);
        }
    }
}
