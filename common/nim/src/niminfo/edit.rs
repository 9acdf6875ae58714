//! Assignments changed, taken away and added, every other byte left as it is.

use super::statement::Kind;
use super::word::is_name;
use super::{Assignment, Niminfo, Quoting};
use std::collections::BTreeSet;
use std::ops::Range;

/// An assignment as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which of [`Niminfo::assignments`] it is, counted from 1; `None` for one that is to be added.
    pub place: Option<usize>,
    /// The variable.
    pub name: String,
    /// The value; `None` leaves what is written.
    pub value: Option<Vec<u8>>,
    /// Whether it shall be exported.
    pub exported: bool,
}

/// Why a file cannot be what was asked for: names the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// A place in the file, and what shall stand there.
type Splice = (Range<usize>, Vec<u8>);

impl Niminfo {
    /// The file with these assignments, and no others. Where they are those that it has, it is the
    /// same byte by byte. What is asked for reads back, or is refused.
    ///
    /// # Errors
    /// The variable that cannot be what it shall be, and why.
    pub fn edited(&self, wanted: &[Wanted]) -> Result<Vec<u8>, Refused> {
        let places = self.places(wanted)?;
        let mut splices: Vec<Splice> = Vec::new();
        let mut gone: Vec<&Range<usize>> = Vec::new();
        for (assignment, wanted) in self.assignments.iter().zip(&places) {
            match wanted {
                None => gone.push(&assignment.word),
                Some(wanted) => {
                    if let Some(value) = new_value(assignment, wanted) {
                        let text = written(&wanted.name, value, assignment.quoting)?;
                        splices.push((assignment.written.clone(), text));
                    }
                    if wanted.exported && !assignment.exported {
                        splices.push(self.exporting(assignment));
                    }
                }
            }
        }
        let unexported: Vec<(&Assignment, &Wanted)> = self
            .assignments
            .iter()
            .zip(&places)
            .filter_map(|(assignment, wanted)| Some((assignment, (*wanted)?)))
            .filter(|(assignment, wanted)| assignment.exported && !wanted.exported)
            .collect();
        let names = |kept: bool| -> BTreeSet<&str> {
            let all = self.assignments.iter().zip(&places);
            all.filter(|(_, wanted)| wanted.is_some() || !kept).map(|(one, _)| &*one.name).collect()
        };
        let (had, left) = (names(false), names(true));
        let not_exported: BTreeSet<&str> = unexported.iter().map(|(one, _)| &*one.name).collect();
        for mention in &self.mentions {
            let name = mention.name.as_str();
            if had.contains(name) && !left.contains(name) || not_exported.contains(name) {
                gone.push(&mention.word);
            }
        }
        self.unexport(&unexported, &mut splices, &mut gone)?;
        self.take_away(&gone, &mut splices);
        let mut bytes = spliced(&self.bytes, splices);
        let added = wanted.iter().filter(|one| one.place.is_none());
        self.append(added.clone(), &mut bytes)?;
        reads_back(&bytes, self.assignments.iter().zip(places), added)?;
        Ok(bytes)
    }

