//! What must hold before anything is touched: the programs are there, and the other node is down.

use super::Facts;
use ha_pair::{Pair, Parts, script};
use ha_plan::{Check, Condition};

pub(crate) fn conditions(pair: &Pair, parts: &Parts<'_>, facts: &Facts) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = peer(pair, parts, facts).into_iter().collect();
    if !pair.vip.manage {
        let address = pair.vip.address.to_string();
        let what = format!("{address} is configured here");
        let check = Check::Address { addresses: vec![address] };
        let next = "have the cluster take over the service address first";
        conditions.push(Condition::needed("vip", what, check, next));
    }
    if !pair.mount {
        conditions.extend(pair.shared_mounts.iter().enumerate().map(|(number, path)| {
            let check = Check::Mounted { path: path.clone() };
            let next = "have the cluster take over the shared disks first";
            Condition::needed(
                &format!("mount-{}", number + 1),
                format!("{path} is mounted"),
                check,
                next,
            )
        }));
    }
    conditions.extend(programs(pair, parts));
    conditions
}

/// Two nodes that both think that they are the primary write to the same disks.
fn peer(pair: &Pair, parts: &Parts<'_>, facts: &Facts) -> Option<Condition> {
    if facts.peer_down || facts.has_role {
        return None;
    }
    let what = "the other node is down, or cut off".to_owned();
    Some(match &pair.peer_down {
        Some(argv) => {
            let check = Check::Probe { probe: parts.probe(argv.clone()) };
            let next = "shut the other node down, or have it give up: haxcat-deactivate there";
            Condition::needed("peer-down", what, check, next)
        }
        None => {
            let next = "see that the other node is shut down, fenced, or gave up (haxcat-deactivate), and \
                 say --peer-down; or have a program see it: peer_down in the configuration";
            Condition::needed("peer-down", what, Check::Unproven {}, next)
        }
    })
}

fn programs(pair: &Pair, parts: &Parts<'_>) -> Vec<Condition> {
    let mut names: Vec<&str> = Vec::new();
    if pair.mount && !pair.shared_mounts.is_empty() {
        names.push("mount");
    }
    if pair.dns {
        names.push("makedns");
    }
    if pair.dhcp {
        names.push("makedhcp");
    }
    names.extend(pair.conserver.map(ha_pair::Conserver::command));
    if pair.exports {
        names.push("exportfs");
    }
    names.extend(pair.nim.standalone.as_ref().map(|_| "nimnodeset"));
    names.extend(pair.nim.diskless.as_ref().map(|_| "mkdsklsnode"));
    names.extend(pair.xcatd_ready.first().map(String::as_str));
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let probe = parts.probe(script("command -v \"$1\"", &[name]));
            let id = format!("program-{}", name.rsplit('/').next().unwrap_or_default());
            let next = "install it, or leave it out in the configuration";
            Condition::needed(&id, format!("{name} can be run"), Check::Probe { probe }, next)
        })
        .collect()
}
