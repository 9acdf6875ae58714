//! The clients asked, many at a time.

use crate::client::Client;
use crate::clock::Clock;
use crate::own::{self, Own};
use crate::pair::Pair;
use ha_json::Error;
use ha_nim::client::{address, each, listens};
use ha_nim::{Carrier, master};
use ha_remote::{Machine, Reply};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A port answers at once or never.
const CONNECT: Duration = Duration::from_secs(10);

/// What was seen of a client before the takeover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its own file.
    pub(crate) own: Own,
    /// Its address as this machine resolves it, or why there is none.
    pub(crate) address: Address,
    /// Whether its protocol's port answers, or the system's words; `None` where it was not tried.
    pub(crate) port: Option<Result<(), String>>,
    /// Whether this master's name resolves there.
    pub(crate) resolves_this: Option<bool>,
    /// Whether `lssrc -s nimsh` there calls it inoperative.
    pub(crate) nimsh_inoperative: bool,
}

/// An address, none, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Is(IpAddr),
    None,
    NotSeen(String),
}

/// Asks each of these all that the checks want.
pub(crate) fn before(
    clients: &[Client],
    pair: &Pair,
    carrier: &Carrier,
    clock: &Clock,
) -> Vec<Seen> {
    let ends = clock.quarters(1);
    each(clients, |client| {
        let address = resolve(&client.host, carrier.patience(), clock, ends);
        let port = match (&address, clock.bound(CONNECT.min(carrier.patience()), ends)) {
            (Address::Is(address), Ok(bound)) => {
                Some(listens(*address, client.protocol().port(), bound))
            }
            _ => None,
        };
        let mut questions = own::questions();
        questions.push(["host", pair.this.hostname.as_str()].map(str::to_owned).to_vec());
        questions.push(["lssrc", "-s", "nimsh"].map(str::to_owned).to_vec());
        let replies = ask(&client.host, &questions, carrier, clock, ends);
        let behind = |at: usize| replies.as_ref().ok().and_then(|replies| replies.get(at));
        let resolves_this = behind(2)
            .filter(|reply| !matches!(reply.status, 126 | 127))
            .map(|reply| reply.status == 0);
        let nimsh_inoperative = behind(3)
            .is_some_and(|reply| String::from_utf8_lossy(&reply.stdout).contains(" inoperative"));
        Seen { own: said(client, replies), address, port, resolves_this, nimsh_inoperative }
    })
}

/// Asks each of these for its own file.
pub(crate) fn after(
    clients: &[&Client],
    carrier: &Carrier,
    clock: &Clock,
    ends: Instant,
) -> Vec<Own> {
    each(clients, |client| said(client, ask(&client.host, &own::questions(), carrier, clock, ends)))
}

/// How this machine resolves a name.
pub(crate) fn resolve(host: &str, patience: Duration, clock: &Clock, ends: Instant) -> Address {
    let question = ["host", host].map(str::to_owned).to_vec();
    match clock.ask(&Machine::Here, &[question], patience, ends).as_deref() {
        Ok([reply]) => match reply.status {
            0 => address(&String::from_utf8_lossy(&reply.stdout))
                .map_or_else(|| Address::NotSeen(unread(host)), Address::Is),
            126 | 127 => Address::NotSeen(master::failure(reply).unwrap_or_default()),
            _ => Address::None,
        },
        Ok(_) => Address::NotSeen(unread(host)),
        Err(error) => Address::NotSeen(error.why.clone()),
    }
}

fn unread(host: &str) -> String {
    format!("what \"host {host}\" prints has no address")
}

fn ask(
    host: &str,
    questions: &[Vec<String>],
    carrier: &Carrier,
    clock: &Clock,
    ends: Instant,
) -> Result<Vec<Reply>, Error> {
    clock.ask(&carrier.to(host)?, questions, carrier.patience(), ends)
}

fn said(client: &Client, replies: Result<Vec<Reply>, Error>) -> Own {
    match replies {
        Ok(replies) => own::read(client, &replies),
        Err(error) => Own::NotSeen(error.why),
    }
}
