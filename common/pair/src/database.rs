//! The engine of the xCAT database, and what runs for it.

use crate::Service;

/// An engine that xCAT has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Files, one for each table; no server.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
    /// MySQL or MariaDB.
    Mysql,
    /// DB2.
    Db2,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 4] = [Engine::Sqlite, Engine::Postgresql, Engine::Mysql, Engine::Db2];

    /// The word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgresql => "postgresql",
            Engine::Mysql => "mysql",
            Engine::Db2 => "db2",
        }
    }

    /// The engine of this name, as haxcat-dump tells it.
    pub fn named(name: &str) -> Option<Engine> {
        match name {
            "SQLite" => Some(Engine::Sqlite),
            "PostgreSQL" => Some(Engine::Postgresql),
            "MySQL" | "MariaDB" => Some(Engine::Mysql),
            "DB2" => Some(Engine::Db2),
            _ => None,
        }
    }

    /// What tells the version of what is installed, where there is one way.
    pub(crate) fn version(self) -> Option<Vec<String>> {
        let words: &[&str] = match self {
            Engine::Sqlite => return None,
            Engine::Postgresql => &["psql", "--version"],
            Engine::Mysql => &["mysql", "--version"],
            Engine::Db2 => &["db2level"],
        };
        Some(crate::words(words))
    }
}

/// The database of xCAT.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Its engine, on both nodes.
    pub engine: Engine,
    /// Its server; none for SQLite, and for a server on a third machine.
    pub service: Option<Service>,
}
