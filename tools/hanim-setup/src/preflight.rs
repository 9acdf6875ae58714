//! What is checked before anything is done.

mod clients;
pub(crate) mod machines;
pub(crate) mod masters;
#[cfg(test)]
pub(crate) mod tests;

use crate::client::{self, Client, Own};
use crate::options::Options;
use crate::pair::Pair;
use crate::side::Side;
use ha_nim::client::{each, listens};
use ha_nim::finding::{Finding, Outcome};
use std::net::IpAddr;
use std::time::Duration;

/// A port answers at once or never.
const CONNECT: Duration = Duration::from_secs(5);

/// All that was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Both masters.
    pub(crate) pair: Pair,
    /// The clients of MASTER.
    pub(crate) clients: Vec<Asked>,
    /// The ports of MASTER where nothing listens, with the system's words.
    pub(crate) closed: Vec<(u16, String)>,
}

/// A client, and what it said where it was asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) own: Option<Own>,
}

impl Seen {
    /// Looks at both masters, and at the clients that count.
    ///
    /// # Errors
    /// As [`Pair::look`].
    pub(crate) fn look(options: &Options) -> Result<Seen, ha_json::Error> {
        let pair = Pair::look(options)?;
        let (mut clients, mut closed) = (Vec::new(), Vec::new());
        if let Ok(that) = &pair.that {
            // All of them are asked where nothing is to be done but to look.
            let counts = |client: &Client| options.check || options.selects(client);
            let all = client::all(&that.master.listing.objects);
            clients = each(&all, |client| Asked {
                own: counts(client).then(|| {
                    client::own(&options.carrier, &client.name, &client.host, &pair.this.host)
                }),
                client: client.clone(),
            });
            closed = closed_ports(&pair.this, that);
        }
        Ok(Seen { pair, clients, closed })
    }

    /// What the checks find, in their order.
    pub(crate) fn findings(&self, options: &Options) -> Vec<Finding> {
        let mut all = masters::this_machine(&self.pair);
        all.extend(masters::master(&self.pair));
        if let Ok(that) = &self.pair.that {
            let this = &self.pair.this;
            all.extend(masters::niminfo(this, that));
            all.extend(masters::name(&self.pair, that, options));
            all.extend(machines::filesets(this, that));
            all.extend(machines::level(this, that));
            all.extend(machines::protocol(this, that, options));
            all.extend(machines::names(this, that));
            all.extend(machines::interfaces(&self.pair, that, options));
            all.extend(machines::ports(that, &self.closed));
            all.extend(masters::set_up(&self.pair, that, options));
            all.extend(clients::findings(self, that, options));
        }
        all
    }

    /// Whether that client knows both masters, as far as it was seen.
    pub(crate) fn knows_both(&self, asked: &Asked) -> bool {
        let Ok(that) = &self.pair.that else { return false };
        let own = match &asked.own {
            Some(Own::File { niminfo, .. }) => Some(niminfo),
            _ => None,
        };
        let object = Some(&asked.client.object);
        let all =
            crate::question::of_client(&asked.client.name, object, own, &self.pair.this, that);
        all.iter().all(|one| one.holds)
    }

    /// The clients that a run defines again, unless they know both by then.
    pub(crate) fn to_redefine(&self, options: &Options) -> Vec<&Client> {
        let wanted = |asked: &&Asked| {
            options.selects(&asked.client) && !(options.redefine_all && self.knows_both(asked))
        };
        self.clients.iter().filter(wanted).map(|asked| &asked.client).collect()
    }

    /// Whether everything that was asked for is so already.
    pub(crate) fn is_all_set(&self, options: &Options) -> bool {
        let named = |name: &String| self.clients.iter().any(|asked| asked.client.name == *name);
        let known = |asked: &Asked| !options.selects(&asked.client) || self.knows_both(asked);
        self.pair.is_alternate()
            && (!options.back || self.pair.is_return())
            && options.redefine.iter().all(named)
            && self.clients.iter().all(known)
    }
}

fn closed_ports(this: &Side, that: &Side) -> Vec<(u16, String)> {
    let crate::side::Resolved::To(address) = this.other_address else { return Vec::new() };
    let ports = [that.port("NIM_MASTER_PORT", 1058), that.port("NIM_REGISTRATION_PORT", 1059)];
    let closed = |port: &u16| probe(address, *port).err().map(|why| (*port, why));
    each(&ports, closed).into_iter().flatten().collect()
}

fn probe(address: IpAddr, port: u16) -> Result<(), String> {
    listens(address, port, CONNECT)
}

fn holds(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Holds, found)
}

fn refused(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Refused, found)
}

fn unknown(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Unknown, found)
}

fn warning(check: &'static str, found: impl Into<String>) -> Finding {
    Finding::new(check, Outcome::Warning, found)
}
