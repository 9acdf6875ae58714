//! The directory of the database: which table files are there.

use crate::cfgloc::Location;
use crate::schema;
use ha_json::{Error, reason};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is in the directory.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The directory, absolute and without symbolic links.
    pub(crate) directory: PathBuf,
    /// Tables of xCAT's schema that have a file.
    pub(crate) known: Vec<&'static str>,
    /// Names of tables that xCAT's schema does not have, sorted.
    pub(crate) unknown: Vec<Vec<u8>>,
}

/// Tables that dumpxCATdb passes over without a word, by the beginning of their names.
const NEVER: [&[u8]; 2] = [b"x_teal", b"isnm_perf"];

/// Lists the table files.
///
/// # Errors
/// `failed`, where there is no such directory, or no table file in it.
pub(crate) fn list(location: &Location) -> Result<Listing, Error> {
    let path = &location.directory;
    let said = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => {
                format!(": no xCAT database here ({} leads here)", location.named_by)
            }
            _ => String::new(),
        };
        Error::failed(path.display().to_string(), reason(&error) + &hint)
    };
    let directory = path.canonicalize().map_err(said)?;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(said)? {
        let name = entry.map_err(said)?.file_name();
        let Some(table) = name.as_bytes().strip_suffix(b".sqlite") else { continue };
        match std::str::from_utf8(table).ok().and_then(schema::table) {
            Some(table) => known.push(table.name),
            None if NEVER.iter().any(|never| table.starts_with(never)) => {}
            None => unknown.push(table.to_vec()),
        }
    }
    if known.is_empty() {
        return Err(Error::failed(
            directory.display().to_string(),
            format!(
                "no xCAT database here: looked for TABLE.sqlite, such as site.sqlite ({} leads here)",
                location.named_by
            ),
        ));
    }
    unknown.sort();
    Ok(Listing { directory, known, unknown })
}

/// The file of a table, whether it is there or not.
pub(crate) fn file(directory: &Path, table: &str) -> PathBuf {
    directory.join(format!("{table}.sqlite"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Result<Listing, Error> {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(directory.path().join(name), b"").unwrap();
        }
        list(&Location { directory: directory.path().to_owned(), named_by: "XCATCFG" })
    }

    #[test]
    fn tables_of_the_schema_are_told_from_others() {
        let names =
            ["site.sqlite", "mine.sqlite", "x_teal_a.sqlite", "isnm_perf.sqlite", "mac.csv"];
        let listing = listed(&names).unwrap();
        assert_eq!(listing.unknown, [b"mine"]);
    }

    #[test]
    fn a_directory_without_table_files_is_no_database() {
        let error = listed(&["cfgloc", "mine.sqlite"]).unwrap_err();
        assert!(error.why.contains("looked for TABLE.sqlite"), "{error}");
        assert_eq!(error.kind, ha_json::Kind::Failed);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named_with_what_led_to_it() {
        let nowhere = Location { directory: "/no/where".into(), named_by: "XCATCFG" };
        let error = list(&nowhere).unwrap_err().to_string();
        assert!(error.starts_with("/no/where: ") && error.contains("XCATCFG"), "{error}");
    }
}
