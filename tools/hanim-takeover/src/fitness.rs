//! The findings about a client before a takeover.

use crate::advice::{self, NO_CONNECTION, NOT_CURRENT, NOT_LISTED};
use crate::check;
use crate::client::Client;
use crate::own::Own;
use crate::pair::{Owner, Pair};
use crate::survey::{Address, Seen};
use crate::verdict::{State, lists_this, state};
use crate::voices::{Database, Voices};
use ha_nim::client::Protocol;
use ha_nim::finding::{Finding, Outcome};

/// What is known when a client is looked at.
pub(crate) struct Look<'a> {
    pub(crate) client: &'a Client,
    pub(crate) seen: &'a Seen,
    pub(crate) there: &'a Database,
    pub(crate) pair: &'a Pair,
}

impl Look<'_> {
    /// One finding of each check that is about a client.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let checks = [
            self.names(),
            self.listed(),
            self.port(),
            self.protocol(),
            self.busy(),
            self.current_master(),
            self.sync_required(),
            self.agreement(),
        ];
        checks.into_iter().map(|finding| finding.about(&self.client.name)).collect()
    }

    /// What both databases and its own file say.
    pub(crate) fn voices<'b>(&'b self, here: &'b Database) -> Voices<'b> {
        Voices { here, there: self.there, own: &self.seen.own }
    }

    fn names(&self) -> Finding {
        let (host, this) = (&self.client.host, &self.pair.this.hostname);
        let finding = |outcome, found| Finding::new(check::NAMES, outcome, found);
        match (&self.seen.address, self.seen.resolves_this) {
            (Address::None, _) => {
                finding(Outcome::Refused, format!("this machine cannot resolve {host}"))
                    .fix("put it into /etc/hosts or the name server")
            }
            (_, Some(false)) => finding(Outcome::Refused, format!("{host} cannot resolve {this}"))
                .fix(format!("put {this} into /etc/hosts there, or the name server")),
            (Address::NotSeen(why), _) => {
                finding(Outcome::Unknown, format!("how {host} resolves cannot be seen: {why}"))
            }
            (Address::Is(address), None) => finding(
                Outcome::Unknown,
                format!("{host} is {address}; whether {this} resolves there cannot be seen"),
            ),
            (Address::Is(address), Some(true)) => {
                finding(Outcome::Holds, format!("{host} is {address}, and resolves {this}"))
            }
        }
    }

    fn listed(&self) -> Finding {
        let (name, this) = (&self.client.name, &self.pair.this.shown);
        let finding = |outcome, found| Finding::new(check::LISTED, outcome, found);
        let refused = |found| {
            let alive = *self.there != Database::NotSeen;
            finding(Outcome::Refused, found).code(NOT_LISTED).fix(advice::make_known(
                self.client,
                self.pair,
                alive,
            ))
        };
        match (&self.seen.own, lists_this(&self.seen.own, self.pair)) {
            (Own::Stranger(name_there), _) => {
                let found = format!("{} leads to {name_there}", self.client.host);
                finding(Outcome::Unknown, found).fix(advice::right_address(self.client))
            }
            (Own::NotSeen(why), _) => {
                finding(Outcome::Unknown, format!("the niminfo of {name} was not seen: {why}"))
                    .fix(advice::read_by_hand(self.client))
            }
            (Own::Missing, _) => refused(format!("{name} has no /etc/niminfo")),
            (_, Some(true)) => {
                finding(Outcome::Holds, format!("{name} lists {this} in NIM_MASTER_HOSTNAME_LIST"))
            }
            _ => refused(format!("{name} does not list {this} in NIM_MASTER_HOSTNAME_LIST")),
        }
    }

    fn port(&self) -> Finding {
        let (host, protocol) = (&self.client.host, self.client.protocol());
        let at = format!("{} on port {}", protocol.word(), protocol.port());
        let finding = |outcome, found| Finding::new(check::PORT, outcome, found);
        match &self.seen.port {
            Some(Ok(())) => finding(Outcome::Holds, format!("{host} answers for {at}")),
            Some(Err(why)) => {
                let inoperative = match protocol {
                    Protocol::Nimsh if self.seen.nimsh_inoperative => {
                        "; nimsh is inoperative there"
                    }
                    _ => "",
                };
                let found = format!("{host} does not answer for {at}: {why}{inoperative}");
                finding(Outcome::Refused, found)
                    .code(NO_CONNECTION)
                    .fix(advice::start_service(self.client))
            }
            None => finding(
                Outcome::Unknown,
                format!("whether {host} answers for {at} was not tried: its address is not known"),
            ),
        }
    }

    fn protocol(&self) -> Finding {
        let name = &self.client.name;
        let finding = |outcome, found| Finding::new(check::PROTOCOL, outcome, found);
        let Own::File(file) = &self.seen.own else {
            let found = format!("the protocol of {name} was not seen: its niminfo was not");
            return finding(Outcome::Warning, found);
        };
        let here = self.client.protocol();
        match &file.shell {
            None => finding(
                Outcome::Holds,
                format!("{name} has {} here, and its niminfo names none", here.word()),
            ),
            Some(shell) if Protocol::of(Some(shell)) == here => {
                finding(Outcome::Holds, format!("both sides have {} for {name}", here.word()))
            }
            Some(shell) => finding(
                Outcome::Warning,
                format!("{name} has connect = {} here, and NIM_SHELL {shell:?} there", here.word()),
            )
            .fix({
                let word = Protocol::of(Some(shell)).word();
                let command = format!("nim -o change -a connect={word} {name}");
                advice::by_its_master(self.client, self.pair, &command)
            }),
        }
    }

    fn busy(&self) -> Finding {
        let name = &self.client.name;
        match &self.client.busy {
            None => Finding::new(check::BUSY, Outcome::Holds, format!("{name} is at rest")),
            Some(state) => {
                let found = format!("{name} is not ready for an operation: {state}");
                let reset = format!("nim -Fo reset {name}");
                let reset = advice::by_its_master(self.client, self.pair, &reset);
                let fix = format!("wait for its end, or {reset}");
                Finding::new(check::BUSY, Outcome::Warning, found).fix(fix)
            }
        }
    }

    fn current_master(&self) -> Finding {
        let (name, pair) = (&self.client.name, self.pair);
        let finding = |outcome, found| Finding::new(check::CURRENT_MASTER, outcome, found);
        match pair.owner(self.client.current_master.as_deref()) {
            Owner::This => finding(Outcome::Holds, format!("{name} is this master's already")),
            Owner::Other => finding(Outcome::Holds, format!("{} has {name}", pair.other.shown)),
            Owner::Third(third) => finding(
                Outcome::Refused,
                format!("{name} is controlled by {third}, not {}", pair.other.shown),
            )
            .code(NOT_CURRENT)
            .fix(advice::take_from(third)),
            Owner::Nobody => {
                finding(Outcome::Warning, format!("{name} has no current_master in this database"))
                    .fix(format!("sync from {} before it is needed", pair.other.shown))
            }
        }
    }

    fn sync_required(&self) -> Finding {
        let name = &self.client.name;
        if !self.client.sync_required {
            let found = format!("{name} has no sync_required = yes");
            return Finding::new(check::SYNC_REQUIRED, Outcome::Holds, found);
        }
        let alive = *self.there != Database::NotSeen;
        let (outcome, but, fix) = match lists_this(&self.seen.own, self.pair) {
            Some(true) => {
                let but = format!(", but it lists {}", self.pair.this.shown);
                (Outcome::Warning, but, advice::sync_first(self.pair, alive))
            }
            listed => {
                let outcome = match listed {
                    None => Outcome::Unknown,
                    Some(_) => Outcome::Refused,
                };
                let but = ": it may not know this master yet".to_owned();
                (outcome, but, advice::make_known(self.client, self.pair, alive))
            }
        };
        let found = format!("{name} has sync_required = yes{but}");
        Finding::new(check::SYNC_REQUIRED, outcome, found).fix(fix)
    }

    fn agreement(&self) -> Finding {
        let here = Database::Says(self.client.current_master.clone());
        let voices = self.voices(&here);
        let finding = |outcome| Finding::new(check::AGREEMENT, outcome, voices.words(self.pair));
        let owner = self.pair.owner(self.client.current_master.as_deref());
        let split = voices.split_brain(self.pair) == Some(true);
        let own = match &self.seen.own {
            Own::File(file) => Some(self.pair.owner(file.master.as_deref())),
            Own::Missing => Some(Owner::Nobody),
            Own::NotSeen(_) | Own::Stranger(_) => None,
        };
        match (owner, own) {
            (Owner::This, Some(Owner::This)) if split => {
                finding(Outcome::Warning).fix(advice::tell_other(self.pair))
            }
            (Owner::This, Some(Owner::Other)) if split => {
                finding(Outcome::Warning).fix(advice::learn_from_other(self.pair))
            }
            (_, None) if split => {
                finding(Outcome::Warning).fix(advice::ask_the_client(self.client, self.pair))
            }
            (Owner::This, Some(_)) if state(voices, self.pair) != State::Taken => {
                finding(Outcome::Warning).fix(advice::define_again(self.client, &self.pair.this))
            }
            (_, None) => finding(Outcome::Warning),
            (_, Some(own)) if split || (owner != Owner::Nobody && own != owner) => {
                finding(Outcome::Warning).fix("the takeover brings them together")
            }
            _ => finding(Outcome::Holds),
        }
    }
}

#[cfg(test)]
mod tests;
