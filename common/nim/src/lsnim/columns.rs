//! `lsnim -Z`: `#name:ATTRIBUTE:...:`, then `NAME:VALUE:...:` for each object.
//!
//! It cannot be relied on: an attribute that an object does not have is left out of its line, `ifN` and
//! `routingN` are parted at their blanks into several fields under one title, and a colon in a value
//! is not marked. So an object is told only where its fields can be nothing but those of the titles.

use super::{CLASSES, Entries, Entry, is_blank, is_name, quoted};
use crate::{Severity, message};
use std::collections::BTreeSet;

const USE_LONG: &str = "use lsnim -l";

pub(super) fn read(lines: &[&[u8]]) -> Entries {
    let mut read = Entries::default();
    let mut names = BTreeSet::new();
    let mut titles: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let first = at;
        at += 1;
        if is_blank(line) {
            continue;
        }
        if line.starts_with(b"#") {
            match titles_of(line) {
                Some(found) => titles = found,
                None => {
                    titles.clear();
                    let what = format!("{} are no titles of attributes: {USE_LONG}", quoted(line));
                    read.problem(first, Severity::Error, what);
                }
            }
            continue;
        }
        let row = match row_of(line, &titles) {
            Ok(row) => row,
            Err(what) => {
                if !line.ends_with(b":") && message::cause(&String::from_utf8_lossy(line)).is_none()
                {
                    // What a value goes on with may look like the line of an object.
                    at += lines[at..].iter().take_while(|line| !ends_here(line)).count();
                    at += usize::from(lines.get(at).is_some_and(|line| line.ends_with(b":")));
                }
                read.problem(first, Severity::Error, what);
                continue;
            }
        };
        let mut entry = Entry::new(row.name, first);
        for (title, value) in titles.iter().zip(&row.values) {
            entry.push(title, value, first);
        }
        if !names.insert(row.name) {
            let what = format!("{} is listed more than once", String::from_utf8_lossy(row.name));
            read.problem(first, Severity::Warning, what);
        }
        read.entries.push(entry);
    }
    read
}

/// Whether a line that was broken ends with this one, or something else begins there.
fn ends_here(line: &[u8]) -> bool {
    line.ends_with(b":") || line.starts_with(b"#")
}

/// The attributes that the first line names; `None` where they are none.
fn titles_of(line: &[u8]) -> Option<Vec<&str>> {
    let titles = std::str::from_utf8(line).ok()?.strip_prefix("#name:")?.strip_suffix(':')?;
    let titles: Vec<&str> = titles.split(':').collect();
    let is_name = |title: &&str| {
        !title.is_empty() && title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    titles.iter().all(is_name).then_some(titles)
}

struct Row<'a> {
    name: &'a [u8],
    /// One for each title.
    values: Vec<Vec<u8>>,
}

/// The fields of a line, by title; why they are not certain.
fn row_of<'a>(line: &'a [u8], titles: &[&str]) -> Result<Row<'a>, String> {
    if let Some(said) = message::cause(&String::from_utf8_lossy(line)) {
        return Err(format!("{} says {}: {}", said.method, said.code, said.text));
    }
    if titles.is_empty() {
        return Err(format!("{} stands below no titles", quoted(line)));
    }
    let Some(fields) = line.strip_suffix(b":") else {
        return Err(format!("{} does not end with a colon: {USE_LONG}", quoted(line)));
    };
    let mut fields = fields.split(|byte| *byte == b':');
    let name = fields.next().unwrap_or_default();
    if !is_name(name) {
        return Err(format!("{} does not begin with the name of an object", quoted(line)));
    }
    let fields: Vec<&[u8]> = fields.collect();
    let shown = String::from_utf8_lossy(name);
    match (titles, titles.iter().find_map(|title| parted(title))) {
        ([_], Some(words)) if words.contains(&fields.len()) => {
            Ok(Row { name, values: vec![fields.join(&b' ')] })
        }
        ([title], Some(_)) => {
            Err(format!("{} fields of {shown} are no {title}: {USE_LONG}", fields.len()))
        }
        (_, Some(_)) => Err(format!(
            "where a field of {shown} ends is not certain, as {} is parted at its blanks: {USE_LONG}",
            titles.iter().find(|title| parted(title).is_some()).unwrap_or(&"one")
        )),
        _ if fields.len() != titles.len() => Err(format!(
            "{shown} has {} fields for {} attributes, and which is missing or parted cannot be told: \
             {USE_LONG}",
            fields.len(),
            titles.len()
        )),
        _ if classless(titles, &fields) => {
            Err(format!("the class of {shown} is none that is known: {USE_LONG}"))
        }
        _ => Ok(Row { name, values: fields.into_iter().map(<[u8]>::to_vec).collect() }),
    }
}

