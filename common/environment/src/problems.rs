//! What an administrator should know of a file: lines that do not mean what they seem to.

use crate::dialect::Dialect;
use crate::parse::{EnvironmentFile, Line};
use std::collections::HashMap;

/// Something wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One word for programs.
    pub reason: &'static str,
    /// The line where it stands, from 1 on.
    pub line: u64,
    /// The same for people.
    pub message: String,
}

/// True for what a shell takes as the name of a variable.
pub fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

impl EnvironmentFile {
    /// All that is wrong, in the order of the lines.
    pub fn problems(&self) -> Vec<Problem> {
        let mut last = HashMap::new();
        for line in &self.lines {
            if let Some(name) = line.name() {
                last.insert(name, line.number);
            }
        }
        let mut problems = Vec::new();
        for line in &self.lines {
            let mut found = |reason, message: String| {
                problems.push(Problem { reason, line: line.number, message })
            };
            self.of_bytes(line, &mut found);
            self.of_meaning(line, &mut found);
            if let Some(name) = line.name()
                && let Some(counts) = last.get(name).filter(|counts| **counts != line.number)
            {
                let name = String::from_utf8_lossy(name);
                found("duplicate", format!("{name} stands again in line {counts}, which counts"));
            }
        }
        if let Some(line) = self.lines.last().filter(|line| !line.bytes.ends_with(b"\n")) {
            problems.push(Problem {
                reason: "no_final_newline",
                line: line.number,
                message: "the last line has no end".into(),
            });
        }
        problems
    }

    fn of_bytes(&self, line: &Line, found: &mut impl FnMut(&'static str, String)) {
        if std::str::from_utf8(&line.bytes).is_err() {
            found("not_utf8", "bytes that are not UTF-8".into());
        }
        if line.bytes.contains(&0) {
            found("nul", "a NUL".into());
        }
        if line.bytes.contains(&b'\r') {
            found("carriage_return", "a carriage return, which becomes part of the value".into());
        }
        if line.goes_on(self.dialect) {
            found("goes_on", "a backslash at its end joins it with the next line".into());
        }
        if line.is_too_long(self.dialect) {
            let why = format!(
                "is longer than {} bytes: pam_env reads neither it nor what is behind it",
                self.dialect.longest()
            );
            found("too_long", why);
        }
    }

    fn of_meaning(&self, line: &Line, found: &mut impl FnMut(&'static str, String)) {
        let text = line.bytes.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            return;
        }
        let Some(assignment) = &line.assignment else {
            return found("no_assignment", "is neither NAME=VALUE nor a comment".into());
        };
        if line.bytes.starts_with(b" ") || line.bytes.starts_with(b"\t") {
            let who = match self.dialect {
                Dialect::Aix => "blanks before the name, which AIX takes as part of it",
                Dialect::Pam => "blanks before the name",
            };
            found("leading_blanks", who.into());
        }
        let name = &line.bytes[assignment.name.clone()];
        if !is_name(name) {
            let name = String::from_utf8_lossy(name);
            found("not_a_name", format!("{name:?} is no name that a shell takes"));
        }
        if assignment.value.is_none() {
            return found(
                "taken_away",
                "pam_env takes the variable away where its name stands alone".into(),
            );
        }
        let behind = &line.bytes[assignment.name.end + 1..];
        let behind = behind.strip_suffix(b"\n").unwrap_or(behind);
        let quote = behind.first().filter(|first| matches!(first, b'"' | b'\''));
        match (self.dialect, quote) {
            (Dialect::Aix, Some(_)) => {
                found(
                    "literal_quotes",
                    "the quotes are part of the value: AIX takes none away".into(),
                );
            }
            (Dialect::Pam, Some(quote)) if behind.len() == 1 || behind.last() != Some(quote) => {
                found(
                    "unbalanced_quotes",
                    "a quote that is opened is not closed at the end".into(),
                );
            }
            _ => {}
        }
        if self.dialect == Dialect::Pam && behind.contains(&b'#') {
            found("comment_in_value", "pam_env takes # and what follows for a comment".into());
        }
    }
}
