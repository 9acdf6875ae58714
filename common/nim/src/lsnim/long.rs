//! `lsnim -l`.
//!
//! An object is its name and a colon at the beginning of a line, then a line for each attribute:
//! blanks, the attribute's name filled up with blanks so that all ` = ` of the object stand under one
//! another, the value to the end of the line. A value may go on in lines that begin with anything
//! (`err_info` does). Of a whole object the class comes first; `-a` shows other attributes alone.

use super::{Entries, Entry, is_blank, is_name, quoted};
use crate::{Problem, Severity, message};
use std::collections::BTreeSet;

/// Attributes whose values are seen to run over several lines.
const OF_SEVERAL_LINES: [&str; 3] = ["err_info", "info", "comments"];

/// Where ` = ` stands in the lines of an object.
#[derive(Default)]
struct Column {
    /// In its first attribute, with the length of that one's name.
    first: Option<(usize, usize)>,
    /// A name of another length had it there, too: the lines are filled up as lsnim does it.
    is_kept: bool,
}

impl Column {
    /// Whether an attribute stands under the first one.
    fn fits(&mut self, stands: usize, name: &str) -> bool {
        let (first, length) = *self.first.get_or_insert((stands, name.len()));
        self.is_kept |= stands == first && name.len() != length;
        stands == first
    }
}

pub(super) fn read(lines: &[&[u8]]) -> Entries {
    let mut so_far = SoFar::default();
    let mut blank = 0;
    for (at, &line) in lines.iter().enumerate() {
        if is_blank(line) {
            blank += 1;
            continue;
        }
        match header(line) {
            Some(name) if begins_object(&so_far.read.entries, &lines[at + 1..]) => {
                so_far.object(name, at);
            }
            _ => so_far.line(line, at, blank),
        }
        blank = 0;
    }
    without_attributes(&mut so_far.read);
    so_far.read
}

/// What was read up to a line.
#[derive(Default)]
struct SoFar<'a> {
    read: Entries,
    names: BTreeSet<&'a [u8]>,
    column: Column,
    /// Right behind lines that go on a value, a header may as well be one of them.
    within_value: bool,
}

impl<'a> SoFar<'a> {
    fn object(&mut self, name: &'a [u8], at: usize) {
        let read = &mut self.read;
        let shown = || String::from_utf8_lossy(name);
        // An object that is shown whole begins with its class: that is no part of a value.
        if self.within_value && !shows_classes(&read.entries) {
            let what = format!("{}: may be an object, or a part of the value before it", shown());
            read.problem(at, Severity::Warning, what);
        }
        if !self.names.insert(name) {
            let what = format!("{} is listed more than once", shown());
            read.problem(at, Severity::Warning, what);
        }
        without_attributes(read);
        read.entries.push(Entry::new(name, at));
        (self.within_value, self.column) = (false, Column::default());
    }

    /// A line that begins no object: an attribute, or what goes on a value; `blank` lines are before it.
    fn line(&mut self, line: &[u8], at: usize, blank: usize) {
        let Some(entry) = self.read.entries.last_mut() else {
            return self.read.problem(at, Severity::Error, before_first(line));
        };
        if let Some(said) = own_message(line) {
            return self.read.problem(at, Severity::Error, said);
        }
        if let Some((name, value)) = attribute(line) {
            let fits = self.column.fits(line.len() - value.len(), name);
            if fits || !self.column.is_kept {
                entry.push(name, value.strip_prefix(b" ").unwrap_or(value), at);
                self.within_value = false;
                if !fits {
                    let what = format!("{name} does not stand under the attributes before it");
                    self.read.problem(at, Severity::Warning, what);
                }
                return;
            }
        }
        let object = String::from_utf8_lossy(&entry.name).into_owned();
        let Some(last) = entry.attributes.last_mut() else {
            let what = format!("{} is no attribute of {object}", quoted(line));
            return self.read.problem(at, Severity::Error, what);
        };
        last.value.extend(std::iter::repeat_n(b'\n', blank + 1));
        last.value.extend_from_slice(line);
        let first = !std::mem::replace(&mut self.within_value, true);
        if header(line).is_some() || attribute(line).is_some() {
            let what =
                format!("{} is taken for a part of the value of {}", quoted(line), last.name);
            self.read.problem(at, Severity::Warning, what);
        } else if first && !OF_SEVERAL_LINES.contains(&last.name.as_str()) {
            let what = format!("{} goes on the value of {} of {object}", quoted(line), last.name);
            self.read.problem(at, Severity::Warning, what);
        }
    }
}

/// Tells where nothing is said of the last object so far.
fn without_attributes(read: &mut Entries) {
    if let Some(last) = read.entries.last().filter(|entry| entry.attributes.is_empty()) {
        let what = format!("{} has no attributes", String::from_utf8_lossy(&last.name));
        let line = last.line;
        read.problems.push(Problem { line, what, severity: Severity::Warning });
    }
}

/// Whether a line that may be the header of an object is one: attributes follow, and the class first
/// where the listing shows whole objects.
fn begins_object(before: &[Entry], after: &[&[u8]]) -> bool {
    if before.last().is_none_or(|entry| entry.attributes.is_empty()) {
        return true;
    }
    let next = after.iter().find(|line| !is_blank(line));
    let Some(next) = next else { return true };
    match attribute(next) {
        Some((name, _)) => name == "class" || !shows_classes(before),
        None => false,
    }
}

