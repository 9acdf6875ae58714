//! The columns and the rows of a table in one of the databases that a connection has.

use crate::schema::{Kind, Table};
use crate::sql::{self, Dialect};
use crate::table::{Cell, Layout, Order};
use ha_json::Error;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use std::path::Path;

pub(super) const DIALECT: Dialect =
    Dialect { quote: '"', counter: "INTEGER PRIMARY KEY AUTOINCREMENT", key: "", options: "" };

/// A table where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) connection: &'a Connection,
    /// The name by which the connection has the file.
    pub(super) schema: &'a str,
    /// The file, for messages.
    pub(super) path: &'a Path,
    /// What an error of SQLite is in words.
    pub(super) said: fn(&Path, &rusqlite::Error) -> Error,
}

impl Place<'_> {
    fn failed(self, why: impl Into<String>) -> Error {
        Error::failed(self.path.display().to_string(), why)
    }

    fn error(self, error: &rusqlite::Error) -> Error {
        (self.said)(self.path, error)
    }

    /// Makes sure of the structure of the file: a page that was damaged may read like an empty one.
    ///
    /// # Errors
    /// `failed`, with the first fault found.
    pub(super) fn check_sound(self) -> Result<(), Error> {
        let sql = format!("PRAGMA {}.quick_check(1)", self.schema);
        let found: String = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(|error| self.error(&error))?;
        match found.as_str() {
            "ok" => Ok(()),
            fault => Err(self.failed(format!("is damaged: {}", fault.replace('\n', " ")))),
        }
    }

    /// As [`crate::Snapshot::layout`].
    pub(super) fn layout(self, table: &Table) -> Result<Option<Layout>, Error> {
        let said = |error| self.error(&error);
        let schema = self.schema;
        let kind: Option<String> = self
            .connection
            .query_row(
                &format!(
                    "SELECT max(type) FROM {schema}.sqlite_schema WHERE name = ?1 COLLATE NOCASE"
                ),
                [table.name],
                |row| row.get(0),
            )
            .map_err(said)?;
        match kind.as_deref() {
            None => {
                let others: i64 = self
                    .connection
                    .query_row(&format!("SELECT count(*) FROM {schema}.sqlite_schema"), [], |row| {
                        row.get(0)
                    })
                    .map_err(said)?;
                if others > 0 {
                    return Err(
                        self.failed(format!("holds no table {}: is it damaged?", table.name))
                    );
                }
                return Ok(None);
            }
            Some("table") => {}
            Some(other) => {
                return Err(self.failed(format!("holds a {other} in place of the table")));
            }
        }
        let names: Vec<String> = self
            .connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1, ?2)")
            .and_then(|mut query| {
                query.query_map([table.name, schema], |row| row.get(0))?.collect()
            })
            .map_err(said)?;
        Ok(Some(Layout::new(table, &names)))
    }

    /// As [`crate::Snapshot::count`].
    pub(super) fn count(self, table: &Table) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM {}", self.name(table));
        let count: i64 = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(|error| self.error(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The columns in which NULL has no place.
    pub(super) fn not_null(self, table: &Table) -> Result<Vec<String>, Error> {
        self.connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1, ?2) WHERE \"notnull\"")
            .and_then(|mut query| {
                query.query_map([table.name, self.schema], |row| row.get(0))?.collect()
            })
            .map_err(|error| self.error(&error))
    }

    /// As [`crate::Snapshot::each_row`].
    pub(super) fn each_row(
        self,
        table: &Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let said = |error| self.error(&error);
        let columns = sql::selected(table, layout, "NULL", |name| DIALECT.quoted(name));
        let sql = match order {
            // The planner may not choose an index where the order of the file is meant.
            Order::Any | Order::Kept => {
                format!("SELECT {columns} FROM {} NOT INDEXED", self.name(table))
            }
            Order::Few(most) => {
                format!("SELECT {columns} FROM {} NOT INDEXED LIMIT {most}", self.name(table))
            }
            Order::Key => {
                format!("SELECT {columns} FROM {}{}", self.name(table), self.by_key(table, layout)?)
            }
        };
        let mut query = self.connection.prepare(&sql).map_err(said)?;
        let width = query.column_count();
        let mut rows = query.query([]).map_err(said)?;
        while let Some(row) = rows.next().map_err(said)? {
            let mut cells = Vec::with_capacity(width);
            for column in 0..width {
                cells.push(cell(row.get_ref(column).map_err(said)?));
            }
            if !each(&cells)? {
                break;
            }
        }
        Ok(())
    }

    /// The table's name in SQL.
    pub(super) fn name(self, table: &Table) -> String {
        format!("{}.{}", self.schema, DIALECT.quoted(table.name))
    }

    /// Where all keys are text, which they are unless another program wrote them, the index of the
    /// primary key has the order of the bytes already; else SQLite sorts.
    fn by_key(self, table: &Table, layout: &Layout) -> Result<String, Error> {
        let keys: Vec<String> =
            layout.keys(table).iter().map(|column| DIALECT.quoted(column)).collect();
        if keys.is_empty() {
            return Ok(" ORDER BY 1".to_owned());
        }
        if layout.keys(table).iter().all(|key| table.kind(key) == Kind::Counter) {
            return Ok(format!(" ORDER BY {}", keys.join(",")));
        }
        let odd: Vec<String> =
            keys.iter().map(|key| format!("typeof({key}) NOT IN ('text','null')")).collect();
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE {})",
            self.name(table),
            odd.join(" OR ")
        );
        let sorts: bool = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(|error| self.error(&error))?;
        let by: Vec<String> = keys
            .iter()
            .map(|key| match sorts {
                true => format!("CAST({key} AS BLOB)"),
                false => format!("{key} COLLATE BINARY"),
            })
            .collect();
        Ok(format!(" ORDER BY {}", by.join(",")))
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Cow::Borrowed(bytes)),
        ValueRef::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        ValueRef::Real(number) => Some(Cow::Owned(perl_number(number).into_bytes())),
    }
}

/// A number as Perl prints it, which is C's `%.15g`.
fn perl_number(number: f64) -> String {
    if !number.is_finite() {
        return if number > 0.0 { "Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{number:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..15).contains(&exponent) {
        let decimals = usize::try_from(14 - exponent).unwrap_or_default();
        trimmed(&format!("{number:.decimals$}")).to_owned()
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_perl_prints_them() {
        for (number, text) in [
            (3.5, "3.5"),
            (3.0, "3"),
            (0.1 + 0.2, "0.3"),
            (-0.00012, "-0.00012"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1.5e-7, "1.5e-07"),
            (1e100, "1e+100"),
            (0.0, "0"),
        ] {
            assert_eq!(perl_number(number), text);
        }
    }
}
