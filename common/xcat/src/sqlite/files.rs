//! All tables as of one moment: every file is in a read transaction before the first row is read.

use super::directory;
use super::file::{Candidate, TableFile};
use crate::database::Snapshot;
use crate::schema::Table;
use crate::table::{Cell, Layout, Order};
use ha_json::{Error, Kind, reason};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The tables that were asked for, all open.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    as_of: String,
    tables: Vec<Opened>,
}

/// One table of the snapshot.
#[derive(Debug)]
struct Opened {
    table: &'static Table,
    /// The open file; none where there is no file; the error where it cannot be read.
    file: Result<Option<TableFile>, Error>,
}

impl Files {
    /// Opens all `tables` for reading, waiting at most `wait` for locks on all of them together.
    ///
    /// # Errors
    /// `busy`, where another program has locked one of them, or replaced it in this moment. A table
    /// that cannot be read for another reason is an error in its place.
    pub(super) fn open(
        directory: &Path,
        tables: &[&'static Table],
        wait: Duration,
    ) -> Result<Files, Error> {
        let deadline = Instant::now() + wait;
        let looked: Vec<_> = tables
            .iter()
            .map(|table| (*table, Candidate::look(&directory::file(directory, table.name))))
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
        Ok(Files { directory: directory.to_owned(), as_of: ha_json::now(), tables: opened })
    }

    /// The columns of a table in which NULL has no place.
    pub(super) fn not_null(&self, table: &Table) -> Vec<String> {
        match self.file(table) {
            Ok(Some(file)) => file.place().not_null(table).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn file(&self, table: &Table) -> Result<Option<&TableFile>, Error> {
        let opened = self.tables.iter().find(|opened| opened.table == table);
        match opened.map(|opened| &opened.file) {
            Some(Ok(file)) => Ok(file.as_ref()),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(None),
        }
    }
}

impl Snapshot for Files {
    fn as_of(&self) -> Option<&str> {
        Some(&self.as_of)
    }

    fn present(&self) -> Vec<&'static str> {
        let has_file = |opened: &&Opened| !matches!(opened.file, Ok(None));
        self.tables.iter().filter(has_file).map(|opened| opened.table.name).collect()
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error> {
        match self.file(table)? {
            Some(file) => file.place().check_sound().and_then(|()| file.place().layout(table)),
            None => Ok(None),
        }
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        self.file(table)?.map_or(Ok(0), |file| file.place().count(table))
    }

    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        match self.file(table)? {
            Some(file) => file.place().each_row(table, layout, order, each),
            None => Ok(()),
        }
    }

    /// # Errors
    /// `busy`, where a file came, vanished, was replaced, or was written past SQLite's locks.
    fn check_table(&self, table: &'static Table) -> Result<(), Error> {
        match self.file(table) {
            Ok(Some(file)) => file.check_unchanged(),
            Ok(None) => {
                let path = directory::file(&self.directory, table.name);
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
}
