//! What is asked of `hassh --serve`, and what it answers: one value a line.

use crate::direction::{Fault, Values};
use serde::{Deserialize, Serialize};

/// Both ends must speak the same.
pub(crate) const PROTOCOL: u64 = 1;
/// A request is not longer.
pub(crate) const MOST_REQUEST: usize = 64 << 10;
/// An answer is not longer.
pub(crate) const MOST_ANSWER: usize = 1 << 20;

/// One line on the standard input of `hassh --serve`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Who is there?
    Hello {},
    /// Go to `peer`, and tell how it went.
    CheckBack { peer: String, timeout_seconds: u64 },
    /// The key with which one goes to `peer` from there; made where there is none.
    PublicKey { peer: String, make: bool, dry_run: bool, lock_wait_seconds: u64 },
    /// Pin these keys as those of `peer`.
    Pin { peer: String, keys: Vec<String>, dry_run: bool, lock_wait_seconds: u64 },
    /// Let this key in, from the address where this connection is from.
    Authorize { key: String, comment: String, dry_run: bool, lock_wait_seconds: u64 },
    /// What sshd there would refuse or ignore of this key.
    Look { key: String },
}

/// The answer to `hello`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u64,
    pub(crate) version: String,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) uid: u64,
    pub(crate) time_milliseconds: u64,
    /// Where the connection is from, as the far side sees it.
    pub(crate) client: Option<String>,
}

/// The answer to `check_back`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) values: Values,
}

/// The answer to `public_key`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnKey {
    /// `None` where there is none, or none is made in a dry run.
    pub(crate) key: Option<String>,
    pub(crate) changes: Vec<Change>,
}

/// The answer to `pin`, `authorize` and `look`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) changes: Vec<Change>,
    pub(crate) faults: Vec<Fault>,
}

/// A thing that was changed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) file: String,
    pub(crate) what: What,
    pub(crate) detail: Option<String>,
}

/// What is changed of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// A host key is pinned.
    Pinned,
    /// A stale host key is no longer there for the name.
    RemovedStaleLine,
    /// A key is let in.
    Authorized,
    /// Others may not write any more.
    Mode,
    /// A key pair is made.
    KeyMade,
    /// A directory is made.
    DirectoryMade,
}

/// How a change is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) dry_run: bool,
    pub(crate) lock_wait: std::time::Duration,
}

/// A request, read strictly.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line).map_err(|error| format!("is no request: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_read_strictly() {
        assert!(matches!(parse(br#"{"request":"hello"}"#), Ok(Request::Hello {})));
        for line in [
            "",
            "{}",
            r#"{"request":"run","command":"x"}"#,
            r#"{"request":"look"}"#,
            r#"{"request":"look","key":1}"#,
            r#"{"request":"look","key":"k","more":1}"#,
            r#"{"request":"hello"}{"request":"hello"}"#,
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let pin = Request::Pin {
            peer: "mn1".to_owned(),
            keys: vec!["k".to_owned()],
            dry_run: true,
            lock_wait_seconds: 3,
        };
        let line = serde_json::to_string(&pin).unwrap();
        assert_eq!(format!("{:?}", parse(line.as_bytes()).unwrap()), format!("{pin:?}"));
    }

    proptest! {
        #[test]
        fn soup_is_no_request(soup: Vec<u8>, words in "[\\{\\}\":a-z,\\[\\]0-9 ]{0,60}") {
            prop_assert!(parse(&soup).is_err());
            prop_assert!(parse(words.as_bytes()).is_err());
        }
    }
}
