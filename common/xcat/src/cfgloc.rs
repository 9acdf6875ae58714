//! Where the database is: found as xCAT finds it. The text may hold a password, so no message
//! repeats more of it than the engine's name.

use crate::Place;
use ha_json::{Error, reason};
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const CFGLOC: &str = "/etc/xcat/cfgloc";

/// What leads to the database.
#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// What the database is, and where.
    pub engine: Engine,
    /// What named it, for messages.
    pub named_by: &'static str,
}

/// A database of xCAT, of one of the engines that it knows.
#[derive(Debug, PartialEq, Eq)]
pub enum Engine {
    /// A directory with one file per table.
    Sqlite(PathBuf),
    /// PostgreSQL.
    Postgres(Server),
    /// MySQL or MariaDB.
    Mysql(Server),
    /// DB2; the database is the name of an ODBC data source.
    Db2(Server),
}

/// A database on a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// The name of the database.
    pub database: String,
    /// A host name or address; none for the server of this machine, by its socket.
    pub host: Option<String>,
    /// None for the engine's own.
    pub port: Option<u16>,
    /// Where the socket of this machine's server is; none for the usual places.
    pub socket: Option<PathBuf>,
    /// Who connects.
    pub user: String,
    /// In `Debug` it is not shown, and nothing else shows it.
    pub password: String,
}

impl Location {
    /// What it leads to, told without going there. Only its server knows whether MySQL is MariaDB.
    pub fn place(&self) -> Place {
        let at = |engine, server: &Server| Place {
            engine,
            directory: None,
            server: Some(server.address()),
            database: Some(server.database.clone()),
        };
        match &self.engine {
            Engine::Sqlite(path) => {
                Place { engine: "SQLite", directory: Some(path.clone()), ..Place::default() }
            }
            Engine::Postgres(server) => at("PostgreSQL", server),
            Engine::Mysql(server) => at("MySQL", server),
            Engine::Db2(server) => at("DB2", server),
        }
    }
}

impl Server {
    fn address(&self) -> String {
        match (&self.host, &self.socket, self.port) {
            (Some(host), _, Some(port)) => format!("{host}:{port}"),
            (Some(host), _, None) => host.clone(),
            (None, Some(socket), _) => socket.display().to_string(),
            (None, None, _) => "the server of this machine".to_owned(),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}:{:?}/{}", self.user, self.host, self.port, self.database)
    }
}

/// Finds the database: `$XCATCFG` (given as `environment`), the first line of `/etc/xcat/cfgloc`,
/// `/opt/xcat/cfg` where that is a directory, `/etc/xcat`. `root` stands before the fixed paths.
///
/// # Errors
/// Usage, for an engine that xCAT does not have, or a text that names no database; `failed`, when
/// cfgloc is there and cannot be read.
pub fn locate(environment: Option<OsString>, root: &Path) -> Result<Location, Error> {
    if let Some(text) = environment.filter(|text| !text.is_empty()) {
        return parse(text.as_bytes(), "XCATCFG");
    }
    if let Some(line) = first_line(&root.join(&CFGLOC[1..]))? {
        return parse(&line, CFGLOC);
    }
    let opt = root.join("opt/xcat/cfg");
    let directory = if opt.is_dir() { opt } else { root.join("etc/xcat") };
    Ok(Location {
        engine: Engine::Sqlite(directory),
        named_by: "no XCATCFG and no /etc/xcat/cfgloc",
    })
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
    let mut fields = text.splitn(3, |&byte| byte == b'|');
    let connection = fields.next().unwrap_or_default();
    let (user, password) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let (engine, rest) = match connection.iter().position(|&byte| byte == b':') {
        Some(at) => (&connection[..at], &connection[at + 1..]),
        None => (&b"SQLite"[..], connection),
    };
    let server = |name| server(name, rest, user, password, named_by);
    let engine = match engine.to_ascii_lowercase().as_slice() {
        b"sqlite" if rest.is_empty() => {
            return Err(Error::failed(named_by, "names no directory of a SQLite database"));
        }
        b"sqlite" => Engine::Sqlite(OsString::from_vec(rest.to_vec()).into()),
        b"pg" => Engine::Postgres(server("PostgreSQL")?),
        b"mysql" | b"mariadb" => Engine::Mysql(server("MySQL")?),
        b"db2" if cfg!(feature = "odbc") => Engine::Db2(server("DB2")?),
        b"db2" => {
            let why = "DB2 is not supported by this program: it was built without --features odbc";
            return Err(Error::usage(named_by, why));
        }
        b"csv" => {
            let why = "CSV is not supported: haxcat-dump --from DIR reads a dump";
            return Err(Error::usage(named_by, why));
        }
        _ => {
            let why =
                "the database engine named there is not supported: SQLite, Pg, mysql and DB2 are";
            return Err(Error::usage(named_by, why));
        }
    };
    Ok(Location { engine, named_by })
}

