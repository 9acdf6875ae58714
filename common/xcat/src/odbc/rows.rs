//! Rows out of a cursor and into a statement. Text goes as UTF-16 both ways: a driver would turn
//! anything else into the encoding of the locale, which need not be UTF-8.

use super::words::Words;
use crate::table::Cell;
use ha_json::Error;
use odbc_api::buffers::{BufferDesc, Indicator};
use odbc_api::handles::{AsStatementRef, SqlResult, Statement, StatementImpl, StatementRef};
use odbc_api::parameter::{VarCell, WideText};
use odbc_api::{BindParamDesc, Cursor, CursorImpl, DataType, Error as Said, Prepared};
use std::borrow::Cow;
use std::ops::Range;

/// How much is read before it is handed over, in bytes.
const BATCH_BYTES: usize = 128 << 10;

/// How many cells are read before they are handed over.
const BATCH_CELLS: usize = 8 << 10;

/// How much of a value is fetched at once, in units of two bytes.
const PART: usize = 4 << 10;

/// How much is sent at once, in units of two bytes.
const MOST_UNITS: usize = 256 << 10;

/// How many rows are sent at once.
const MOST_ROWS: usize = 500;

/// Cells of some rows.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    cells: Vec<Option<Range<usize>>>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The rows, each of so many cells.
    pub(super) fn rows(&self, width: usize) -> impl Iterator<Item = Vec<Cell<'_>>> {
        let cell = |cell: &Option<Range<usize>>| {
            cell.clone().map(|range| Cow::Borrowed(&self.bytes[range]))
        };
        self.cells.chunks_exact(width.max(1)).map(move |row| row.iter().map(cell).collect())
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES || self.cells.len() >= BATCH_CELLS
    }
}

/// Reads some rows; an empty batch is the end.
pub(super) fn next_batch(
    cursor: &mut CursorImpl<StatementImpl<'_>>,
    width: u16,
    words: &Words,
) -> Result<Batch, Error> {
    let mut batch = Batch::default();
    let (mut part, mut units) = (vec![0; PART], Vec::new());
    while !batch.is_full() {
        if cursor.next_row().map_err(|error| words.said(&error))?.is_none() {
            break;
        }
        for at in 1..=width {
            let mut statement = cursor.as_stmt_ref();
            let there = whole_value(&mut statement, at, &mut part, &mut units)
                .map_err(|error| words.said(&error))?;
            let begin = batch.bytes.len();
            if there && !append_utf8(&units, &mut batch.bytes) {
                return Err(Error::failed(&words.what, "holds text that is no Unicode"));
            }
            batch.cells.push(there.then_some(begin..batch.bytes.len()));
        }
    }
    Ok(batch)
}

/// Fetches a value, however long; false where it is NULL.
fn whole_value(
    statement: &mut StatementRef<'_>,
    at: u16,
    part: &mut [u16],
    units: &mut Vec<u16>,
) -> Result<bool, Said> {
    units.clear();
    loop {
        let mut target = VarCell::<&mut [u16], WideText>::from_buffer(part, Indicator::Null);
        match statement.get_data(at, &mut target) {
            // All of it was fetched before.
            SqlResult::NoData => return Ok(true),
            other => other.into_result(statement)?,
        }
        match target.as_slice() {
            None => return Ok(false),
            Some(more) => units.extend_from_slice(more),
        }
        if target.is_complete() {
            return Ok(true);
        }
    }
}

/// False where they are no text.
fn append_utf8(units: &[u16], bytes: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4];
    bytes.reserve(units.len());
    for one in char::decode_utf16(units.iter().copied()) {
        match one {
            Ok(one) if one.is_ascii() => bytes.push(one as u8),
            Ok(one) => bytes.extend_from_slice(one.encode_utf8(&mut buffer).as_bytes()),
            Err(_) => return false,
        }
    }
    true
}

/// Rows on their way to a statement.
#[derive(Debug)]
pub(super) struct Outgoing {
    cells: Vec<Option<Vec<u16>>>,
    /// The longest value of each column, in units of two bytes.
    longest: Vec<usize>,
}

