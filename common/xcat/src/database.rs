//! A database, whatever its engine.

use crate::cfgloc::{Engine, Location};
use crate::limits::Limits;
use crate::mysql;
#[cfg(feature = "odbc")]
use crate::odbc;
use crate::patience::Patience;
use crate::postgres;
use crate::schema::Table;
use crate::sqlite;
use crate::table::{Cell, Layout, Order, is_enabled};
use ha_json::Error;
use std::path::PathBuf;

/// A database that can be reached.
#[derive(Debug)]
pub struct Database(Reached);

#[derive(Debug)]
enum Reached {
    /// A directory with a file per table.
    Sqlite(sqlite::Directory),
    Postgres(postgres::Session),
    /// MariaDB, too.
    Mysql(mysql::Session),
    /// DB2.
    #[cfg(feature = "odbc")]
    Odbc(odbc::Session),
}

/// Which database it is, for people and for the last line of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name of the engine.
    pub engine: &'static str,
    /// The directory of the table files.
    pub directory: Option<PathBuf>,
    /// Host and port, or the path of the socket, of a server.
    pub server: Option<String>,
    /// The name of the database on the server.
    pub database: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.directory, &self.server, &self.database) {
            (Some(directory), ..) => write!(f, "{}", directory.display()),
            (None, Some(server), Some(database)) => write!(f, "{database} at {server}"),
            _ => f.write_str(self.engine),
        }
    }
}

/// Which tables a database has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Tables of xCAT's schema, sorted.
    pub known: Vec<&'static str>,
    /// Names of tables that xCAT's schema does not have, sorted.
    pub unknown: Vec<Vec<u8>>,
}

/// Tables that dumpxCATdb passes over without a word, by the beginning of their names.
const NEVER: [&[u8]; 2] = [b"x_teal", b"isnm_perf"];

impl Listing {
    /// Of the names that were found, in any order.
    pub(crate) fn new(names: impl IntoIterator<Item = Vec<u8>>) -> Listing {
        let mut listing = Listing::default();
        for name in names {
            match std::str::from_utf8(&name).ok().and_then(crate::schema::table) {
                Some(table) => listing.known.push(table.name),
                None if NEVER.iter().any(|never| name.starts_with(never)) => {}
                None => listing.unknown.push(name),
            }
        }
        listing.known.sort_unstable();
        listing.unknown.sort_unstable();
        listing
    }
}

/// Tables as of one moment, for as long as the value lives.
pub trait Snapshot {
    /// The moment; none where it is not known.
    fn as_of(&self) -> Option<&str>;

    /// The tables that were there at that moment, readable or not.
    fn present(&self) -> Vec<&'static str>;

    /// Whether the other tables can still be read when one could not.
    fn goes_on(&self) -> bool {
        false
    }

    /// Finds the columns of a table; `None` where there is no such table.
    ///
    /// # Errors
    /// `failed`, where the table is damaged, or something else has its name.
    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error>;

    /// How many rows a table has that is there.
    ///
    /// # Errors
    /// As of [`Snapshot::each_row`].
    fn count(&mut self, table: &'static Table) -> Result<u64, Error>;

    /// Reads the rows of a table. `each` gets the cells of the schema's columns, those that are not
    /// there as NULL, then those of the unknown ones, and answers whether to go on.
    ///
    /// # Errors
    /// `failed`, where it cannot be read; `busy`, where the server is lost; what `each` fails with.
    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error>;

    /// Makes sure that what was read of a table is what the database held at that moment.
    ///
    /// # Errors
    /// `busy`, where it was changed behind the engine's back.
    fn check_table(&self, table: &'static Table) -> Result<(), Error> {
        let _ = table;
        Ok(())
    }
}

/// Rows to be written, one after another.
pub trait Rows {
    /// The next row: a cell for each column that was told.
    ///
    /// # Errors
    /// Where the rows cannot be read.
    fn next_row(&mut self) -> Result<Option<Vec<Cell<'_>>>, Error>;
}

/// Tables that nobody else changes until what was written is committed. Dropped, nothing was written.
pub trait Transaction: Snapshot {
    /// Puts rows in the place of all rows of a table. What a column holds of which nothing is told
    /// becomes what the database has for such.
    ///
    /// # Errors
    /// `failed`, where the database does not take them; `busy`, where the server is lost.
    fn replace(
        &mut self,
        table: &'static Table,
        columns: &[String],
        rows: &mut dyn Rows,
    ) -> Result<(), Error>;

