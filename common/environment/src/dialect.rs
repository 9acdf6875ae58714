//! How the system's own reader takes a line.

use ha_json::Error;
use std::ops::Range;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// AIX: what stands before the first `=` is the name, what stands behind it the value.
    Aix,
    /// Linux: pam_env.
    Pam,
}

/// Where in a line the name stands, and what the value is; none where the line takes the variable
/// away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Dialect {
    /// That of the system this runs on.
    pub fn of_this_system() -> Dialect {
        if cfg!(target_os = "aix") { Dialect::Aix } else { Dialect::Pam }
    }

    /// How many bytes of a line, with its end, the system reads: pam_env stops at a longer one.
    pub(crate) fn longest(self) -> usize {
        match self {
            Dialect::Aix => usize::MAX,
            Dialect::Pam => 8191,
        }
    }

    /// True where `line` is read together with the next one.
    pub(crate) fn goes_on(self, line: &[u8]) -> bool {
        let end = line.iter().rposition(|byte| !is_blank(*byte) && *byte != b'\n');
        self == Dialect::Pam && !line.contains(&b'#') && end.is_some_and(|end| line[end] == b'\\')
    }

    /// Reads a line without its end.
    pub(crate) fn assignment(self, line: &[u8]) -> Option<Assignment> {
        let first = line.iter().position(|byte| !is_blank(*byte))?;
        if line[first] == b'#' {
            return None;
        }
        match self {
            Dialect::Aix => {
                let equals = line.iter().position(|byte| *byte == b'=').filter(|end| *end > 0)?;
                Some(Assignment { name: 0..equals, value: Some(line[equals + 1..].to_vec()) })
            }
            Dialect::Pam => pam_assignment(line, first),
        }
    }

    /// What to write behind the `=` so that the system reads `value` there.
    pub(crate) fn written(self, name: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
        let refused = |why: &str| Err(Error::usage(name.to_owned(), why.to_owned()));
        if value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            return refused(
                "a value cannot hold an end of line or a NUL: no such file has a way to write it",
            );
        }
        match self {
            Dialect::Aix => Ok(value.to_vec()),
            Dialect::Pam if value.contains(&b'#') => {
                refused("a value cannot hold a #: pam_env takes it and what follows for a comment")
            }
            Dialect::Pam if value.iter().all(|byte| plain(*byte)) => Ok(value.to_vec()),
            // Single quotes where that can be: a shell that reads the file takes nothing in them for
            // its own.
            Dialect::Pam => {
                let quote = if value.contains(&b'\'') { b"\"" } else { b"'" };
                Ok([quote, value, quote].concat())
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// As pam_env does it: a name alone takes the variable away, and a line that goes on to where there
/// is nothing is none.
fn pam_assignment(line: &[u8], first: usize) -> Option<Assignment> {
    if Dialect::Pam.goes_on(line) {
        return None;
    }
    let start = match line[first..].starts_with(b"export ") {
        true => first + "export ".len(),
        false => first,
    };
    let text = line[start..].split(|byte| *byte == b'#').next().unwrap_or_default();
    match text.iter().position(|byte| *byte == b'=') {
        Some(0) => None,
        Some(end) => Some(Assignment {
            name: start..start + end,
            value: Some(pam_value(text[end + 1..].to_vec())),
        }),
        None if !text.is_empty()
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') =>
        {
            Some(Assignment { name: start..start + text.len(), value: None })
        }
        None => None,
    }
}

/// Without escapes, and only a quote at the very end is one that closes.
fn pam_value(mut text: Vec<u8>) -> Vec<u8> {
    // Lines that go on were joined; their backslashes and ends are no part of the value.
    while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
        let kept = text[..end].iter().rposition(|byte| !is_blank(*byte)).unwrap_or(0);
        text.drain(kept..=end);
    }
    if !matches!(text.first(), Some(b'"' | b'\'')) {
        return text;
    }
    text.remove(0);
    if matches!(text.last(), Some(b'"' | b'\'')) {
        text.pop();
    }
    text
}

/// What neither pam_env nor a shell takes for anything else than itself.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:,=@%+-".contains(&byte)
}
