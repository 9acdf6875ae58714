//! What the engines' SQL has in common.

use crate::schema::{self, Table};
use crate::table::{Layout, Order};
use ha_json::{Error, Kind};

/// How an engine writes names and makes columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// What stands around the name of a column, doubled within.
    pub(crate) quote: char,
    /// The type of a column that the database counts up.
    pub(crate) counter: &'static str,
    /// What a column of the key says besides its type.
    pub(crate) key: &'static str,
    /// What stands behind the columns.
    pub(crate) options: &'static str,
}

impl Dialect {
    /// A name that may be a reserved word.
    pub(crate) fn quoted(self, name: &str) -> String {
        let quote = self.quote;
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// Names with commas between.
    pub(crate) fn list<S: AsRef<str>>(self, names: &[S]) -> String {
        let all: Vec<String> = names.iter().map(|name| self.quoted(name.as_ref())).collect();
        all.join(",")
    }

    /// The statement that makes a table as xCAT makes it.
    pub(crate) fn create(self, table: &Table, name: &str) -> String {
        let mut parts: Vec<String> = Vec::with_capacity(table.columns.len() + 1);
        for column in &table.columns {
            let key = if table.keys.contains(column) { self.key } else { "" };
            let kind = match table.kind(column) {
                schema::Kind::Text => "TEXT".to_owned(),
                schema::Kind::Varchar(length) => format!("VARCHAR({length})"),
                schema::Kind::Counter => self.counter.to_owned(),
            };
            parts.push(format!("{} {kind}{key}", self.quoted(column)));
        }
        // SQLite counts up only what it says of the column itself.
        if !self.counter.contains("PRIMARY KEY")
            || !table.keys.iter().any(|key| table.kind(key) == schema::Kind::Counter)
        {
            parts.push(format!("PRIMARY KEY ({})", self.list(&table.keys)));
        }
        format!("CREATE TABLE {name} ({}){}", parts.join(", "), self.options)
    }
}

/// What is selected: for each column of the schema, and then for each unknown one, what `expression`
/// makes of its name; `absent` for those that are not there.
pub(crate) fn selected(
    table: &Table,
    layout: &Layout,
    absent: &str,
    mut expression: impl FnMut(&str) -> String,
) -> String {
    let known = table.columns.iter().zip(&layout.present);
    let mut columns: Vec<String> = known
        .map(|(column, present)| if *present { expression(column) } else { absent.to_owned() })
        .collect();
    columns.extend(layout.unknown.iter().map(|column| expression(column)));
    columns.join(",")
}

/// What stands behind the table, so that its rows come in this order; `keys` are the expressions that
/// sort by the bytes of the key, and `limit` has only so many come.
pub(crate) fn order(order: Order, keys: &[String], limit: impl FnOnce(u32) -> String) -> String {
    match (order, keys.is_empty()) {
        (Order::Any, _) => String::new(),
        (Order::Few(most), _) => limit(most),
        (Order::Kept | Order::Key, true) => "ORDER BY 1".to_owned(),
        (Order::Kept | Order::Key, false) => format!("ORDER BY {}", keys.join(",")),
    }
}

/// A commit that failed: where the connection was lost, its answer may be what was lost.
pub(crate) fn not_committed(error: Error) -> Error {
    match error.kind {
        Kind::Busy => {
            let why = format!("{}: whether the change was made is not known: compare", error.why);
            Error::busy(error.what, why)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Dialect = Dialect { quote: '"', counter: "SERIAL", key: " NOT NULL", options: "" };

    #[test]
    fn quotes_in_names_are_doubled() {
        assert_eq!(PLAIN.quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect { quote: '`', ..PLAIN }.quoted("a`b"), "`a``b`");
    }

    #[test]
    fn a_table_is_made_with_its_key_and_its_kinds() {
        let monsetting = schema::table("monsetting").unwrap();
        assert_eq!(
            PLAIN.create(monsetting, "monsetting"),
            "CREATE TABLE monsetting (\"name\" VARCHAR(128) NOT NULL, \"key\" VARCHAR(128) NOT NULL, \
             \"value\" TEXT, \"comments\" TEXT, \"disable\" TEXT, PRIMARY KEY (\"name\",\"key\"))"
        );
        let counted = Dialect { counter: "INTEGER PRIMARY KEY AUTOINCREMENT", key: "", ..PLAIN };
        let auditlog = counted.create(schema::table("auditlog").unwrap(), "auditlog");
        assert_eq!(auditlog.matches("PRIMARY KEY").count(), 1);
    }

    #[test]
    fn a_column_that_is_not_there_is_selected_as_null() {
        let mac = schema::table("mac").unwrap();
        let layout = Layout::new(mac, &["node", "mac", "own"].map(str::to_owned));
        let sql = selected(mac, &layout, "NULL", |name| PLAIN.quoted(name));
        assert_eq!(sql, "\"node\",NULL,\"mac\",NULL,NULL,\"own\"");
    }
}
