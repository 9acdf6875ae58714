//! What was looked at, and what came of it.

use ha_json::Error;
use ha_plan::Act;
use serde::{Serialize, Serializer};

/// One thing that a takeover depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) key: Key,
    pub(crate) values: Values,
    /// What `--apply` does on the standby.
    #[serde(skip)]
    pub(crate) acts: Vec<Act>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Key {
    pub(crate) id: &'static str,
    /// The node that it is about; null where it is about both at once.
    pub(crate) node: Option<String>,
    /// A service, a path, a name.
    pub(crate) item: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Values {
    pub(crate) state: State,
    pub(crate) expected: String,
    pub(crate) found: Option<String>,
    pub(crate) fix: Option<String>,
    /// `--apply` does what `fix` says.
    pub(crate) apply: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    Failed,
    Unknown,
    NotApplicable,
}

impl State {
    pub(crate) const ALL: [State; 4] =
        [State::Ok, State::Failed, State::Unknown, State::NotApplicable];

    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Failed => "failed",
            State::Unknown => "unknown",
            State::NotApplicable => "not_applicable",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [Some(self.id), self.node.as_deref(), self.item.as_deref()];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// Something on its way to its finding.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    key: Key,
    expected: String,
}

impl Topic {
    /// About both nodes at once.
    pub(crate) fn of_the_pair(id: &'static str, expected: impl Into<String>) -> Topic {
        Topic { key: Key { id, node: None, item: None }, expected: expected.into() }
    }

    pub(crate) fn new(id: &'static str, node: &str, expected: impl Into<String>) -> Topic {
        let key = Key { id, node: Some(node.to_owned()), item: None };
        Topic { key, expected: expected.into() }
    }

    pub(crate) fn of(mut self, item: &str) -> Topic {
        self.key.item = Some(item.to_owned());
        self
    }

    pub(crate) fn ok(self, found: impl Into<String>) -> Finding {
        self.finding(State::Ok, Some(found.into()), None)
    }

    pub(crate) fn failed(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(State::Failed, Some(found.into()), Some(fix.into()))
    }

    /// It could not be looked at.
    pub(crate) fn unknown(self, why: impl Into<String>) -> Finding {
        self.finding(State::Unknown, Some(why.into()), None)
    }

    pub(crate) fn not_applicable(self, why: impl Into<String>) -> Finding {
        self.finding(State::NotApplicable, Some(why.into()), None)
    }

    fn finding(self, state: State, found: Option<String>, fix: Option<String>) -> Finding {
        let Topic { key, expected } = self;
        let values = Values { state, expected, found, fix, apply: false };
        Finding { key, values, acts: Vec::new() }
    }
}

impl Finding {
    /// `--apply` does this, where the standby is the machine that it runs on.
    pub(crate) fn mended_by(mut self, acts: Vec<Act>) -> Finding {
        self.values.apply = !acts.is_empty();
        self.acts = acts;
        self
    }
}

/// What was looked at on a node, or why it could not be.
pub(crate) type Look<T> = Result<T, Error>;
