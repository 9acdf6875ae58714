//! One row of a table, which columns a table has, and in which order its rows come.

use crate::schema::Table;
use std::borrow::Cow;

/// One value as xCAT has it: bytes, or NULL.
pub type Cell<'a> = Option<Cow<'a, [u8]>>;

/// Which columns a table has where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// For each column of the schema, whether it is there.
    pub present: Vec<bool>,
    /// Columns that the schema does not have.
    pub unknown: Vec<String>,
}

impl Layout {
    /// Of the columns that were found.
    pub fn new(table: &Table, names: &[String]) -> Layout {
        let has = |column: &&str| names.iter().any(|name| name.eq_ignore_ascii_case(column));
        let known = |name: &&String| table.columns.iter().any(|one| one.eq_ignore_ascii_case(name));
        Layout {
            present: table.columns.iter().map(has).collect(),
            unknown: names.iter().filter(|name| !known(name)).cloned().collect(),
        }
    }

    /// The columns of the key that are there.
    pub(crate) fn keys(&self, table: &Table) -> Vec<&'static str> {
        let there = table.columns.iter().zip(&self.present).filter(|(_, present)| **present);
        there.map(|(column, _)| *column).filter(|column| table.keys.contains(column)).collect()
    }
}

/// The order in which rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    Any,
    /// As they come, and no more than so many.
    Few(u32),
    /// As they stand where the database keeps an order, which is how dumpxCATdb reads; else by key.
    Kept,
    /// By the bytes of the key's columns, those that the database counts by their number; NULL first.
    Key,
}

/// xCAT's rule for the column `disable`: whether its row counts.
pub fn is_enabled(disable: &Cell<'_>) -> bool {
    disable.as_ref().is_none_or(|text| text.as_ref() == b"0" || text.eq_ignore_ascii_case(b"no"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn a_row_is_off_unless_disable_says_no_in_xcats_words() {
        let cell = |text: &'static str| -> Cell<'_> { Some(Cow::Borrowed(text.as_bytes())) };
        assert!(is_enabled(&None) && is_enabled(&cell("0")) && is_enabled(&cell("nO")));
        assert!(!is_enabled(&cell("")) && !is_enabled(&cell("1")) && !is_enabled(&cell("yes")));
    }

    #[test]
    fn columns_are_known_whatever_their_case_and_the_others_are_told() {
        let mac = schema::table("mac").unwrap();
        let names = ["NODE", "mac", "legacycol"].map(str::to_owned);
        let layout = Layout::new(mac, &names);
        assert_eq!(layout.present, [true, false, true, false, false]);
        assert_eq!(layout.unknown, ["legacycol"]);
        assert_eq!(layout.keys(mac), ["node"]);
    }
}
