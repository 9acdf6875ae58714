//! Which options of `lsnim` made a listing, told by how it looks.

use super::{is_blank, lines, long, short};

/// The classes of objects.
///
/// Sources: the page of lsnim, and that of nimclient (AIX 7.3) for `customers`.
pub const CLASSES: [&str; 6] =
    ["machines", "resources", "networks", "management", "groups", "customers"];

/// How a listing is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `-l`, or `-a` of some attributes.
    Long,
    /// Without options: name, class and type; or name and type of what is allocated to a machine.
    Short,
    /// `-Z`: fields with colons between.
    Columns,
}

/// The shape of the first lines that have one; `None` where nothing looks like a listing.
pub fn shape(listing: &[u8]) -> Option<Shape> {
    let lines: Vec<&[u8]> = lines(listing).filter(|line| !is_blank(line)).collect();
    lines.iter().enumerate().find_map(|(at, line)| {
        let next = lines.get(at + 1);
        if line.starts_with(b"#name:") {
            Some(Shape::Columns)
        } else if long::header(line).is_some()
            && next.is_none_or(|next| long::attribute(next).is_some())
        {
            Some(Shape::Long)
        } else if short::is_first(line, at == 0) {
            Some(Shape::Short)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsnim::{Entries, read};
    use proptest::prelude::*;

    #[test]
    fn a_listing_is_known_by_its_first_line_that_is_of_one() {
        for (text, wanted) in [
            ("lpar07:\n   class = machines\n", Some(Shape::Long)),
            ("motd\n\nlpar07:\n\n   if1 = a b c\n", Some(Shape::Long)),
            ("lpar07:\n", Some(Shape::Long)),
            ("Warning:\nlpar07 machines standalone\n", Some(Shape::Short)),
            ("lpp_73 lpp_source\n", Some(Shape::Short)),
            ("motd\nlpp_73 lpp_source\n", None),
            ("#name:if1:\n", Some(Shape::Columns)),
            ("#comment\n", None),
            ("", None),
            ("\n \n", None),
            ("\u{feff}lpar07:\n   class = machines\n", Some(Shape::Long)),
            ("\u{1b}[0mlpar07:\n   class = machines\n", None),
            ("export NIM_NAME=master\n", None),
        ] {
            assert_eq!(shape(text.as_bytes()), wanted, "{text:?}");
        }
    }

    fn lines_of(read: &Entries, is_long: bool) -> usize {
        let errors = read.problems.iter().filter(|one| one.severity == crate::Severity::Error);
        let values = read.entries.iter().flat_map(|entry| &entry.attributes).map(|one| {
            let rest = one.value.split(|byte| *byte == b'\n').skip(1);
            1 + rest.filter(|line| !is_blank(line)).count()
        });
        let values: usize = if is_long { values.sum() } else { 0 };
        read.entries.len() + values + errors.count()
    }

    proptest! {
        #[test]
        fn no_line_is_passed_over(
            text in "((n[12]:|   class = (machines|groups)|   cpuid    = b|n1 (machines|spot)( master|)|0042-053 lsnim: x|mount: x|)\n){0,9}"
        ) {
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            let long = read(Shape::Long, text.as_bytes());
            prop_assert_eq!(lines_of(&long, true), lines);
            let short = read(Shape::Short, text.as_bytes());
            prop_assert_eq!(lines_of(&short, false), lines);
        }
    }
}
