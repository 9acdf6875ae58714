//! Rows to bytes.

use std::io::{self, Write};

/// Writes the first line: `#` and the names of the columns.
///
/// # Errors
/// Those of `out`.
pub fn write_header<S: AsRef<str>>(out: &mut impl Write, columns: &[S]) -> io::Result<()> {
    let names: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
    writeln!(out, "#{}", names.join(","))
}

/// Writes a row. Every value stands in quotes with its quotes doubled, and nothing else of it is
/// changed. Nothing stands where there is nothing: for NULL, for no bytes, and, because Perl's `/^$/`
/// is true of it, for a lone newline.
///
/// # Errors
/// Those of `out`.
pub fn write_row<'a>(
    out: &mut impl Write,
    cells: impl Iterator<Item = Option<&'a [u8]>>,
) -> io::Result<()> {
    write_exact(out, cells.map(|cell| cell.filter(|value| !matches!(*value, b"" | b"\n"))))
}

/// As [`write_row`], but nothing stands for NULL alone: [`super::Reader`] reads what was written.
///
/// # Errors
/// Those of `out`.
pub fn write_exact<'a>(
    out: &mut impl Write,
    cells: impl Iterator<Item = Option<&'a [u8]>>,
) -> io::Result<()> {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        if let Some(value) = cell {
            write_quoted(out, value)?;
        }
    }
    out.write_all(b"\n")
}

fn write_quoted(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.write_all(&rest[..=at])?;
        out.write_all(b"\"")?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)?;
    out.write_all(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        write_row(&mut out, cells.iter().copied()).unwrap();
        out
    }

    #[test]
    fn an_empty_last_column_still_leaves_its_comma() {
        assert_eq!(row(&[Some(b"1"), None, None]), b"\"1\",,\n");
        assert_eq!(row(&[None, None, Some(b"x,")]), b",,\"x,\"\n");
    }

    #[test]
    fn null_and_nothing_and_a_lone_newline_are_all_nothing_and_zero_is_not() {
        assert_eq!(row(&[None, Some(b""), Some(b"\n"), Some(b"0")]), b",,,\"0\"\n");
    }

    #[test]
    fn only_quotes_are_changed() {
        assert_eq!(row(&[Some(b"a\"b\\\t\r\n\0\xff")]), b"\"a\"\"b\\\t\r\n\0\xff\"\n");
    }

    proptest! {
        #[test]
        fn a_csv_reader_reads_what_was_written(
            rows in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(any::<Vec<u8>>()), 3), 0..5)
        ) {
            let mut out = Vec::new();
            write_header(&mut out, &["a", "b", "c"]).unwrap();
            for row in &rows {
                write_row(&mut out, row.iter().map(|cell| cell.as_deref())).unwrap();
            }
            let read: Vec<Vec<Vec<u8>>> = ::csv::ReaderBuilder::new()
                .terminator(::csv::Terminator::Any(b'\n'))
                .from_reader(&out[..])
                .byte_records()
                .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            let lost = |cell: &Option<Vec<u8>>| match cell {
                Some(value) if value != b"\n" => value.clone(),
                _ => Vec::new(),
            };
            let meant: Vec<Vec<Vec<u8>>> =
                rows.iter().map(|row| row.iter().map(lost).collect()).collect();
            prop_assert_eq!(read, meant);
        }
    }
}
