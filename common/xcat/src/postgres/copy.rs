//! The data of COPY: out in its binary form, in as text. Both are described in PostgreSQL's manual
//! under the statement COPY.

use crate::table::Cell;
use ha_json::Error;
use std::borrow::Cow;
use std::ops::Range;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The longest row that is taken, in bytes: PostgreSQL's longest value is 1 GB.
const MAX_ROW_BYTES: usize = 2 << 30;

/// What gives more of the data; `None` at its end.
pub(super) trait Chunks {
    /// # Errors
    /// Where the data broke off.
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// Rows out of binary data, in pieces of any size.
pub(super) struct Tuples<C> {
    chunks: C,
    what: String,
    buffer: Vec<u8>,
    at: usize,
    begun: bool,
    fields: Vec<Option<Range<usize>>>,
}

/// What the buffer has at a place.
enum Found {
    Tuple(usize),
    End,
    More,
    Damaged,
}

impl<C: Chunks> Tuples<C> {
    pub(super) fn new(chunks: C, what: &str) -> Self {
        let buffer = Vec::new();
        Tuples { chunks, what: what.to_owned(), buffer, at: 0, begun: false, fields: Vec::new() }
    }

    /// The next row.
    ///
    /// # Errors
    /// `failed`, where the data is none of COPY, or breaks off.
    pub(super) fn next_tuple(&mut self) -> Result<Option<Vec<Cell<'_>>>, Error> {
        loop {
            let found = if self.begun { self.look() } else { self.look_at_header() };
            match found {
                Found::Tuple(end) if self.begun => {
                    self.at = end;
                    let cell = |field: &Option<Range<usize>>| {
                        field.clone().map(|range| Cow::Borrowed(&self.buffer[range]))
                    };
                    return Ok(Some(self.fields.iter().map(cell).collect()));
                }
                Found::Tuple(end) => (self.at, self.begun) = (end, true),
                Found::End => return Ok(None),
                Found::Damaged => return Err(self.error("sent rows that cannot be read")),
                Found::More => self.fill()?,
            }
        }
    }

    fn error(&self, why: &str) -> Error {
        Error::failed(&self.what, why)
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.buffer.len() > MAX_ROW_BYTES {
            return Err(self.error("sent a row of more than 2 GiB"));
        }
        match self.chunks.next_chunk()? {
            Some(chunk) if self.buffer.is_empty() => self.buffer = chunk,
            Some(chunk) => self.buffer.extend_from_slice(&chunk),
            None => return Err(self.error("stopped in the middle of the rows")),
        }
        Ok(())
    }

    fn look_at_header(&mut self) -> Found {
        let rest = &self.buffer[self.at..];
        if !SIGNATURE.starts_with(&rest[..rest.len().min(SIGNATURE.len())]) {
            return Found::Damaged;
        }
        // Flags, and the length of what else the header has.
        match number(rest, SIGNATURE.len() + 4).map(usize::try_from) {
            None => Found::More,
            Some(Ok(extension)) if extension <= MAX_ROW_BYTES => {
                let end = SIGNATURE.len() + 8 + extension;
                if rest.len() < end { Found::More } else { Found::Tuple(self.at + end) }
            }
            Some(_) => Found::Damaged,
        }
    }

    fn look(&mut self) -> Found {
        let Some(count) = self.buffer.get(self.at..self.at + 2) else { return Found::More };
        let count = i16::from_be_bytes([count[0], count[1]]);
        if count == -1 {
            return Found::End;
        }
        let Ok(count) = usize::try_from(count) else { return Found::Damaged };
        self.fields.clear();
        let mut at = self.at + 2;
        for _ in 0..count {
            let Some(length) = number(&self.buffer, at) else { return Found::More };
            at += 4;
            if length == -1 {
                self.fields.push(None);
                continue;
            }
            match usize::try_from(length) {
                Ok(length) if at + length <= self.buffer.len() => {
                    self.fields.push(Some(at..at + length));
                    at += length;
                }
                Ok(_) => return Found::More,
                Err(_) => return Found::Damaged,
            }
        }
        Found::Tuple(at)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..at + 4)?;
    Some(i32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

/// Writes a row as a line of text.
pub(super) fn write_line(out: &mut Vec<u8>, cells: &[Cell<'_>]) {
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            out.push(b'\t');
        }
        match cell {
            None => out.extend_from_slice(b"\\N"),
            Some(bytes) => escape(out, bytes),
        }
    }
    out.push(b'\n');
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t'))
    {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Pieces(Vec<Vec<u8>>);

    impl Chunks for Pieces {
        fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
            Ok(if self.0.is_empty() { None } else { Some(self.0.remove(0)) })
        }
    }

    type Table = Vec<Vec<Option<Vec<u8>>>>;

    fn binary(rows: &Table) -> Vec<u8> {
        let mut out = [SIGNATURE, &[0; 4], &3i32.to_be_bytes(), b"ext"].concat();
        for row in rows {
            out.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
            for cell in row {
                let length = cell.as_ref().map_or(-1, |cell| i32::try_from(cell.len()).unwrap());
                out.extend(length.to_be_bytes());
                out.extend(cell.as_deref().unwrap_or_default());
            }
        }
        out.extend((-1i16).to_be_bytes());
        out
    }

    fn read(pieces: Vec<Vec<u8>>) -> Result<Table, Error> {
        let mut tuples = Tuples::new(Pieces(pieces), "x at y");
        let mut rows = Vec::new();
        while let Some(cells) = tuples.next_tuple()? {
            rows.push(cells.into_iter().map(|cell| cell.map(Cow::into_owned)).collect());
        }
        Ok(rows)
    }

    #[test]
    fn what_breaks_off_or_is_no_data_of_copy_is_an_error() {
        let whole = binary(&vec![vec![Some(b"abc".to_vec())]]);
        for length in 0..whole.len() - 2 {
            assert!(read(vec![whole[..length].to_vec()]).is_err(), "{length}");
        }
        assert!(
            read(vec![b"#node,comments\n".to_vec()]).unwrap_err().why.contains("cannot be read")
        );
    }

    #[test]
    fn what_text_would_take_for_something_else_is_escaped() {
        let mut out = Vec::new();
        let cell = |bytes: &'static [u8]| Some(Cow::Borrowed(bytes));
        write_line(&mut out, &[cell(b"a\tb\\.\r\n"), None, cell(b""), cell(b"\\N"), cell(b"\xff")]);
        assert_eq!(out, b"a\\tb\\\\.\\r\\n\t\\N\t\t\\\\N\t\xff\n");
    }

    proptest! {
        #[test]
        fn rows_come_back_in_pieces_of_any_size(
            rows in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(any::<Vec<u8>>()), 0..4), 0..6),
            piece in 1usize..50,
        ) {
            let pieces = binary(&rows).chunks(piece).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(read(pieces).unwrap(), rows);
        }

        #[test]
        fn any_bytes_give_rows_or_an_error(soup: Vec<u8>, piece in 1usize..9) {
            let bytes = [SIGNATURE, &[0; 8], &soup].concat();
            let _ = read(bytes.chunks(piece).map(<[u8]>::to_vec).collect());
        }
    }
}
