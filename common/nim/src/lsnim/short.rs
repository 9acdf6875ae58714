//! Plain `lsnim`: name, class and type in columns. `lsnim -c resources MACHINE` shows what is allocated
//! to that machine: name and type.

use super::{CLASSES, Entries, Entry, is_blank, is_name, quoted};
use crate::{RESOURCE_TYPES, Severity, message};
use std::collections::BTreeSet;

/// Types of other classes than resources.
///
/// Sources: the pages of NIM (AIX 7.3, Installing), and what public programs that stand in for `nim`
/// print for `-o define`.
const OTHER_TYPES: [&str; 21] = [
    "master",
    "alternate_master",
    "standalone",
    "diskless",
    "dataless",
    "wpar",
    "atm",
    "ent",
    "ent6",
    "fddi",
    "generic",
    "hfi",
    "tok",
    "bcmm",
    "cec",
    "hmc",
    "ivm",
    "nas_filer",
    "vios",
    "mac_group",
    "res_group",
];

pub(super) fn read(lines: &[&[u8]]) -> Entries {
    let mut read = Entries::default();
    let mut names = BTreeSet::new();
    let mut columns = None;
    let mut at_the_top = true;
    for (at, &line) in lines.iter().enumerate() {
        if is_blank(line) {
            continue;
        }
        let words = words(line);
        let wanted = columns.is_none_or(|count| count == words.len());
        let fits = match columns {
            None => is_first(line, at_the_top),
            Some(2) => words.get(1).is_some_and(|kind| RESOURCE_TYPES.contains(kind)),
            Some(_) => words.get(1).is_some_and(|class| CLASSES.contains(class)),
        };
        at_the_top = false;
        let name = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if !wanted || !fits || !is_name(name) {
            read.problem(at, Severity::Error, unfit(line));
            continue;
        }
        columns = Some(words.len());
        let mut entry = Entry::new(name, at);
        let shown: &[&str] = if words.len() == 3 { &["class", "type"] } else { &["type"] };
        for (attribute, value) in shown.iter().zip(&words[1..]) {
            entry.push(attribute, value.as_bytes(), at);
        }
        if !names.insert(name) {
            let what = format!("{} is listed more than once", String::from_utf8_lossy(name));
            read.problem(at, Severity::Warning, what);
        }
        read.entries.push(entry);
    }
    read
}

/// Whether a line is surely one of such a listing: of two columns only where nothing is before it.
pub(super) fn is_first(line: &[u8], at_the_top: bool) -> bool {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return false;
    }
    match words(line)[..] {
        [_, class, kind] => {
            let known = OTHER_TYPES.contains(&kind) || RESOURCE_TYPES.contains(&kind);
            CLASSES.contains(&class) && known
        }
        [_, kind] => at_the_top && RESOURCE_TYPES.contains(&kind),
        _ => false,
    }
}

/// The words of a line; what is not UTF-8 is no word that is known.
fn words(line: &[u8]) -> Vec<&str> {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| std::str::from_utf8(word).unwrap_or_default()).collect()
}

fn unfit(line: &[u8]) -> String {
    match message::cause(&String::from_utf8_lossy(line)) {
        Some(said) => format!("{} says {}: {}", said.method, said.code, said.text),
        None => format!("{} is no object with its class and type", quoted(line)),
    }
}

#[cfg(test)]
mod tests {
    use crate::lsnim::{Entries, Shape, read, shape};

    fn objects(read: &Entries) -> Vec<String> {
        let of = |entry: &crate::lsnim::Entry| {
            let values = entry.attributes.iter();
            let values: Vec<_> =
                values.map(|one| String::from_utf8_lossy(&one.value).into_owned()).collect();
            format!("{} {}", String::from_utf8_lossy(&entry.name), values.join(" "))
        };
        read.entries.iter().map(of).collect()
    }

    #[test]
    fn blanks_and_tabs_part_the_columns() {
        let read =
            read(Shape::Short, b"\nmaster\t\t\tmachines        master\r\nboot resources boot\n");
        assert_eq!(objects(&read), ["master machines master", "boot resources boot"]);
        assert!(read.problems.is_empty());
    }

    #[test]
    fn what_is_allocated_has_no_class() {
        let text = b"\nlpp_73  lpp_source\nspot_73 spot\nlpar07 machines standalone\n";
        assert_eq!(shape(text), Some(Shape::Short));
        let read = read(Shape::Short, text);
        assert_eq!(objects(&read), ["lpp_73 lpp_source", "spot_73 spot"]);
        assert_eq!(read.entries[0].attributes[0].name, "type");
        assert_eq!(read.problems[0].line, 4);
    }

    #[test]
    fn a_sentence_is_no_object() {
        for text in ["cannot boot", "no resources found", "the machines are", "  a machines master"]
        {
            assert!(shape(format!("{text} x\n{text}\n").as_bytes()).is_none(), "{text}");
        }
        let read = read(Shape::Short, b"a machines master\ncannot boot\nno such thing\n");
        assert_eq!((objects(&read).len(), read.problems.len()), (1, 2));
    }

    #[test]
    fn a_type_that_is_not_known_is_read_behind_one_that_is() {
        let read = read(Shape::Short, b"a machines master\nb customers something_new\n");
        assert_eq!(objects(&read), ["a machines master", "b customers something_new"]);
    }
}
