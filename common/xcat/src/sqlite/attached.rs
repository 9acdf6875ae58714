//! All table files in one transaction. SQLite commits them together, by a journal that names them all:
//! whoever opens one of them after a crash, xCAT too, finds all of them changed or none.

use super::directory;
use super::file::{Candidate, error_of, failed, read_error, writable_uri};
use super::rows::{DIALECT, Place};
use crate::database::{Rows, Snapshot, Transaction};
use crate::schema::Table;
use crate::table::{Cell, Layout, Order};
use ha_json::{Error, Kind, reason};
use rusqlite::limits::Limit;
use rusqlite::types::{Null, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What SQLite may keep of a file in memory, in KiB.
const CACHE_KIB: u32 = 1024;

/// The files, all locked.
#[derive(Debug)]
pub(crate) struct Attached {
    /// None once it is closed.
    connection: Option<Connection>,
    as_of: String,
    files: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    table: &'static Table,
    path: PathBuf,
    /// The name by which the connection has it.
    schema: String,
    /// It was made for this transaction.
    made: bool,
    /// Its structure was looked at; what was written since is SQLite's own.
    sound: bool,
}

/// What is bound as text, whatever its bytes.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

impl Attached {
    /// Opens the files of `tables`, makes those that are missing, and locks them all.
    ///
    /// # Errors
    /// `busy`, where another program holds one for longer than `wait`; `failed`, where one is damaged
    /// or cannot take part in a common change.
    pub(super) fn begin(
        directory: &Path,
        tables: &[&'static Table],
        wait: Duration,
    ) -> Result<Attached, Error> {
        let mut all = Attached { connection: None, as_of: String::new(), files: Vec::new() };
        // No file is opened by other means once SQLite has a lock on one: closing it would drop that.
        for table in tables {
            let path = directory::file(directory, table.name);
            let schema = match all.files.len() {
                0 => "main".to_owned(),
                number => format!("file{number}"),
            };
            let found = Candidate::look(&path)?;
            let made = found.is_none();
            let path = match found {
                Some(candidate) => candidate.changeable()?,
                None => make(&path).map(|()| path)?,
            };
            all.files.push(Part { table, path, schema, made, sound: made });
        }
        if !all.files.is_empty() {
            all.connection = Some(all.open(wait)?);
        }
        all.as_of = ha_json::now();
        Ok(all)
    }

    fn open(&self, wait: Duration) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let first = &self.files[0].path;
        let said = |error: &rusqlite::Error| read_error(first, error, wait);
        let connection = Connection::open_with_flags(writable_uri(first), flags)
            .map_err(|error| said(&error))?;
        let most = connection.limit(Limit::SQLITE_LIMIT_ATTACHED).map_err(|error| said(&error))?;
        if usize::try_from(most).unwrap_or_default() + 1 < self.files.len() {
            let why = format!(
                "this program was built with a SQLite that changes {} tables at once, and not {}: \
                 build it in its source tree, where .cargo/config.toml says 125",
                most + 1,
                self.files.len()
            );
            return Err(Error::failed("SQLite", why));
        }
        connection.busy_timeout(wait).map_err(|error| said(&error))?;
        for part in &self.files {
            let said = |error| read_error(&part.path, &error, wait);
            if part.schema != "main" {
                connection
                    .execute(&format!("ATTACH ?1 AS {}", part.schema), [writable_uri(&part.path)])
                    .map_err(said)?;
            }
            // To read is to find out whether it is locked, damaged, or to be repaired first.
            let look = format!(
                "PRAGMA {0}.cache_size = -{CACHE_KIB}; SELECT count(*) FROM {0}.sqlite_schema",
                part.schema
            );
            connection.execute_batch(&look).map_err(said)?;
        }
        let begin = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; BEGIN EXCLUSIVE";
        connection.execute_batch(begin).map_err(|error| match said(&error) {
            // Which of them it is, SQLite does not say.
            Error { kind: Kind::Busy, why, .. } if self.files.len() > 1 => {
                let directory = first.parent().unwrap_or(first);
                Error::busy(directory.display().to_string(), format!("a table {why}"))
            }
            error => error,
        })?;
        Ok(connection)
    }

    fn place(&self, table: &Table) -> Result<Place<'_>, Error> {
        let part = self.files.iter().find(|part| part.table == table);
        match (part, &self.connection) {
            (Some(part), Some(connection)) => {
                Ok(Place { connection, schema: &part.schema, path: &part.path, said: error_of })
            }
            _ => Err(Error::failed(table.name, "is not among the tables to be changed")),
        }
    }
}

/// Makes an empty file, as xCAT makes those of its tables.
fn make(path: &Path) -> Result<(), Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| failed(path, reason(&error)))
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.connection.take());
        for part in self.files.iter().filter(|part| part.made) {
            // An empty file is an empty database: leaving it would do no harm.
            if part.path.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                let _ = std::fs::remove_file(&part.path);
            }
        }
    }
}

impl Snapshot for Attached {
    fn as_of(&self) -> Option<&str> {
        Some(&self.as_of)
    }

