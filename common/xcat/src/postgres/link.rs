//! The connection lives in a thread of its own: the client waits as long as the server keeps silent,
//! and whoever asks here does not.

use super::copy::Chunks;
use super::words;
use crate::cfgloc::Server;
use crate::patience::{Patience, within};
use ha_json::Error;
use postgres::{Client, NoTls, SimpleQueryMessage};
use std::cell::Cell;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

/// How much is read before it is handed over, in bytes.
const CHUNK_BYTES: usize = 128 << 10;

/// Where the sockets of this machine's server are: Debian's place, and the one that PostgreSQL is
/// built with otherwise.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

type Job = Box<dyn FnOnce(&mut Client, &str) + Send>;

/// Values of the rows that a statement gave, as text.
pub(super) type TextRows = Vec<Vec<Option<String>>>;

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Link {
    jobs: Sender<Job>,
    what: String,
    answer: Duration,
    /// The server kept silent: nothing more is asked of it.
    lost: Cell<bool>,
}

impl Link {
    /// Connects; gives the link, and what it leads to: host and port, or a socket.
    pub(super) fn connect(server: &Server, patience: Patience) -> Result<(Link, String), Error> {
        let mut config = postgres::Config::new();
        config
            .user(&server.user)
            .password(&server.password)
            .dbname(&server.database)
            .application_name("hatools")
            .connect_timeout(patience.connect)
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        let port = server.port.unwrap_or(5432);
        config.port(port);
        let at = match &server.host {
            Some(host) => {
                config.host(host);
                format!("{host}:{port}")
            }
            None => {
                let socket = socket(server.socket.as_deref(), port);
                config.host_path(&socket);
                socket.display().to_string()
            }
        };
        let what = format!("{} at {at}", server.database);
        let named = what.clone();
        let client = within(&what, patience.connect, move || {
            config.connect(NoTls).map_err(|error| words::not_connected(&named, &error))
        })?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let named = what.clone();
        thread::spawn(move || {
            let mut client = client;
            for job in queue {
                job(&mut client, &named);
            }
        });
        // A wait for locks is one for an answer, too.
        let answer = patience.answer + patience.lock;
        Ok((Link { jobs, what, answer, lost: Cell::new(false) }, at))
    }

