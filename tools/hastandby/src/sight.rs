//! All that was looked at.

use crate::answers::Answers;
use crate::finding::Topic;
use crate::programs::Programs;
use crate::roles::Roles;
use ha_pair::{Manager, Node, Pair};

/// What the findings are made of.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) roles: Roles,
    /// Of each node, by its number.
    pub(crate) nodes: [Answers; 2],
    /// Of programs that look at both nodes from here: hassh, hasync.
    pub(crate) between: Answers,
    /// Who starts services on each node, where that is known.
    pub(crate) managers: [Option<Manager>; 2],
    pub(crate) programs: Programs,
}

impl Sight<'_> {
    pub(crate) fn node(&self, number: usize) -> (&Node, &Answers) {
        (&self.pair.nodes[number], &self.nodes[number])
    }

    pub(crate) fn standby(&self) -> (&Node, &Answers) {
        self.node(self.roles.standby)
    }

    pub(crate) fn primary(&self) -> (&Node, &Answers) {
        self.node(self.roles.primary())
    }

    /// A topic of the node of this number.
    pub(crate) fn topic(&self, number: usize, id: &'static str, expected: &str) -> Topic {
        Topic::new(id, &self.pair.nodes[number].name, expected)
    }
}
