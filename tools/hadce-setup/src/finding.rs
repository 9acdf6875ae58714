//! What a step of the guide came to.

use ha_plan::Act;
use serde::{Serialize, Serializer};

/// Which of the two nodes this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Node {
    HighestPriority,
    Standby,
}

/// A step of the chapter, or the part of it that concerns one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) key: Key,
    pub(crate) values: Values,
    /// What `--apply` does.
    #[serde(skip)]
    pub(crate) acts: Vec<Act>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    pub(crate) step: &'static str,
    /// The path or the address that it is about.
    pub(crate) item: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Values {
    pub(crate) node: Node,
    /// Of the step in the guide's list for this node.
    pub(crate) number: Option<u8>,
    /// What shall be.
    pub(crate) what: String,
    pub(crate) outcome: Outcome,
    pub(crate) found: Option<String>,
    pub(crate) fix: Option<String>,
    /// `--apply` does what `fix` says.
    pub(crate) apply: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed,
    NotApplicable,
    /// Only a person can see it, or say whether it is due.
    Person,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 4] =
        [Outcome::Ok, Outcome::Failed, Outcome::NotApplicable, Outcome::Person];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::NotApplicable => "not_applicable",
            Outcome::Person => "person",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A step on its way to its finding.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    node: Node,
    number: Option<u8>,
    name: &'static str,
    item: Option<String>,
    what: String,
}

impl Step {
    pub(crate) fn new(
        node: Node,
        number: impl Into<Option<u8>>,
        name: &'static str,
        what: impl Into<String>,
    ) -> Step {
        Step { node, number: number.into(), name, item: None, what: what.into() }
    }

    pub(crate) fn of(self, item: impl Into<String>) -> Step {
        Step { item: Some(item.into()), ..self }
    }

    pub(crate) fn ok(self, found: impl Into<String>) -> Finding {
        self.finding(Outcome::Ok, Some(found.into()), None)
    }

    pub(crate) fn failed(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Outcome::Failed, Some(found.into()), Some(fix.into()))
    }

    pub(crate) fn not_applicable(self, why: impl Into<String>) -> Finding {
        self.finding(Outcome::NotApplicable, Some(why.into()), None)
    }

    /// Nothing of it can be seen here.
    pub(crate) fn for_a_person(self, fix: impl Into<String>) -> Finding {
        self.finding(Outcome::Person, None, Some(fix.into()))
    }

    /// What can be seen does not tell whether the step is done, or due.
    pub(crate) fn undecided(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Outcome::Person, Some(found.into()), Some(fix.into()))
    }

    fn finding(self, outcome: Outcome, found: Option<String>, fix: Option<String>) -> Finding {
        let Step { node, number, name, item, what } = self;
        let values = Values { node, number, what, outcome, found, fix, apply: false };
        Finding { key: Key { step: name, item }, values, acts: Vec::new() }
    }
}

impl Finding {
    /// `--apply` does this.
    pub(crate) fn mended_by(mut self, acts: Vec<Act>) -> Finding {
        self.values.apply = !acts.is_empty();
        self.acts = acts;
        self
    }
}
