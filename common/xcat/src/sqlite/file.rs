//! One table file, opened to be read and never to be written: nothing is created, nothing repaired.

use super::rows::Place;
use ha_json::{Error, reason};
use rusqlite::{Connection, OpenFlags, ffi};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What SQLite may keep of a file in memory, in KiB.
const CACHE_KIB: u32 = 256;

/// An open table file in a read transaction: as long as it lives, what it reads is one state.
#[derive(Debug)]
pub(super) struct TableFile {
    connection: Connection,
    path: PathBuf,
    manner: Manner,
    identity: Identity,
}

/// How the file is read, which its journal decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A rollback journal, which is what xCAT uses: the read lock keeps every writer from the file.
    Locked,
    /// A write-ahead log in use: its index is read, and never made.
    Logged,
    /// A write-ahead log that is empty: SQLite would create its files even to read, so the file is
    /// read as one that nobody writes, and [`TableFile::check_unchanged`] finds out.
    LogEmpty,
}

#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device_inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

/// Looks at files before any of them is open: closing a second descriptor of a file would drop the
/// locks that SQLite holds on it, so this must not be done later.
#[derive(Debug)]
pub(super) struct Candidate {
    path: PathBuf,
    manner: Manner,
    device_inode: (u64, u64),
}

impl Candidate {
    /// Looks at the table file; `None` where there is none.
    ///
    /// # Errors
    /// `failed`, where it cannot be read, or not without creating or repairing something.
    pub(super) fn look(path: &Path) -> Result<Option<Candidate>, Error> {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return match path.symlink_metadata() {
                    Ok(_) => Err(failed(path, "is a symbolic link to nothing")),
                    Err(_) => Ok(None),
                };
            }
            Err(error) => return Err(failed(path, reason(&error))),
        };
        let metadata = real.metadata().map_err(|error| failed(path, reason(&error)))?;
        if !metadata.is_file() {
            return Err(failed(path, "is not a file"));
        }
        let mut header = Vec::new();
        std::fs::File::open(&real)
            .and_then(|file| file.take(20).read_to_end(&mut header))
            .map_err(|error| failed(path, reason(&error)))?;
        let manner = match header.get(18..20) {
            Some([2, _] | [_, 2]) => logged(&real)?,
            _ => Manner::Locked,
        };
        let device_inode = (metadata.dev(), metadata.ino());
        Ok(Some(Candidate { path: real, manner, device_inode }))
    }

    /// The path of a file that can be changed together with others.
    ///
    /// # Errors
    /// `failed`, where its journal is of a kind that is committed by itself.
    pub(super) fn changeable(self) -> Result<PathBuf, Error> {
        if self.manner == Manner::Locked {
            return Ok(self.path);
        }
        let why = "has a write-ahead log, so it cannot be changed in one step with the others: \
                   first let sqlite3 do 'PRAGMA journal_mode = DELETE' in it";
        Err(failed(&self.path, why))
    }

    /// Opens the file and begins to read, for which it waits until `deadline`.
    ///
    /// # Errors
    /// `busy`, where another program has locked it; `failed`, where it is no sound database.
    pub(super) fn open(self, wait: Duration, deadline: Instant) -> Result<TableFile, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri(&self.path, self.manner), flags)
            .and_then(|connection| {
                connection.busy_timeout(deadline.saturating_duration_since(Instant::now()))?;
                connection.execute_batch(&format!(
                    "PRAGMA cache_size = -{CACHE_KIB}; PRAGMA trusted_schema = OFF;
                     PRAGMA cell_size_check = ON; BEGIN"
                ))?;
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
                Ok(connection)
            })
            .map_err(|error| read_error(&self.path, &error, wait))?;
        let identity = identity(&self.path).ok_or_else(|| replaced(&self.path))?;
        if identity.device_inode != self.device_inode {
            return Err(replaced(&self.path));
        }
        Ok(TableFile { connection, path: self.path, manner: self.manner, identity })
    }
}