/// The rest of a DBI data source: `name=value` with semicolons between, or the name of the database.
fn server(
    engine: &str,
    rest: &[u8],
    user: &[u8],
    password: &[u8],
    named_by: &'static str,
) -> Result<Server, Error> {
    let wrong = |why: &str| Error::usage(named_by, format!("{engine}: {why}"));
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| wrong("what is there is not UTF-8"))
    };
    let mut server = Server {
        database: String::new(),
        host: None,
        port: None,
        socket: None,
        user: text(user)?,
        password: text(password.trim_ascii_end())?,
    };
    for part in text(rest)?.split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or(("dbname", part));
        let value = value.trim().to_owned();
        match name.trim().to_ascii_lowercase().as_str() {
            "dbname" | "database" | "db" => server.database = value,
            "host" | "hostname" | "hostaddr" if value.starts_with('/') => {
                server.socket = Some(value.into());
            }
            "host" | "hostname" | "hostaddr" => server.host = Some(value).filter(|v| !v.is_empty()),
            "port" => {
                let port = value.parse().map_err(|_| wrong("the port is no number"))?;
                server.port = Some(port);
            }
            "mysql_socket" => server.socket = Some(value.into()),
            "sslmode" if matches!(value.as_str(), "require" | "verify-ca" | "verify-full") => {
                return Err(wrong("the connection is to be encrypted, which this tool cannot"));
            }
            // What else DBI and the drivers take does not say where the database is.
            _ => {}
        }
    }
    if server.database.is_empty() {
        return Err(wrong("no database is named, as in dbname=xcatdb"));
    }
    if server.user.is_empty() {
        return Err(wrong("no user is named, as in dbname=xcatdb;host=mn|xcatadm|PASSWORD"));
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use proptest::prelude::*;

    fn environment(text: &str) -> Result<Location, Error> {
        locate(Some(text.into()), Path::new("/nowhere"))
    }

    fn directory(location: Location) -> PathBuf {
        match location.engine {
            Engine::Sqlite(directory) => directory,
            other => panic!("{other:?}"),
        }
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
        assert_eq!(directory(environment("/my/db").unwrap()), Path::new("/my/db"));
        assert_eq!(directory(environment("SQLite:/my/d b'").unwrap()), Path::new("/my/d b'"));
    }

    #[test]
    fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
        let both = root(Some("SQLite:/from/file\nSQLite:/second/line\n"), true);
        let found = |text: Option<&str>, root: &tempfile::TempDir| {
            directory(locate(text.map(OsString::from), root.path()).unwrap())
        };
        assert_eq!(found(Some("/env"), &both), Path::new("/env"));
        assert_eq!(found(Some(""), &both), Path::new("/from/file"));
        let opt = root(Some("\n"), true);
        assert_eq!(found(None, &opt), opt.path().join("opt/xcat/cfg"));
        let bare = root(None, false);
        assert_eq!(found(None, &bare), bare.path().join("etc/xcat"));
    }

    #[test]
    fn the_lines_that_xcats_set_up_scripts_write_name_a_server() {
        let pg = environment("Pg:dbname=xcatdb;host=mn;port=5433|xcatadm|S3|cret").unwrap();
        let Engine::Postgres(server) = pg.engine else { panic!("{pg:?}") };
        let named = (server.database.as_str(), server.host.as_deref(), server.port);
        assert_eq!(named, ("xcatdb", Some("mn"), Some(5433)));
        assert_eq!((server.user.as_str(), server.password.as_str()), ("xcatadm", "S3|cret"));
        let mysql = environment("mysql:dbname=xcatdb;host=mn|xcatadmin|x").unwrap();
        assert!(matches!(mysql.engine, Engine::Mysql(server) if server.port.is_none()));
        let db2 = super::server("DB2", b"xcatdb", b"xcatdb", b"x", "XCATCFG").unwrap();
        assert_eq!((db2.database.as_str(), db2.user.as_str()), ("xcatdb", "xcatdb"));
        let local = environment("Pg:dbname=x;host=/run/pg|u|").unwrap();
        assert!(matches!(
            local.engine,
            Engine::Postgres(Server { host: None, socket: Some(_), .. })
        ));
    }

    #[test]
    fn what_leads_nowhere_is_refused_without_the_password() {
        for (text, name) in [
            ("CSV:/etc/xcat|x|S3cret", "CSV is not supported"),
            ("S3cret:/x", "engine named there is not supported"),
            ("Pg:host=mn|xcatadm|S3cret", "no database is named"),
            ("Pg:dbname=xcatdb;host=mn", "no user is named"),
            ("mysql:dbname=x;port=S3cret|u|S3cret", "port is no number"),
            ("Pg:dbname=x;sslmode=require|u|S3cret", "encrypted"),
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
        fn any_text_gives_a_place_or_an_error_without_what_stands_after_the_bar(
            head: Vec<u8>, engine in "(Pg|mysql|DB2|SQLite|):?", password in "[a-z]{12}"
        ) {
            let text = [engine.as_bytes(), &head[..], b"|user|", password.as_bytes()].concat();
            let shown = match parse(&text, "XCATCFG") {
                Ok(found) => format!("{found:?}"),
                Err(error) => error.to_string(),
            };
            prop_assert!(!shown.contains(&password));
        }
    }
}
