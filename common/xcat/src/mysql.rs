//! MySQL and MariaDB.

mod columns;
mod literal;
mod words;

use crate::cfgloc::Server;
use crate::database::{Listing, Place, Rows, Snapshot, Transaction};
use crate::limits::{Limit, Limits, Text};
use crate::patience::{Patience, within};
use crate::schema::{Kind, Table};
use crate::sql::{self, Dialect};
use crate::table::{Cell, Layout, Order};
use ::mysql::prelude::Queryable;
use ::mysql::{Conn, OptsBuilder, Value};
use columns::Found;
use ha_json::Error;
use std::borrow::Cow;
use std::cell::Cell as Flag;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DIALECT: Dialect = Dialect {
    quote: '`',
    counter: "INTEGER AUTO_INCREMENT",
    key: " NOT NULL",
    options: " ENGINE=InnoDB",
};

/// Where the socket of this machine's server is: Debian's place, and Red Hat's.
const SOCKETS: [&str; 2] = ["/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock"];

/// How much is sent at once, in bytes, where the server takes as much.
const BATCH_BYTES: usize = 512 << 10;

/// A connection.
pub(crate) struct Session {
    connection: Conn,
    place: Place,
    patience: Patience,
    /// The longest packet that the server takes, in bytes.
    most: usize,
    /// The server kept silent, or is gone: nothing more is asked of it.
    lost: Flag<bool>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.place)
    }
}

