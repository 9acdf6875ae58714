//! What is wrong with a text that was read.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What was read can be relied on.
    Warning,
    /// What was read there is a guess, or nothing.
    Error,
}

/// A fault, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: u64,
    /// The fault, as a sentence without a full stop.
    pub what: String,
    /// How bad it is.
    pub severity: Severity,
}
