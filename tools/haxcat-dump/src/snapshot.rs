//! All tables as of one moment: every file is in a read transaction before the first row is read.

use crate::database;
use crate::schema;
use crate::sqlite::{Candidate, TableFile};
use ha_json::{Error, Kind, reason};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The tables that were asked for, all open.
#[derive(Debug)]
pub(crate) struct Snapshot {
    directory: PathBuf,
    /// The moment at which the last of them was opened and none was closed yet.
    pub(crate) as_of: String,
    /// In the order that they were asked for.
    pub(crate) tables: Vec<Opened>,
}

/// One table of the snapshot.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) table: &'static schema::Table,
    /// The open file; none where there is no file; the error where it cannot be read.
    pub(crate) file: Result<Option<TableFile>, Error>,
}

impl Snapshot {
    /// Opens all `tables` for reading, waiting at most `wait` for locks on all of them together.
    ///
    /// # Errors
    /// `busy`, where another program has locked one of them, or replaced it in this moment. A table
    /// that cannot be read for another reason is an error in its place.
    pub(crate) fn open(
        directory: &Path,
        tables: &[&'static schema::Table],
        wait: Duration,
    ) -> Result<Snapshot, Error> {
        let deadline = Instant::now() + wait;
        let looked: Vec<_> = tables
            .iter()
            .map(|table| (*table, Candidate::look(&database::file(directory, table.name))))
            .collect();
        let mut opened = Vec::with_capacity(looked.len());
        for (table, candidate) in looked {
            let file = match candidate {
                Ok(Some(candidate)) => candidate.open(wait, deadline).map(Some),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            match file {
                Err(error) if error.kind == Kind::Busy => return Err(error),
                file => opened.push(Opened { table, file }),
            }
        }
        Ok(Snapshot { directory: directory.to_owned(), as_of: ha_json::now(), tables: opened })
    }

    /// Makes sure that what was read is what the database holds.
    ///
    /// # Errors
    /// `busy`, where a file came, vanished, was replaced, or was written past SQLite's locks.
    pub(crate) fn check_unchanged(&self) -> Result<(), Error> {
        self.tables.iter().try_for_each(|opened| self.check_table(opened))
    }

    /// As [`Snapshot::check_unchanged`], for one table.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn check_table(&self, opened: &Opened) -> Result<(), Error> {
        match &opened.file {
            Ok(Some(file)) => file.check_unchanged(),
            Ok(None) => {
                let path = database::file(&self.directory, opened.table.name);
                match path.symlink_metadata() {
                    Ok(_) => Err(Error::busy(
                        path.display().to_string(),
                        "came into being while the other tables were read",
                    )),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(Error::failed(path.display().to_string(), reason(&error))),
                }
            }
            Err(_) => Ok(()),
        }
    }

    /// The names of the tables that have a file, readable or not.
    pub(crate) fn present(&self) -> impl Iterator<Item = &'static str> {
        let has_file = |opened: &&Opened| !matches!(opened.file, Ok(None));
        self.tables.iter().filter(has_file).map(|opened| opened.table.name)
    }
}
