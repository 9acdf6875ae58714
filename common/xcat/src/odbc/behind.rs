//! What is behind a data source, and how its SQL differs.

use crate::limits::{Limit, Text};
use crate::patience::Patience;
use crate::sql::Dialect;

/// Quotes as SQL has them. Tables are not made here.
pub(super) const DIALECT: Dialect = Dialect { quote: '"', counter: "", key: "", options: "" };

/// A database of which it is known how its tables are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Db2,
    /// Which shows what holds of the way through ODBC where there is no DB2.
    Postgres,
}

impl Behind {
    /// By the name that the driver gives, such as `DB2/LINUXX8664`.
    pub(super) fn of(name: &str) -> Option<Behind> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            name if name.starts_with("db2") => Some(Behind::Db2),
            name if name.starts_with("postgres") => Some(Behind::Postgres),
            _ => None,
        }
    }

    pub(super) fn engine(self) -> &'static str {
        match self {
            Behind::Db2 => "DB2",
            Behind::Postgres => "PostgreSQL",
        }
    }

    /// The name under which a table stands that was made with an unquoted one, as xCAT makes them.
    pub(super) fn folded(self, name: &str) -> String {
        match self {
            Behind::Db2 => name.to_ascii_uppercase(),
            Behind::Postgres => name.to_ascii_lowercase(),
        }
    }

    /// What is set before the first transaction. RR is DB2's serializable.
    pub(super) fn settings(self, patience: Patience) -> [String; 2] {
        match self {
            Behind::Db2 => [
                format!("SET CURRENT LOCK TIMEOUT {}", patience.lock.as_secs().clamp(1, 32_767)),
                "SET CURRENT ISOLATION = RR".to_owned(),
            ],
            Behind::Postgres => [
                format!("SET lock_timeout = {}", patience.lock.as_millis().max(1)),
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"
                    .to_owned(),
            ],
        }
    }

    /// Gives the schema in which unqualified names are looked for.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Behind::Db2 => "SELECT CURRENT SCHEMA FROM SYSIBM.SYSDUMMY1",
            Behind::Postgres => "SELECT current_schema()",
        }
    }

    /// Sorts by the bytes of a column, whatever the collation, or by its number.
    pub(super) fn order(self, quoted: &str, number: bool) -> String {
        match self {
            _ if number => quoted.to_owned(),
            Behind::Db2 => format!("HEX({quoted})"),
            Behind::Postgres => format!("CAST({quoted} AS text) COLLATE \"C\" NULLS FIRST"),
        }
    }

    /// What a text column takes whose longest value is `length`: DB2 counts bytes, PostgreSQL
    /// characters.
    pub(super) fn limit(self, length: Option<u64>) -> Limit {
        match self {
            Behind::Db2 => Limit { text: Text::Utf8, bytes: length, ..Limit::default() },
            Behind::Postgres => {
                Limit { text: Text::Utf8ButNul, characters: length, ..Limit::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_known_by_what_the_driver_calls_it() {
        assert_eq!(Behind::of("DB2/LINUXX8664"), Some(Behind::Db2));
        assert_eq!(Behind::of("PostgreSQL"), Some(Behind::Postgres));
        assert_eq!(Behind::of("Microsoft SQL Server"), None);
    }

    #[test]
    fn db2_sorts_by_bytes_and_what_is_counted_by_number_as_the_other_engines_do() {
        assert_eq!(Behind::Db2.order("\"node\"", false), "HEX(\"node\")");
        assert_eq!(Behind::Db2.order("\"recid\"", true), "\"recid\"");
    }
}
