//! The lines of a file, and what they set.

use crate::dialect::{Assignment, Dialect};

/// An environment file.
#[derive(Debug)]
pub struct EnvironmentFile {
    pub(crate) dialect: Dialect,
    pub(crate) lines: Vec<Line>,
}

/// A line as the system's reader takes it: more than one line of the file where one goes on.
#[derive(Debug)]
pub(crate) struct Line {
    /// The number of its first line in the file, from 1 on, when that was read.
    pub(crate) number: u64,
    /// With its end, if it has one.
    pub(crate) bytes: Vec<u8>,
    pub(crate) assignment: Option<Assignment>,
}

/// A variable that the file sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Its name, which may be none that a shell takes: see [`crate::is_name`].
    pub name: &'a [u8],
    /// Its value, without quotes that are none of it.
    pub value: &'a [u8],
    /// The line where it stands, from 1 on.
    pub line: u64,
}

impl Line {
    pub(crate) fn new(dialect: Dialect, number: u64, bytes: Vec<u8>) -> Line {
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let assignment = dialect.assignment(text);
        Line { number, bytes, assignment }
    }

    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.assignment.as_ref().map(|assignment| &self.bytes[assignment.name.clone()])
    }

    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.assignment.as_ref()?.value.as_deref()
    }

    /// Is read together with what follows it.
    pub(crate) fn goes_on(&self, dialect: Dialect) -> bool {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        text.contains(&b'\n') || dialect.goes_on(text)
    }

    /// The system does not read it, nor what is behind it.
    pub(crate) fn is_too_long(&self, dialect: Dialect) -> bool {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        text.len() >= dialect.longest()
    }

    /// Sets the variable, or takes it away.
    pub(crate) fn speaks_of(&self, name: &str) -> bool {
        self.name() == Some(name.as_bytes())
    }
}

impl EnvironmentFile {
    /// Reads a file by the rules of this system. Any bytes are a file; what is wrong with them
    /// [`EnvironmentFile::problems`] tells.
    pub fn parse(bytes: &[u8]) -> EnvironmentFile {
        EnvironmentFile::parse_as(bytes, Dialect::of_this_system())
    }

    /// Reads a file by the rules of another system.
    pub fn parse_as(bytes: &[u8], dialect: Dialect) -> EnvironmentFile {
        let mut lines = Vec::new();
        let mut whole = Vec::new();
        let mut first = 1;
        for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            if whole.is_empty() {
                first = number;
            }
            whole.extend_from_slice(line);
            if !(line.ends_with(b"\n") && dialect.goes_on(line)) {
                lines.push(Line::new(dialect, first, std::mem::take(&mut whole)));
            }
        }
        if !whole.is_empty() {
            lines.push(Line::new(dialect, first, whole));
        }
        EnvironmentFile { dialect, lines }
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| &line.bytes).copied().collect()
    }

    /// The variables in the order of their lines. Of lines with one name the last counts.
    pub fn variables(&self) -> Vec<Variable<'_>> {
        let mut seen = std::collections::HashSet::new();
        let mut variables: Vec<_> = self
            .lines_read()
            .iter()
            .rev()
            .filter_map(|line| {
                let name = line.name().filter(|name| seen.insert(*name))?;
                Some(Variable { name, value: line.value()?, line: line.number })
            })
            .collect();
        variables.reverse();
        variables
    }

    /// The value of a variable, `None` where the file does not set it.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines_read().iter().rfind(|line| line.speaks_of(name))?.value()
    }

    /// Those up to where the system gives up.
    fn lines_read(&self) -> &[Line] {
        let end = self.lines.iter().position(|line| line.is_too_long(self.dialect));
        &self.lines[..end.unwrap_or(self.lines.len())]
    }
}
