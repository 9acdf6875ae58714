//! PostgreSQL.

mod copy;
mod link;
mod words;

use crate::cfgloc::Server;
use crate::database::{Listing, Place, Rows, Snapshot, Transaction};
use crate::limits::{Limit, Limits, Text};
use crate::patience::Patience;
use crate::schema::{Kind, Table};
use crate::sql::{self, Dialect};
use crate::table::{Cell, Layout, Order};
use copy::Tuples;
use ha_json::Error;
use link::Link;
use std::collections::{BTreeMap, BTreeSet};

const DIALECT: Dialect = Dialect { quote: '"', counter: "SERIAL", key: " NOT NULL", options: "" };

/// How much is sent at once, in bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// A connection, and what is known of the server.
#[derive(Debug)]
pub(crate) struct Session {
    link: Link,
    place: Place,
    patience: Patience,
    /// The database checks no encoding: any bytes but NUL are text.
    any_bytes: bool,
}

/// Tables that are locked, in the transaction that locked them.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    session: &'a Session,
    as_of: String,
    found: BTreeMap<String, Found>,
    /// The tables that were there before.
    there: BTreeSet<String>,
}

/// What has the name of a table.
#[derive(Debug)]
struct Found {
    /// PostgreSQL's letter for it.
    kind: String,
    columns: Vec<String>,
    /// What each takes.
    limits: Vec<Limit>,
}

