//! The rows as records, sorted by table and key.

use crate::run::{Run, Totals, warn_of_columns};
use crate::schema::Table;
use crate::secrets;
use crate::snapshot::{Opened, Snapshot};
use crate::table::{self, Cell, Layout, Order};
use ha_json::{Error, Kind, MAX_RECORD_BYTES, Map, Stream, Value, put_bytes};
use std::io::Write;

/// Writes every row of the tables on `stream`. A table that cannot be read is a failed item.
///
/// # Errors
/// `busy`, where the database is locked.
pub(crate) fn rows<W: Write>(
    run: &Run,
    totals: &mut Totals,
    stream: &mut Stream<W>,
) -> Result<(), Error> {
    let snapshot = run.snapshot()?;
    totals.as_of = Some(snapshot.as_of.clone());
    run.warn_of_tables(stream);
    for opened in &snapshot.tables {
        if stream.reader_gone() {
            break;
        }
        let name = opened.table.name.as_bytes();
        match table_rows(run, &snapshot, opened, stream) {
            Ok(rows) => {
                run.verbose(&format!("{}: {rows} rows", opened.table.name));
                totals.tables += 1;
                totals.rows += rows;
            }
            Err(error) => {
                let reason = if error.kind == Kind::Busy { "changed" } else { "unreadable" };
                stream.item_failed(error.kind, reason, name, &error.to_string());
            }
        }
    }
    Ok(())
}

fn table_rows<W: Write>(
    run: &Run,
    snapshot: &Snapshot,
    opened: &Opened,
    stream: &mut Stream<W>,
) -> Result<u64, Error> {
    let table = opened.table;
    let mut rows = 0;
    if matches!(opened.file, Ok(None)) && run.listing.known.contains(&table.name) {
        return Err(Error::busy(table.name, "vanished before it was read"));
    }
    if let Some(file) = opened.file.as_ref().map_err(Clone::clone)?
        && let Some(layout) = file.check_sound().and_then(|()| table::layout(file, table))?
    {
        warn_of_columns(stream, table, &layout.unknown, "are among the values");
        table::each_row(file, table, &layout, Order::Key, |cells| {
            match record(table, &layout, cells, run.show_secrets) {
                Some(record) => {
                    stream.record("row", &record);
                    rows += 1;
                }
                None => {
                    let item = format!("{} row {}", table.name, rows + 1);
                    let message = format!("is longer than {} MiB", MAX_RECORD_BYTES >> 20);
                    stream.item_failed(Kind::Failed, "too_long", item.as_bytes(), &message);
                }
            }
            Ok(!stream.reader_gone())
        })?;
    }
    snapshot.check_table(opened)?;
    Ok(rows)
}

/// The record of a row; `None` where no reader would take a record that long.
fn record(
    table: &Table,
    layout: &Layout,
    cells: &[Cell<'_>],
    show_secrets: bool,
) -> Option<Map<String, Value>> {
    let column_of = |name: &str| table.columns.iter().position(|column| *column == name);
    let known = table.columns.len();
    let mut key = Map::from_iter([("table".to_owned(), Value::from(table.name))]);
    let mut values = Map::new();
    let mut hidden = Vec::new();
    let names = table.columns.iter().copied().chain(layout.unknown.iter().map(String::as_str));
    for (number, (name, cell)) in names.zip(cells).enumerate() {
        let into = if table.keys.contains(&name) { &mut key } else { &mut values };
        let value_of = |key: &str| cells.get(column_of(key)?)?.as_deref();
        match cell {
            None => {
                into.insert(name.to_owned(), Value::Null);
            }
            Some(bytes)
                if !show_secrets
                    && !bytes.is_empty()
                    && secrets::is_secret(table.name, name, number < known, value_of) =>
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
    if raw > MAX_RECORD_BYTES / 8 && serde_length(&record) > MAX_RECORD_BYTES - 64 {
        return None;
    }
    Some(record)
}

fn serde_length(record: &Map<String, Value>) -> usize {
    Value::from(record.clone()).to_string().len()
}