    /// What shall become of each assignment.
    fn places<'a>(&self, wanted: &'a [Wanted]) -> Result<Vec<Option<&'a Wanted>>, Refused> {
        let mut places: Vec<Option<&Wanted>> = vec![None; self.assignments.len()];
        for one in wanted {
            let Some(place) = one.place else { continue };
            let index = place.checked_sub(1).filter(|index| *index < places.len());
            let Some(index) = index else {
                return Err(Refused(format!("{}: the original has no place {place}", one.name)));
            };
            let name = &self.assignments[index].name;
            if *name != one.name {
                let why = format!("place {place} is that of {name}: a new variable has no place");
                return Err(Refused(format!("{}: {why}", one.name)));
            }
            if places[index].replace(one).is_some() {
                return Err(Refused(format!("{name}: place {place} is there twice")));
            }
        }
        Ok(places)
    }

    /// How many assignments and mentions of a statement stand in `words`.
    fn count_in(&self, statement: usize, words: &[&Range<usize>]) -> usize {
        let span = &self.statements[statement].span;
        words.iter().filter(|word| span.start <= word.start && word.end <= span.end).count()
    }

    /// Where the words begin that `export` is said of.
    fn first_word(&self, statement: usize) -> usize {
        let assignments = self.assignments.iter().map(|one| (one.statement, one.word.start));
        let mentions = self.mentions.iter().map(|one| (one.statement, one.word.start));
        let starts = assignments.chain(mentions).filter(|(of, _)| *of == statement);
        starts.map(|(_, start)| start).min().unwrap_or(self.statements[statement].span.end)
    }

    fn exporting(&self, assignment: &Assignment) -> Splice {
        let statement = &self.statements[assignment.statement];
        match (statement.kind, statement.count) {
            (Kind::Bare, 1) => (assignment.word.start..assignment.word.start, b"export ".to_vec()),
            _ => {
                let end = statement.span.end;
                (end..end, format!("; export {}", assignment.name).into_bytes())
            }
        }
    }

    /// Takes `export` from these; where others of its statement keep it, they go to the front.
    fn unexport<'a>(
        &'a self,
        unexported: &[(&'a Assignment, &Wanted)],
        splices: &mut Vec<Splice>,
        gone: &mut Vec<&'a Range<usize>>,
    ) -> Result<(), Refused> {
        let mut done = None;
        let words = unexported.iter().map(|(one, _)| &one.word);
        let words: Vec<&Range<usize>> = words.chain(gone.iter().copied()).collect();
        for (assignment, wanted) in unexported {
            let statement = &self.statements[assignment.statement];
            if statement.kind != Kind::Export {
                continue;
            }
            let start = statement.span.start;
            if self.count_in(assignment.statement, &words) == statement.count {
                if done.replace(assignment.statement) != Some(assignment.statement) {
                    splices.push((start..self.first_word(assignment.statement), Vec::new()));
                }
                continue;
            }
            let mut text = format!("{}=", assignment.name).into_bytes();
            match new_value(assignment, wanted) {
                Some(value) => text.extend(written(&wanted.name, value, assignment.quoting)?),
                None => text.extend(&self.bytes[assignment.written.clone()]),
            }
            text.extend(b"; ");
            splices.retain(|(place, _)| *place != assignment.written);
            splices.push((start..start, text));
            gone.push(&assignment.word);
        }
        Ok(())
    }

    /// Takes words away, with their statement where nothing is left of it, and with the line.
    fn take_away(&self, gone: &[&Range<usize>], splices: &mut Vec<Splice>) {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let bytes = &self.bytes;
        for (index, statement) in self.statements.iter().enumerate() {
            let count = self.count_in(index, gone);
            if count == 0 {
                continue;
            }
            let span = &statement.span;
            if count < statement.count {
                for word in
                    gone.iter().filter(|word| span.start <= word.start && word.end <= span.end)
                {
                    let blanks =
                        bytes[..word.start].iter().rev().take_while(|byte| blank(byte)).count();
                    splices.push((word.start - blanks..word.end, Vec::new()));
                }
                continue;
            }
            let blanks_behind = bytes[span.end..].iter().take_while(|byte| blank(byte)).count();
            let mut end = span.end + blanks_behind;
            if bytes.get(end) == Some(&b';') {
                end += 1;
                end += bytes[end..].iter().take_while(|byte| blank(byte)).count();
            }
            splices.push((span.start..end, Vec::new()));
        }
    }

    fn append<'a>(
        &self,
        added: impl Iterator<Item = &'a Wanted>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let end: &[u8] =
            if self.bytes.windows(2).any(|two| two == b"\r\n") { b"\r\n" } else { b"\n" };
        for wanted in added {
            let Some(value) = &wanted.value else {
                return Err(Refused(format!("{} is new and has no value", wanted.name)));
            };
            if !is_name(wanted.name.as_bytes()) {
                return Err(Refused(format!("{:?} is no name that a shell takes", wanted.name)));
            }
            if !bytes.is_empty() && bytes.last() != Some(&b'\n') {
                bytes.extend(end);
            }
            if wanted.exported {
                bytes.extend(b"export ");
            }
            bytes.extend(wanted.name.bytes());
            bytes.push(b'=');
            bytes.extend(written(&wanted.name, value, Quoting::Plain)?);
            bytes.extend(end);
        }
        Ok(())
    }
}

