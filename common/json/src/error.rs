//! What went wrong, in the words of the contract.

use crate::Status;

/// The closed set of error kinds. Each stands for one exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wrong usage (2).
    Usage,
    /// Some items failed (3).
    Partial,
    /// Input not to be trusted (4).
    Input,
    /// Busy or unreachable (5).
    Busy,
    /// Failed (6).
    Failed,
}

impl Kind {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Partial => "partial",
            Kind::Input => "input",
            Kind::Busy => "busy",
            Kind::Failed => "failed",
        }
    }

    /// The kind a word stands for, or `None` for a word of a later version.
    pub fn from_word(word: &str) -> Option<Kind> {
        [Kind::Usage, Kind::Partial, Kind::Input, Kind::Busy, Kind::Failed]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    /// The status a tool ends with when an error of this kind ends it.
    pub fn status(self) -> Status {
        match self {
            Kind::Usage => Status::Usage,
            Kind::Partial => Status::Partial,
            Kind::Input => Status::Input,
            Kind::Busy => Status::Busy,
            Kind::Failed => Status::Failed,
        }
    }
}

/// An error that ends the tool. Shown as `what: why`: `what` names the thing, `why` the cause and,
/// where there is one, the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which status it stands for.
    pub kind: Kind,
    /// The thing that it happened to: a path, a host, an option.
    pub what: String,
    /// The cause, and the next step.
    pub why: String,
}

impl Error {
    /// An error of the given kind.
    pub fn new(kind: Kind, what: impl Into<String>, why: impl Into<String>) -> Error {
        Error { kind, what: what.into(), why: why.into() }
    }

    /// Wrong usage (2).
    pub fn usage(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(Kind::Usage, what, why)
    }

    /// Input not to be trusted (4).
    pub fn input(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(Kind::Input, what, why)
    }

    /// Busy or unreachable (5).
    pub fn busy(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(Kind::Busy, what, why)
    }

    /// Failed (6).
    pub fn failed(what: impl Into<String>, why: impl Into<String>) -> Error {
        Error::new(Kind::Failed, what, why)
    }

    /// Failed (6), for a file without a name in `TMPDIR`.
    pub fn temporary_file(error: &std::io::Error) -> Error {
        Error::io(format!("temporary file in {}", std::env::temp_dir().display()), error)
    }

    /// Failed (6), for an error of the operating system.
    pub fn io(what: impl Into<String>, error: &std::io::Error) -> Error {
        Error::failed(what, reason(error))
    }
}

/// The system's own words for an error, in lower case and without `(os error N)`.
pub fn reason(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.what.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.what, self.why)
        }
    }
}

impl std::error::Error for Error {}
