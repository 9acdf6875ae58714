//! The tables that xCAT knows: names, columns in the order of a dump, keys.

use std::sync::LazyLock;

/// Where the data is from: `data/schema.tsv`, taken of `xCAT::Schema` of xcat-core (August 2026).
const DATA: &str = include_str!("../data/schema.tsv");

/// One table of xCAT's schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name, of which the file names come.
    pub(crate) name: &'static str,
    /// Its columns in the order of a dump.
    pub(crate) columns: Vec<&'static str>,
    /// Which of them make the key.
    pub(crate) keys: Vec<&'static str>,
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = DATA.lines().filter_map(parse).collect();
    tables.sort_by_key(|table| table.name);
    tables
});

/// All tables, sorted by name.
pub(crate) fn tables() -> &'static [Table] {
    &TABLES
}

/// The table of this name.
pub(crate) fn table(name: &str) -> Option<&'static Table> {
    let at = TABLES.binary_search_by_key(&name, |table| table.name).ok()?;
    TABLES.get(at)
}

fn parse(line: &'static str) -> Option<Table> {
    let mut fields = line.split('\t');
    let name = fields.next()?;
    let columns = list(fields.next()?.strip_prefix("cols=")?);
    let keys = list(fields.next()?.strip_prefix("keys=")?);
    Some(Table { name, columns, keys })
}

fn list(text: &'static str) -> Vec<&'static str> {
    text.split(',').filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_line_of_the_data_is_a_table_and_no_name_comes_twice() {
        assert_eq!(tables().len(), DATA.lines().count());
        assert_eq!(tables().len(), 73);
        let names: HashSet<_> = tables().iter().map(|table| table.name).collect();
        assert_eq!(names.len(), 73);
    }

    #[test]
    fn columns_are_unique_and_keys_are_columns() {
        for table in tables() {
            let columns: HashSet<_> = table.columns.iter().collect();
            assert_eq!(columns.len(), table.columns.len(), "{}", table.name);
            assert!(!table.keys.is_empty(), "{}", table.name);
            assert!(table.keys.iter().all(|key| columns.contains(key)), "{}", table.name);
        }
    }

    #[test]
    fn no_key_is_called_table_which_is_a_field_of_every_rows_key() {
        assert!(tables().iter().all(|table| !table.keys.contains(&"table")));
    }

    #[test]
    fn names_are_fit_for_files_and_for_sql() {
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for table in tables() {
            assert!(plain(table.name) && table.columns.iter().all(|column| plain(column)));
        }
    }

    #[test]
    fn a_table_is_found_by_its_name_only() {
        assert_eq!(table("mac").unwrap().keys, ["node"]);
        assert!(table("Mac").is_none() && table("").is_none());
    }
}
