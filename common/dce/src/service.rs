//! DCE or DFS as something that is started, stopped and asked.

use ha_plan::{Answer, Probe};
use std::collections::BTreeMap;

/// The programs that start, stop and ask DCE or DFS, and how long they may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// `start.dce` or `start.dfs`, with its arguments.
    pub start: Vec<String>,
    /// `stop.dce` or `stop.dfs`, with its arguments.
    pub stop: Vec<String>,
    /// Status 0: something of it runs here.
    pub running: Vec<String>,
    /// Status 0: it serves. Without it, what runs is taken to serve.
    pub ready: Option<Vec<String>>,
    /// For `start`, and until it serves.
    pub start_seconds: u64,
    /// For `stop`, and until nothing of it runs.
    pub stop_seconds: u64,
    /// For each question.
    pub probe_seconds: u64,
}

impl Service {
    /// Something of it runs, or, for [`Answer::No`], nothing. What gives no answer has not gone.
    pub fn running(&self, expect: Answer) -> Probe {
        self.probe(&self.running, expect, Answer::Yes)
    }

    /// It serves, or not, as best as that can be asked. What gives no answer does not serve.
    pub fn serving(&self, expect: Answer) -> Probe {
        self.probe(self.ready.as_ref().unwrap_or(&self.running), expect, Answer::No)
    }

    /// All answer as expected where it needs no start.
    pub fn up(&self) -> Vec<Probe> {
        match self.ready {
            Some(_) => vec![self.running(Answer::Yes), self.serving(Answer::Yes)],
            None => vec![self.serving(Answer::Yes)],
        }
    }

    /// All answer as expected where something of it runs, or may run, and does not serve.
    pub fn half_up(&self) -> Vec<Probe> {
        vec![self.running(Answer::Yes), self.serving(Answer::No)]
    }

    fn probe(&self, argv: &[String], expect: Answer, unanswered: Answer) -> Probe {
        Probe {
            argv: argv.to_vec(),
            environment: BTreeMap::new(),
            expect,
            timeout_seconds: self.probe_seconds,
            unanswered,
        }
    }
}
