//! What goes between a channel and a process's own streams: one thread for both directions, because libssh2
//! has one lock for all of a connection.

use crate::connection::words;
use ha_command::Fate;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use ssh2::{BlockDirections, Channel, ErrorCode, Session};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

/// What is under way in one direction, in bytes: eight of the largest packets. Both far streams are read to
/// buffers of one size: libssh2 counts what it widens the window by anew at each try, from the size of that
/// try's buffer, but sends what it counted at the first, and cuts off what it then takes for too much.
const CHUNK: usize = 256 << 10;
/// libssh2 may have read what it does not tell: so long after, it is asked again, in milliseconds.
const LONGEST_SLEEP: u16 = 1000;
/// `LIBSSH2_ERROR_CHANNEL_CLOSED` and `LIBSSH2_ERROR_CHANNEL_EOF_SENT`.
const NOT_TAKEN: [i32; 2] = [-26, -27];

/// A program that runs on a host, and the connection to it.
pub(crate) struct Running {
    pub(crate) session: Session,
    pub(crate) channel: Channel,
    /// The connection's own socket once more, to wait for it.
    pub(crate) socket: TcpStream,
}

/// What became of the far program.
#[derive(Debug)]
pub(crate) enum End {
    Of(Fate),
    /// The connection is lost, and why.
    Lost(String),
}

/// Bytes that came from one side and are not at the other yet.
struct Chunk {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
}

impl Chunk {
    fn new() -> Chunk {
        Chunk { bytes: vec![0; CHUNK], at: 0, end: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at == self.end
    }

    fn clear(&mut self) {
        (self.at, self.end) = (0, 0);
    }

    /// What is left. libssh2 wants the very same bytes again when it could not send them at once, so that
    /// nothing comes to it before.
    fn left(&self) -> &[u8] {
        &self.bytes[self.at..self.end]
    }
}

/// The two directions of a program.
pub(crate) struct Pump {
    far: Running,
    /// What goes to its stdin; `None` at the end.
    up: Option<File>,
    /// Where its stdout goes; `None` when nobody reads it, or at its end.
    down: Option<File>,
    /// Where its stderr goes.
    errors: File,
    rising: Chunk,
    falling: Chunk,
    heard: Vec<u8>,
    told_end: bool,
    ended: Ended,
}

/// Which of the far streams are at their end.
#[derive(Default)]
struct Ended {
    stdout: bool,
    stderr: bool,
    all: bool,
}

/// Why a connection is lost.
struct Lost(String);

impl Pump {
    /// From now on nothing of the session waits, nor do the first two streams.
    pub(crate) fn new(far: Running, up: File, down: File, errors: File) -> Result<Pump, Errno> {
        far.session.set_blocking(false);
        never_block(&up)?;
        never_block(&down)?;
        Ok(Pump {
            far,
            up: Some(up),
            down: Some(down),
            errors,
            rising: Chunk::new(),
            falling: Chunk::new(),
            heard: vec![0; CHUNK],
            told_end: false,
            ended: Ended::default(),
        })
    }

    /// Until the program has ended, or the connection.
    pub(crate) fn run(mut self) -> End {
        match self.pump() {
            Ok(()) => {
                let fate = self.fate();
                // The far side is told, if it can be at once.
                let _ = self.far.channel.close();
                let _ = self.far.session.disconnect(None, "done", None);
                End::Of(fate)
            }
            Err(Lost(why)) => End::Lost(why),
        }
    }

    fn pump(&mut self) -> Result<(), Lost> {
        let mut is_readable = false;
        loop {
            let mut moved = self.rise()?;
            moved |= self.hear()?;
            moved |= self.fall()?;
            if self.ended.all {
                return Ok(());
            }
            match moved {
                true => is_readable = false,
                false => is_readable = self.sleep(is_readable)?,
            }
        }
    }

    /// From the pipe to the channel; whether anything moved.
    fn rise(&mut self) -> Result<bool, Lost> {
        let mut moved = false;
        if self.rising.is_empty()
            && let Some(up) = &mut self.up
        {
            match up.read(&mut self.rising.bytes) {
                Ok(0) => self.up = None,
                Ok(read) => (self.rising.at, self.rising.end) = (0, read),
                Err(error) if waits(&error) => {}
                Err(_) => self.up = None,
            }
        }
        while !self.rising.is_empty() {
            match self.far.channel.write(self.rising.left()) {
                // The far side has no room for more now.
                Ok(0) => break,
                Ok(sent) => {
                    self.rising.at += sent;
                    moved = true;
                }
                Err(error) if waits(&error) => break,
                // Who writes is told by its pipe.
                Err(_) if self.takes_no_more() => {
                    self.up = None;
                    self.rising.clear();
                }
                Err(error) => return Err(self.lost(&error)),
            }
        }
        if self.up.is_none() && self.rising.is_empty() && !self.told_end {
            match self.far.channel.send_eof() {
                Ok(()) => (self.told_end, moved) = (true, true),
                Err(error) => match waits(&error.into()) {
                    true => {}
                    // There is nobody left to be told.
                    false => self.told_end = true,
                },
            }
        }
        Ok(moved)
    }