/// The value, where it is another one.
fn new_value<'a>(assignment: &Assignment, wanted: &'a Wanted) -> Option<&'a [u8]> {
    let value = wanted.value.as_deref()?;
    (assignment.value.as_deref() != Some(value)).then_some(value)
}

/// A value as it is written, in the style that it had where that can hold it.
fn written(name: &str, value: &[u8], style: Quoting) -> Result<Vec<u8>, Refused> {
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n');
    if value.iter().any(control) {
        return Err(Refused(format!("{name} has a control character in its value")));
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:/,@%+=-".contains(byte);
    if style == Quoting::Plain && !value.is_empty() && value.iter().all(plain) {
        return Ok(value.to_vec());
    }
    if style == Quoting::Single && !value.contains(&b'\'') {
        return Ok([b"'", value, b"'"].concat());
    }
    let mut text = vec![b'"'];
    for byte in value {
        if matches!(byte, b'"' | b'\\' | b'$' | b'`') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
    Ok(text)
}

/// The bytes with every splice in its place; a line that is empty for it goes.
fn spliced(bytes: &[u8], mut splices: Vec<Splice>) -> Vec<u8> {
    splices.sort_by_key(|(place, _)| (place.start, place.end));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut emptied = BTreeSet::new();
    for (place, text) in splices {
        out.extend(&bytes[at..place.start.max(at)]);
        if text.is_empty() && !place.is_empty() {
            emptied.insert(out.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        }
        out.extend(text);
        at = at.max(place.end);
    }
    out.extend(&bytes[at..]);
    for start in emptied.into_iter().rev() {
        let length = out[start..].iter().position(|byte| *byte == b'\n');
        let end = length.map_or(out.len(), |length| start + length + 1);
        if out[start..end].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            out.drain(start..end);
        }
    }
    out
}

/// Never write what is not read back.
fn reads_back<'a>(
    bytes: &[u8],
    old: impl Iterator<Item = (&'a Assignment, Option<&'a Wanted>)>,
    added: impl Iterator<Item = &'a Wanted>,
) -> Result<(), Refused> {
    let file = Niminfo::parse(bytes);
    let mut read = file.assignments.iter();
    let kept = old.filter_map(|(old, wanted)| {
        let wanted = wanted?;
        Some((wanted, wanted.value.as_ref().or(old.value.as_ref())))
    });
    let mut due: Vec<_> = kept.chain(added.map(|wanted| (wanted, wanted.value.as_ref()))).collect();
    // One that leaves the export of others goes before them.
    for assignment in read.by_ref() {
        let same = |(wanted, value): &(&Wanted, Option<&Vec<u8>>)| {
            wanted.name == assignment.name
                && *value == assignment.value.as_ref()
                && wanted.exported == assignment.exported
        };
        // Of one name the order counts.
        let of_name = due.iter().position(|(wanted, _)| wanted.name == assignment.name);
        match of_name.filter(|at| same(&due[*at])) {
            Some(at) => drop(due.remove(at)),
            None => {
                return Err(Refused(format!(
                    "{} would not read back as it shall be (all assignments of one name are exported, or none)",
                    assignment.name
                )));
            }
        }
    }
    match due.first() {
        Some((wanted, _)) => Err(Refused(format!(
            "{} would not read back as it shall be (all assignments of one name are exported, or none)",
            wanted.name
        ))),
        None => Ok(()),
    }
}
