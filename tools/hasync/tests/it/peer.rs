//! The other end of a hasync: what it says comes as frames, and every wait has a deadline.

use crate::words::{DONE, EVENT, FATAL, GREETING, Message, PING, message};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A conversation with a hasync that runs as a child.
pub(crate) struct Peer {
    child: Child,
    to: Option<Sender<Vec<u8>>>,
    from: Receiver<Vec<u8>>,
    stderr: Receiver<String>,
    stdout: Option<Receiver<String>>,
    /// The messages of Fatal and of failed items, as text.
    pub(crate) told: Vec<String>,
}

/// How a hasync ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) stdout: String,
}

pub(crate) fn hasync() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hasync"))
}

/// The most memory that a process used so far, in KiB; a process that has ended has no such line.
pub(crate) fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

impl Peer {
    /// Talks to `hasync --serve`; nothing has been said yet.
    pub(crate) fn served(arguments: &[&str]) -> Peer {
        let mut child = hasync()
            .arg("--serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let to = writer(move || stdin);
        let from = frames(move || stdout);
        let stderr = text(child.stderr.take().unwrap());
        Peer { child, to: Some(to), from, stderr, stdout: None, told: Vec::new() }
    }

    /// Talks to a hasync that reaches its host by `command`, whose ends are these pipes.
    pub(crate) fn called<W: Write, R: Read>(
        command: &mut Command,
        to: impl FnOnce() -> W + Send + 'static,
        from: impl FnOnce() -> R + Send + 'static,
    ) -> Peer {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = text(child.stdout.take().unwrap());
        let stderr = text(child.stderr.take().unwrap());
        let (to, from) = (writer(to), frames(from));
        Peer { child, to: Some(to), from, stderr, stdout: Some(stdout), told: Vec::new() }
    }

    /// The most memory that it used so far, in KiB, where the system tells.
    pub(crate) fn peak(&self) -> Option<u64> {
        peak(self.child.id())
    }

    /// How many threads it has, where the system tells.
    pub(crate) fn threads(&self) -> Option<usize> {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok().map(Iterator::count)
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if let Some(to) = &self.to {
            // A far side that has ended is seen by what it says.
            let _ = to.send(bytes.to_vec());
        }
    }

    pub(crate) fn greet(&mut self) {
        self.raw(GREETING);
    }

    pub(crate) fn send(&mut self, message: &Message) {
        self.raw(&message.framed());
    }

    /// The next frame that is no sign of life; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        self.next_within(DEADLINE)
            .unwrap_or_else(|_| panic!("it hangs: nothing came. {:?}", self.told))
    }

    /// As [`Peer::next`], where nothing may come.
    pub(crate) fn next_within(&mut self, wait: Duration) -> Result<Option<Vec<u8>>, ()> {
        let ends = Instant::now() + wait;
        loop {
            match self.from.recv_timeout(ends.saturating_duration_since(Instant::now())) {
                Ok(frame) if frame[0] == PING => {}
                Ok(frame) => {
                    // 1 is a failed item.
                    if frame[0] == FATAL || frame[..2] == [EVENT, 1] {
                        self.told.push(String::from_utf8_lossy(&frame).into_owned());
                    }
                    return Ok(Some(frame));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => return Err(()),
            }
        }
    }

    /// Passes over everything before a frame of this type, and gives it; `None` when none comes any
    /// more.
    pub(crate) fn until(&mut self, kind: u8) -> Option<Vec<u8>> {
        while let Some(frame) = self.next() {
            if frame[0] == kind {
                return Some(frame);
            }
            if frame[0] == FATAL || frame[0] == DONE {
                break;
            }
        }
        None
    }

    /// Goes on saying what changes nothing until a standby has told its end: its threads find out
    /// what is wrong in their own time.
    pub(crate) fn until_it_gives_up(&mut self) {
        let ends = Instant::now() + DEADLINE;
        let skipped = message(16).string(b"x").string(b"y");
        while Instant::now() < ends {
            self.send(&skipped);
            match self.next_within(Duration::from_millis(20)) {
                Ok(Some(frame)) if frame[0] != FATAL && frame[0] != DONE => {}
                Err(()) => {}
                Ok(_) => return,
            }
        }
        panic!("it does not give up: {:?}", self.told);
    }

    /// Closes the way there.
    pub(crate) fn hang_up(&mut self) {
        self.to = None;
    }

    /// Hangs up, hears what still comes, and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        self.hang_up();
        while self.next().is_some() {}
        let status = wait(&mut self.child);
        let stderr = self.stderr.recv_timeout(DEADLINE).unwrap_or_default();
        let stdout = self.stdout.as_ref().map(|out| out.recv_timeout(DEADLINE).unwrap_or_default());
        let ended = Ended { status, stderr, stdout: stdout.unwrap_or_default() };
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        assert!(status.is_some(), "killed by a signal, or by the deadline: {ended:?}");
        ended
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a child that ends in time, else it is killed and `None`.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let ends = Instant::now() + DEADLINE;
    while Instant::now() < ends {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Writes in a thread of its own, so that no test waits for a pipe that is full.
fn writer<W: Write>(pipe: impl FnOnce() -> W + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, receiver) = channel::<Vec<u8>>();
    thread::spawn(move || {
        let mut pipe = pipe();
        for bytes in receiver {
            if pipe.write_all(&bytes).and_then(|()| pipe.flush()).is_err() {
                break;
            }
        }
    });
    sender
}

/// The frames that come after the greeting.
fn frames<R: Read>(pipe: impl FnOnce() -> R + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe());
        let mut greeting = Vec::new();
        pipe.read_until(b'\n', &mut greeting).unwrap_or_default();
        let mut length = [0; 4];
        while pipe.read_exact(&mut length).is_ok() {
            let mut frame = vec![0; u32::from_le_bytes(length) as usize];
            if pipe.read_exact(&mut frame).is_err() || sender.send(frame).is_err() {
                break;
            }
        }
    });
    receiver
}

fn text(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    receiver
}
