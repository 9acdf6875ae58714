//! What an administrator should know of the values that were dumped: what is no UTF-8, what was encoded
//! twice, and what does not come back.

use std::collections::BTreeMap;

/// Why a value is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Bytes of another encoding.
    NotUtf8,
    /// UTF-8 that looks as if it had been taken for Latin-1 and encoded again.
    EncodedTwice,
    /// Blanks before a newline, or an empty line: restorexCATdb drops them, or fails.
    LostByRestorexcatdb,
    /// A lone newline, which stands as nothing in a CSV file.
    LostByCsv,
}

impl Concern {
    /// One word for programs.
    pub fn reason(self) -> &'static str {
        match self {
            Concern::NotUtf8 => "not_utf8",
            Concern::EncodedTwice => "encoded_twice",
            Concern::LostByRestorexcatdb => "lost_by_restorexcatdb",
            Concern::LostByCsv => "lost_by_csv",
        }
    }

    /// What it is, for people.
    pub fn message(self) -> &'static str {
        match self {
            Concern::NotUtf8 => "has values that are not UTF-8",
            Concern::EncodedTwice => "has values that look encoded twice, as restorexCATdb does it",
            Concern::LostByRestorexcatdb => {
                "has blanks before newlines, or empty lines, which restorexCATdb loses"
            }
            Concern::LostByCsv => "has values of one newline, which CSV files lose",
        }
    }

    /// Whether it is one only where CSV files are written.
    pub fn is_of_csv(self) -> bool {
        matches!(self, Concern::LostByRestorexcatdb | Concern::LostByCsv)
    }
}

/// The concerns of a table: how many values there are of each, and the first.
#[derive(Clone, Debug, Default)]
pub struct Concerns {
    found: BTreeMap<Concern, First>,
}

/// How many values, and where the first is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// How many values.
    pub count: u64,
    /// The row of the first, from 1.
    pub row: u64,
    /// Its column's place.
    pub column: usize,
}

impl Concerns {
    /// Looks at a value.
    pub fn look(&mut self, row: u64, column: usize, value: &[u8]) {
        // What most values are.
        if value.is_ascii() && memchr::memchr(b'\n', value).is_none() {
            return;
        }
        for concern in of(value).into_iter().flatten() {
            let first = First { count: 0, row, column };
            self.found.entry(concern).or_insert(first).count += 1;
        }
    }

    /// What was found.
    pub fn found(&self) -> impl Iterator<Item = (Concern, &First)> {
        self.found.iter().map(|(concern, first)| (*concern, first))
    }
}

fn of(value: &[u8]) -> [Option<Concern>; 2] {
    let encoding = match std::str::from_utf8(value) {
        Err(_) => Some(Concern::NotUtf8),
        Ok(text) => looks_encoded_twice(text).then_some(Concern::EncodedTwice),
    };
    let lines = match value {
        b"\n" => Some(Concern::LostByCsv),
        _ => value
            .windows(2)
            .any(|pair| pair[1] == b'\n' && (pair[0].is_ascii_whitespace() || pair[0] == 0x0b))
            .then_some(Concern::LostByRestorexcatdb),
    };
    [encoding, lines]
}

/// True where every character is one of Latin-1, and their bytes are UTF-8 again.
fn looks_encoded_twice(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(value: &[u8]) -> Vec<&'static str> {
        let mut concerns = Concerns::default();
        concerns.look(1, 0, value);
        concerns.found().map(|(concern, _)| concern.reason()).collect()
    }

    #[test]
    fn only_what_does_not_come_back_or_cannot_be_read_is_a_concern() {
        for plain in ["", "a b ", "two\nlines", "\nfirst", "last\n", "\r", "caf\u{e9}", "\u{3a9}"] {
            assert!(reasons(plain.as_bytes()).is_empty(), "{plain:?}");
        }
        assert_eq!(reasons(b"caf\xe9"), ["not_utf8"]);
        assert_eq!(reasons("caf\u{c3}\u{a9}".as_bytes()), ["encoded_twice"]);
        assert_eq!(reasons(b"\n"), ["lost_by_csv"]);
        for lost in [&b"a \nb"[..], b"a\n\nb", b"a\r\nb", b"a\x0b\n"] {
            assert_eq!(reasons(lost), ["lost_by_restorexcatdb"], "{lost:?}");
        }
        assert_eq!(reasons(b"\xff \n"), ["not_utf8", "lost_by_restorexcatdb"]);
    }

    #[test]
    fn values_are_counted_and_the_first_is_named() {
        let mut concerns = Concerns::default();
        concerns.look(3, 1, b"\xff");
        concerns.look(4, 0, b"\xfe");
        let (concern, first) = concerns.found().next().unwrap();
        assert_eq!((concern, first), (Concern::NotUtf8, &First { count: 2, row: 3, column: 1 }));
    }
}
