//! A database and a place for dumps, and the tool run on them.

use ha_json::Value;
use rusqlite::Connection;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) struct Ground {
    pub(crate) root: tempfile::TempDir,
}

impl Ground {
    /// With an empty site table, so that it is a database.
    pub(crate) fn new() -> Ground {
        let ground = Ground { root: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.database()).unwrap();
        ground.table("site", "key VARCHAR(128), value TEXT, comments TEXT, disable TEXT", "key");
        ground
    }

    /// With the sample database.
    pub(crate) fn samples() -> Ground {
        let ground = Ground { root: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.database()).unwrap();
        for entry in fs::read_dir(fixtures().join("sqlite")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), ground.database().join(entry.file_name())).unwrap();
        }
        ground
    }

    /// With some thousand rows in some tables.
    pub(crate) fn large(rows: u32) -> Ground {
        let ground = Ground::new();
        for table in ["nodelist", "mac", "hosts", "vpd"] {
            let connection =
                ground.table(table, "node VARCHAR(128), comments TEXT, disable TEXT", "node");
            fill(&connection, table, rows);
        }
        ground
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.path().join("db")
    }

    pub(crate) fn dump(&self) -> PathBuf {
        self.root.path().join("dump")
    }

    pub(crate) fn file(&self, table: &str) -> PathBuf {
        self.database().join(format!("{table}.sqlite"))
    }

    /// Makes a table in a file of its own, as xCAT does.
    pub(crate) fn table(&self, name: &str, columns: &str, key: &str) -> Connection {
        let connection = Connection::open(self.file(name)).unwrap();
        let sql = format!("CREATE TABLE {name} ({columns}, PRIMARY KEY ({key}))");
        connection.execute_batch(&sql).unwrap();
        connection
    }

    /// Opens the file of a table that is there.
    pub(crate) fn open(&self, table: &str) -> Connection {
        Connection::open(self.file(table)).unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haxcat-dump"));
        command.env("XCATCFG", self.database()).env_remove("XCAT_SKIPTABLES");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        Ran::from(self.command().args(arguments).output().unwrap())
    }

    /// Dumps to [`Ground::dump`], and wants it to succeed in silence.
    pub(crate) fn dump_well(&self) -> Ran {
        let ran = self.run(&[OsStr::new("-p"), self.dump().as_os_str()]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        ran
    }

    pub(crate) fn csv(&self, table: &str) -> Vec<u8> {
        fs::read(self.dump().join(format!("{table}.csv"))).unwrap()
    }
}

/// What the tool said.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines = output
            .stdout
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_line)
            .collect();
        let status = output.status.code().unwrap_or_else(|| panic!("{:?} {stderr}", output.status));
        Ran { status, lines, stderr }
    }
}

impl Ran {
    pub(crate) fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["type"] == kind).collect()
    }

    pub(crate) fn end(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// Wants a fatal error: the status, the last line that says so, one line on stderr with `word`.
    pub(crate) fn failed_with(&self, status: i32, word: &str) {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("haxcat-dump: "));
        if status == 2 {
            assert!(self.lines.is_empty());
        } else {
            assert_eq!((&self.end()["ok"], &self.end()["status"]), (&false.into(), &status.into()));
        }
    }
}

fn serde_line(line: &[u8]) -> Value {
    std::str::from_utf8(line).unwrap().parse().unwrap()
}

pub(crate) fn fill(connection: &Connection, table: &str, rows: u32) {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO {table} (node, comments) SELECT printf('node%06d', i), hex(zeroblob(40)) FROM n"
    );
    connection.execute_batch(&sql).unwrap();
}

pub(crate) fn fixtures() -> PathBuf {
    repository().join("tests/fixtures/xcat")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Every byte of every file of a directory.
pub(crate) fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: &String| fs::read(directory.join(name)).unwrap();
    names(directory).iter().map(|name| (name.clone(), read(name))).collect()
}

pub(crate) const MANIFEST: &str = "x_teal_haxcat_manifest.jsonl";

/// Wants the dump to be what its manifest says, to the byte, and the manifest to be whole.
pub(crate) fn assert_whole(dump: &Path) {
    let manifest = fs::File::open(dump.join(MANIFEST)).unwrap();
    let input = ha_json::read_to_change(std::io::BufReader::new(manifest)).unwrap();
    assert_eq!((input.schema.as_str(), input.version), ("haxcat-manifest", 1));
    let mut meant: Vec<String> = vec![MANIFEST.to_owned()];
    for record in &input.records {
        let name = record["key"]["file"].as_str().unwrap();
        let bytes = fs::read(dump.join(name)).unwrap();
        assert_eq!(record["values"]["size_bytes"], bytes.len());
        assert_eq!(record["values"]["blake3"], blake3::hash(&bytes).to_hex().as_str());
        meant.push(name.to_owned());
    }
    meant.sort();
    assert_eq!(names(dump), meant);
}
