//! Which tables and columns there are, as the driver tells it, and what they are really called: DB2
//! keeps the names of tables in upper case.

use super::behind::Behind;
use super::link::Link;
use crate::limits::Limit;
use crate::schema::Table;
use crate::table::Layout;
use ha_json::Error;
use odbc_api::sys::{Nullability, SqlDataType};
use std::collections::BTreeMap;

/// A row of the catalog.
type Row = Vec<Option<String>>;

/// What has the name of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its real name.
    pub(super) name: String,
    pub(super) is_table: bool,
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its real name.
    pub(super) name: String,
    /// Numbers and nothing else.
    pub(super) number: bool,
    /// Anything but NULL.
    not_null: bool,
    /// The longest value, where the type says so.
    length: Option<u64>,
}

impl Found {
    /// The column of this name, whatever its case; the one of this very name before others.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        let same = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| self.columns.iter().find(same))
    }

    pub(super) fn layout(&self, table: &Table) -> Layout {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        Layout::new(table, &names)
    }
}

impl Column {
    pub(super) fn limit(&self, behind: Behind) -> Limit {
        Limit { number: self.number, not_null: self.not_null, ..behind.limit(self.length) }
    }
}

/// All names of tables in the schema, those that xCAT knows as it writes them.
pub(super) fn names(link: &Link, behind: Behind, schema: &str) -> Result<Vec<Vec<u8>>, Error> {
    let all = entries(link, schema)?;
    let known = |name: String| {
        let lower = name.to_ascii_lowercase();
        let known = crate::schema::table(&lower).is_some() && behind.folded(&lower) == name;
        if known { lower } else { name }
    };
    Ok(all.into_iter().map(|(name, _)| known(name).into_bytes()).collect())
}

/// Looks for `tables`.
pub(super) fn found(
    link: &Link,
    behind: Behind,
    schema: &str,
    tables: &[&'static Table],
) -> Result<BTreeMap<&'static str, Found>, Error> {
    let mut all = BTreeMap::new();
    if tables.is_empty() {
        return Ok(all);
    }
    let entries = entries(link, schema)?;
    let mut columns = columns(link, schema)?;
    for table in tables {
        let folded = behind.folded(table.name);
        let same = |entry: &&(String, bool)| entry.0.eq_ignore_ascii_case(table.name);
        let exact = entries.iter().find(|entry| entry.0 == folded);
        if let Some((name, is_table)) = exact.or_else(|| entries.iter().find(same)) {
            let columns = columns.remove(name).unwrap_or_default();
            all.insert(table.name, Found { name: name.clone(), is_table: *is_table, columns });
        }
    }
    Ok(all)
}

/// What in the schema has a name that a table could have, and whether it is one.
fn entries(link: &Link, schema: &str) -> Result<Vec<(String, bool)>, Error> {
    // A schema is a pattern here: what else it fits is passed over.
    let pattern = schema.to_owned();
    let rows = link.rows(move |connection| {
        connection.preallocate()?.into_tables_cursor("", &pattern, "%", "")
    })?;
    let entry = |row: Row| match row.get(1..4)? {
        [Some(of), Some(name), Some(kind)] if of.trim_end() == schema => {
            (!kind.contains("INDEX")).then(|| (name.clone(), kind == "TABLE"))
        }
        _ => None,
    };
    Ok(rows.all()?.into_iter().filter_map(entry).collect())
}

fn columns(link: &Link, schema: &str) -> Result<BTreeMap<String, Vec<Column>>, Error> {
    let pattern = schema.to_owned();
    let rows = link.rows(move |connection| {
        connection.preallocate()?.into_columns_cursor("", &pattern, "%", "%")
    })?;
    let mut all: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in rows.all()? {
        let Some([Some(of), Some(table), Some(name), data_type, type_name, size]) = row.get(1..7)
        else {
            continue;
        };
        if of.trim_end() != schema {
            continue;
        }
        let data_type = number(data_type).unwrap_or_default();
        let type_name = type_name.as_deref().unwrap_or_default();
        let column = Column {
            name: name.clone(),
            number: is_number(data_type),
            not_null: row.get(10).and_then(number) == Some(Nullability::NO_NULLS.0),
            length: length(data_type, type_name, number(size)),
        };
        all.entry(table.clone()).or_default().push(column);
    }
    Ok(all)
}

fn number<N: std::str::FromStr>(text: &Option<String>) -> Option<N> {
    text.as_deref()?.trim().parse().ok()
}

fn is_number(data_type: i16) -> bool {
    [SqlDataType::INTEGER, SqlDataType::SMALLINT].contains(&SqlDataType(data_type))
}

/// psqlodbc gives `text`, which has no limit, one of its own choice.
fn length(data_type: i16, type_name: &str, size: Option<u64>) -> Option<u64> {
    let limited = [
        SqlDataType::CHAR,
        SqlDataType::VARCHAR,
        SqlDataType::EXT_LONG_VARCHAR,
        SqlDataType::EXT_W_CHAR,
        SqlDataType::EXT_W_VARCHAR,
    ];
    let limited = limited.contains(&SqlDataType(data_type)) && type_name != "text";
    size.filter(|size| limited && *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn found(columns: &[&str]) -> Found {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            number: false,
            not_null: false,
            length: Some(512),
        };
        Found {
            name: "MAC".to_owned(),
            is_table: true,
            columns: columns.iter().map(column).collect(),
        }
    }

    #[test]
    fn a_column_is_found_whatever_its_case_and_its_own_name_goes_first() {
        let upper = found(&["NODE", "MAC"]);
        assert_eq!(upper.column("node").unwrap().name, "NODE");
        assert_eq!(upper.layout(schema::table("mac").unwrap()).present[0..3], [true, false, true]);
        assert_eq!(found(&["NODE", "node"]).column("node").unwrap().name, "node");
    }

    #[test]
    fn varchars_have_a_limit_and_postgresqls_text_has_none() {
        let varchar = SqlDataType::VARCHAR.0;
        assert_eq!(length(varchar, "VARCHAR", Some(512)), Some(512));
        assert_eq!(length(varchar, "text", Some(8190)), None);
        assert_eq!(length(SqlDataType::INTEGER.0, "INTEGER", Some(10)), None);
        assert!(is_number(SqlDataType::INTEGER.0) && !is_number(varchar));
    }
}
