//! What this machine and the alternate say before a synchronisation, asked in few connections.

use crate::Arguments;
use crate::backup::{self, Backups};
use crate::disks::{self, Place};
use ha_json::Error;
use ha_nim::client::{self, address};
use ha_nim::master::{self, Master};
use ha_nim::{Carrier, Object, same_host, short};
use ha_remote::{Machine, Reply};
use std::net::IpAddr;
use std::time::Duration;

/// Sizes of resources may take so many times as long as other answers.
const SIZES_TIMES: u32 = 10;

/// Says whether nobody waits for answers any more: a signal came.
pub(crate) type GiveUp<'a> = &'a (dyn Fn() -> bool + Sync);

/// This machine, before the alternate is known.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) master: Master,
    /// `/etc/NIM.level`: the level that the alternate will compare its own with.
    pub(crate) level: Option<String>,
}

/// Both masters.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) here: Here,
    pub(crate) there: Master,
    /// What the alternate is called in the database here.
    pub(crate) alternate: String,
    /// How it is reached.
    pub(crate) host: String,
    /// Where resources lie; `None` where that is of no matter, and why it could not be told.
    pub(crate) places: Option<Result<Vec<Place>, Error>>,
    pub(crate) names: [Result<Vec<Resolved>, Error>; 2],
    pub(crate) backups: Result<Backups, Error>,
    /// Clients that each of both databases gives to its own master.
    pub(crate) disputed: Vec<Disputed>,
}

/// A client of which the databases contradict each other, and what it says itself.
#[derive(Debug)]
pub(crate) struct Disputed {
    pub(crate) client: String,
    /// Whether its own file names the alternate as its master.
    pub(crate) follows_alternate: Result<bool, Error>,
}

/// What one of both machines makes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The object that has it.
    pub(crate) object: String,
    pub(crate) hostname: String,
    pub(crate) address: Option<IpAddr>,
    /// It is that of one of both masters.
    pub(crate) is_master: bool,
}

impl Here {
    /// Asks this machine.
    pub(crate) fn look(patience: Duration, give_up: GiveUp) -> Result<Here, Error> {
        let mut questions = master::questions();
        questions.push(["cat", "/etc/NIM.level"].map(str::to_owned).to_vec());
        let replies = Machine::Here.ask_unless(&questions, patience, give_up)?;
        let level = replies.last().and_then(Reply::text).filter(|level| !level.is_empty());
        Ok(Here { master: Master::read(&replies), level })
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &str {
        short(self.master.hostname().unwrap_or("this machine"))
    }
}

impl Pair {
    /// Asks the alternate, and this machine for what is to be compared with its answers.
    ///
    /// # Errors
    /// When the alternate gives no answer.
    pub(crate) fn look(
        here: Here,
        arguments: &Arguments,
        host: &str,
        give_up: GiveUp,
    ) -> Result<Pair, Error> {
        let carrier = &arguments.carrier;
        let locations = match arguments.replicate {
            true => disks::locations(&here.master.listing),
            false => Vec::new(),
        };
        let of_disks = disks::questions_there(&locations);
        let mut questions = master::questions();
        let of_master = questions.len();
        questions.extend(of_disks.iter().map(|(_, question)| question.clone()));
        let there = carrier.to(host)?;
        let replies = there.ask_unless(&questions, carrier.patience(), give_up)?;
        let (first, rest) = replies.split_at(of_master.min(replies.len()));
        let found = disks::found(&of_disks, rest);
        let patience = carrier.patience() * SIZES_TIMES;
        let resolve = |machine: &Machine| {
            resolve(machine, names_of(&here.master), carrier.patience(), give_up)
        };
        let ((names_here, names_there), places) = std::thread::scope(|scope| {
            let here = scope.spawn(|| resolve(&Machine::Here));
            let there = scope.spawn(|| resolve(&there));
            let places = disks::places(locations, &found, patience, give_up);
            ((joined(here.join()), joined(there.join())), places)
        });
        let backups = backup::look(arguments, give_up);
        let there = Master::read(first);
        let disputed = disputed(&here.master, &there, host, carrier);
        Ok(Pair {
            there,
            alternate: arguments.alternate.clone(),
            host: host.to_owned(),
            places: arguments.replicate.then_some(places),
            names: [names_here, names_there],
            backups,
            disputed,
            here,
        })
    }

    /// The object of this master in the alternate's database.
    pub(crate) fn this_master_there(&self) -> Option<&Object> {
        let own = self.here.master.hostname()?;
        let mut all = self.there.listing.objects.iter();
        all.find(|object| object.is_alternate_master() && same_host(&object.hostname(), own))
    }
}

/// The master that a client has by a database; empty where it says none.
pub(crate) fn owner_of(object: &Object) -> &str {
    object.get("current_master").unwrap_or_default()
}

/// What the alternate's database gives to it and this one does not: the client's own file decides.
fn disputed(here: &Master, there: &Master, host: &str, carrier: &Carrier) -> Vec<Disputed> {
    let theirs = there.listing.objects.iter().filter(|object| {
        let known = here.listing.object(&object.name);
        object.is_client()
            && same_host(owner_of(object), host)
            && known.is_some_and(|known| !same_host(owner_of(known), host))
    });
    let theirs: Vec<&Object> = theirs.collect();
    client::each(&theirs, |object| Disputed {
        client: object.name.clone(),
        follows_alternate: follows(carrier, &object.hostname(), host),
    })
}

fn follows(carrier: &Carrier, client: &str, master: &str) -> Result<bool, Error> {
    let niminfo = client::niminfo(carrier, client)?;
    let niminfo = niminfo.ok_or_else(|| Error::failed(client, "has no /etc/niminfo"))?;
    match niminfo.value("NIM_MASTER_HOSTNAME") {
        Some(its) => Ok(same_host(its, master)),
        None => Err(Error::failed(client, "its /etc/niminfo names no master")),
    }
}

fn joined<T>(answer: std::thread::Result<Result<T, Error>>) -> Result<T, Error> {
    answer.unwrap_or_else(|_| Err(Error::failed("host", "was not asked")))
}

/// Both masters and each client, not resolved yet.
fn names_of(here: &Master) -> Vec<Resolved> {
    let mut all: Vec<Resolved> = here
        .listing
        .objects
        .iter()
        .filter(|object| object.is_client() || object.is_alternate_master())
        .map(|object| Resolved {
            object: object.name.clone(),
            hostname: object.hostname(),
            address: None,
            is_master: object.is_alternate_master(),
        })
        .collect();
    all.extend(here.hostname().map(|own| Resolved {
        object: "master".to_owned(),
        hostname: own.to_owned(),
        address: None,
        is_master: true,
    }));
    all
}

/// `host NAME` of each.
fn resolve(
    machine: &Machine,
    mut all: Vec<Resolved>,
    patience: Duration,
    give_up: GiveUp,
) -> Result<Vec<Resolved>, Error> {
    let questions: Vec<Vec<String>> =
        all.iter().map(|one| vec!["host".to_owned(), one.hostname.clone()]).collect();
    let replies = machine.ask_unless(&questions, patience, give_up)?;
    for (one, reply) in all.iter_mut().zip(&replies) {
        one.address = reply.text().as_deref().and_then(address);
    }
    Ok(all)
}
