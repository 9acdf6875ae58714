//! The directory of the database: which table files are there.

use super::attached::Attached;
use super::files::Files;
use crate::database::{Listing, Place};
use crate::limits::{Limit, Limits};
use crate::patience::Patience;
use crate::schema::Table;
use ha_json::{Error, reason};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The directory.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Absolute and without symbolic links.
    path: PathBuf,
    patience: Patience,
}

impl Directory {
    /// Finds it.
    ///
    /// # Errors
    /// `failed`, where there is no such directory.
    pub(crate) fn open(
        path: &Path,
        named_by: &str,
        patience: Patience,
    ) -> Result<Directory, Error> {
        let said = |error: std::io::Error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => format!(": no xCAT database here ({named_by} leads here)"),
                _ => String::new(),
            };
            Error::failed(path.display().to_string(), reason(&error) + &hint)
        };
        let path = path.canonicalize().map_err(said)?;
        std::fs::read_dir(&path).map_err(said)?;
        Ok(Directory { path, patience })
    }

    pub(crate) fn place(&self) -> Place {
        Place { engine: "SQLite", directory: Some(self.path.clone()), ..Place::default() }
    }

    pub(crate) fn list(&self) -> Result<Listing, Error> {
        let said = |error: std::io::Error| Error::io(self.path.display().to_string(), &error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(said)? {
            let name = entry.map_err(said)?.file_name();
            names.extend(name.as_bytes().strip_suffix(b".sqlite").map(<[u8]>::to_vec));
        }
        Ok(Listing::new(names))
    }

    /// A table that cannot be read is told when it is opened to be changed.
    pub(crate) fn limits(&self, tables: &[&'static Table]) -> Result<Limits, Error> {
        let files = self.snapshot(tables)?;
        let mut limits = Limits::default();
        for table in tables {
            for column in files.not_null(table) {
                limits.add(table.name, &column, Limit { not_null: true, ..Limit::default() });
            }
        }
        Ok(limits)
    }

    pub(crate) fn snapshot(&self, tables: &[&'static Table]) -> Result<Files, Error> {
        Files::open(&self.path, tables, self.patience.lock)
    }

    pub(crate) fn transaction(&self, tables: &[&'static Table]) -> Result<Attached, Error> {
        Attached::begin(&self.path, tables, self.patience.lock)
    }
}

/// The file of a table, whether it is there or not.
pub(super) fn file(directory: &Path, table: &str) -> PathBuf {
    directory.join(format!("{table}.sqlite"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PATIENCE: Patience =
        Patience { connect: Duration::ZERO, lock: Duration::ZERO, answer: Duration::ZERO };

    #[test]
    fn only_table_files_are_tables() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["cfgloc", "mac.csv", "site.sqlite", "mine.sqlite", "mac.sqlite-journal"] {
            std::fs::write(directory.path().join(name), b"").unwrap();
        }
        let listing =
            Directory::open(directory.path(), "XCATCFG", PATIENCE).unwrap().list().unwrap();
        assert_eq!((listing.known, listing.unknown), (vec!["site"], vec![b"mine".to_vec()]));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named_with_what_led_to_it() {
        let error = Directory::open(Path::new("/no/where"), "XCATCFG", PATIENCE).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("/no/where: ") && error.contains("XCATCFG"), "{error}");
    }
}