    /// Makes all of it true at once.
    ///
    /// # Errors
    /// `failed` or `busy`.
    fn commit(self: Box<Self>) -> Result<(), Error>;
}

impl Database {
    /// Reaches the database.
    ///
    /// # Errors
    /// `failed`, where there is none; `busy`, where its server is not reached in time.
    pub fn open(location: &Location, patience: Patience) -> Result<Database, Error> {
        Ok(Database(match &location.engine {
            Engine::Sqlite(path) => {
                Reached::Sqlite(sqlite::Directory::open(path, location.named_by, patience)?)
            }
            Engine::Postgres(server) => {
                Reached::Postgres(postgres::Session::connect(server, patience)?)
            }
            Engine::Mysql(server) => Reached::Mysql(mysql::Session::connect(server, patience)?),
            #[cfg(feature = "odbc")]
            Engine::Db2(server) => Reached::Odbc(odbc::Session::connect(server, patience)?),
            #[cfg(not(feature = "odbc"))]
            Engine::Db2(_) => return Err(Error::usage(location.named_by, "DB2 is not supported")),
        }))
    }

    /// Which database it is.
    pub fn place(&self) -> Place {
        match &self.0 {
            Reached::Sqlite(directory) => directory.place(),
            Reached::Postgres(session) => session.place(),
            Reached::Mysql(session) => session.place(),
            #[cfg(feature = "odbc")]
            Reached::Odbc(session) => session.place(),
        }
    }

    /// Lists the tables.
    ///
    /// # Errors
    /// `failed`, where they cannot be listed.
    pub fn list(&mut self) -> Result<Listing, Error> {
        match &mut self.0 {
            Reached::Sqlite(directory) => directory.list(),
            Reached::Postgres(session) => session.list(),
            Reached::Mysql(session) => session.list(),
            #[cfg(feature = "odbc")]
            Reached::Odbc(session) => session.list(),
        }
    }

    /// Takes back what a program that was killed left half changed, where the engine leaves that to
    /// the next one that writes.
    ///
    /// # Errors
    /// As of [`Database::transaction`].
    pub fn settle(&mut self, tables: &[&'static Table]) -> Result<(), Error> {
        match &self.0 {
            Reached::Sqlite(directory) => directory.transaction(tables).map(drop),
            _ => Ok(()),
        }
    }

    /// What the columns of `tables` take.
    ///
    /// # Errors
    /// As of [`Database::list`].
    pub fn limits(&mut self, tables: &[&'static Table]) -> Result<Limits, Error> {
        match &mut self.0 {
            Reached::Sqlite(directory) => directory.limits(tables),
            Reached::Postgres(session) => session.limits(tables),
            Reached::Mysql(session) => session.limits(tables),
            #[cfg(feature = "odbc")]
            Reached::Odbc(session) => session.limits(tables),
        }
    }

    /// Reads `tables` as of one moment; those that are not there are empty.
    ///
    /// # Errors
    /// `busy`, where another program has locked one of them.
    pub fn snapshot<'a>(
        &'a mut self,
        tables: &[&'static Table],
    ) -> Result<Box<dyn Snapshot + 'a>, Error> {
        Ok(match &mut self.0 {
            Reached::Sqlite(directory) => Box::new(directory.snapshot(tables)?),
            Reached::Postgres(session) => Box::new(session.snapshot(tables)?),
            Reached::Mysql(session) => Box::new(session.snapshot(tables)?),
            #[cfg(feature = "odbc")]
            Reached::Odbc(session) => Box::new(session.snapshot(tables)?),
        })
    }

    /// Begins to change `tables`; those that are not there are made as xCAT makes them.
    ///
    /// # Errors
    /// `busy`, where another program has locked one of them; `failed`, where one cannot be changed
    /// all or nothing.
    pub fn transaction<'a>(
        &'a mut self,
        tables: &[&'static Table],
    ) -> Result<Box<dyn Transaction + 'a>, Error> {
        Ok(match &mut self.0 {
            Reached::Sqlite(directory) => Box::new(directory.transaction(tables)?),
            Reached::Postgres(session) => Box::new(session.transaction(tables)?),
            Reached::Mysql(session) => Box::new(session.transaction(tables)?),
            #[cfg(feature = "odbc")]
            Reached::Odbc(session) => Box::new(session.transaction(tables)?),
        })
    }
}

/// The setting of `site` with this key, unless its row is disabled.
///
/// # Errors
/// As of [`Snapshot::each_row`].
pub fn site_value(snapshot: &mut dyn Snapshot, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(site) = crate::schema::table("site") else { return Ok(None) };
    let Some(layout) = snapshot.layout(site)? else { return Ok(None) };
    let mut found = None;
    snapshot.each_row(site, &layout, Order::Kept, &mut |cells| {
        if let [Some(name), value, _, disable, ..] = cells
            && name.as_ref() == key.as_bytes()
            && is_enabled(disable)
        {
            found = value.as_ref().map(|value| value.to_vec());
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_schema_are_told_from_others() {
        let names = ["site", "mine", "x_teal_a", "isnm_perf", "mac"].map(|name| name.into());
        let listing = Listing::new(names);
        assert_eq!(listing.known, ["mac", "site"]);
        assert_eq!(listing.unknown, [b"mine"]);
    }
}
