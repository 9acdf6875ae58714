//! Words of the Korn shell: where one ends, and what it says with its quotes taken away.

use super::Quoting;
use super::quoted::{Quote, curly};
use std::ops::Range;

/// A word as it was read.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) line: u64,
    pub(super) span: Range<usize>,
    /// Without quotes, and without the name where it is an assignment.
    pub(super) text: Vec<u8>,
    /// The name, where the word is `NAME=value`, and where the value begins.
    pub(super) assigned: Option<(String, usize)>,
    pub(super) quoting: Option<Quoting>,
    /// What only a shell that runs it can know.
    pub(super) unknown: bool,
    /// What is wrong with it; where this is an error the value is not known.
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// Reads on through the bytes of a file.
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) line: u64,
}

impl<'a> Scanner<'a> {
    /// How many bytes end a line here: 1 or 2, or 0 where none ends.
    pub(super) fn end_of_line(&self) -> usize {
        end_of_line(self.bytes, self.at)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn next(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied()
    }

    /// Goes behind the end of line that stands here.
    pub(super) fn newline(&mut self) {
        self.at += self.end_of_line();
        self.line += 1;
    }

    /// Goes to the end of the line, not behind it.
    pub(super) fn rest_of_line(&mut self) {
        while self.at < self.bytes.len() && self.end_of_line() == 0 {
            self.at += 1;
        }
    }

    /// Goes over blanks, and over line ends that a backslash takes away.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if end_of_line(self.bytes, self.at + 1) > 0 => {
                    self.at += 1;
                    self.newline();
                }
                _ => return,
            }
        }
    }

    /// The word that begins here.
    pub(super) fn word(&mut self) -> Word {
        let start = self.at;
        let mut word = Word { line: self.line, ..Word::default() };
        while let Some(byte) = self.peek() {
            if self.end_of_line() > 0 || is_end(byte) {
                break;
            }
            match byte {
                b'\\' => self.escaped(&mut word),
                b'"' => self.quoted(&mut word, Quote::Double),
                b'\'' => self.quoted(&mut word, Quote::Single),
                b'$' if self.next() == Some(b'\'') => {
                    word.warnings.push("$'..' is not known to ksh88".into());
                    self.at += 1;
                    self.quoted(&mut word, Quote::Dollar);
                }
                b'$' | b'`' => {
                    word.used(Quoting::Plain);
                    self.expansion(&mut word, false);
                }
                b'~' if word.may_be_a_home(self.bytes, self.at) => {
                    word.expanded("~");
                    word.push(byte);
                    self.at += 1;
                }
                b'=' if word.becomes_assignment() => {
                    self.at += 1;
                    let name = String::from_utf8_lossy(&std::mem::take(&mut word.text)).into();
                    word.assigned = Some((name, self.at));
                    word.quoting = None;
                }
                _ => {
                    if byte < b' ' {
                        word.control(byte);
                    }
                    word.used(Quoting::Plain);
                    word.push(byte);
                    self.at += 1;
                }
            }
        }
        word.span = start..self.at;
        word.look_for_curly_quotes(self.bytes);
        word
    }

    /// A backslash outside quotes.
    fn escaped(&mut self, word: &mut Word) {
        self.at += 1;
        if self.end_of_line() > 0 {
            word.used(Quoting::Mixed);
            self.newline();
        } else if let Some(byte) = self.peek() {
            word.used(Quoting::Mixed);
            word.push(byte);
            self.at += 1;
        } else {
            // At the end of the file nothing is left of it.
            word.used(Quoting::Mixed);
        }
    }
}

impl Word {
    pub(super) fn push(&mut self, byte: u8) {
        self.text.push(byte);
    }

    pub(super) fn used(&mut self, quoting: Quoting) {
        self.quoting = Some(match self.quoting {
            None => quoting,
            Some(before) if before == quoting && quoting == Quoting::Plain => quoting,
            Some(_) => Quoting::Mixed,
        });
    }

    pub(super) fn expanded(&mut self, what: &str) {
        self.unknown = true;
        self.errors.push(format!("value has {what}, which a shell would expand: it is not known"));
    }

    pub(super) fn control(&mut self, byte: u8) {
        match byte {
            b'\t' | b'\n' => {}
            0 => {
                self.unknown = true;
                self.errors.push("value has a NUL".into());
            }
            b'\r' => self.warnings.push("value has a carriage return".into()),
            _ => self.warnings.push(format!("value has the control character {byte:#04x}")),
        }
    }

    fn becomes_assignment(&self) -> bool {
        self.assigned.is_none()
            && matches!(self.quoting, Some(Quoting::Plain))
            && is_name(&self.text)
    }

    /// Whether a tilde here is one that ksh takes for a home directory.
    fn may_be_a_home(&self, bytes: &[u8], at: usize) -> bool {
        let Some((_, from)) = &self.assigned else { return false };
        // Line ends that a backslash takes away are not there to mksh.
        let mut before = &bytes[*from..at];
        while let Some(rest) =
            before.strip_suffix(b"\\\n").or_else(|| before.strip_suffix(b"\\\r\n"))
        {
            before = rest;
        }
        before.last().is_none_or(|byte| *byte == b':')
    }

    fn look_for_curly_quotes(&mut self, bytes: &[u8]) {
        if !self.errors.is_empty() {
            return;
        }
        if let Some((name, _)) = curly(&bytes[self.span.clone()]) {
            match self.quoting {
                Some(Quoting::Plain) => {
                    self.errors.push(format!("value has {name}, which is no quote to ksh"));
                }
                _ => self.warnings.push(format!("value has {name} between its quotes")),
            }
        }
    }
}

pub(super) fn end_of_line(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\n'), _) | (Some(b'\r'), None) => 1,
        (Some(b'\r'), Some(b'\n')) => 2,
        _ => 0,
    }
}

/// Whether an unquoted byte ends a word: blanks and operators.
fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a shell takes it for the name of a variable.
pub(super) fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(|first| !first.is_ascii_digit())
        && text.iter().all(|byte| is_name_byte(*byte))
}
