//! The rows as records, sorted by table and key.

use crate::run::{Run, Totals, warn_of_columns, warn_of_values};
use ha_json::{Error, Kind, MAX_RECORD_BYTES, Stream};
use ha_xcat::record::record;
use ha_xcat::{Concerns, Order, Snapshot, Table};
use std::io::Write;

/// Writes every row of the tables on `stream`. A table that cannot be read is a failed item where
/// the others still can be.
///
/// # Errors
/// `busy`, where the database is locked or its server is lost; `failed`, where that cannot read on.
pub(crate) fn rows<W: Write>(
    run: &mut Run,
    totals: &mut Totals,
    stream: &mut Stream<W>,
) -> Result<(), Error> {
    run.warn_of_tables(stream);
    let (show_secrets, known) = (run.show_secrets, run.listing.known.clone());
    let tables = run.selection.tables.clone();
    let mut done = Vec::new();
    let mut snapshot = run.snapshot()?;
    totals.as_of = snapshot.as_of().map(str::to_owned);
    let present = snapshot.present();
    let mut empty = Vec::new();
    for table in tables {
        if stream.reader_gone() {
            break;
        }
        let vanished = known.contains(&table.name) && !present.contains(&table.name);
        let read = match vanished {
            true => Err(Error::busy(table.name, "vanished before it was read")),
            false => table_rows(&mut *snapshot, table, show_secrets, stream),
        };
        match read {
            Ok(rows) => {
                done.push(format!("{}: {rows} rows", table.name));
                totals.tables += 1;
                totals.rows += rows;
                if rows == 0 {
                    empty.push(table.name);
                }
            }
            // In a transaction of a server nothing can be read after an error.
            Err(error) if !snapshot.goes_on() => return Err(error),
            Err(error) => {
                let reason = if error.kind == Kind::Busy { "changed" } else { "unreadable" };
                stream.item_failed(error.kind, reason, table.name.as_bytes(), &error.to_string());
            }
        }
    }
    drop(snapshot);
    totals.empty = Some(empty);
    done.iter().for_each(|text| run.verbose(text));
    Ok(())
}

fn table_rows<W: Write>(
    snapshot: &mut dyn Snapshot,
    table: &'static Table,
    show_secrets: bool,
    stream: &mut Stream<W>,
) -> Result<u64, Error> {
    let mut rows = 0;
    if let Some(layout) = snapshot.layout(table)? {
        let unknown = &layout.unknown;
        warn_of_columns(stream, table, unknown, "are among the values");
        let mut concerns = Concerns::default();
        snapshot.each_row(table, &layout, Order::Key, &mut |cells| {
            for (column, value) in cells.iter().enumerate() {
                value.iter().for_each(|value| concerns.look(rows + 1, column, value));
            }
            match record(table, unknown, cells, show_secrets) {
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
        warn_of_values(stream, table, unknown, &concerns, false);
    }
    snapshot.check_table(table)?;
    Ok(rows)
}
