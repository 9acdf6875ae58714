//! /etc/niminfo: what a machine knows of NIM, as assignments for the Korn shell.
//!
//! Format: AIX Files Reference, ".info File". Scripts source the file, so that what it means is what
//! ksh makes of it; here it is read by hand, and nothing in it is ever run. Where ksh would run
//! something the value is not known. `/usr/bin/ksh` of AIX is ksh88.

mod edit;
mod expansion;
mod fault;
mod meaning;
mod quoted;
mod secret;
mod statement;
mod word;

#[cfg(test)]
mod shells;
#[cfg(test)]
mod tests;

pub use edit::{Refused, Wanted};
pub use meaning::{Host, Mount, Role, Route};
pub use secret::{Piece, is_secret};

use crate::{Problem, Severity};
use statement::Statement;
use std::collections::BTreeMap;
use std::ops::Range;

/// A niminfo file, every byte of it.
#[derive(Clone, Debug)]
pub struct Niminfo {
    bytes: Vec<u8>,
    assignments: Vec<Assignment>,
    statements: Vec<Statement>,
    mentions: Vec<Mention>,
    problems: Vec<Problem>,
    /// Which assignment counts at the end of the file; an unset variable has none.
    last: BTreeMap<String, usize>,
}

/// One assignment of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// What ksh would set, with line ends of CRLF taken for plain ones; `None` where only running the
    /// file or mending it would tell.
    pub value: Option<Vec<u8>>,
    /// Whether the variable is exported once the file was read, be it here or elsewhere in the file.
    pub exported: bool,
    /// Its line, counted from 1.
    pub line: u64,
    quoting: Quoting,
    statement: usize,
    /// `NAME=value` as it is written.
    word: Range<usize>,
    /// The value as it is written.
    written: Range<usize>,
}

impl Assignment {
    /// The value, where it is known and UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.value.as_deref()?).ok()
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    Plain,
    Double,
    Single,
    /// Several ways in one value, or one that is not written anew.
    Mixed,
}

/// A variable that is named to be exported, without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mention {
    name: String,
    statement: usize,
    word: Range<usize>,
}

impl Niminfo {
    /// Reads a file. Any bytes give an answer: what is wrong with them is told as problems.
    pub fn parse(bytes: &[u8]) -> Niminfo {
        let mut file = statement::read(bytes);
        let faults = fault::faults(&file);
        file.problems.extend(faults);
        file.problems.sort_by_key(|problem| problem.line);
        file
    }

    /// Every assignment, in the order of the file.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// What is wrong with the file, by line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether nothing of severity error is wrong with it.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity < Severity::Error)
    }

    /// Whether there is anything in it that speaks for a niminfo: an assignment, and where there are
    /// NULs, one of NIM's own.
    pub fn is_one(&self) -> bool {
        let of_nim = || self.assignments.iter().any(|one| one.name.starts_with("NIM_"));
        !self.assignments.is_empty() && (!self.bytes.contains(&0) || of_nim())
    }

    /// The assignment that counts: the last one that is not unset again.
    pub fn assignment(&self, name: &str) -> Option<&Assignment> {
        self.assignments.get(*self.last.get(name)?)
    }

    /// The value that counts; `None` also where it cannot be known, or is not UTF-8.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.assignment(name)?.text()
    }

    /// The words of a value with blanks between; none where there is no such variable.
    pub fn words(&self, name: &str) -> Vec<&str> {
        self.value(name).map(|value| value.split_ascii_whitespace().collect()).unwrap_or_default()
    }

    /// The file, byte by byte as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}
