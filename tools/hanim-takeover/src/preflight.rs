//! The look before a takeover: everything asked, nothing touched.

use crate::check;
use crate::client::Client;
use crate::clock::Clock;
use crate::fitness::Look;
use crate::masters::Masters;
use crate::survey::{self, Seen};
use crate::verdict::{State, lists_this, state};
use crate::voices::Database;
use ha_json::Error;
use ha_nim::Carrier;
use ha_nim::finding::{Finding, refusal};

/// All that was seen.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) masters: Masters,
    /// In the order of the database here.
    pub(crate) clients: Vec<Client>,
    /// What was seen of each of them.
    pub(crate) seen: Vec<Seen>,
    pub(crate) findings: Vec<Finding>,
}

impl Preflight {
    /// Looks.
    pub(crate) fn look(master: &str, carrier: &Carrier, clock: &Clock) -> Preflight {
        let masters = Masters::look(master, carrier, clock);
        let clients = masters.clients();
        let seen = survey::before(&clients, &masters.pair, carrier, clock);
        let mut findings = masters.findings();
        for (client, seen) in clients.iter().zip(&seen) {
            let there = Database::of(masters.other_listing(), &client.name);
            let look = Look { client, seen, there: &there, pair: &masters.pair };
            findings.extend(look.findings());
        }
        Preflight { masters, clients, seen, findings }
    }

    /// Whether that client is this master's already.
    pub(crate) fn is_already(&self, at: usize) -> bool {
        let (Some(client), Some(seen)) = (self.clients.get(at), self.seen.get(at)) else {
            return false;
        };
        let here = Database::Says(client.current_master.clone());
        let there = Database::of(self.masters.other_listing(), &client.name);
        let pair = &self.masters.pair;
        let look = Look { client, seen, there: &there, pair };
        state(look.voices(&here), pair) == State::Taken
    }

    /// Whether every client is.
    pub(crate) fn nothing_left(&self) -> bool {
        !self.clients.is_empty() && (0..self.clients.len()).all(|at| self.is_already(at))
    }

    /// Whether NIM can do nothing: no client that is left lists this master, by its own file. What could
    /// not be seen may be otherwise.
    pub(crate) fn in_vain(&self, despite: &[String]) -> bool {
        let lists = |at: usize| {
            self.seen.get(at).and_then(|seen| lists_this(&seen.own, &self.masters.pair))
        };
        let mut left = (0..self.clients.len()).filter(|at| !self.is_already(*at)).peekable();
        !despite.iter().any(|check| check == check::LISTED)
            && left.peek().is_some()
            && left.all(|at| lists(at) == Some(false))
    }

    /// Why the takeover is not begun. What stands in the way of a single client stops no other one,
    /// unless it is to be all or none.
    pub(crate) fn refusal(&self, despite: &[String], all_or_nothing: bool) -> Option<Error> {
        let counts =
            |finding: &&Finding| all_or_nothing || check::OF_THE_WHOLE.contains(&finding.check);
        let that_count: Vec<Finding> = self.findings.iter().filter(counts).cloned().collect();
        refusal(&that_count, despite).or_else(|| {
            let why =
                "what this master is called is not known: see NIM_MASTER_HOSTNAME in /etc/niminfo";
            let known = self.masters.pair.this.is_known();
            (!known).then(|| Error::failed(check::THIS_MASTER, why))
        })
    }
}
