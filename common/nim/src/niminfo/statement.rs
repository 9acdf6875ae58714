//! Statements of the Korn shell that set variables, and what else stands in the file.

use super::word::{Scanner, Word, is_name};
use super::{Assignment, Mention, Niminfo, Quoting};
use crate::{Problem, Severity};
use std::collections::BTreeMap;
use std::ops::Range;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Words up to the end of a line, a `;` or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// How many assignments and mentions are in it.
    pub(super) count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `NAME=value`
    Bare,
    /// `export NAME=value`, `typeset -x NAME=value`
    Export,
    /// `typeset NAME=value`
    Local,
    Unset,
    /// Nothing that is read.
    Other,
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Niminfo {
    let mut reader = Reader {
        scanner: Scanner { bytes, at: 0, line: 1 },
        file: Niminfo {
            bytes: bytes.to_vec(),
            assignments: Vec::new(),
            statements: Vec::new(),
            mentions: Vec::new(),
            problems: Vec::new(),
            last: BTreeMap::new(),
        },
        lives: BTreeMap::new(),
    };
    if bytes.starts_with(BOM) {
        reader.scanner.at = BOM.len();
        reader.problem(
            1,
            Severity::Error,
            "file begins with a byte order mark: ksh cannot read its first line",
        );
    }
    reader.carriage_returns();
    while reader.statement() {}
    for life in std::mem::take(&mut reader.lives).into_values() {
        reader.end_life(&life, true);
    }
    reader.file
}

/// A variable from its first mention to the end of the file, or until it is unset.
#[derive(Debug, Default)]
struct Life {
    assignments: Vec<usize>,
    exported: bool,
    mentioned: Option<u64>,
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    file: Niminfo,
    lives: BTreeMap<String, Life>,
}

