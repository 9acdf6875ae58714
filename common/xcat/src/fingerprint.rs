//! Whether two sets of rows are the same, in whatever order they come.

use crate::table::Cell;

/// The digest of a set of rows: the sum of what XXH3 makes of each. It tells what a database changed from
/// what it kept, and nobody's word from anybody else's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many rows.
    pub rows: u64,
    sum: u128,
}

impl Fingerprint {
    /// Adds a row.
    pub fn add(&mut self, digest: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(digest);
    }
}

/// Makes digests of rows and of their keys.
#[derive(Debug, Default)]
pub struct Digester {
    bytes: Vec<u8>,
}

impl Digester {
    /// The digest of cells.
    pub fn digest<'a, 'b: 'a>(&mut self, cells: impl Iterator<Item = &'a Cell<'b>>) -> u128 {
        self.bytes.clear();
        for cell in cells {
            // NULL is told from nothing, and where a cell ends from how it goes on.
            let length = cell.as_ref().map_or(u64::MAX, |bytes| bytes.len() as u64);
            self.bytes.extend_from_slice(&length.to_le_bytes());
            self.bytes.extend_from_slice(cell.as_deref().unwrap_or_default());
        }
        xxhash_rust::xxh3::xxh3_128(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn row(cells: &[Option<&'static str>]) -> u128 {
        let cells: Vec<Cell<'_>> =
            cells.iter().map(|cell| cell.map(|text| Cow::Borrowed(text.as_bytes()))).collect();
        Digester::default().digest(cells.iter())
    }

    fn of(rows: &[u128]) -> Fingerprint {
        let mut all = Fingerprint::default();
        rows.iter().for_each(|row| all.add(*row));
        all
    }

    #[test]
    fn rows_are_the_same_in_any_order_and_differ_by_any_cell() {
        let (a, b) = (row(&[Some("a"), None]), row(&[Some("b"), Some("")]));
        assert_eq!(of(&[a, b]), of(&[b, a]));
        assert_ne!(of(&[a, b]), of(&[a, a]));
        assert_ne!(of(&[a, b]), of(&[a]));
        assert_ne!(a, row(&[Some("a"), Some("")]));
        assert_ne!(row(&[Some("ab"), Some("c")]), row(&[Some("a"), Some("bc")]));
    }
}
