//! What the columns of a database take: told before anything is changed.

use crate::schema::{Kind, Table};
use std::collections::BTreeMap;

/// Which bytes are text to a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Text {
    /// All.
    #[default]
    Any,
    /// All but NUL.
    AnyButNul,
    /// UTF-8 without NUL.
    Utf8ButNul,
    /// UTF-8.
    Utf8,
    /// UTF-8 of characters that have at most three bytes.
    Utf8OfThree,
    /// ASCII.
    Ascii,
}

/// What one column takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) text: Text,
    /// The longest value, in characters.
    pub(crate) characters: Option<u64>,
    /// The longest value, in bytes.
    pub(crate) bytes: Option<u64>,
    /// Numbers and nothing else.
    pub(crate) number: bool,
    /// Anything but NULL.
    pub(crate) not_null: bool,
}

/// What the columns of a database take.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    columns: BTreeMap<(String, String), Limit>,
    /// Of the columns of tables that are still to be made; none where anything goes.
    made: Option<Limit>,
}

impl Limits {
    /// `made` is what columns take of a table that is yet to be made, but for what its kind says.
    pub(crate) fn new(made: Limit) -> Limits {
        Limits { columns: BTreeMap::new(), made: Some(made) }
    }

    pub(crate) fn add(&mut self, table: &str, column: &str, limit: Limit) {
        self.columns.insert((table.to_owned(), column.to_ascii_lowercase()), limit);
    }

    /// What the column takes.
    pub fn column(&self, table: &Table, column: &str) -> ColumnLimit {
        let known = self.columns.get(&(table.name.to_owned(), column.to_ascii_lowercase()));
        let made = || {
            let made = Limit { not_null: table.keys.contains(&column), ..self.made? };
            Some(match table.kind(column) {
                Kind::Text => made,
                Kind::Varchar(length) => {
                    Limit { characters: Some(length.into()), bytes: None, ..made }
                }
                Kind::Counter => Limit { number: true, ..made },
            })
        };
        ColumnLimit(known.copied().or_else(made).unwrap_or_default())
    }
}

/// What a column takes.
#[derive(Clone, Copy, Debug)]
pub struct ColumnLimit(Limit);

impl ColumnLimit {
    /// Whether NULL has no place there: where a dump has nothing, an empty value is meant.
    pub fn is_not_null(self) -> bool {
        self.0.not_null
    }

    /// Why the column does not take a value; the words tell nothing of it.
    pub fn refuses(self, value: &[u8]) -> Option<String> {
        let limit = self.0;
        let text = std::str::from_utf8(value);
        let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
        let nul = || memchr::memchr(0, value).is_some();
        let wrong = match limit.text {
            Text::Any => None,
            Text::AnyButNul | Text::Utf8ButNul if nul() => {
                Some("has a NUL byte, which the database cannot hold")
            }
            Text::Utf8ButNul | Text::Utf8 | Text::Utf8OfThree if text.is_err() => {
                Some("is not UTF-8, which the database insists on")
            }
            Text::Utf8OfThree if value.iter().any(|byte| *byte >= 0xf0) => {
                Some("has a character of four bytes, which the column's utf8mb3 cannot hold")
            }
            Text::Ascii if !value.is_ascii() => Some("is not ASCII, which the column is"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            return Some(wrong.to_owned());
        }
        if let Some(most) = limit.bytes.filter(|most| length > *most) {
            return Some(format!("has {length} bytes, and the column takes {most}"));
        }
        // There are no more characters than bytes.
        if let Some(most) = limit.characters.filter(|most| length > *most) {
            let characters = text.map_or(value.len(), |text| text.chars().count());
            if u64::try_from(characters).unwrap_or(u64::MAX) > most {
                return Some(format!("has {characters} characters, and the column takes {most}"));
            }
        }
        let number =
            || text.ok()?.parse::<i32>().ok().filter(|n| n.to_string().as_bytes() == value);
        (limit.number && number().is_none())
            .then(|| "is no number as the column holds it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn why(limit: Limit, value: &[u8]) -> String {
        ColumnLimit(limit).refuses(value).unwrap_or_default()
    }

    #[test]
    fn what_an_encoding_does_not_have_is_refused() {
        let of = |text| Limit { text, ..Limit::default() };
        assert_eq!(why(of(Text::Any), b"\xff\0"), "");
        assert!(why(of(Text::AnyButNul), b"\xff\0").contains("NUL"));
        assert_eq!(why(of(Text::AnyButNul), b"\xff"), "");
        assert!(why(of(Text::Utf8ButNul), b"a\0").contains("NUL"));
        assert!(why(of(Text::Utf8ButNul), b"\xff").contains("not UTF-8"));
        assert_eq!(why(of(Text::Utf8), "\u{1f600}\0".as_bytes()), "");
        assert!(why(of(Text::Utf8OfThree), "\u{1f600}".as_bytes()).contains("four bytes"));
        assert_eq!(why(of(Text::Utf8OfThree), "\u{20ac}".as_bytes()), "");
        assert!(why(of(Text::Ascii), "\u{e9}".as_bytes()).contains("not ASCII"));
    }

    #[test]
    fn what_is_too_long_is_refused_in_the_unit_that_the_column_counts() {
        let characters = Limit { characters: Some(3), ..Limit::default() };
        assert_eq!(why(characters, "\u{e9}\u{e9}\u{e9}".as_bytes()), "");
        assert_eq!(why(characters, b"abcd"), "has 4 characters, and the column takes 3");
        let bytes = Limit { bytes: Some(3), ..Limit::default() };
        assert!(why(bytes, "\u{e9}\u{e9}".as_bytes()).contains("4 bytes"));
    }

    #[test]
    fn a_number_is_taken_as_the_database_gives_it_back() {
        let number = Limit { number: true, ..Limit::default() };
        assert_eq!(why(number, b"17"), "");
        for odd in [&b"017"[..], b"1.0", b" 1", b"x", b"", b"99999999999"] {
            assert!(why(number, odd).contains("no number"));
        }
    }

    #[test]
    fn a_table_that_is_yet_to_be_made_takes_what_its_kinds_say() {
        let limits = Limits::new(Limit { text: Text::Utf8, ..Limit::default() });
        let mac = schema::table("mac").unwrap();
        assert!(limits.column(mac, "node").refuses(&[b'x'; 129]).is_some());
        assert!(limits.column(mac, "mac").refuses(&[b'x'; 129]).is_none());
        assert!(limits.column(schema::table("auditlog").unwrap(), "recid").refuses(b"x").is_some());
        assert!(
            limits.column(mac, "node").is_not_null() && !limits.column(mac, "mac").is_not_null()
        );
        assert!(Limits::default().column(mac, "node").refuses(&[b'x'; 129]).is_none());
    }
}
