//! A row as a record.

use crate::schema::Table;
use crate::secrets::is_secret;
use crate::table::Cell;
use ha_json::{MAX_RECORD_BYTES, Map, Value, put_bytes};

/// The record of a row whose cells are those of the schema's columns and then those of `unknown` ones;
/// `None` where no reader would take a record that long.
pub fn record(
    table: &Table,
    unknown: &[String],
    cells: &[Cell<'_>],
    show_secrets: bool,
) -> Option<Map<String, Value>> {
    let known = table.columns.len();
    let mut key = Map::from_iter([("table".to_owned(), Value::from(table.name))]);
    let mut values = Map::new();
    let mut hidden = Vec::new();
    let names = table.columns.iter().copied().chain(unknown.iter().map(String::as_str));
    for (number, (name, cell)) in names.zip(cells).enumerate() {
        let into = if table.keys.contains(&name) { &mut key } else { &mut values };
        let value_of = |key: &str| cells.get(table.position(key)?)?.as_deref();
        match cell {
            None => {
                into.insert(name.to_owned(), Value::Null);
            }
            Some(bytes)
                if !show_secrets
                    && !bytes.is_empty()
                    && is_secret(table.name, name, number < known, value_of) =>
            {
                into.insert(name.to_owned(), Value::Null);
                hidden.push(Value::from(name));
            }
            Some(bytes) => put_bytes(into, name, bytes),
        }
    }
    let mut record = Map::new();
    record.insert("key".to_owned(), key.into());
    record.insert("values".to_owned(), values.into());
    if !hidden.is_empty() {
        record.insert("hidden".to_owned(), hidden.into());
    }
    let raw: usize = cells.iter().flatten().map(|bytes| bytes.len()).sum();
    // JSON makes at most six bytes of one: only then is the length worth finding out.
    if raw > MAX_RECORD_BYTES / 8 && length(&record) > MAX_RECORD_BYTES - 64 {
        return None;
    }
    Some(record)
}

fn length(record: &Map<String, Value>) -> usize {
    Value::from(record.clone()).to_string().len()
}