impl Outgoing {
    /// Of so many columns.
    pub(super) fn new(width: usize) -> Outgoing {
        Outgoing { cells: Vec::new(), longest: vec![1; width] }
    }

    pub(super) fn rows(&self) -> usize {
        self.cells.len() / self.longest.len().max(1)
    }

    /// Takes a row: all values of a column take as much room as its longest. Gives it back where there
    /// is none left.
    pub(super) fn push(&mut self, row: Vec<Option<Vec<u16>>>) -> Result<(), Vec<Option<Vec<u16>>>> {
        let length = |cell: &Option<Vec<u16>>| cell.as_ref().map_or(0, Vec::len);
        let longest: Vec<usize> = self
            .longest
            .iter()
            .zip(&row)
            .map(|(longest, cell)| length(cell).max(*longest))
            .collect();
        let room = longest.iter().sum::<usize>().saturating_mul(self.rows() + 1);
        if self.rows() > 0 && (room > MOST_UNITS || self.rows() >= MOST_ROWS) {
            return Err(row);
        }
        self.longest = longest;
        self.cells.extend(row);
        Ok(())
    }

    /// Runs the statement for all rows at once; `numbers` tells which columns are such.
    pub(super) fn send(
        &self,
        prepared: &mut Prepared<StatementImpl<'_>>,
        numbers: &[bool],
    ) -> Result<(), Said> {
        if self.cells.is_empty() {
            return Ok(());
        }
        let described = self.longest.iter().zip(numbers).map(|(longest, number)| {
            if *number {
                let buffer_desc = BufferDesc::WText { max_str_len: *longest };
                BindParamDesc { buffer_desc, data_type: DataType::Integer }
            } else {
                BindParamDesc::wide_text(*longest)
            }
        });
        let mut inserter = prepared.column_inserter(self.rows(), described)?;
        inserter.set_num_rows(self.rows());
        let width = self.longest.len();
        for column in 0..width {
            let Some(mut view) = inserter.column_mut(column).as_wide_text() else { continue };
            for (row, cell) in self.cells.iter().skip(column).step_by(width).enumerate() {
                view.set_cell(row, cell.as_deref());
            }
        }
        inserter.execute().map(drop)
    }
}

/// A row as it goes to a statement; none where a value is no UTF-8.
pub(super) fn outgoing(cells: &[Cell<'_>]) -> Option<Vec<Option<Vec<u16>>>> {
    let units = |cell: &Cell<'_>| match cell {
        None => Some(None),
        Some(bytes) => Some(Some(std::str::from_utf8(bytes).ok()?.encode_utf16().collect())),
    };
    cells.iter().map(units).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_to_utf16_and_back() {
        let text = "a\u{e9}\u{20ac}\u{1f600}\n\0".as_bytes();
        let row = outgoing(&[Some(Cow::Borrowed(text)), None, Some(Cow::Borrowed(b""))]).unwrap();
        assert_eq!((&row[1], &row[2]), (&None, &Some(Vec::new())));
        let mut bytes = Vec::new();
        assert!(append_utf8(row[0].as_ref().unwrap(), &mut bytes));
        assert_eq!(bytes, text);
        assert!(outgoing(&[Some(Cow::Borrowed(b"\xff"))]).is_none());
        assert!(!append_utf8(&[0xd800], &mut bytes));
    }

    #[test]
    fn one_long_value_does_not_make_room_for_all_rows_as_long() {
        let mut outgoing = Outgoing::new(2);
        let row = |length| vec![Some(vec![0; length]), None];
        assert!(outgoing.push(row(10)).is_ok());
        assert!(outgoing.push(row(MOST_UNITS)).is_err());
        assert_eq!((outgoing.rows(), &outgoing.longest[..]), (1, &[10, 1][..]));
        let mut first = Outgoing::new(2);
        assert!(first.push(row(MOST_UNITS * 2)).is_ok());
    }
}
