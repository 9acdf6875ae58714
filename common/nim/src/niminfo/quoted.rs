//! Strings between quotes, and what is done where they do not close.

use super::Quoting;
use super::word::{Scanner, Word, end_of_line, is_name};

/// U+201C and U+201D, as word processors and web pages set them, in UTF-8.
const CURLY: [(&[u8], &str); 2] = [(b"\xe2\x80\x9c", "U+201C"), (b"\xe2\x80\x9d", "U+201D")];

/// How a string is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Double,
    Single,
    Dollar,
}

impl Scanner<'_> {
    /// What stands between quotes, or where they do not close, the rest of the line: that the lines
    /// behind it are of use is likelier than that they belong to the value.
    pub(super) fn quoted(&mut self, word: &mut Word, quote: Quote) {
        word.used(match quote {
            Quote::Double => Quoting::Double,
            Quote::Single => Quoting::Single,
            Quote::Dollar => Quoting::Mixed,
        });
        let (open, line, before) = (self.at, self.line, word.text.len());
        self.at += 1;
        let closed = loop {
            let Some(byte) = self.peek() else { break false };
            let ends = self.end_of_line();
            match (byte, quote) {
                _ if ends > 0 => {
                    word.push(b'\n');
                    self.newline();
                    continue;
                }
                (b'"', Quote::Double) | (b'\'', Quote::Single | Quote::Dollar) => break true,
                (b'\\', Quote::Double) => match self.next() {
                    Some(escaped @ (b'"' | b'\\' | b'$' | b'`')) => {
                        word.push(escaped);
                        self.at += 2;
                    }
                    _ if end_of_line(self.bytes, self.at + 1) > 0 => {
                        self.at += 1;
                        self.newline();
                    }
                    _ => {
                        word.push(byte);
                        self.at += 1;
                    }
                },
                (b'\\', Quote::Dollar) => self.ansi(word),
                (b'$' | b'`', Quote::Double) => {
                    self.expansion(word, true);
                }
                _ => {
                    if byte < b' ' {
                        word.control(byte);
                    }
                    word.push(byte);
                    self.at += 1;
                }
            }
        };
        if closed && !self.swallows(open) {
            self.at += 1;
            return;
        }
        let end = closed.then_some(self.line);
        self.at = open;
        self.line = line;
        self.rest_of_line();
        word.text.truncate(before);
        word.unknown = true;
        let mark = if quote == Quote::Double { '"' } else { '\'' };
        let held = &self.bytes[open..self.at];
        let how = match curly(held) {
            Some((name, true)) => format!("opens with {mark} and closes with {name}"),
            Some((name, false)) => {
                format!("opens with {mark}, does not close, and has {name} in it")
            }
            None => format!("opens with {mark} and does not close in its line"),
        };
        let then = match end {
            Some(to) => format!("to ksh line {line} goes on in {}", lines(line + 1, to)),
            None if last_line(self.bytes) > line => {
                let lost = lines(line + 1, last_line(self.bytes));
                format!("ksh finds no end of it, and does not read {lost}")
            }
            None => "ksh finds no end of it".into(),
        };
        word.errors.push(format!("value {how}; {then}"));
    }

    /// Whether what stands between `open` and here looks as if a quote was forgotten: it goes to the
    /// quote that opens another assignment's value, or over one behind a quote of the wrong kind.
    fn swallows(&self, open: usize) -> bool {
        let between = &self.bytes[open..self.at];
        let Some(first_end) = between.iter().position(|byte| *byte == b'\n') else {
            return false;
        };
        let lines = || between[first_end + 1..].split(|byte| *byte == b'\n');
        let last = lines().next_back().unwrap_or_default();
        let opens_another = assigned_at_start(last).is_some_and(|value| last.len() == value);
        let curly_before = curly(&between[..first_end]).is_some();
        opens_another || curly_before && lines().any(|line| assigned_at_start(line).is_some())
    }

    /// An escape within `$'..'`. Those that not every shell knows the same way are not known.
    fn ansi(&mut self, word: &mut Word) {
        let byte = match self.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(byte @ (b'\'' | b'"' | b'\\')) => byte,
            _ => {
                word.unknown = true;
                word.errors.push("value has an escape that not every shell knows".into());
                word.push(b'\\');
                self.at += 1;
                return;
            }
        };
        word.push(byte);
        self.at += 2;
    }
}

/// The name of the last curly quote in `text`, and whether the text ends with it.
pub(super) fn curly(text: &[u8]) -> Option<(&'static str, bool)> {
    let at = text.windows(3).rposition(|three| CURLY.iter().any(|(mark, _)| *mark == three))?;
    let (_, name) = CURLY.iter().find(|(mark, _)| *mark == &text[at..at + 3])?;
    Some((name, text[at + 3..].iter().all(u8::is_ascii_whitespace)))
}

fn lines(from: u64, to: u64) -> String {
    if from == to { format!("line {to}") } else { format!("lines {from} to {to}") }
}

fn last_line(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    ends as u64 + u64::from(bytes.last() != Some(&b'\n'))
}

/// Where the value begins in a line that begins as an assignment does.
fn assigned_at_start(line: &[u8]) -> Option<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut at = line.iter().position(|byte| !blank(byte))?;
    if let Some(behind) = line[at..].strip_prefix(b"export")
        && let Some(blanks) = behind.iter().position(|byte| !blank(byte)).filter(|count| *count > 0)
    {
        at += b"export".len() + blanks;
    }
    let equals = at + line[at..].iter().position(|byte| *byte == b'=')?;
    is_name(&line[at..equals]).then_some(equals + 1)
}