impl TableFile {
    /// Makes sure that what was read is what the file holds.
    ///
    /// # Errors
    /// `busy`, where the file vanished, was replaced, or was written past SQLite's locks.
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        let now = identity(&self.path).ok_or_else(|| replaced(&self.path))?;
        let same = match self.manner {
            Manner::Locked => now == self.identity,
            Manner::Logged => now.device_inode == self.identity.device_inode,
            Manner::LogEmpty => now == self.identity && !has_bytes(&beside(&self.path, "-wal")),
        };
        if same { Ok(()) } else { Err(replaced(&self.path)) }
    }

    /// The table in it.
    pub(super) fn place(&self) -> Place<'_> {
        Place { connection: &self.connection, schema: "main", path: &self.path, said: error_of }
    }
}

/// What went wrong with reading, in words that name the file.
pub(super) fn error_of(path: &Path, error: &rusqlite::Error) -> Error {
    read_error(path, error, Duration::ZERO)
}

fn logged(path: &Path) -> Result<Manner, Error> {
    let log = beside(path, "-wal");
    if !has_bytes(&log) {
        return Ok(Manner::LogEmpty);
    }
    if beside(path, "-shm").exists() {
        return Ok(Manner::Logged);
    }
    Err(failed(
        path,
        format!(
            "has a write-ahead log ({}) without its index: let xCAT open the table once (tabdump)",
            log.display()
        ),
    ))
}

fn has_bytes(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = path.metadata().ok()?;
    Some(Identity {
        device_inode: (metadata.dev(), metadata.ino()),
        size: metadata.len(),
        changed: (metadata.mtime(), metadata.mtime_nsec()),
    })
}

/// The URI of a file that is there and is to be written.
pub(super) fn writable_uri(path: &Path) -> String {
    escaped(path) + "?mode=rw"
}

fn uri(path: &Path, manner: Manner) -> String {
    let manner = match manner {
        Manner::Locked => "?mode=ro",
        Manner::Logged => "?mode=ro&readonly_shm=1",
        Manner::LogEmpty => "?mode=ro&immutable=1",
    };
    escaped(path) + manner
}

/// The path as SQLite reads it in a URI: any byte of it may be a blank, a quote, a `?`.
fn escaped(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' => uri.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri
}

pub(super) fn failed(path: &Path, why: impl Into<String>) -> Error {
    Error::failed(path.display().to_string(), why)
}

fn replaced(path: &Path) -> Error {
    Error::busy(path.display().to_string(), "vanished or was replaced while it was read")
}

