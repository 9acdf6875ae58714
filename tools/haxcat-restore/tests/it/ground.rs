//! A database and a place for dumps, and the tool run on them.

use ha_json::Value;
use ha_testing::Ran;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Ground {
    pub(crate) root: tempfile::TempDir,
}

/// The header of the dump of mac.
pub(crate) const MAC: &str = "#node,interface,mac,comments,disable\n";

impl Ground {
    /// With a site table, so that it is a database, and a table mac that has the nodes `nodes`.
    pub(crate) fn new(nodes: &[&str]) -> Ground {
        let ground = Ground { root: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.database()).unwrap();
        fs::create_dir(ground.dump()).unwrap();
        ground.table("site", "key VARCHAR(128), value TEXT, comments TEXT, disable TEXT", "key");
        let columns = "node VARCHAR(128), interface TEXT, mac TEXT, comments TEXT, disable TEXT";
        let mac = ground.table("mac", columns, "node");
        for node in nodes {
            mac.execute("INSERT INTO mac (node) VALUES (?1)", [node]).unwrap();
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

    pub(crate) fn open(&self, table: &str) -> Connection {
        Connection::open(self.file(table)).unwrap()
    }

    /// Writes a file of the dump.
    pub(crate) fn csv(&self, name: &str, text: &str) {
        fs::write(self.dump().join(name), text).unwrap();
    }

    /// The nodes of the table mac, as they stand.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let connection = self.open("mac");
        let mut query = connection.prepare("SELECT node FROM mac ORDER BY rowid").unwrap();
        let nodes = query.query_map([], |row| row.get(0)).unwrap();
        nodes.map(Result::unwrap).collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haxcat-restore"));
        command.env("XCATCFG", self.database()).args(arguments);
        command
    }

    /// Restores a stream.
    pub(crate) fn restore_stream(&self, arguments: &[&str], stream: &str) -> Ran {
        ha_testing::run(&mut self.command(arguments), stream).unwrap()
    }

    /// Restores the dump.
    pub(crate) fn restore(&self, arguments: &[&str]) -> Ran {
        let dump = self.dump();
        let all = [&["-p", dump.to_str().unwrap()], arguments].concat();
        self.restore_stream(&all, "")
    }

    /// Restores the dump, and wants it to succeed in silence.
    pub(crate) fn restore_well(&self, arguments: &[&str]) -> Ran {
        let ran = self.restore(arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        ran
    }
}

/// The lines of a type.
pub(crate) fn of_type<'a>(ran: &'a Ran, kind: &str) -> Vec<&'a Value> {
    ran.lines.iter().filter(|line| line["type"] == kind).collect()
}

/// What became of a table.
pub(crate) fn change<'a>(ran: &'a Ran, table: &str) -> &'a Value {
    let found =
        ran.lines.iter().find(|line| line["type"] == "change" && line["key"]["table"] == table);
    &found.unwrap()["values"]
}

/// Every byte of every file of a directory.
pub(crate) fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect();
    all.sort();
    all
}
