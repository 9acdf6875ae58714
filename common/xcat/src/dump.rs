//! A dump: a directory with a CSV file per table and a manifest, or a stream of rows.

mod check;
mod source;
mod stream;

pub use source::{Fault, Faults, Part, PartRows, Source};

use crate::schema::{self, Table};
use std::ffi::OsStr;

/// The name of the manifest. restorexCATdb takes every entry of a directory for a table, but passes
/// over those that begin with `x_teal`, always: that is why.
pub const MANIFEST: &str = "x_teal_haxcat_manifest.jsonl";

/// What an entry of the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The CSV file of a table.
    Table(&'static Table),
    /// The manifest.
    Manifest,
}

/// What an entry with this name is; `None` where it is no part of a dump.
pub fn entry(name: &OsStr) -> Option<Entry> {
    let name = name.to_str()?;
    if name == MANIFEST {
        return Some(Entry::Manifest);
    }
    name.strip_suffix(".csv").and_then(schema::table).map(Entry::Table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_exactly_the_name_of_a_table_is_one() {
        let found = |name: &str| entry(OsStr::new(name));
        assert!(
            matches!(found("nodelist.csv"), Some(Entry::Table(table)) if table.name == "nodelist")
        );
        assert_eq!(found(MANIFEST), Some(Entry::Manifest));
        for other in
            ["nodelist.csv.bak", "nodelist", "Nodelist.csv", ".csv", "mine.csv", ".nodelist.csv"]
        {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
