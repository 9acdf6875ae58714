//! The columns of the tables, and the encodings that they are kept in.

use crate::limits::{Limit, Text};
use crate::schema::Table;
use crate::sql::Dialect;
use ::mysql::Conn;
use ::mysql::prelude::Queryable;
use std::collections::BTreeMap;

/// Encodings whose bytes are the values. What xCAT writes to a latin1 column is UTF-8 all the same: its
/// connection says nothing of encodings, so that the server takes the bytes as they are.
const AS_THEY_ARE: [&str; 6] = ["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary"];

/// What has the name of a table.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) is_table: bool,
    /// What keeps it.
    pub(super) engine: String,
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its encoding; none for numbers and the like.
    charset: Option<String>,
    characters: Option<u64>,
    bytes: Option<u64>,
    kind: String,
    not_null: bool,
}

impl Found {
    /// Whether what is written can be taken back.
    pub(super) fn is_transactional(&self) -> bool {
        matches!(
            self.engine.to_ascii_lowercase().as_str(),
            "innodb" | "rocksdb" | "tokudb" | "ndbcluster"
        )
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl Column {
    /// The expression that gives its values as bytes.
    pub(super) fn as_bytes(&self, dialect: Dialect) -> String {
        let name = dialect.quoted(&self.name);
        match self.charset.as_deref() {
            Some(charset) if !AS_THEY_ARE.contains(&charset) => {
                format!("CONVERT({name} USING utf8mb4)")
            }
            _ => name,
        }
    }

    pub(super) fn limit(&self) -> Limit {
        let text = match self.charset.as_deref() {
            None | Some("binary" | "latin1") => Text::Any,
            Some("utf8" | "utf8mb3") => Text::Utf8OfThree,
            Some("utf8mb4") => Text::Utf8,
            // Bytes would be taken for that encoding's: only what all have in common is certain.
            Some(_) => Text::Ascii,
        };
        let number = matches!(self.kind.as_str(), "int" | "integer" | "smallint" | "mediumint");
        Limit {
            text,
            characters: self.characters,
            bytes: self.bytes,
            number,
            not_null: self.not_null,
        }
    }
}

/// Looks for `tables`, by their names.
pub(super) fn found(
    connection: &mut Conn,
    tables: &[&'static Table],
) -> Result<BTreeMap<String, Found>, ::mysql::Error> {
    let mut all = BTreeMap::new();
    if tables.is_empty() {
        return Ok(all);
    }
    let names: Vec<String> = tables.iter().map(|table| format!("'{}'", table.name)).collect();
    let names = names.join(",");
    let kinds: Vec<(String, String, Option<String>)> = connection.query(format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({names})"
    ))?;
    for (name, kind, engine) in kinds {
        let engine = engine.unwrap_or_default();
        all.insert(name, Found { is_table: kind == "BASE TABLE", engine, columns: Vec::new() });
    }
    type Row = (String, String, Option<String>, Option<u64>, Option<u64>, String, String);
    let columns: Vec<Row> = connection.query(format!(
        "SELECT TABLE_NAME, COLUMN_NAME, CHARACTER_SET_NAME, CHARACTER_MAXIMUM_LENGTH,
         CHARACTER_OCTET_LENGTH, DATA_TYPE, IS_NULLABLE FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({names})
         ORDER BY TABLE_NAME, ORDINAL_POSITION"
    ))?;
    for (table, name, charset, characters, bytes, kind, nullable) in columns {
        let not_null = nullable == "NO";
        if let Some(found) = all.get_mut(&table) {
            found.columns.push(Column { name, charset, characters, bytes, kind, not_null });
        }
    }
    Ok(all)
}

/// A table of `tables` to which a foreign key leads, and the table that has the key.
pub(super) fn referenced(
    connection: &mut Conn,
    tables: &[&'static Table],
) -> Result<Option<(String, String)>, ::mysql::Error> {
    let names: Vec<String> = tables.iter().map(|table| format!("'{}'", table.name)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    connection.query_first(format!(
        "SELECT REFERENCED_TABLE_NAME, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
         WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IN ({})
         ORDER BY 1, 2 LIMIT 1",
        names.join(",")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(charset: Option<&str>) -> Column {
        Column {
            name: "key".into(),
            charset: charset.map(str::to_owned),
            characters: Some(128),
            bytes: Some(512),
            kind: "varchar".into(),
            not_null: true,
        }
    }

    #[test]
    fn bytes_come_as_they_are_but_for_encodings_that_are_not_utf8s_own() {
        let dialect = Dialect { quote: '`', counter: "", key: "", options: "" };
        assert_eq!(column(Some("latin1")).as_bytes(dialect), "`key`");
        assert_eq!(column(None).as_bytes(dialect), "`key`");
        assert_eq!(column(Some("ucs2")).as_bytes(dialect), "CONVERT(`key` USING utf8mb4)");
    }

    #[test]
    fn what_a_column_takes_is_what_its_encoding_has() {
        assert_eq!(column(Some("latin1")).limit().text, Text::Any);
        assert_eq!(column(Some("utf8mb3")).limit().text, Text::Utf8OfThree);
        assert_eq!(column(Some("ucs2")).limit().text, Text::Ascii);
    }
}