    fn present(&self) -> Vec<&'static str> {
        self.files.iter().filter(|part| !part.made).map(|part| part.table.name).collect()
    }

    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error> {
        if self.files.iter().any(|part| part.table == table && !part.sound) {
            self.place(table)?.check_sound()?;
            self.files
                .iter_mut()
                .filter(|part| part.table == table)
                .for_each(|part| part.sound = true);
        }
        self.place(table)?.layout(table)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        self.place(table)?.count(table)
    }

    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.place(table)?.each_row(table, layout, order, each)
    }
}

impl Transaction for Attached {
    fn replace(
        &mut self,
        table: &'static Table,
        columns: &[String],
        rows: &mut dyn Rows,
    ) -> Result<(), Error> {
        let place = self.place(table)?;
        let said = |error: rusqlite::Error| error_of(place.path, &error);
        let name = place.name(table);
        if place.layout(table)?.is_none() {
            place.connection.execute_batch(&DIALECT.create(table, &name)).map_err(said)?;
        }
        place.connection.execute(&format!("DELETE FROM {name}"), []).map_err(said)?;
        let marks = vec!["?"; columns.len()].join(",");
        let sql = format!("INSERT INTO {name} ({}) VALUES ({marks})", DIALECT.list(columns));
        let mut insert = place.connection.prepare(&sql).map_err(said)?;
        while let Some(cells) = rows.next_row()? {
            for (number, cell) in cells.iter().enumerate() {
                match cell {
                    Some(bytes) => insert.raw_bind_parameter(number + 1, Text(bytes)),
                    None => insert.raw_bind_parameter(number + 1, Null),
                }
                .map_err(said)?;
            }
            insert.raw_execute().map_err(said)?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let done = connection.execute_batch("COMMIT");
        let path = self.files.first().map(|part| part.path.clone()).unwrap_or_default();
        done.map_err(|error| error_of(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use std::borrow::Cow;

    struct One(Vec<Vec<Cell<'static>>>, usize);

    impl Rows for One {
        fn next_row(&mut self) -> Result<Option<Vec<Cell<'_>>>, Error> {
            self.1 += 1;
            Ok(self.0.get(self.1 - 1).cloned())
        }
    }

    fn one(value: &'static [u8]) -> One {
        One(vec![vec![Some(Cow::Borrowed(value)), None]], 0)
    }

    fn tables() -> Vec<&'static Table> {
        schema::tables().iter().collect()
    }

    fn begin(directory: &Path) -> Result<Attached, Error> {
        Attached::begin(directory, &tables(), Duration::from_millis(100))
    }

    fn write_all(transaction: &mut Attached, value: &'static [u8]) {
        for table in tables() {
            let key = table.keys[0];
            let number = table.kind(key) == crate::Kind::Counter;
            let columns = [key, "disable"].map(str::to_owned);
            transaction
                .replace(table, &columns, &mut one(if number { b"7" } else { value }))
                .unwrap();
        }
    }

    fn value(directory: &Path, table: &str) -> Option<Vec<u8>> {
        let connection = Connection::open(directory.join(format!("{table}.sqlite"))).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok(row.get_ref(0)?.as_bytes()?.to_vec());
        connection.query_row(&format!("SELECT node FROM {table}"), [], read).ok()
    }

    #[test]
    fn every_table_of_the_schema_takes_part_in_one_transaction() {
        let directory = tempfile::tempdir().unwrap();
        let mut transaction = begin(directory.path()).unwrap();
        assert!(transaction.present().is_empty());
        write_all(&mut transaction, b"n\xff");
        Box::new(transaction).commit().unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), tables().len());
        assert_eq!(value(directory.path(), "mac").unwrap(), b"n\xff");
    }

    #[test]
    fn what_is_not_committed_did_not_happen_and_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        write_all(&mut begin(directory.path()).unwrap(), b"n");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let mut transaction = begin(directory.path()).unwrap();
        write_all(&mut transaction, b"old");
        Box::new(transaction).commit().unwrap();
        write_all(&mut begin(directory.path()).unwrap(), b"new");
        assert_eq!(value(directory.path(), "mac").unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), tables().len());
    }

    #[test]
    fn a_file_that_another_program_reads_in_a_transaction_is_busy_and_so_is_one_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let mut transaction = begin(directory.path()).unwrap();
        write_all(&mut transaction, b"old");
        Box::new(transaction).commit().unwrap();
        let other = Connection::open(directory.path().join("vpd.sqlite")).unwrap();
        for lock in ["BEGIN; SELECT * FROM vpd", "BEGIN EXCLUSIVE"] {
            other.execute_batch(lock).unwrap();
            let error = begin(directory.path()).unwrap_err();
            assert_eq!(error.kind, ha_json::Kind::Busy, "{error}");
            other.execute_batch("ROLLBACK").unwrap();
        }
        begin(directory.path()).unwrap();
    }

    #[test]
    fn a_write_ahead_log_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mac.sqlite");
        let wal = Connection::open(&path).unwrap();
        wal.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE mac (node)").unwrap();
        assert!(begin(directory.path()).unwrap_err().why.contains("write-ahead log"));
    }
}
