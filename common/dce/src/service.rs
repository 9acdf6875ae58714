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
    /// Something of it runs, or, for [`Answer::No`], nothing.
    pub fn running(&self, expect: Answer) -> Probe {
        // What hangs when it is asked has not gone.
        self.probe(&self.running, expect, Answer::Yes)
    }

    /// It serves, or not. `None` where nothing but its running tells.
    pub fn ready(&self, expect: Answer) -> Option<Probe> {
        self.ready.as_ref().map(|argv| self.probe(argv, expect, Answer::No))
    }

    /// The best proof that it serves, or that it does not.
    pub fn serving(&self, expect: Answer) -> Probe {
        self.ready(expect).unwrap_or_else(|| self.running(expect))
    }

    /// All answer as expected where it needs no start.
    pub fn up(&self) -> Vec<Probe> {
        let mut probes = vec![self.running(Answer::Yes)];
        probes.extend(self.ready(Answer::Yes));
        probes
    }

    fn probe(&self, argv: &[String], expect: Answer, when_timed_out: Answer) -> Probe {
        Probe {
            argv: argv.to_vec(),
            environment: BTreeMap::new(),
            expect,
            timeout_seconds: self.probe_seconds,
            when_timed_out,
        }
    }
}
