//! The connection lives in a thread of its own: drivers wait as long as the server keeps silent, and
//! whoever asks here does not. What a driver does to such a thread it does not do to the program.

use super::rows::{self, Batch, Outgoing};
use super::words::Words;
use crate::cfgloc::Server;
use crate::patience::{Patience, within};
use crate::table::Cell as Bytes;
use ha_json::Error;
use odbc_api::handles::{SqlResult, StatementImpl};
use odbc_api::{Connection, ConnectionOptions, CursorImpl, Error as Said, ResultSetMetadata};
use std::cell::Cell;
use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::Duration;

/// The longest name or password, in bytes: ODBC counts them in 16 bits.
const LONGEST_NAME: usize = 4096;

/// How long it is waited for the connection's end, so that the program does not end in its middle.
const PARTING: Duration = Duration::from_secs(3);

type Job = Box<dyn FnOnce(&Connection<'static>, &Words) + Send>;

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Link {
    jobs: Option<Sender<Job>>,
    /// Disconnected when the thread ends.
    ended: Receiver<Infallible>,
    words: Words,
    answer: Duration,
    /// It was waited for in vain.
    is_silent: Cell<bool>,
}

impl Link {
    /// Connects by the data source's name.
    pub(super) fn connect(server: &Server, patience: Patience, what: &str) -> Result<Link, Error> {
        let words =
            Words { what: what.to_owned(), lock: patience.lock, password: server.password.clone() };
        let server = server.clone();
        if [&server.database, &server.user, &server.password].iter().any(|s| s.len() > LONGEST_NAME)
        {
            return Err(Error::failed(what, "a name or the password is too long for ODBC"));
        }
        let named = words.clone();
        let connection = within(what, patience.connect, move || {
            open(&server, patience.connect).map_err(|error| named.not_connected(&error))
        })?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let (end, ended) = mpsc::sync_channel(0);
        let named = words.clone();
        thread::spawn(move || {
            let _end = end;
            for job in queue {
                job(&connection, &named);
            }
            leave(connection);
        });
        // A wait for locks is one for an answer, too.
        let answer = patience.answer + patience.lock;
        Ok(Link { jobs: Some(jobs), ended, words, answer, is_silent: Cell::new(false) })
    }

    fn submit(&self, job: Job) -> Result<(), Error> {
        if self.is_silent.get() {
            return Err(self.silent());
        }
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(self.lost()) }
    }

    fn silent(&self) -> Error {
        let seconds = self.answer.as_secs();
        let why = format!("has not answered for {seconds} s (--answer-wait waits longer)");
        Error::busy(&self.words.what, why)
    }

    fn lost(&self) -> Error {
        Error::busy(&self.words.what, "the connection is lost")
    }

    fn wait<T>(&self, answers: &Receiver<Result<T, Error>>) -> Result<T, Error> {
        match answers.recv_timeout(self.answer) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.is_silent.set(true);
                Err(self.silent())
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.lost()),
        }
    }

    /// Has something done with the connection.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection<'static>) -> Result<T, Said> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, answers) = mpsc::sync_channel(1);
        self.submit(Box::new(move |connection, words| {
            // Who gave up waiting does not want it any more.
            let _ = sender.send(question(connection).map_err(|error| words.said(&error)));
        }))?;
        self.wait(&answers)
    }

    /// Runs a statement.
    pub(super) fn run(&self, sql: &str) -> Result<(), Error> {
        let (sql, answer) = (sql.to_owned(), self.answer);
        self.ask(move |connection| execute(connection, &sql, answer).map(drop))
    }

    /// The first column of the first row.
    pub(super) fn value(&self, sql: &str) -> Result<Option<String>, Error> {
        let rows = self.select(sql.to_owned())?.all()?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Runs a query.
    pub(super) fn select(&self, sql: String) -> Result<Incoming<'_>, Error> {
        let answer = self.answer;
        let none = || Said::NoDiagnostics { function: "SQLExecDirect" };
        self.rows(move |connection| execute(connection, &sql, answer)?.ok_or_else(none))
    }

    /// Reads what a question to the driver gives.
    pub(super) fn rows(
        &self,
        question: impl for<'c> FnOnce(&'c Connection<'static>) -> Result<Rows<'c>, Said>
        + Send
        + 'static,
    ) -> Result<Incoming<'_>, Error> {
        let (head, heads) = mpsc::sync_channel(1);
        let (sender, batches) = mpsc::sync_channel(2);
        self.submit(Box::new(move |connection, words| {
            let begun = question(connection).and_then(|mut cursor| {
                let width = cursor.num_result_cols()?;
                Ok((cursor, u16::try_from(width).unwrap_or_default()))
            });
            let (mut cursor, width) = match begun.map_err(|error| words.said(&error)) {
                Ok(begun) => begun,
                Err(error) => return drop(head.send(Err(error))),
            };
            let _ = head.send(Ok(usize::from(width)));
            loop {
                let batch = rows::next_batch(&mut cursor, width, words);
                let last = batch.as_ref().map_or(true, Batch::is_empty);
                if sender.send(batch).is_err() || last {
                    return;
                }
            }
        }))?;
        let width = self.wait(&heads)?;
        Ok(Incoming { link: self, batches, width })
    }

    /// Prepares a statement that takes rows; `numbers` tells which columns are such.
    pub(super) fn insert(&self, sql: String, numbers: Vec<bool>) -> Result<Inserting<'_>, Error> {
        let (batches, queue) = mpsc::sync_channel::<Outgoing>(1);
        let (sender, answers) = mpsc::sync_channel(1);
        let answer = self.answer;
        self.submit(Box::new(move |connection, words| {
            let answered = |done: Result<(), Said>| {
                let done = done.map_err(|error| words.said(&error));
                let failed = done.is_err();
                sender.send(done).is_err() || failed
            };
            let mut prepared = match connection.prepare(&sql) {
                Ok(prepared) => prepared,
                Err(error) => {
                    answered(Err(error));
                    return;
                }
            };
            // Not all drivers have it.
            let _ = prepared.set_query_timeout_sec(whole_seconds(answer));
            if answered(Ok(())) {
                return;
            }
            for batch in queue {
                if answered(batch.send(&mut prepared, &numbers)) {
                    return;
                }
            }
        }))?;
        self.wait(&answers)?;
        Ok(Inserting { link: self, batches, answers })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.jobs = None;
        if !self.is_silent.get() {
            let _ = self.ended.recv_timeout(PARTING);
        }
    }
}