    /// What it says on stderr. It is read always: unread, it would fill the window that it shares with stdout.
    fn hear(&mut self) -> Result<bool, Lost> {
        let mut moved = false;
        while !self.ended.stderr {
            match self.far.channel.stderr().read(&mut self.heard) {
                Ok(0) => self.ended.stderr = true,
                // Nobody may listen.
                Ok(read) => drop(self.errors.write_all(&self.heard[..read])),
                Err(error) if waits(&error) => return Ok(moved),
                Err(error) => return Err(self.lost(&error)),
            }
            moved = true;
        }
        Ok(moved)
    }

    /// From the channel to the pipe; whether anything moved.
    fn fall(&mut self) -> Result<bool, Lost> {
        let mut moved = false;
        if self.falling.is_empty() && !self.ended.stdout {
            match self.far.channel.read(&mut self.falling.bytes) {
                Ok(0) => (self.ended.stdout, moved) = (true, true),
                Ok(read) => {
                    (self.falling.at, self.falling.end) = (0, read);
                    moved = true;
                }
                Err(error) if waits(&error) => {}
                Err(error) => return Err(self.lost(&error)),
            }
        }
        while !self.falling.is_empty() {
            let Some(down) = &mut self.down else {
                self.falling.clear();
                break;
            };
            match down.write(self.falling.left()) {
                Ok(written) => {
                    self.falling.at += written;
                    moved = true;
                }
                Err(error) if waits(&error) => break,
                Err(_) => self.down = None,
            }
        }
        if self.ended.stdout && self.falling.is_empty() {
            self.down = None;
            // What it ended with comes after its last word, and before the far side closes.
            if self.ended.stderr {
                match self.far.channel.wait_close() {
                    Ok(()) => (self.ended.all, moved) = (true, true),
                    Err(error) => {
                        let error = error.into();
                        if !waits(&error) {
                            return Err(self.lost(&error));
                        }
                    }
                }
            }
        }
        Ok(moved)
    }

    /// Waits until something can move; whether the connection had something then. Where it had something
    /// before and nothing could be made of it, it waits for what goes out first.
    fn sleep(&self, was_readable: bool) -> Result<bool, Lost> {
        let goes_out = matches!(
            self.far.session.block_directions(),
            BlockDirections::Outbound | BlockDirections::Both
        );
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLOUT, goes_out);
        events.set(PollFlags::POLLIN, !(goes_out && was_readable));
        let mut waits = vec![PollFd::new(self.far.socket.as_fd(), events)];
        if let (Some(up), true) = (&self.up, self.rising.is_empty()) {
            waits.push(PollFd::new(up.as_fd(), PollFlags::POLLIN));
        }
        if let (Some(down), false) = (&self.down, self.falling.is_empty()) {
            waits.push(PollFd::new(down.as_fd(), PollFlags::POLLOUT));
        }
        match poll(&mut waits, PollTimeout::from(LONGEST_SLEEP)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Lost(error.desc().to_owned())),
        }
        let found = waits[0].revents().unwrap_or(PollFlags::empty());
        Ok(found.contains(PollFlags::POLLIN))
    }

    fn takes_no_more(&self) -> bool {
        let last = ssh2::Error::last_session_error(&self.far.session).map(|error| error.code());
        matches!(last, Some(ErrorCode::Session(code)) if NOT_TAKEN.contains(&code))
    }

    fn lost(&self, error: &std::io::Error) -> Lost {
        let said = ssh2::Error::last_session_error(&self.far.session);
        Lost(said.map_or_else(|| ha_json::one_line(&error.to_string()), |error| words(&error)))
    }

    fn fate(&self) -> Fate {
        let signal = self.far.channel.exit_signal().ok().and_then(|said| said.exit_signal);
        match signal {
            Some(name) => {
                let known = format!("SIG{name}").parse::<Signal>();
                Fate::Killed(known.map_or(0, |signal| signal as i32))
            }
            None => Fate::Exited(self.far.channel.exit_status().unwrap_or(255)),
        }
    }
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn never_block(pipe: impl AsFd) -> Result<(), Errno> {
    let flags = OFlag::from_bits_truncate(fcntl(&pipe, FcntlArg::F_GETFL)?);
    fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
}