/// Where an attribute is parted at its blanks: how many fields it can become.
fn parted(title: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let numbered = |prefix| {
        let number: &str = title.strip_prefix(prefix)?;
        (!number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())).then_some(())
    };
    numbered("if").map(|()| 3..=4).or_else(|| numbered("routing").map(|()| 2..=2))
}

/// Whether a field below the title `class` is none: then the titles are those of another object.
fn classless(titles: &[&str], fields: &[&[u8]]) -> bool {
    let mut pairs = titles.iter().zip(fields).filter(|(title, _)| **title == "class");
    pairs.any(|(_, field)| !CLASSES.iter().any(|class| class.as_bytes() == *field))
}

#[cfg(test)]
mod tests {
    use crate::lsnim::{Entries, Shape, read};

    fn of(text: &str) -> Entries {
        read(Shape::Columns, text.as_bytes())
    }

    fn objects(read: &Entries) -> Vec<String> {
        let of = |entry: &crate::lsnim::Entry| {
            let values = entry.attributes.iter();
            let values: Vec<_> = values
                .map(|one| format!("{}={}", one.name, String::from_utf8_lossy(&one.value)))
                .collect();
            format!("{} {}", String::from_utf8_lossy(&entry.name), values.join(","))
        };
        read.entries.iter().map(of).collect()
    }

    #[test]
    fn as_many_fields_as_titles_are_certain() {
        let read =
            of("#name:net_addr:snm:\r\nnet:192.0.2.0:255.255.255.0:\n#name:location:\nlpp:/nim:\n");
        assert_eq!(
            objects(&read),
            ["net net_addr=192.0.2.0,snm=255.255.255.0", "lpp location=/nim"]
        );
        assert!(read.problems.is_empty());
        for row in ["net:192.0.2.0:", "net:a:b:c:", "net:", "net", "a b:c:d:", ":c:d:"] {
            let read = of(&format!("#name:net_addr:snm:\n{row}\n"));
            assert!(objects(&read).is_empty() && read.problems.len() == 1, "{row}");
        }
    }

    #[test]
    fn an_interface_alone_takes_its_fields() {
        assert_eq!(objects(&of("#name:if1:\na:net:h:0:\nb:net:h:0:ent0:\n")).len(), 2);
        assert_eq!(
            objects(&of("#name:routing2:\nn:default:192.0.2.1:\n")),
            ["n routing2=default 192.0.2.1"]
        );
        for text in
            ["#name:if1:\na:net:h:", "#name:if1:\na:n:h:0:e:x:", "#name:if1:cpuid:\na:n:h:0:1:"]
        {
            let read = of(&format!("{text}\n"));
            assert!(
                objects(&read).is_empty() && read.problems[0].what.contains("use lsnim -l"),
                "{text}"
            );
        }
        // It only begins like one.
        assert_eq!(
            objects(&of("#name:if_supported:\ns:chrp.64 ent:\n")),
            ["s if_supported=chrp.64 ent"]
        );
    }

    #[test]
    fn what_follows_a_line_without_an_end_is_no_object() {
        let read = of("#name:info:\na:one\nb:two:\nc:three:\n");
        assert_eq!(objects(&read), ["c info=three"]);
        assert_eq!(read.problems.len(), 1);
        let titled = of("#name:info:\na:one\n#name:info:\nc:three:\n");
        assert_eq!(objects(&titled), ["c info=three"]);
    }

    #[test]
    fn titles_of_another_object_are_known_by_the_class() {
        let read = of("#name:class:type:\na:machines:standalone:\nb:ent0:machines:\n");
        assert_eq!(objects(&read), ["a class=machines,type=standalone"]);
        assert!(read.problems[0].what.contains("class of b"));
    }

    #[test]
    fn a_message_and_titles_that_are_none_are_told() {
        let read =
            of("#name:if1:\n0042-053 lsnim: there is no NIM object named \"x\"\n#name::\nb:c:\n");
        assert!(objects(&read).is_empty());
        assert_eq!(read.problems.iter().map(|one| one.line).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