pub(super) fn read_error(path: &Path, error: &rusqlite::Error, waited: Duration) -> Error {
    let code = error.sqlite_error().map(|error| error.extended_code).unwrap_or_default();
    match code & 0xff {
        _ if code == ffi::SQLITE_READONLY_ROLLBACK => failed(
            path,
            format!(
                "a change of it was cut off ({} is there): let xCAT open the table once (tabdump), \
                 which takes the change back",
                beside(path, "-journal").display()
            ),
        ),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::busy(
            path.display().to_string(),
            format!(
                "is locked by another program, for {} s or more (--lock-wait waits longer)",
                waited.as_secs()
            ),
        ),
        ffi::SQLITE_FULL => failed(path, "the disk is full"),
        ffi::SQLITE_NOTADB => failed(path, "is damaged, or no database: file is not a database"),
        ffi::SQLITE_CORRUPT => failed(path, "is damaged: database disk image is malformed"),
        _ => failed(path, format!("cannot be used: {}", error.to_string().to_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bytes_of_a_path_are_escaped_for_sqlite() {
        let path = Path::new("/a b'/c?d#%.sqlite");
        assert_eq!(uri(path, Manner::Locked), "file:/a%20b%27/c%3fd%23%25.sqlite?mode=ro");
    }

    fn open(path: &Path) -> Result<Option<TableFile>, Error> {
        let Some(candidate) = Candidate::look(path)? else { return Ok(None) };
        candidate.open(Duration::ZERO, Instant::now()).map(Some)
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn rows(file: &TableFile) -> i64 {
        file.connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    fn made(directory: &Path, mode: &str) -> (PathBuf, Connection) {
        let path = directory.join("t.sqlite");
        let writer = Connection::open(&path).unwrap();
        writer
            .execute_batch(&format!(
                "PRAGMA journal_mode={mode}; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
            ))
            .unwrap();
        (path, writer)
    }

    #[test]
    fn a_file_that_is_not_there_is_none_and_a_directory_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(open(&directory.path().join("t.sqlite")).unwrap().is_none());
        assert!(open(directory.path()).is_err());
        std::os::unix::fs::symlink("gone", directory.path().join("link")).unwrap();
        let error = open(&directory.path().join("link")).unwrap_err();
        assert!(error.why.contains("link to nothing"));
    }

    #[test]
    fn a_write_ahead_log_that_is_empty_is_read_and_no_file_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "wal");
        drop(writer);
        assert_eq!(names(directory.path()), ["t.sqlite"]);
        let file = open(&path).unwrap().unwrap();
        assert_eq!((file.manner, rows(&file)), (Manner::LogEmpty, 1));
        assert_eq!(names(directory.path()), ["t.sqlite"]);
        file.check_unchanged().unwrap();
        let writer = Connection::open(&path).unwrap();
        writer.execute("INSERT INTO t VALUES (2)", []).unwrap();
        assert_eq!(file.check_unchanged().unwrap_err().kind, ha_json::Kind::Busy);
    }

    #[test]
    fn a_write_ahead_log_in_use_is_read_with_what_stands_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "wal");
        let file = open(&path).unwrap().unwrap();
        assert_eq!((file.manner, rows(&file)), (Manner::Logged, 1));
        writer.execute("INSERT INTO t VALUES (2)", []).unwrap();
        assert_eq!(rows(&file), 1, "one state as long as it is open");
        file.check_unchanged().unwrap();
        drop(file);
        assert_eq!(names(directory.path()), ["t.sqlite", "t.sqlite-shm", "t.sqlite-wal"]);
    }

    #[test]
    fn a_write_ahead_log_that_its_writer_left_behind_is_read_or_refused_never_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "wal");
        let copy = tempfile::tempdir().unwrap();
        for name in names(directory.path()) {
            std::fs::copy(directory.path().join(&name), copy.path().join(&name)).unwrap();
        }
        drop(writer);
        let left = copy.path().join(path.file_name().unwrap());
        assert_eq!(rows(&open(&left).unwrap().unwrap()), 1);
        assert_eq!(names(copy.path()).len(), 3);
        std::fs::remove_file(beside(&left, "-shm")).unwrap();
        let error = open(&left).unwrap_err();
        assert!(error.why.contains("without its index"), "{error}");
        assert_eq!(names(copy.path()).len(), 2);
    }

    #[test]
    fn a_change_that_was_cut_off_is_refused_and_its_journal_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "delete");
        writer.execute_batch("PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN").unwrap();
        for _ in 0..2000 {
            writer.execute("INSERT INTO t VALUES (randomblob(500))", []).unwrap();
        }
        let copy = tempfile::tempdir().unwrap();
        for name in names(directory.path()) {
            std::fs::copy(directory.path().join(&name), copy.path().join(&name)).unwrap();
        }
        drop(writer);
        let error = open(&copy.path().join(path.file_name().unwrap())).unwrap_err();
        assert!(error.why.contains("cut off"), "{error}");
        assert_eq!(names(copy.path()), ["t.sqlite", "t.sqlite-journal"]);
    }

    #[test]
    fn a_locked_file_is_busy_and_a_text_file_is_no_database() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "delete");
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert_eq!(open(&path).unwrap_err().kind, ha_json::Kind::Busy);
        let text = directory.path().join("text");
        std::fs::write(&text, "#node,comments\n".repeat(100)).unwrap();
        assert!(open(&text).unwrap_err().why.contains("not a database"));
    }

    #[test]
    fn a_file_that_is_replaced_or_overwritten_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = made(directory.path(), "delete");
        drop(writer);
        let file = open(&path).unwrap().unwrap();
        file.check_unchanged().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(file.check_unchanged().is_err());
        std::fs::write(&path, bytes).unwrap();
        assert!(file.check_unchanged().is_err());
    }
}
