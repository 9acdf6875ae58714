//! Where the database is: found as xCAT finds it. The text may hold a password, so no message
//! repeats more of it than the engine's name.

use ha_json::{Error, reason};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A SQLite database of xCAT: a directory with one file per table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// The directory of the table files.
    pub(crate) directory: PathBuf,
    /// What named it, for messages.
    pub(crate) named_by: &'static str,
}

const CFGLOC: &str = "/etc/xcat/cfgloc";

/// Finds the database: `$XCATCFG` (given as `environment`), the first line of `/etc/xcat/cfgloc`,
/// `/opt/xcat/cfg` where that is a directory, `/etc/xcat`. `root` stands before the fixed paths.
///
/// # Errors
/// Usage, for an engine that is not supported; `failed`, when cfgloc is there and cannot be read.
pub(crate) fn locate(environment: Option<OsString>, root: &Path) -> Result<Location, Error> {
    if let Some(text) = environment.filter(|text| !text.is_empty()) {
        return parse(text.as_bytes(), "XCATCFG");
    }
    if let Some(line) = first_line(&root.join(&CFGLOC[1..]))? {
        return parse(&line, CFGLOC);
    }
    let opt = root.join("opt/xcat/cfg");
    let directory = if opt.is_dir() { opt } else { root.join("etc/xcat") };
    Ok(Location { directory, named_by: "no XCATCFG and no /etc/xcat/cfgloc" })
}

fn first_line(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(text) => Ok(text
            .split(|&byte| byte == b'\n')
            .next()
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(Error::failed(path.display().to_string(), reason(&error))),
    }
}

fn parse(text: &[u8], named_by: &'static str) -> Result<Location, Error> {
    let connection = text.split(|&byte| byte == b'|').next().unwrap_or_default();
    let (engine, rest) = match connection.iter().position(|&byte| byte == b':') {
        Some(at) => (&connection[..at], &connection[at + 1..]),
        None => (&b"SQLite"[..], connection),
    };
    let name = match engine.to_ascii_lowercase().as_slice() {
        b"sqlite" if rest.is_empty() => {
            return Err(Error::failed(named_by, "names no directory of a SQLite database"));
        }
        b"sqlite" => {
            let directory = PathBuf::from(OsString::from_vec(rest.to_vec()));
            return Ok(Location { directory, named_by });
        }
        b"pg" => "PostgreSQL",
        b"mysql" | b"mariadb" => "MySQL/MariaDB",
        b"db2" => "DB2",
        b"csv" => "CSV",
        _ => "the database engine named there",
    };
    Err(Error::usage(named_by, format!("{name} is not supported yet, only SQLite is")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use proptest::prelude::*;

    fn environment(text: &str) -> Result<Location, Error> {
        locate(Some(text.into()), Path::new("/nowhere"))
    }

    fn root(cfgloc: Option<&str>, opt: bool) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/xcat")).unwrap();
        if let Some(text) = cfgloc {
            std::fs::write(root.path().join("etc/xcat/cfgloc"), text).unwrap();
        }
        if opt {
            std::fs::create_dir_all(root.path().join("opt/xcat/cfg")).unwrap();
        }
        root
    }

    #[test]
    fn a_text_without_a_colon_is_a_sqlite_directory() {
        assert_eq!(environment("/my/db").unwrap().directory, Path::new("/my/db"));
        assert_eq!(environment("SQLite:/my/d b'").unwrap().directory, Path::new("/my/d b'"));
    }

    #[test]
    fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
        let both = root(Some("SQLite:/from/file\nSQLite:/second/line\n"), true);
        let found = |text: Option<&str>, root: &tempfile::TempDir| {
            locate(text.map(OsString::from), root.path()).unwrap().directory
        };
        assert_eq!(found(Some("/env"), &both), Path::new("/env"));
        assert_eq!(found(Some(""), &both), Path::new("/from/file"));
        let opt = root(Some("\n"), true);
        assert_eq!(found(None, &opt), opt.path().join("opt/xcat/cfg"));
        let bare = root(None, false);
        assert_eq!(found(None, &bare), bare.path().join("etc/xcat"));
    }

    #[test]
    fn other_engines_are_refused_by_name_and_the_password_is_not_shown() {
        for (text, name) in [
            ("Pg:dbname=xcatdb;host=mn|xcatadm|S3cret", "PostgreSQL is not supported yet"),
            ("mysql:dbname=xcatdb;host=mn|xcatadmin|S3cret", "MySQL/MariaDB is not supported yet"),
            ("DB2:xcatdb|xcatdb|S3cret", "DB2 is not supported yet"),
            ("CSV:/etc/xcat", "CSV is not supported yet"),
            ("S3cret:/x", "engine named there is not supported yet"),
        ] {
            let error = environment(text).unwrap_err();
            assert_eq!(error.kind, Kind::Usage);
            assert!(error.why.contains(name), "{error}");
            assert!(!error.to_string().contains("S3cret"), "{error}");
        }
    }

    #[test]
    fn a_cfgloc_that_cannot_be_read_is_no_reason_to_dump_another_database() {
        let root = root(None, true);
        std::fs::create_dir(root.path().join("etc/xcat/cfgloc")).unwrap();
        assert_eq!(locate(None, root.path()).unwrap_err().kind, Kind::Failed);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_directory_or_an_error_without_what_stands_after_the_bar(
            head: Vec<u8>, password in "[a-z]{12}"
        ) {
            let text = [&head[..], b"|user|", password.as_bytes()].concat();
            match parse(&text, "XCATCFG") {
                Ok(found) => prop_assert!(!found.directory.to_string_lossy().contains(&password)),
                Err(error) => prop_assert!(!error.to_string().contains(&password)),
            }
        }
    }
}