impl Found {
    fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p")
    }
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// `busy`, where the server is not reached in time; `failed`, where it does not let us in.
    pub(crate) fn connect(server: &Server, patience: Patience) -> Result<Session, Error> {
        let (link, at) = Link::connect(server, patience)?;
        let place = Place {
            engine: "PostgreSQL",
            server: Some(at),
            database: Some(server.database.clone()),
            ..Place::default()
        };
        let encoding = link.rows("SHOW server_encoding")?;
        let any_bytes = encoding.iter().flatten().flatten().any(|name| name == "SQL_ASCII");
        // Nothing is converted where the server does not know what it holds.
        let ours = if any_bytes { "SQL_ASCII" } else { "UTF8" };
        link.run(&format!("SET client_encoding = '{ours}'"))?;
        // As far as this version has them. A policy that hides rows makes an error, and no dump that
        // lacks them.
        link.run(&format!(
            "SELECT set_config(name, CASE name WHEN 'row_security' THEN 'off'
                WHEN 'lock_timeout' THEN '{}' ELSE '0' END, false)
             FROM pg_catalog.pg_settings WHERE name IN ('row_security', 'lock_timeout',
                'statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
                'transaction_timeout')",
            patience.lock.as_millis().max(1)
        ))?;
        Ok(Session { link, place, patience, any_bytes })
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    pub(crate) fn list(&self) -> Result<Listing, Error> {
        let rows = self.link.rows(
            "SELECT c.relname FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND pg_catalog.pg_table_is_visible(c.oid)
             AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'",
        )?;
        Ok(Listing::new(rows.into_iter().flatten().flatten().map(String::into_bytes)))
    }

    pub(crate) fn snapshot(&self, tables: &[&'static Table]) -> Result<Locked<'_>, Error> {
        self.lock("ISOLATION LEVEL REPEATABLE READ READ ONLY", "ACCESS SHARE", tables)
    }

    pub(crate) fn transaction(&self, tables: &[&'static Table]) -> Result<Locked<'_>, Error> {
        // Who reads goes on, and sees what was there before.
        let mut locked =
            self.lock("ISOLATION LEVEL READ COMMITTED READ WRITE", "EXCLUSIVE", tables)?;
        for table in tables.iter().filter(|table| !locked.there.contains(table.name)) {
            self.link.run(&DIALECT.create(table, &DIALECT.quoted(table.name)))?;
        }
        locked.found = self.found(tables)?;
        Ok(locked)
    }

    fn lock(
        &self,
        manner: &str,
        mode: &str,
        tables: &[&'static Table],
    ) -> Result<Locked<'_>, Error> {
        // The locks come before the snapshot, which the first query takes: a table that is emptied or
        // altered after the snapshot would be read as it never was.
        let there = self.found(tables)?;
        self.link.run(&format!("BEGIN {manner}"))?;
        let mut locked = Locked {
            session: self,
            as_of: String::new(),
            found: BTreeMap::new(),
            there: BTreeSet::new(),
        };
        let names: Vec<&str> = there
            .iter()
            .filter(|(_, found)| found.is_table())
            .map(|(name, _)| name.as_str())
            .collect();
        if !names.is_empty() {
            let wait = self.patience.lock;
            let sql = format!("LOCK TABLE {} IN {mode} MODE", DIALECT.list(&names));
            self.link.run(&sql).map_err(|error| words::locked(error, wait))?;
        }
        locked.found = self.found(tables)?;
        locked.there = locked.found.keys().cloned().collect();
        locked.as_of = ha_json::now();
        Ok(locked)
    }

    /// What the columns of `tables` take.
    pub(crate) fn limits(&self, tables: &[&'static Table]) -> Result<Limits, Error> {
        let text = if self.any_bytes { Text::AnyButNul } else { Text::Utf8ButNul };
        let mut limits = Limits::new(Limit { text, ..Limit::default() });
        for (table, found) in self.found(tables)? {
            for (column, limit) in found.columns.iter().zip(found.limits) {
                limits.add(&table, column, Limit { text, ..limit });
            }
        }
        Ok(limits)
    }

    /// What has the names of `tables`.
    fn found(&self, tables: &[&'static Table]) -> Result<BTreeMap<String, Found>, Error> {
        let names: Vec<String> = tables.iter().map(|table| format!("'{}'", table.name)).collect();
        let mut all = BTreeMap::new();
        if names.is_empty() {
            return Ok(all);
        }
        // The modifier of a varchar is its length and four.
        let rows = self.link.rows(&format!(
            "SELECT c.relname, c.relkind, a.attname, t.typname,
             CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END,
             a.attnotnull
             FROM pg_catalog.pg_class c
             LEFT JOIN pg_catalog.pg_attribute a
             ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             WHERE c.relkind NOT IN ('i', 'I', 'S', 't', 'c') AND c.relname IN ({})
             AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY c.relname, a.attnum",
            names.join(",")
        ))?;
        for row in rows {
            let [Some(name), Some(kind), column, type_name, length, not_null] = row.as_slice()
            else {
                continue;
            };
            let found = all.entry(name.clone()).or_insert_with(|| Found {
                kind: kind.clone(),
                columns: Vec::new(),
                limits: Vec::new(),
            });
            if let (Some(column), Some(type_name)) = (column, type_name) {
                let limit = Limit {
                    characters: length.as_ref().and_then(|length| length.parse().ok()),
                    number: matches!(type_name.as_str(), "int2" | "int4"),
                    not_null: not_null.as_deref() == Some("t"),
                    ..Limit::default()
                };
                found.columns.push(column.clone());
                found.limits.push(limit);
            }
        }
        Ok(all)
    }
}

impl Locked<'_> {
    fn failed(&self, table: &Table, why: &str) -> Error {
        Error::failed(format!("{}: table {}", self.session.place, table.name), why)
    }
}

impl Locked<'_> {
    /// Makes sure that the next number of a counter is one that no row has. A sequence does not go back
    /// with its transaction, so it is never set lower, and last of all.
    fn count_on(&self) -> Result<(), Error> {
        for table in self.found.keys().filter_map(|name| crate::schema::table(name)) {
            let counter = table.columns.iter().find(|column| table.kind(column) == Kind::Counter);
            let Some(counter) = counter else { continue };
            let sql = format!("SELECT pg_get_serial_sequence('{}', '{counter}')", table.name);
            let sequence = self.session.link.rows(&sql)?.into_iter().flatten().flatten().next();
            let Some(sequence) = sequence else { continue };
            self.session.link.run(&format!(
                "SELECT setval('{}', greatest(s.last_value, t.most)) FROM {sequence} s,
                 (SELECT max({}) AS most FROM {}) t WHERE t.most IS NOT NULL",
                sequence.replace('\'', "''"),
                DIALECT.quoted(counter),
                DIALECT.quoted(table.name)
            ))?;
        }
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.session.link.is_lost() {
            return;
        }
        // After a commit there is nothing to take back, and a server that is gone has done so.
        let _ = self.session.link.run("ROLLBACK");
    }
}

impl Snapshot for Locked<'_> {
    fn as_of(&self) -> Option<&str> {
        Some(&self.as_of)
    }

    fn present(&self) -> Vec<&'static str> {
        self.there
            .iter()
            .filter_map(|name| crate::schema::table(name))
            .map(|table| table.name)
            .collect()
    }

    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error> {
        match self.found.get(table.name) {
            None => Ok(None),
            Some(found) if found.is_table() => Ok(Some(Layout::new(table, &found.columns))),
            Some(_) => Err(self.failed(table, "is something else that has the name of a table")),
        }
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM {}", DIALECT.quoted(table.name));
        let rows = self.session.link.rows(&sql)?;
        let count = rows.iter().flatten().flatten().next().and_then(|count| count.parse().ok());
        count.ok_or_else(|| self.failed(table, "was not counted"))
    }

    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let text = |name: &str| format!("{}::text", DIALECT.quoted(name));
        let columns = sql::selected(table, layout, "NULL::text", text);
        // The database keeps no order, so that of the key's bytes is the one that can be kept.
        let keys: Vec<String> = layout
            .keys(table)
            .iter()
            .map(|key| match table.kind(key) {
                // Without the table it would be the text that is selected.
                Kind::Counter => format!("t.{} NULLS FIRST", DIALECT.quoted(key)),
                _ => format!("{}::text COLLATE \"C\" NULLS FIRST", DIALECT.quoted(key)),
            })
            .collect();
        let order = sql::order(order, &keys, |most| format!("LIMIT {most}"));
        let sql = format!(
            "COPY (SELECT {columns} FROM {} t {order}) TO STDOUT WITH (FORMAT binary)",
            DIALECT.quoted(table.name)
        );
        let mut tuples =
            Tuples::new(self.session.link.copy_out(sql)?, &self.session.place.to_string());
        while let Some(cells) = tuples.next_tuple()? {
            if !each(&cells)? {
                break;
            }
        }
        Ok(())
    }
}

impl Transaction for Locked<'_> {
    fn replace(
        &mut self,
        table: &'static Table,
        columns: &[String],
        rows: &mut dyn Rows,
    ) -> Result<(), Error> {
        let (session, name) = (self.session, DIALECT.quoted(table.name));
        // Readers wait from here to the end. A DELETE would let them go on, and leave all that was there
        // to be passed by whoever reads or writes afterwards: it takes several times as long.
        session
            .link
            .run(&format!("TRUNCATE {name}"))
            .map_err(|error| words::locked(error, session.patience.lock))?;
        let copy =
            session.link.copy_in(format!("COPY {name} ({}) FROM STDIN", DIALECT.list(columns)))?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while let Some(cells) = rows.next_row()? {
            copy::write_line(&mut chunk, &cells);
            if chunk.len() >= CHUNK_BYTES {
                copy.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES)))?;
            }
        }
        copy.send(chunk)?;
        copy.finish()?;
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), Error> {
        self.count_on()?;
        self.session.link.run("COMMIT").map_err(sql::not_committed)
    }
}