fn whole_seconds(time: Duration) -> usize {
    usize::try_from(time.as_secs()).unwrap_or(usize::MAX).max(1)
}

fn open(server: &Server, wait: Duration) -> Result<Connection<'static>, Said> {
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1);
    let options = ConnectionOptions { login_timeout_sec: Some(seconds), packet_size: None };
    odbc_api::environment()?.connect(&server.database, &server.user, &server.password, options)
}

/// Takes back what is open, and disconnects. The connection's own end panics where that fails, as it
/// does where the server is gone.
fn leave(connection: Connection<'static>) {
    let _ = connection.rollback();
    let mut handle = connection.into_handle();
    if !matches!(handle.disconnect(), SqlResult::Success(()) | SqlResult::SuccessWithInfo(())) {
        std::mem::forget(handle);
    }
}

pub(super) type Rows<'c> = CursorImpl<StatementImpl<'c>>;

fn execute<'c>(
    connection: &'c Connection<'static>,
    sql: &str,
    answer: Duration,
) -> Result<Option<Rows<'c>>, Said> {
    let mut statement = connection.preallocate()?;
    // Not all drivers have it.
    let _ = statement.set_query_timeout_sec(whole_seconds(answer));
    statement.into_cursor(sql, ())
}

/// Rows that come.
pub(super) struct Incoming<'a> {
    link: &'a Link,
    batches: Receiver<Result<Batch, Error>>,
    /// How many cells a row has.
    pub(super) width: usize,
}

impl Incoming<'_> {
    /// The next of them; `None` at their end.
    pub(super) fn next_batch(&self) -> Result<Option<Batch>, Error> {
        let batch = self.link.wait(&self.batches)?;
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }

    /// All of them, where they are few.
    pub(super) fn all(&self) -> Result<Vec<Vec<Option<String>>>, Error> {
        let mut all = Vec::new();
        let text = |cell: Bytes<'_>| cell.map(|cell| String::from_utf8_lossy(&cell).into_owned());
        while let Some(batch) = self.next_batch()? {
            all.extend(batch.rows(self.width).map(|row| row.into_iter().map(text).collect()));
        }
        Ok(all)
    }
}

/// Rows that go.
pub(super) struct Inserting<'a> {
    link: &'a Link,
    batches: SyncSender<Outgoing>,
    answers: Receiver<Result<(), Error>>,
}

impl Inserting<'_> {
    /// Sends some, and waits until they are taken.
    pub(super) fn send(&self, batch: Outgoing) -> Result<(), Error> {
        self.batches.send(batch).map_err(|_| self.link.lost())?;
        self.link.wait(&self.answers)
    }
}
