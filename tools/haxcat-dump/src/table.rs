//! The rows of one table, with the columns that the schema has and those that only the file has.

use crate::schema;
use crate::sqlite::TableFile;
use ha_json::Error;
use rusqlite::types::ValueRef;
use std::borrow::Cow;

/// One value as xCAT has it: bytes, or NULL.
pub(crate) type Cell<'a> = Option<Cow<'a, [u8]>>;

/// Which columns a table file has.
#[derive(Debug)]
pub(crate) struct Layout {
    /// For each column of the schema, whether the file has it.
    present: Vec<bool>,
    /// Columns that the schema does not have.
    pub(crate) unknown: Vec<String>,
}

/// The order in which rows are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// As they stand in the file, which is how dumpxCATdb reads.
    Physical,
    /// By the bytes of the key's columns; NULL first.
    Key,
}

/// Finds the columns of `table`; `None` where the file is an empty database.
///
/// # Errors
/// `failed`, where the file is damaged, or holds something else of the table's name.
pub(crate) fn layout(file: &TableFile, table: &schema::Table) -> Result<Option<Layout>, Error> {
    let said = |error| file.error(&error);
    let kind: Option<String> = file
        .connection
        .query_row(
            "SELECT max(type) FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE",
            [table.name],
            |row| row.get(0),
        )
        .map_err(said)?;
    match kind.as_deref() {
        None => {
            let others: i64 = file
                .connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .map_err(said)?;
            if others > 0 {
                let path = file.path.display().to_string();
                let why = format!("holds no table {}: is it damaged?", table.name);
                return Err(Error::failed(path, why));
            }
            return Ok(None);
        }
        Some("table") => {}
        Some(other) => {
            let path = file.path.display().to_string();
            return Err(Error::failed(path, format!("holds a {other} in place of the table")));
        }
    }
    let names: Vec<String> = file
        .connection
        .prepare("SELECT name FROM pragma_table_xinfo(?1)")
        .and_then(|mut query| query.query_map([table.name], |row| row.get(0))?.collect())
        .map_err(said)?;
    let has = |column: &&str| names.iter().any(|name| name.eq_ignore_ascii_case(column));
    let present = table.columns.iter().map(has).collect();
    let known = |name: &String| table.columns.iter().any(|one| one.eq_ignore_ascii_case(name));
    let unknown = names.iter().filter(|name| !known(name)).cloned().collect();
    Ok(Some(Layout { present, unknown }))
}

/// Reads the rows. `each` gets the cells of the schema's columns, then those of the unknown ones,
/// and answers whether to go on.
///
/// # Errors
/// `failed`, where the file is damaged, and what `each` fails with.
pub(crate) fn each_row(
    file: &TableFile,
    table: &schema::Table,
    layout: &Layout,
    order: Order,
    mut each: impl FnMut(&[Cell<'_>]) -> Result<bool, Error>,
) -> Result<(), Error> {
    let said = |error| file.error(&error);
    let order = match order {
        Order::Physical => String::new(),
        Order::Key => order_by_key(file, table, layout)?,
    };
    let sql = select(table, layout, &order);
    let mut query = file.connection.prepare(&sql).map_err(said)?;
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

/// The setting of `site` with this key, unless its row is disabled.
///
/// # Errors
/// `failed`, where the file is damaged.
pub(crate) fn site_value(file: &TableFile, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(site) = schema::table("site") else { return Ok(None) };
    let Some(layout) = layout(file, site)? else { return Ok(None) };
    let mut found = None;
    each_row(file, site, &layout, Order::Physical, |cells| {
        if let [Some(name), value, _, disable, ..] = cells
            && name.as_ref() == key.as_bytes()
            && enabled(disable)
        {
            found = value.as_ref().map(|value| value.to_vec());
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// xCAT's rule for the column `disable`.
fn enabled(disable: &Cell<'_>) -> bool {
    disable.as_ref().is_none_or(|text| text.as_ref() == b"0" || text.eq_ignore_ascii_case(b"no"))
}

fn select(table: &schema::Table, layout: &Layout, order: &str) -> String {
    let mut columns: Vec<String> = table
        .columns
        .iter()
        .zip(&layout.present)
        .map(|(column, present)| if *present { quoted(column) } else { "NULL".to_owned() })
        .collect();
    columns.extend(layout.unknown.iter().map(|column| quoted(column)));
    // The planner may not choose an index where the physical order is meant.
    let index = if order.is_empty() { " NOT INDEXED" } else { "" };
    format!("SELECT {} FROM {}{index}{order}", columns.join(","), quoted(table.name))
}

/// Where all keys are text, which they are unless another program wrote them, the index of the
/// primary key has the order of the bytes already; else SQLite sorts.
fn order_by_key(file: &TableFile, table: &schema::Table, layout: &Layout) -> Result<String, Error> {
    let keys: Vec<String> = table
        .columns
        .iter()
        .zip(&layout.present)
        .filter(|(column, present)| **present && table.keys.contains(column))
        .map(|(column, _)| quoted(column))
        .collect();
    if keys.is_empty() {
        return Ok(" ORDER BY 1".to_owned());
    }
    let odd: Vec<String> =
        keys.iter().map(|key| format!("typeof({key}) NOT IN ('text','null')")).collect();
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {})", quoted(table.name), odd.join(" OR "));
    let sorts: bool = file
        .connection
        .query_row(&sql, [], |row| row.get(0))
        .map_err(|error| file.error(&error))?;
    let by: Vec<String> = keys
        .iter()
        .map(|key| match sorts {
            true => format!("CAST({key} AS BLOB)"),
            false => format!("{key} COLLATE BINARY"),
        })
        .collect();
    Ok(format!(" ORDER BY {}", by.join(",")))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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

    #[test]
    fn a_row_is_off_unless_disable_says_no_in_xcats_words() {
        let cell = |text: &'static str| -> Cell<'_> { Some(Cow::Borrowed(text.as_bytes())) };
        assert!(enabled(&None) && enabled(&cell("0")) && enabled(&cell("nO")));
        assert!(!enabled(&cell("")) && !enabled(&cell("1")) && !enabled(&cell("yes")));
    }
}
