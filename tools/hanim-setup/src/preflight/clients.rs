//! The clients of MASTER: which know both masters, and which may be defined again.

use super::{Asked, Seen, holds, refused, unknown, warning};
use crate::check;
use crate::client::{About, Own, stranger};
use crate::options::Options;
use crate::question;
use crate::redefinition::KEPT;
use crate::side::Side;
use ha_nim::CLIENTS_FROM;
use ha_nim::finding::Finding;

pub(super) fn findings(seen: &Seen, that: &Side, options: &Options) -> Vec<Finding> {
    let mut all: Vec<Finding> =
        seen.clients.iter().flat_map(|asked| of(seen, asked, that, options)).collect();
    for name in &options.redefine {
        if !seen.clients.iter().any(|asked| asked.client.name == *name) {
            let found = format!("{} has no client {name}", that.shown);
            all.push(
                refused(check::CLIENTS, found).fix("see lsnim there for the names").about(name),
            );
        }
    }
    if all.is_empty() {
        all.push(holds(check::CLIENTS, format!("{} has no clients", that.shown)));
    }
    all
}

fn of(seen: &Seen, asked: &Asked, that: &Side, options: &Options) -> Vec<Finding> {
    let name = &asked.client.name;
    let mut all = vec![knows(seen, asked, that, options)];
    if options.selects(&asked.client) && asked.client.is_for_niminit() && !seen.knows_both(asked) {
        all.extend([busy(asked, that), current_master(seen, asked, that), level(asked)]);
    }
    if about(asked).is_some_and(|about| about.resolves == Some(false)) {
        let host = &seen.pair.this.host;
        let found = warning(check::NAMES, format!("{name} cannot resolve {host}"));
        all.push(found.fix(format!("put it into /etc/hosts of {name}, or into the name service")));
    }
    all.into_iter().map(|finding| finding.about(name)).collect()
}

fn knows(seen: &Seen, asked: &Asked, that: &Side, options: &Options) -> Finding {
    let (name, this) = (&asked.client.name, &seen.pair.this.shown);
    let selected = options.selects(&asked.client);
    let Some(own) = &asked.own else { return by_database(asked, that) };
    // Of a client that is not to be touched, nobody waits for an answer.
    let unseen = |found: String| match selected {
        true => unknown(check::CLIENTS, found),
        false => warning(check::CLIENTS, found),
    };
    let lacking = |found: String| match selected {
        true => warning(check::CLIENTS, found),
        false => warning(check::CLIENTS, found).fix(format!("--redefine {name} defines it again")),
    };
    match own {
        Own::NotSeen(why) => unseen(format!("{name} gives no answer: {why}"))
            .fix("see that the carrier (-e) reaches it"),
        Own::Stranger(whose) if selected => {
            refused(check::CLIENTS, stranger(&asked.client.host, whose))
        }
        Own::Stranger(whose) => warning(check::CLIENTS, stranger(&asked.client.host, whose)),
        _ if seen.knows_both(asked) => {
            holds(check::CLIENTS, format!("{name} knows {} and {this}", that.shown))
        }
        _ if !asked.client.is_for_niminit() => {
            let kind = asked.client.object.kind();
            let found = format!("{name}, of type {kind}, is none that niminit defines again");
            match selected {
                true => refused(check::CLIENTS, found),
                false => warning(check::CLIENTS, found),
            }
            .fix(format!("synchronise with reset_clients=yes, which has {} tell it", that.shown))
        }
        Own::Missing { kept: true, .. } => {
            lacking(format!("{name} has no /etc/niminfo, and an earlier one is kept as {KEPT}"))
        }
        Own::Missing { kept: false, .. } => lacking(format!("{name} has no /etc/niminfo")),
        Own::File { niminfo, .. } if !question::lists(Some(niminfo), &seen.pair.this) => {
            lacking(format!("{name} does not list {this} in NIM_MASTER_HOSTNAME_LIST"))
                .code("0042-372")
        }
        Own::File { niminfo, .. } if !question::lists(Some(niminfo), that) => {
            lacking(format!("{name} does not list {} in NIM_MASTER_HOSTNAME_LIST", that.shown))
        }
        Own::File { .. } => lacking(format!("{} has sync_required = yes for {name}", that.shown)),
    }
}

/// What MASTER alone says of a client that was not asked.
fn by_database(asked: &Asked, that: &Side) -> Finding {
    let (name, whose) = (&asked.client.name, &that.shown);
    match asked.client.object.get("sync_required").map(str::trim) {
        Some("yes") => {
            warning(check::CLIENTS, format!("{whose} has sync_required = yes for {name}"))
                .fix(format!("--redefine {name} defines it again"))
        }
        Some(_) => holds(check::CLIENTS, format!("{whose} has sync_required = no for {name}")),
        None => holds(check::CLIENTS, format!("{whose} says nothing of sync_required for {name}")),
    }
}

fn busy(asked: &Asked, that: &Side) -> Finding {
    let (name, object) = (&asked.client.name, &asked.client.object);
    match question::is_idle(object) {
        true => holds(check::BUSY, format!("nothing runs on {name}")),
        false => {
            let state = object.get("Cstate").unwrap_or_default();
            refused(check::BUSY, format!("{name} is busy ({state})")).fix(format!(
                "wait until it is done, or reset it on {}: nim -o reset {name}",
                that.shown
            ))
        }
    }
}

/// A client that is defined again belongs to MASTER afterwards.
fn current_master(seen: &Seen, asked: &Asked, that: &Side) -> Finding {
    let name = &asked.client.name;
    let of_file = match &asked.own {
        Some(Own::File { niminfo, .. }) => niminfo.value("NIM_MASTER_HOSTNAME"),
        _ => None,
    };
    let named = asked.client.object.get("current_master");
    let other = [named, of_file].into_iter().flatten().map(str::trim).find(|host| !that.is(host));
    match other {
        None => holds(check::CURRENT_MASTER, format!("{} has {name}", that.shown)),
        Some(host) => {
            let whose = if seen.pair.this.is(host) { &seen.pair.this.shown } else { host };
            let found = format!("{name} is controlled by {whose}, and would be {}'s", that.shown);
            refused(check::CURRENT_MASTER, found)
                .code("0042-378")
                .fix(format!("take it back first: hanim-takeover {whose} on {}", that.shown))
        }
    }
}

fn level(asked: &Asked) -> Finding {
    let name = &asked.client.name;
    match about(asked).and_then(|about| about.level) {
        Some(level) if level < CLIENTS_FROM => {
            refused(check::CLIENT_LEVEL, format!("{name} is older than AIX 5.3"))
                .fix("update it: it cannot know more than one master")
        }
        Some(_) => holds(check::CLIENT_LEVEL, format!("{name} is AIX 5.3 or later")),
        None => warning(check::CLIENT_LEVEL, format!("the level of {name} cannot be seen")),
    }
}

fn about(asked: &Asked) -> Option<About> {
    match asked.own {
        Some(Own::File { about, .. } | Own::Missing { about, .. }) => Some(about),
        _ => None,
    }
}