fn shows_classes(before: &[Entry]) -> bool {
    let first = before.first().and_then(|entry| entry.attributes.first());
    first.is_some_and(|attribute| attribute.name == "class")
}

/// The name in a line that is nothing but a name and a colon.
pub(super) fn header(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b":").filter(|name| is_name(name))
}

/// Name and value in a line of an attribute; the value with the blank before it.
pub(super) fn attribute(line: &[u8]) -> Option<(&str, &[u8])> {
    if !line.starts_with(b" ") && !line.starts_with(b"\t") {
        return None;
    }
    let at = line.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&line[..at], &line[at + 1..]);
    let filled = name.ends_with(b" ") || name.ends_with(b"\t");
    let name = std::str::from_utf8(name.trim_ascii()).ok()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (filled && is_name).then_some((name, value))
}

/// What is said of a line with no object before it.
fn before_first(line: &[u8]) -> String {
    match message::cause(&String::from_utf8_lossy(line)) {
        Some(said) => {
            format!("{} says {} before the first object: {}", said.method, said.code, said.text)
        }
        None => format!("{} stands before the first object", quoted(line)),
    }
}

/// A message of lsnim itself: a value may hold messages, but those of other methods.
fn own_message(line: &[u8]) -> Option<String> {
    let said =
        line.starts_with(b"0042-").then(|| message::cause(&String::from_utf8_lossy(line)))??;
    (said.method == "lsnim")
        .then(|| format!("lsnim says {} among the objects: {}", said.code, said.text))
}

#[cfg(test)]
mod tests {
    use crate::Severity::{self, Error, Warning};
    use crate::lsnim::{Entries, Shape, read};

    fn told(read: &Entries) -> Vec<(u64, Severity, &str)> {
        let problems = read.problems.iter();
        problems.map(|problem| (problem.line, problem.severity, problem.what.as_str())).collect()
    }

    fn values(read: &Entries, entry: usize) -> Vec<(&str, String, u64)> {
        let all = read.entries[entry].attributes.iter();
        all.map(|one| (one.name.as_str(), String::from_utf8_lossy(&one.value).into(), one.line))
            .collect()
    }

    #[test]
    fn what_looks_like_an_object_without_a_class_is_part_of_a_value() {
        let text = "n1:\n   class    = machines\n   err_info = one\nmount:\n   cpuid    = 1\nn2:\n   class = machines\n";
        let read = read(Shape::Long, text.as_bytes());
        assert_eq!(
            values(&read, 0)[1..],
            [("err_info", "one\nmount:".into(), 3), ("cpuid", "1".into(), 5)]
        );
        assert_eq!(read.entries.len(), 2);
        let what = "\"mount:\" is taken for a part of the value of err_info";
        assert_eq!(told(&read), [(4, Warning, what)]);
    }

    #[test]
    fn what_does_not_stand_under_the_attributes_is_part_of_a_value() {
        let text = "n1:\n   class    = machines\n   err_info = one\n   rc = 1\n   cpuid    = 1\n";
        let kept = read(Shape::Long, text.as_bytes());
        assert_eq!(values(&kept, 0)[1].1, "one\n   rc = 1");
        assert_eq!(values(&kept, 0)[2].0, "cpuid");
        assert_eq!(told(&kept).len(), 1);
        // Where nothing is filled up, as in some copies, nothing is known of that.
        let copied =
            read(Shape::Long, b"n1:\n class = machines\n type = standalone\n if1 = a b 0\n");
        assert_eq!(copied.entries[0].attributes.len(), 3);
        assert!(told(&copied).iter().all(|(_, severity, _)| *severity == Warning));
    }

    #[test]
    fn blank_lines_stay_in_a_value_and_not_between_objects() {
        let text = "n1:\n   class    = machines\n   err_info = one\n\n\ntwo\n\nn2:\n   class = machines\n\n";
        let read = read(Shape::Long, text.as_bytes());
        assert_eq!(values(&read, 0)[1].1, "one\n\n\ntwo");
        assert_eq!(read.entries[1].line, 8);
        assert!(read.problems.is_empty());
    }

    #[test]
    fn a_line_behind_a_value_that_never_has_several_is_told() {
        let text = "n1:\n   class = machines\n   cpuid = 1\nConnection to nima closed.\n";
        let read = read(Shape::Long, text.as_bytes());
        let what = "\"Connection to nima closed.\" goes on the value of cpuid of n1";
        assert_eq!(told(&read), [(4, Warning, what)]);
    }

    #[test]
    fn a_message_of_lsnim_is_no_value() {
        let text = "n1:\n   class    = machines\n   err_info = 0042-175 c_installp: failed\n0042-006 m_x: no\n0042-053 \
                    lsnim: there is no NIM object named \"n2\"\n";
        let read = read(Shape::Long, text.as_bytes());
        assert_eq!(values(&read, 0)[1].1, "0042-175 c_installp: failed\n0042-006 m_x: no");
        let what = "lsnim says 0042-053 among the objects: there is no NIM object named \"n2\"";
        assert_eq!(told(&read), [(5, Error, what)]);
    }
}
