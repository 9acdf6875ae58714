//! What is hidden: passwords and the like, by the names that they have.

use super::statement::Kind;
use super::{Assignment, Niminfo};
use std::collections::BTreeMap;
use std::ops::Range;

/// Parts of names that mean a secret.
const WORDS: [&str; 12] = [
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "credential",
    "privkey",
    "privatekey",
    "private_key",
    "authkey",
    "apikey",
    "api_key",
    "token",
];

/// Whether a variable of this name holds a secret, as `PADMIN_PASSWD` does.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("pw") || name.ends_with("pass") || WORDS.iter().any(|word| name.contains(word))
}

/// A part of a file: what may be seen, or the place of what may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that may be seen.
    Text(Vec<u8>),
    /// The place of a secret.
    Hidden {
        /// The variable whose value it is; `None` in comments and lines that are not read.
        name: Option<String>,
        /// Which one of this name, counted from 1.
        occurrence: u64,
        /// The secret itself.
        secret: Vec<u8>,
    },
}

impl Niminfo {
    /// Whether the value of this assignment is to be hidden.
    pub fn is_hidden(&self, assignment: &Assignment) -> bool {
        is_secret(&assignment.name)
            || holds_secret(&self.bytes[assignment.written.clone()])
            || assignment.value.as_deref().is_some_and(holds_secret)
    }

    /// The whole file with its secrets apart.
    pub fn pieces(&self) -> Vec<Piece> {
        let hidden = self.hidden();
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut occurrences: BTreeMap<Option<&str>, u64> = BTreeMap::new();
        for (name, span) in hidden {
            if at < span.start {
                pieces.push(Piece::Text(self.bytes[at..span.start].to_vec()));
            }
            let occurrence = occurrences.entry(name).or_default();
            *occurrence += 1;
            pieces.push(Piece::Hidden {
                name: name.map(str::to_owned),
                occurrence: *occurrence,
                secret: self.bytes[span.clone()].to_vec(),
            });
            at = span.end;
        }
        if at < self.bytes.len() {
            pieces.push(Piece::Text(self.bytes[at..].to_vec()));
        }
        pieces
    }

    /// What is hidden, in order and without overlaps.
    fn hidden(&self) -> Vec<(Option<&str>, Range<usize>)> {
        let mut all: Vec<(Option<&str>, Range<usize>)> = Vec::new();
        let mut at = 0;
        for (index, assignment) in self.assignments.iter().enumerate() {
            if assignment.word.start < at {
                continue;
            }
            self.hidden_in_text(at..assignment.word.start, &mut all);
            at = assignment.word.end;
            if self.is_hidden(assignment) {
                let end = self.end_of_secret(index);
                all.push((Some(&assignment.name), assignment.written.start..end));
                at = end;
            }
        }
        self.hidden_in_text(at..self.bytes.len(), &mut all);
        all
    }

    /// Where a secret ends: words behind one that nobody put into quotes may belong to it, and so may
    /// the lines behind quotes that do not close.
    fn end_of_secret(&self, index: usize) -> usize {
        let assignment = &self.assignments[index];
        let statement = assignment.statement;
        let next = self.assignments.get(index + 1);
        if assignment.value.is_none() {
            let behind = self.statements[statement + 1..].iter();
            let read =
                behind.filter(|one| one.kind != Kind::Other).map(|one| one.span.start).next();
            let end = read.unwrap_or(self.bytes.len());
            return match next.filter(|next| next.statement == statement) {
                Some(next) => next.word.start,
                None => end.max(assignment.word.end),
            };
        }
        match next.filter(|next| next.statement == statement) {
            Some(next) => self.end_of_unread(assignment.word.end, next.word.start),
            None => self.rest_of_secret(statement, assignment.word.end),
        }
    }

    /// The end of what is left of the line and sets nothing: a `;` or a `#` that was meant to be of a
    /// password ends it to ksh.
    fn rest_of_secret(&self, statement: usize, from: usize) -> usize {
        let from = self.statements[statement].span.end.max(from);
        let line = self.bytes[from..].iter().position(|byte| *byte == b'\n');
        let mut end = line.map_or(self.bytes.len(), |line| from + line);
        for behind in &self.statements[statement + 1..] {
            if behind.span.start >= end {
                break;
            }
            if behind.kind != Kind::Other {
                end = behind.span.start;
                break;
            }
            end = end.max(behind.span.end);
        }
        self.end_of_unread(from, end)
    }

    /// `end`, or `from` where nothing stands between that could be of a secret.
    fn end_of_unread(&self, from: usize, end: usize) -> usize {
        let nothing = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\\' | b'\n' | b';');
        match self.bytes[from..end].iter().all(nothing) {
            true => from,
            false => end,
        }
    }

    /// Comments, and lines that are not read: behind a name that means a secret nothing is shown.
    fn hidden_in_text<'a>(
        &'a self,
        span: Range<usize>,
        into: &mut Vec<(Option<&'a str>, Range<usize>)>,
    ) {
        let mut at = span.start;
        while let Some(name_end) = secret_name(&self.bytes[at..span.end]).map(|end| at + end) {
            let line = self.bytes[name_end..span.end].iter().position(|byte| *byte == b'\n');
            let mut end = name_end + line.unwrap_or(span.end - name_end);
            let of = self.statements.partition_point(|one| one.span.start < name_end);
            if let Some(statement) = self.statements[..of].last()
                && statement.span.end > name_end
            {
                end = end.max(statement.span.end.min(span.end));
            }
            if name_end < end {
                into.push((None, name_end..end));
            }
            at = end;
        }
    }
}

/// Whether a text such as the arguments of a command sets something that is a secret by its name.
fn holds_secret(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(end) = secret_name(&text[at..]).map(|end| at + end) {
        let behind = text[end..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        if behind == Some(&b'=') {
            return true;
        }
        at = end;
    }
    false
}

/// Behind the first name in `text` that means a secret.
fn secret_name(text: &[u8]) -> Option<usize> {
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mut at = 0;
    while at < text.len() {
        let start = at + text[at..].iter().position(of_name)?;
        let length = text[start..].iter().position(|byte| !of_name(byte));
        let end = start + length.unwrap_or(text.len() - start);
        if is_secret(&String::from_utf8_lossy(&text[start..end])) {
            return Some(end);
        }
        at = end;
    }
    None
}
