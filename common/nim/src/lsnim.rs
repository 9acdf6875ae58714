//! Listings of `lsnim`: `-l`, plain, and `-Z`.
//!
//! Sources: the transcripts in "Alternate NIM Master Configurations and Applications" (IBM,
//! isg3T1012143), the page of lsnim (AIX 7.1, Commands), for values of several lines xcat-core issue
//! 680, and for `-Z` the comments of the public programs that read it.

mod columns;
mod long;
mod shape;
mod short;

pub use shape::{CLASSES, Shape, shape};

use crate::{Object, Problem, Severity};

/// What a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the listing.
    pub objects: Vec<Object>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

impl Listing {
    /// The object of that name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.name == name)
    }

    /// Whether a part of it could not be read.
    pub fn is_damaged(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// What a listing shows, with the bytes and the places of all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// In the order of the listing.
    pub entries: Vec<Entry>,
    /// What is wrong with it, by line.
    pub problems: Vec<Problem>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Where it begins, counted from 1.
    pub line: u64,
    /// In their order; the class and the type of a plain listing are among them.
    pub attributes: Vec<Attribute>,
}

/// An attribute in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// As it stands; parted by newlines where it runs over several lines.
    pub value: Vec<u8>,
    /// Where it begins, counted from 1.
    pub line: u64,
}

impl Entries {
    fn problem(&mut self, line: usize, severity: Severity, what: String) {
        self.problems.push(Problem { line: line as u64 + 1, what, severity });
    }
}

impl Entry {
    fn new(name: &[u8], at: usize) -> Entry {
        Entry { name: name.to_vec(), line: at as u64 + 1, attributes: Vec::new() }
    }

    fn push(&mut self, name: &str, value: &[u8], at: usize) {
        let (name, value, line) = (name.to_owned(), value.to_vec(), at as u64 + 1);
        self.attributes.push(Attribute { name, value, line });
    }
}

/// Reads a listing of that shape.
pub fn read(shape: Shape, listing: &[u8]) -> Entries {
    let lines: Vec<&[u8]> = lines(listing).collect();
    let mut read = match shape {
        Shape::Long => long::read(&lines),
        Shape::Short => short::read(&lines),
        Shape::Columns => columns::read(&lines),
    };
    read.problems.sort_by_key(|problem| problem.line);
    read
}

/// Reads what `lsnim -l` printed, for one object or for many.
pub fn parse_long(listing: &[u8]) -> Listing {
    let Entries { entries, mut problems } = read(Shape::Long, listing);
    for (at, line) in lines(listing).enumerate() {
        if std::str::from_utf8(line).is_err() {
            let what = "the line is not UTF-8".to_owned();
            problems.push(Problem { line: at as u64 + 1, what, severity: Severity::Error });
        }
    }
    problems.sort_by_key(|problem| problem.line);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let object = |entry: Entry| Object {
        name: text(entry.name),
        attributes: entry.attributes.into_iter().map(|one| (one.name, text(one.value))).collect(),
    };
    Listing { objects: entries.into_iter().map(object).collect(), problems }
}

fn lines(listing: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Editors of Windows put this mark before a text.
    let listing = listing.strip_prefix(b"\xef\xbb\xbf").unwrap_or(listing);
    let lines = listing.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// Whether this can be the name of an object: what parts columns and fields is not in one.
fn is_name(name: &[u8]) -> bool {
    let fits = |byte: &u8| !byte.is_ascii_whitespace() && !byte.is_ascii_control() && *byte != b':';
    !name.is_empty() && name.iter().all(fits)
}

fn quoted(line: &[u8]) -> String {
    const SHOWN: usize = 100;
    let text = String::from_utf8_lossy(line);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whats(listing: &Listing) -> Vec<(u64, &str)> {
        listing.problems.iter().map(|problem| (problem.line, problem.what.as_str())).collect()
    }

    #[test]
    fn values_hold_what_separates_and_empty_ones_are_there() {
        let text =
            "lpar07:\r\n   class    = machines\n   comments = a: b = \"c\"  \n   info     = \n";
        let listing = parse_long(text.as_bytes());
        let object = listing.object("lpar07").unwrap();
        assert_eq!(object.get("comments"), Some("a: b = \"c\"  "));
        assert_eq!(object.get("info"), Some(""));
        assert_eq!(object.get("absent"), None);
        assert!(listing.problems.is_empty());
    }

    #[test]
    fn a_value_goes_on_from_the_first_column() {
        let text = "n1:\n   class    = machines\n   err_info = mount: giving up\n0042-175 \
                    c_installp: failed\nmount: not in hosts database\n   cpuid    = 00F6\nn2:\n   class = \
                    machines\n";
        let listing = parse_long(text.as_bytes());
        assert_eq!(listing.objects.len(), 2);
        assert_eq!(
            listing.objects[0].get("err_info"),
            Some("mount: giving up\n0042-175 c_installp: failed\nmount: not in hosts database")
        );
        assert_eq!(listing.objects[0].get("cpuid"), Some("00F6"));
        assert!(listing.problems.is_empty());
    }

    #[test]
    fn a_line_that_may_be_an_object_or_a_value_is_told() {
        let continued = "n1:\n   err_info = one\ntwo\nmount:\n   cpuid = 1\n";
        let listing = parse_long(continued.as_bytes());
        assert_eq!(whats(&listing)[0].0, 4);
        assert!(whats(&listing)[0].1.starts_with("mount: may be an object"));
        let inside = parse_long(b"n1:\n   err_info = one\nmount:\ntwo\n   cpuid = 1\n");
        assert_eq!(inside.objects.len(), 1);
        assert_eq!(inside.objects[0].get("err_info"), Some("one\nmount:\ntwo"));
        assert_eq!(inside.objects[0].get("cpuid"), Some("1"));
    }

    #[test]
    fn what_stands_before_the_first_object_damages_the_listing() {
        let listing = parse_long(b"0042-053 lsnim: there is no NIM object named \"x\"\n");
        assert!(listing.is_damaged() && listing.objects.is_empty());
        assert!(parse_long(b"n1:\njunk\n").is_damaged());
        assert!(parse_long(b"n1:\n   comments = \xff\n").is_damaged());
        assert_eq!(parse_long(b""), Listing::default());
    }

    #[test]
    fn an_object_that_is_listed_twice_is_told() {
        let listing = parse_long(b"n1:\n   class = machines\nn1:\n   class = machines\n");
        assert_eq!(whats(&listing), [(3, "n1 is listed more than once")]);
    }

    fn name() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9_.-]{0,8}"
    }

    proptest! {
        #[test]
        fn what_lsnim_would_print_is_read_as_it_was(
            objects in prop::collection::btree_map(
                name(), prop::collection::vec(("[a-zA-Z_][a-zA-Z0-9_]{0,9}", "[ -~]{0,20}"), 1..5), 0..5)
        ) {
            let mut text = String::new();
            for (name, attributes) in &objects {
                text.push_str(&format!("{name}:\n"));
                let width = attributes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                for (name, value) in attributes {
                    text.push_str(&format!("   {name:width$} = {value}\n"));
                }
            }
            let listing = parse_long(text.as_bytes());
            let read: Vec<_> =
                listing.objects.into_iter().map(|object| (object.name, object.attributes)).collect();
            prop_assert_eq!(read, objects.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn byte_soup_is_no_panic(soup: Vec<u8>) {
            parse_long(&soup);
        }
    }
}
