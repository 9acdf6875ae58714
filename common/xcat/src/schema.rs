//! The tables that xCAT knows: names, columns in the order of a dump, keys.

use std::sync::LazyLock;

/// Where the data is from: `data/schema.tsv`, taken of `xCAT::Schema` of xcat-core (August 2026).
const DATA: &str = include_str!("../data/schema.tsv");

/// One table of xCAT's schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, of which the file names come.
    pub name: &'static str,
    /// Its columns in the order of a dump.
    pub columns: Vec<&'static str>,
    /// Which of them make the key.
    pub keys: Vec<&'static str>,
    /// The columns that are neither text of any length nor a plain key.
    kinds: Vec<(&'static str, Kind)>,
}

/// What a column holds, as xCAT makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of any length.
    Text,
    /// Text of at most so many characters.
    Varchar(u32),
    /// A number that the database counts up.
    Counter,
}

/// The longest key, in characters.
const KEY_LENGTH: u32 = 128;

impl Table {
    /// What the column holds where xCAT makes the table.
    pub fn kind(&self, column: &str) -> Kind {
        let told = self.kinds.iter().find(|(name, _)| *name == column).map(|(_, kind)| *kind);
        let key = self.keys.contains(&column).then_some(Kind::Varchar(KEY_LENGTH));
        told.or(key).unwrap_or(Kind::Text)
    }

    /// Where a column stands in a dump.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| *name == column)
    }
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = DATA.lines().filter_map(parse).collect();
    tables.sort_by_key(|table| table.name);
    tables
});

/// All tables, sorted by name.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    let at = TABLES.binary_search_by_key(&name, |table| table.name).ok()?;
    TABLES.get(at)
}

fn parse(line: &'static str) -> Option<Table> {
    let mut fields = line.split('\t');
    let name = fields.next()?;
    let columns = list(fields.next()?.strip_prefix("cols=")?);
    let keys = list(fields.next()?.strip_prefix("keys=")?);
    let types = list(fields.nth(1)?.strip_prefix("types=")?);
    let kinds = types.into_iter().filter_map(kind).collect();
    Some(Table { name, columns, keys, kinds })
}

/// Such as `otherdata:VARCHAR(2048)` and `recid:INTEGER AUTO_INCREMENT`.
fn kind(text: &'static str) -> Option<(&'static str, Kind)> {
    let (column, kind) = text.split_once(':')?;
    let length = kind.strip_prefix("VARCHAR(").and_then(|rest| rest.strip_suffix(')'));
    let kind = match length {
        Some(length) => Kind::Varchar(length.parse().ok()?),
        None => Kind::Counter,
    };
    Some((column, kind))
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
    fn columns_of_another_kind_than_text_are_known() {
        let kind = |name: &str, column: &str| table(name).unwrap().kind(column);
        assert_eq!(kind("auditlog", "recid"), Kind::Counter);
        assert_eq!(kind("kvm_nodedata", "xml"), Kind::Varchar(16_000));
        assert_eq!(kind("mac", "node"), Kind::Varchar(128));
        assert_eq!(kind("mac", "mac"), Kind::Text);
        assert_eq!(tables().iter().map(|table| table.kinds.len()).sum::<usize>(), 6);
    }

    #[test]
    fn a_table_is_found_by_its_name_only() {
        assert_eq!(table("mac").unwrap().keys, ["node"]);
        assert!(table("Mac").is_none() && table("").is_none());
    }
}