impl Reader<'_> {
    fn problem(&mut self, line: u64, severity: Severity, what: impl Into<String>) {
        let problem = Problem { line, what: what.into(), severity };
        // Of a line with several statements once is enough.
        if self.file.problems.last() != Some(&problem) {
            self.file.problems.push(problem);
        }
    }

    /// A file from a PC. What ksh makes of it is no use to anybody, so that it is told once.
    fn carriage_returns(&mut self) {
        let bytes = self.scanner.bytes;
        let ends = |line: &[u8]| line.ends_with(b"\r");
        let count = bytes.split(|byte| *byte == b'\n').filter(|line| ends(line)).count();
        let first = bytes.split(|byte| *byte == b'\n').position(ends);
        if let Some(first) = first {
            let what = match count {
                1 => "the line ends in a carriage return".to_owned(),
                _ => format!("{count} lines end in carriage returns"),
            };
            let what = format!("{what}, which ksh takes for a part of the value");
            self.problem(first as u64 + 1, Severity::Error, what);
        }
    }

    /// Reads the next statement; false at the end of the file.
    fn statement(&mut self) -> bool {
        self.scanner.blanks();
        let Some(byte) = self.scanner.peek() else { return false };
        if self.scanner.end_of_line() > 0 {
            self.scanner.newline();
            return true;
        }
        match byte {
            b'#' => self.scanner.rest_of_line(),
            b';' => {
                self.problem(self.scanner.line, Severity::Error, "`;` with no statement before it");
                self.scanner.at += 1;
            }
            _ => self.words(),
        }
        true
    }

    fn words(&mut self) {
        let mut words: Vec<Word> = Vec::new();
        let mut operator = None;
        let start = self.scanner.at;
        let mut end = start;
        loop {
            self.scanner.blanks();
            if self.scanner.end_of_line() > 0 {
                break;
            }
            match self.scanner.peek() {
                None | Some(b'#') => break,
                Some(b';') => {
                    self.scanner.at += 1;
                    break;
                }
                Some(byte @ (b'&' | b'|' | b'<' | b'>' | b'(' | b')')) => {
                    operator = Some(byte as char);
                    self.scanner.rest_of_line();
                    end = self.scanner.at;
                    break;
                }
                Some(_) => {
                    words.push(self.scanner.word());
                    end = self.scanner.at;
                }
            }
        }
        let line = words.first().map_or(self.scanner.line, |word| word.line);
        let (kind, arguments) = kind(&words);
        let index = self.file.statements.len();
        self.file.statements.push(Statement { kind, span: start..end, count: 0 });
        if let Some(operator) = operator {
            let what = format!("`{operator}` without quotes: what is left of the line is not read");
            self.problem(line, Severity::Error, what);
        }
        if kind == Kind::Other {
            if !words.is_empty() {
                self.other(line, &words);
            }
            return;
        }
        for mut word in words.into_iter().skip(arguments) {
            word.unknown |= operator.is_some();
            self.argument(kind, index, word);
        }
    }

    /// A line that sets nothing.
    fn other(&mut self, line: u64, words: &[Word]) {
        let first = &words[0];
        let digit =
            first.text.first().is_some_and(u8::is_ascii_digit) && first.text.contains(&b'=');
        self.problem(
            line,
            Severity::Error,
            match digit {
                true => "a name cannot begin with a digit: the line is not read",
                false => {
                    "is no assignment: the line is not read, and what ksh makes of it is not known"
                }
            },
        );
        // What does not close is told of any line: it may take others with it.
        for word in words {
            for what in word.errors.iter().filter(|what| what.contains("opens with")) {
                let what = what.replacen("value", "text", 1);
                self.problem(word.line, Severity::Error, what);
            }
        }
    }

    fn argument(&mut self, kind: Kind, statement: usize, word: Word) {
        let line = word.line;
        let exports = kind == Kind::Export;
        let Some((name, value_at)) = word.assigned else {
            let plain = word.quoting == Some(Quoting::Plain) && !word.unknown;
            match String::from_utf8(word.text) {
                Ok(name) if plain && is_name(name.as_bytes()) => {
                    self.mention(kind, statement, name, line, word.span)
                }
                _ if kind == Kind::Unset => {
                    self.problem(line, Severity::Error, "what is unset here is no name")
                }
                _ => self.problem(
                    line,
                    Severity::Error,
                    "a word is neither NAME=value nor a name: it is not read",
                ),
            }
            return;
        };
        for what in &word.errors {
            self.problem(line, Severity::Error, format!("{name}: {what}"));
        }
        for what in &word.warnings {
            self.problem(line, Severity::Warning, format!("{name}: {what}"));
        }
        let index = self.file.assignments.len();
        let life = self.lives.entry(name.clone()).or_default();
        let takes_back = kind == Kind::Local && life.exported;
        life.exported |= exports;
        let before = life.assignments.last().copied();
        life.assignments.push(index);
        if let Some(before) = before.and_then(|index| self.file.assignments.get(index)) {
            let what = format!(
                "{name} is set again: line {} has it, too, and the last one counts",
                before.line
            );
            self.problem(line, Severity::Warning, what);
        }
        if takes_back {
            let what = format!(
                "{name}: typeset without -x takes back in ksh93 that it is exported, and in other shells not"
            );
            self.problem(line, Severity::Warning, what);
        }
        let value = (!word.unknown).then_some(word.text);
        if let Some(value) = &value
            && std::str::from_utf8(value).is_err()
        {
            self.problem(line, Severity::Error, format!("{name}: value is not UTF-8"));
        }
        self.file.statements[statement].count += 1;
        self.file.last.insert(name.clone(), index);
        self.file.assignments.push(Assignment {
            name,
            value,
            exported: false,
            line,
            quoting: word.quoting.unwrap_or(Quoting::Plain),
            statement,
            written: value_at..word.span.end,
            word: word.span,
        });
    }

    /// A name without a value.
    fn mention(
        &mut self,
        kind: Kind,
        statement: usize,
        name: String,
        line: u64,
        word: Range<usize>,
    ) {
        if kind == Kind::Unset {
            self.problem(line, Severity::Warning, format!("{name} is unset here"));
            self.file.last.remove(&name);
            if let Some(life) = self.lives.remove(&name) {
                self.end_life(&life, false);
            }
            return;
        }
        if kind == Kind::Bare {
            return self.problem(line, Severity::Error, "a word is no assignment: it is not read");
        }
        let life = self.lives.entry(name.clone()).or_default();
        life.exported |= kind == Kind::Export;
        life.mentioned.get_or_insert(line);
        self.file.statements[statement].count += 1;
        self.file.mentions.push(Mention { name, statement, word });
    }

    fn end_life(&mut self, life: &Life, at_end: bool) {
        for index in &life.assignments {
            if let Some(assignment) = self.file.assignments.get_mut(*index) {
                assignment.exported = life.exported;
            }
        }
        if let (true, true, Some(line)) = (at_end, life.assignments.is_empty(), life.mentioned) {
            self.problem(
                line,
                Severity::Warning,
                "a variable that is exported here has no value in this file",
            );
        }
    }
}

/// What the words are, and how many of them stand before the assignments.
fn kind(words: &[Word]) -> (Kind, usize) {
    let literal = |word: &Word| {
        word.assigned.is_none() && word.quoting == Some(Quoting::Plain) && !word.unknown
    };
    let Some(first) = words.first() else { return (Kind::Other, 0) };
    if words.iter().all(|word| word.assigned.is_some()) {
        return (Kind::Bare, 0);
    }
    if !literal(first) || words.len() < 2 {
        return (Kind::Other, 0);
    }
    let second = &words[1];
    let option = literal(second) && second.text.starts_with(b"-");
    match (&first.text[..], &second.text[..]) {
        (b"export", _) if !option => (Kind::Export, 1),
        // Other options of typeset change what is assigned.
        (b"typeset", b"-x") if option && words.len() > 2 => (Kind::Export, 2),
        (b"typeset", _) if !option => (Kind::Local, 1),
        (b"unset", _) if !option && words.iter().all(literal) => (Kind::Unset, 1),
        _ => (Kind::Other, 0),
    }
}