    /// Whether it kept silent.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.get()
    }

    fn silent(&self) -> Error {
        self.lost.set(true);
        let seconds = self.answer.as_secs();
        let why = format!("has not answered for {seconds} s (--answer-wait waits longer)");
        Error::busy(&self.what, why)
    }

    fn submit(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).map_err(|_| Error::busy(&self.what, "the connection is lost"))
    }

    fn wait<T>(&self, answers: &Receiver<Result<T, Error>>) -> Result<T, Error> {
        match answers.recv_timeout(self.answer) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(self.silent()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::busy(&self.what, "the connection is lost"))
            }
        }
    }

    /// Runs statements and waits for their end.
    pub(super) fn run(&self, sql: &str) -> Result<(), Error> {
        self.rows(sql).map(drop)
    }

    /// Runs a statement and gives the rows that it has.
    pub(super) fn rows(&self, sql: &str) -> Result<TextRows, Error> {
        let (sender, answers) = mpsc::sync_channel(1);
        let sql = sql.to_owned();
        self.submit(Box::new(move |client, what| {
            let answer = client.simple_query(&sql).and_then(|messages| {
                messages.iter().filter_map(row).collect::<Result<TextRows, _>>()
            });
            // Who gave up waiting does not want it any more.
            let _ = sender.send(answer.map_err(|error| words::said(what, &error)));
        }))?;
        self.wait(&answers)
    }

    /// Runs a COPY that gives data.
    pub(super) fn copy_out(&self, sql: String) -> Result<Incoming<'_>, Error> {
        let (sender, chunks) = mpsc::sync_channel(2);
        self.submit(Box::new(move |client, what| {
            let said = |error: &postgres::Error| words::said(what, error);
            let mut reader = match client.copy_out(&sql) {
                Ok(reader) => reader,
                Err(error) => {
                    let _ = sender.send(Err(said(&error)));
                    return;
                }
            };
            loop {
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                let read = loop {
                    match reader.fill_buf() {
                        Ok([]) => break Ok(()),
                        Ok(bytes) => {
                            chunk.extend_from_slice(bytes);
                            let count = bytes.len();
                            reader.consume(count);
                            if chunk.len() >= CHUNK_BYTES {
                                break Ok(());
                            }
                        }
                        Err(error) => break Err(words::said_in(what, &error)),
                    }
                };
                let last = chunk.is_empty() || read.is_err();
                let message = read.map(|()| Some(chunk).filter(|chunk| !chunk.is_empty()));
                if sender.send(message).is_err() || last {
                    return;
                }
            }
        }))?;
        Ok(Incoming { link: self, chunks })
    }

    /// Runs a COPY that takes data.
    pub(super) fn copy_in(&self, sql: String) -> Result<Outgoing<'_>, Error> {
        let (sender, chunks) = mpsc::sync_channel::<Option<Vec<u8>>>(2);
        let (answer, answers) = mpsc::sync_channel(1);
        self.submit(Box::new(move |client, what| {
            let copied = || {
                let mut writer = client.copy_in(&sql).map_err(|error| words::said(what, &error))?;
                for chunk in chunks {
                    let Some(chunk) = chunk else {
                        return writer
                            .finish()
                            .map(drop)
                            .map_err(|error| words::said(what, &error));
                    };
                    let sent = writer.write_all(&chunk).and_then(|()| writer.flush());
                    sent.map_err(|error| words::said_in(what, &error))?;
                }
                // Dropped without an end it is taken back.
                Err(Error::failed(what, "the rows ended early"))
            };
            let _ = answer.send(copied());
        }))?;
        Ok(Outgoing { link: self, chunks: sender, answers })
    }
}

fn row(message: &SimpleQueryMessage) -> Option<Result<Vec<Option<String>>, postgres::Error>> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    let value = |at| row.try_get(at).map(|value: Option<&str>| value.map(str::to_owned));
    Some((0..row.len()).map(value).collect())
}

/// Where this machine's server listens: what cfgloc says, else the first of the usual places.
fn socket(named: Option<&Path>, port: u16) -> PathBuf {
    let there = |place: &&str| Path::new(place).join(format!(".s.PGSQL.{port}")).exists();
    match named {
        Some(path) => path.to_owned(),
        None => SOCKETS.iter().find(|place| there(place)).unwrap_or(&SOCKETS[0]).into(),
    }
}

/// Data that comes.
pub(super) struct Incoming<'a> {
    link: &'a Link,
    chunks: Receiver<Result<Option<Vec<u8>>, Error>>,
}

impl Chunks for Incoming<'_> {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.link.wait(&self.chunks)
    }
}

/// Data that goes.
pub(super) struct Outgoing<'a> {
    link: &'a Link,
    chunks: SyncSender<Option<Vec<u8>>>,
    answers: Receiver<Result<(), Error>>,
}

impl Outgoing<'_> {
    /// Sends a piece of it.
    pub(super) fn send(&self, chunk: Vec<u8>) -> Result<(), Error> {
        self.offer(Some(chunk))
    }

    /// Ends it, and waits until the server has taken all.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.offer(None)?;
        self.link.wait(&self.answers)
    }

    fn offer(&self, chunk: Option<Vec<u8>>) -> Result<(), Error> {
        let ends = Instant::now() + self.link.answer;
        let mut chunk = chunk;
        loop {
            match self.chunks.try_send(chunk) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) if Instant::now() >= ends => {
                    return Err(self.link.silent());
                }
                Err(TrySendError::Full(back)) => {
                    chunk = back;
                    thread::sleep(Duration::from_micros(200));
                }
                // It ended before all was sent: it says why.
                Err(TrySendError::Disconnected(_)) => {
                    self.link.wait(&self.answers)?;
                    return Err(Error::failed(&self.link.what, "took no more rows"));
                }
            }
        }
    }
}
