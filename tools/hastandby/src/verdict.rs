//! What all findings come to.

use crate::finding::{Finding, Key, State};

/// Whether the standby could take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Ready,
    NotReady,
    Unknown,
}

impl Word {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Word::Ready => "ready",
            Word::NotReady => "not_ready",
            Word::Unknown => "unknown",
        }
    }
}

/// The word, and what made it.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) word: Word,
    /// What failed, and what could not be told, sorted.
    pub(crate) failed: Vec<String>,
    pub(crate) unknown: Vec<String>,
}

impl Verdict {
    pub(crate) fn of(findings: &[Finding]) -> Verdict {
        let keys = |state: State| {
            let mut keys: Vec<&Key> = findings
                .iter()
                .filter(|finding| finding.values.state == state)
                .map(|finding| &finding.key)
                .collect();
            keys.sort();
            keys.into_iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let (failed, unknown) = (keys(State::Failed), keys(State::Unknown));
        let word = match (failed.is_empty(), unknown.is_empty()) {
            (false, _) => Word::NotReady,
            (true, false) => Word::Unknown,
            (true, true) => Word::Ready,
        };
        Verdict { word, failed, unknown }
    }
}
