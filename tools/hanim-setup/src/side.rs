//! One of the two masters, as it was seen.

use crate::adapter::{self, Adapter};
use ha_json::Error;
use ha_nim::client::address;
use ha_nim::master::{self, Master, NIMINFO};
use ha_nim::{Object, same_host, short};
use ha_remote::{Machine, Reply};
use std::net::IpAddr;
use std::time::Duration;

/// A machine that is, or becomes, one of the two.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// What messages call it: its short host name.
    pub(crate) shown: String,
    /// The host name by which the other one reaches it.
    pub(crate) host: String,
    /// What it says of itself.
    pub(crate) master: Master,
    /// Its interfaces; `None` where they cannot be seen.
    pub(crate) adapters: Option<Vec<Adapter>>,
    /// How it resolves its own name, and the other one's.
    pub(crate) own_address: Resolved,
    pub(crate) other_address: Resolved,
    /// The host names that it surely has.
    names: Vec<String>,
}

/// What a machine makes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// This address.
    To(IpAddr),
    /// The name is not known.
    Unknown,
    /// That cannot be asked.
    NotSeen(String),
}

impl Side {
    /// A side without anything but its names.
    pub(crate) fn new(host: &str, names: Vec<String>, master: Master) -> Side {
        let mut all = vec![host.to_owned()];
        all.extend(names);
        let not_seen = || Resolved::NotSeen("was not asked".to_owned());
        Side {
            shown: short(host).to_owned(),
            host: host.to_owned(),
            master,
            adapters: None,
            own_address: not_seen(),
            other_address: not_seen(),
            names: all,
        }
    }

    /// Whether that is one of its names, by which it goes in NIM perhaps, and nowhere else.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.is_surely(name) || self.own_name_in_nim().is_some_and(|its| same_host(its, name))
    }

    /// Whether that is one of its host names.
    pub(crate) fn is_surely(&self, name: &str) -> bool {
        self.names.iter().any(|its| same_host(its, name))
    }

    /// The name of a client's master is not its own.
    fn own_name_in_nim(&self) -> Option<&str> {
        self.master.hostname().filter(|_| self.master.is_master())
    }

    /// Whether that object stands for it: by its name, or by the host name at an interface.
    pub(crate) fn is_meant_by(&self, object: &Object) -> bool {
        let at_interface =
            |name: &Option<String>| name.as_deref().is_some_and(|name| self.is(name));
        self.is(&object.name) || object.interfaces().iter().any(|one| at_interface(&one.hostname))
    }

    /// Its object for the other one, where that is an alternate master.
    pub(crate) fn alternate(&self, other: &Side) -> Option<&Object> {
        let mut objects = self.master.listing.objects.iter();
        objects.find(|object| object.is_alternate_master() && other.is_meant_by(object))
    }

    /// Whether its own niminfo names the other one as its alternate.
    pub(crate) fn names_as_alternate(&self, other: &Side) -> bool {
        let niminfo = self.master.niminfo.as_ref();
        let words =
            niminfo.map(|niminfo| niminfo.words("NIM_ALTERNATE_MASTER")).unwrap_or_default();
        words.into_iter().any(|name| other.is(name))
    }

    /// Whether its own niminfo says that it is a master, and that the master is itself: by a host name
    /// of its own, or by the one at an interface that the other one has of it.
    pub(crate) fn is_its_own_master(&self, other: &Side) -> bool {
        let Some(name) = self.own_name_in_nim() else { return false };
        let by_interface = |object: &Object| {
            self.is_surely(&object.name)
                && object
                    .interfaces()
                    .iter()
                    .any(|one| one.hostname.as_deref().is_some_and(|its| same_host(its, name)))
        };
        self.is_surely(name) || other.master.listing.objects.iter().any(by_interface)
    }

    /// Where one of its ports is.
    pub(crate) fn port(&self, variable: &str, default: u16) -> u16 {
        let value = self.master.niminfo.as_ref().and_then(|niminfo| niminfo.value(variable));
        value.and_then(|text| text.trim().parse().ok()).unwrap_or(default)
    }
}

/// What [`brief`] reads the answers of: what tells who is whose alternate.
pub(crate) fn brief_questions() -> Vec<Vec<String>> {
    words(&[&["cat", NIMINFO], &["lsnim", "-l"], &["hostname"]])
}

/// Reads the answers to [`brief_questions`] of the machine that is reached as `host`; this machine
/// has no such name but its own.
pub(crate) fn brief(host: Option<&str>, replies: &[Reply]) -> Result<Side, Error> {
    let master = Master::read(replies.get(..2).unwrap_or_default());
    let hostname = replies.get(2).and_then(Reply::text).filter(|name| !name.is_empty());
    match (host, hostname) {
        (Some(host), hostname) => Ok(Side::new(host, hostname.into_iter().collect(), master)),
        (None, Some(hostname)) => Ok(Side::new(&hostname, Vec::new(), master)),
        (None, None) => Err(Error::failed("hostname", "gave no name: this machine has none")),
    }
}

/// All that counts of a machine; `this` is the host name of this one, `host` of the one asked.
pub(crate) fn look(
    machine: &Machine,
    host: &str,
    other: &str,
    patience: Duration,
) -> Result<Side, Error> {
    let mut questions = master::questions();
    let behind = questions.len();
    questions.extend(words(&[
        &["hostname"],
        &["ifconfig", "-a"],
        &["host", host],
        &["host", other],
    ]));
    let replies = machine.ask(&questions, patience)?;
    let reply = |at: usize| replies.get(behind + at).cloned().unwrap_or_default();
    let hostname = reply(0).text().filter(|name| !name.is_empty());
    let side = Side::new(host, hostname.into_iter().collect(), Master::read(&replies));
    let adapters = reply(1).text().map(|text| adapter::parse(&text)).filter(|all| !all.is_empty());
    let (own_address, other_address) = (resolved(&reply(2)), resolved(&reply(3)));
    Ok(Side { adapters, own_address, other_address, ..side })
}

fn resolved(reply: &Reply) -> Resolved {
    match (reply.status, address(&String::from_utf8_lossy(&reply.stdout))) {
        (0, Some(address)) => Resolved::To(address),
        (0, None) => Resolved::NotSeen("host printed no address".to_owned()),
        (126 | 127, _) => Resolved::NotSeen("host cannot be run".to_owned()),
        _ => Resolved::Unknown,
    }
}

fn words(questions: &[&[&str]]) -> Vec<Vec<String>> {
    questions.iter().map(|argv| argv.iter().map(|word| (*word).to_owned()).collect()).collect()
}

#[cfg(test)]
pub(crate) fn sample(host: &str, niminfo: &str, listing: &str) -> Side {
    let said = |text: &str| Reply { status: 0, stdout: text.into(), stderr: String::new() };
    let none = Reply { status: 2, ..Reply::default() };
    let of = |text: &str| if text.is_empty() { none.clone() } else { said(text) };
    let fileset = |name: &str| said(&format!("bos.sysmgt:{name}:7.3.2.0: : :C: :x: : :\n"));
    let replies = [
        of(niminfo),
        of(listing),
        said("7300-02-01-2320\n"),
        fileset(master::MASTER_FILESET),
        fileset(master::SPOT_FILESET),
    ];
    Side::new(host, vec![short(host).to_owned()], Master::read(&replies))
}
