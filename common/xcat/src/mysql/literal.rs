//! Values in a statement: bytes that stand for themselves, whatever they are.

use crate::table::Cell;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes a row: its values in parentheses.
pub(super) fn write_row(sql: &mut String, cells: &[Cell<'_>]) {
    sql.push('(');
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            sql.push(',');
        }
        match cell {
            None => sql.push_str("NULL"),
            Some(bytes) => write_value(sql, bytes),
        }
    }
    sql.push(')');
}

/// In quotes where nothing in it means anything within quotes, else in hexadecimal digits. A number is
/// always in quotes: in a column of numbers the digits would be one.
fn write_value(sql: &mut String, bytes: &[u8]) {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(plain) => {
            sql.push('\'');
            sql.push_str(text);
            sql.push('\'');
        }
        _ => {
            sql.push_str("x'");
            for byte in bytes {
                sql.push(DIGITS[usize::from(byte >> 4)].into());
                sql.push(DIGITS[usize::from(byte & 15)].into());
            }
            sql.push('\'');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(cells: &[Option<&'static [u8]>]) -> String {
        let cells: Vec<Cell<'_>> = cells.iter().map(|cell| cell.map(Into::into)).collect();
        let mut sql = String::new();
        write_row(&mut sql, &cells);
        sql
    }

    #[test]
    fn what_means_something_in_quotes_is_written_in_digits() {
        let cells =
            [Some(&b"a \"b"[..]), None, Some(b""), Some(b"it's"), Some(b"\\"), Some(b"\xff\0")];
        assert_eq!(written(&cells), "('a \"b',NULL,'',x'69742773',x'5c',x'ff00')");
    }

    proptest! {
        #[test]
        fn no_value_ends_its_literal(bytes: Vec<u8>) {
            let mut sql = String::new();
            write_value(&mut sql, &bytes);
            let inner = sql.strip_prefix('x').unwrap_or(&sql);
            let inner = inner.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap();
            prop_assert!(!inner.contains('\'') && !inner.contains('\\'));
            prop_assert!(inner.is_ascii());
        }
    }
}