/// Tables that stay as they are, or that nobody else changes.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    session: &'a mut Session,
    as_of: String,
    found: BTreeMap<String, Found>,
    there: Vec<&'static str>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// `busy`, where the server is not reached in time; `failed`, where it does not let us in.
    pub(crate) fn connect(server: &Server, patience: Patience) -> Result<Session, Error> {
        let answer = Some(patience.answer + patience.lock);
        let mut options = OptsBuilder::new()
            .user(Some(&server.user))
            .pass(Some(&server.password))
            .db_name(Some(&server.database))
            .prefer_socket(false)
            .tcp_connect_timeout(Some(patience.connect))
            .tcp_keepalive_time_ms(Some(30_000))
            .read_timeout(answer)
            .write_timeout(answer);
        let port = server.port.unwrap_or(3306);
        let at = match socket(server) {
            Some(path) => {
                let at = path.display().to_string();
                options = options.socket(Some(at.clone()));
                at
            }
            None => {
                let host = server.host.as_deref().unwrap_or("127.0.0.1");
                options = options.ip_or_hostname(Some(host)).tcp_port(port);
                format!("{host}:{port}")
            }
        };
        let what = format!("{} at {at}", server.database);
        let named = what.clone();
        let mut connection = within(&what, patience.connect, move || {
            Conn::new(options).map_err(|error| words::not_connected(&named, &error))
        })?;
        let said = |error: ::mysql::Error| words::said(&what, &error, patience.lock);
        // Bytes go and come as they are; what does not fit is an error; 0 is a number like another.
        let seconds = patience.lock.as_secs().max(1);
        for setting in [
            "NAMES binary".to_owned(),
            "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"
                .to_owned(),
            format!("SESSION lock_wait_timeout = {seconds}"),
            format!("SESSION innodb_lock_wait_timeout = {seconds}"),
            "SESSION net_write_timeout = 3600".to_owned(),
            // Until a stream has come, nothing is said.
            "SESSION wait_timeout = 86400".to_owned(),
        ] {
            connection.query_drop(format!("SET {setting}")).map_err(said)?;
        }
        let most: Option<usize> =
            connection.query_first("SELECT @@max_allowed_packet").map_err(said)?;
        let version: Option<String> = connection.query_first("SELECT VERSION()").map_err(said)?;
        let maria = version.is_some_and(|version| version.contains("MariaDB"));
        let place = Place {
            engine: if maria { "MariaDB" } else { "MySQL" },
            server: Some(at),
            database: Some(server.database.clone()),
            ..Place::default()
        };
        Ok(Session {
            connection,
            place,
            patience,
            most: most.unwrap_or(1 << 20),
            lost: Flag::new(false),
        })
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    fn run(&mut self, sql: &str) -> Result<(), Error> {
        let done = self.connection.query_drop(sql);
        done.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &::mysql::Error) -> Error {
        self.lost.set(self.lost.get() || words::is_lost(error));
        words::said(&self.place.to_string(), error, self.patience.lock)
    }

    pub(crate) fn list(&mut self) -> Result<Listing, Error> {
        let names: Result<Vec<Vec<u8>>, _> = self.connection.query(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
        );
        Ok(Listing::new(names.map_err(|error| self.error(&error))?))
    }

    pub(crate) fn limits(&mut self, tables: &[&'static Table]) -> Result<Limits, Error> {
        // What is made here has the encoding of the database, which is found out when it is made.
        let mut limits =
            Limits::new(Limit { text: Text::Utf8, bytes: Some(65_535), ..Limit::default() });
        for (table, found) in self.found(tables)? {
            for column in &found.columns {
                limits.add(&table, &column.name, column.limit());
            }
        }
        Ok(limits)
    }

    fn found(&mut self, tables: &[&'static Table]) -> Result<BTreeMap<String, Found>, Error> {
        columns::found(&mut self.connection, tables).map_err(|error| self.error(&error))
    }

    /// Makes sure that what cannot be seen is not there: the catalog is silent of tables and columns that
    /// this user may not read.
    ///
    /// # Errors
    /// `failed`, where one of them may not be read.
    fn check_visible(&mut self, tables: &[&'static Table]) -> Result<(), Error> {
        for table in tables {
            let look = format!("SELECT * FROM {} LIMIT 0", DIALECT.quoted(table.name));
            match self.connection.query_drop(look) {
                Err(error) if !words::is_no_table(&error) => return Err(self.error(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn snapshot(&mut self, tables: &[&'static Table]) -> Result<Held<'_>, Error> {
        self.check_visible(tables)?;
        self.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        let found = self.found(tables)?;
        if found.values().all(|found| found.is_transactional() || !found.is_table) {
            self.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
        } else {
            // There is no past state of such a table to be read: nobody may write to any meanwhile.
            self.lock(&found, "READ")?;
        }
        self.held(tables)
    }

    pub(crate) fn transaction(&mut self, tables: &[&'static Table]) -> Result<Held<'_>, Error> {
        self.check_visible(tables)?;
        let found = self.found(tables)?;
        let bound = columns::referenced(&mut self.connection, tables);
        if let Some((name, by)) = bound.map_err(|error| self.error(&error))? {
            let why =
                format!("a foreign key of table {by} leads to it, so rows there would go, too");
            return Err(Error::failed(format!("{}: table {name}", self.place), why));
        }
        let other = found.iter().find(|(_, found)| found.is_table && !found.is_transactional());
        if let Some((name, found)) = other {
            let why = format!(
                "is kept by {}, which changes nothing all or nothing: ALTER TABLE {name} ENGINE=InnoDB",
                found.engine
            );
            return Err(Error::failed(format!("{}: table {name}", self.place), why));
        }
        let there: Vec<&'static str> = tables
            .iter()
            .map(|table| table.name)
            .filter(|name| found.contains_key(*name))
            .collect();
        // A table cannot be made within a transaction: an empty one stays, as xCAT would make it.
        for table in tables.iter().filter(|table| !there.contains(&table.name)) {
            self.run(&DIALECT.create(table, &DIALECT.quoted(table.name)))?;
        }
        let found = self.found(tables)?;
        self.run("SET autocommit = 0")?;
        self.lock(&found, "WRITE")?;
        let mut held = self.held(tables)?;
        held.there = there;
        Ok(held)
    }

    fn lock(&mut self, found: &BTreeMap<String, Found>, mode: &str) -> Result<(), Error> {
        let tables = found.iter().filter(|(_, found)| found.is_table);
        let locks: Vec<String> =
            tables.map(|(name, _)| format!("{} {mode}", DIALECT.quoted(name))).collect();
        if locks.is_empty() {
            Ok(())
        } else {
            self.run(&format!("LOCK TABLES {}", locks.join(", ")))
        }
    }

    fn held(&mut self, tables: &[&'static Table]) -> Result<Held<'_>, Error> {
        let as_of = ha_json::now();
        let found = self.found(tables)?;
        let there = tables
            .iter()
            .map(|table| table.name)
            .filter(|name| found.contains_key(*name))
            .collect();
        Ok(Held { session: self, as_of, found, there })
    }
}

/// The socket, where the server is this machine's: what cfgloc says, else the first of the usual places.
fn socket(server: &Server) -> Option<PathBuf> {
    let local = matches!(server.host.as_deref(), None | Some("localhost")) && server.port.is_none();
    let usual = || SOCKETS.iter().map(PathBuf::from).find(|path| Path::exists(path));
    server.socket.clone().or_else(|| if local { usual() } else { None })
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // After a commit there is nothing to take back, and for a connection that is lost the server does.
        if self.session.lost.get() {
            return;
        }
        for sql in ["ROLLBACK", "UNLOCK TABLES", "SET autocommit = 1"] {
            let _ = self.session.run(sql);
        }
    }
}

impl Held<'_> {
    fn failed(&self, table: &Table, why: &str) -> Error {
        Error::failed(format!("{}: table {}", self.session.place, table.name), why)
    }
}

impl Snapshot for Held<'_> {
    fn as_of(&self) -> Option<&str> {
        Some(&self.as_of)
    }

    fn present(&self) -> Vec<&'static str> {
        self.there.clone()
    }

    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error> {
        match self.found.get(table.name) {
            None => Ok(None),
            Some(found) if found.is_table => {
                let names: Vec<String> =
                    found.columns.iter().map(|column| column.name.clone()).collect();
                Ok(Some(Layout::new(table, &names)))
            }
            Some(_) => Err(self.failed(table, "is something else that has the name of a table")),
        }
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM {}", DIALECT.quoted(table.name));
        let count: Result<Option<u64>, _> = self.session.connection.query_first(sql);
        count
            .map_err(|error| self.session.error(&error))?
            .ok_or_else(|| self.failed(table, "was not counted"))
    }

    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let found = self.found.get(table.name);
        let expression = |name: &str| {
            let column = found.and_then(|found| found.column(name));
            column.map_or_else(|| DIALECT.quoted(name), |column| column.as_bytes(DIALECT))
        };
        let columns = sql::selected(table, layout, "NULL", expression);
        // The order of the server's own is that of the key in its collation: that of the bytes is
        // every engine's.
        let keys: Vec<String> = layout
            .keys(table)
            .iter()
            .map(|key| match table.kind(key) {
                Kind::Counter => expression(key),
                _ => format!("CAST({} AS BINARY)", expression(key)),
            })
            .collect();
        let order = sql::order(order, &keys, |most| format!("LIMIT {most}"));
        let sql = format!("SELECT {columns} FROM {} {order}", DIALECT.quoted(table.name));
        let (place, wait) = (self.session.place.to_string(), self.session.patience.lock);
        let said = |error: ::mysql::Error| words::said(&place, &error, wait);
        let rows = self.session.connection.query_iter(sql).map_err(said)?;
        for row in rows {
            let row = row.map_err(said)?;
            let cells: Vec<Cell<'_>> = row.unwrap_raw().into_iter().map(cell).collect();
            if !each(&cells)? {
                break;
            }
        }
        Ok(())
    }
}

fn cell(value: Option<Value>) -> Cell<'static> {
    match value {
        None | Some(Value::NULL) => None,
        Some(Value::Bytes(bytes)) => Some(Cow::Owned(bytes)),
        // Rows of a query that was not prepared are text.
        Some(other) => Some(Cow::Owned(other.as_sql(true).into_bytes())),
    }
}

impl Transaction for Held<'_> {
    fn replace(
        &mut self,
        table: &'static Table,
        columns: &[String],
        rows: &mut dyn Rows,
    ) -> Result<(), Error> {
        let name = DIALECT.quoted(table.name);
        self.session.run(&format!("DELETE FROM {name}"))?;
        let head = format!("INSERT INTO {name} ({}) VALUES ", DIALECT.list(columns));
        let most = BATCH_BYTES.min(self.session.most / 2);
        let mut sql = String::new();
        while let Some(cells) = rows.next_row()? {
            let row_at = sql.len();
            sql.push_str(if sql.is_empty() { &head } else { "," });
            literal::write_row(&mut sql, &cells);
            if sql.len() > most {
                // A row that is longer than the server takes is one that it refuses by itself.
                let rest = if row_at > 0 { sql.split_off(row_at) } else { String::new() };
                if sql.len().max(rest.len() + head.len()) >= self.session.most {
                    return Err(self.failed(
                        table,
                        "has a row that is longer than the server's max_allowed_packet",
                    ));
                }
                self.session.run(&sql)?;
                sql.clear();
                if !rest.is_empty() {
                    sql.push_str(&head);
                    sql.push_str(&rest[1..]);
                }
            }
        }
        if sql.is_empty() { Ok(()) } else { self.session.run(&sql) }
    }

    fn commit(self: Box<Self>) -> Result<(), Error> {
        let held = self;
        held.session.run("COMMIT").map_err(sql::not_committed)
    }
}
