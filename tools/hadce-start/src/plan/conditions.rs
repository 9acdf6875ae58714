//! What must hold before anything is touched: the cluster took over what DCE needs, and the other
//! node has let go of it.

use super::Facts;
use crate::excluded::Known;
use ha_dce::Configuration;
use ha_plan::{Answer, Check, Condition, Probe};
use std::collections::BTreeMap;

pub(crate) fn conditions(configuration: &Configuration, facts: &Facts) -> Vec<Condition> {
    let mut conditions = programs(configuration);
    conditions.extend(shared_disks(configuration));
    conditions.extend(addresses(configuration));
    conditions.extend(peer(configuration, facts));
    conditions.extend(excluded(configuration, &facts.excluded));
    conditions.extend(no_others(configuration, &facts.excluded));
    conditions
}

fn programs(configuration: &Configuration) -> Vec<Condition> {
    let mut all = Vec::new();
    let dce = Some(("dce", &configuration.dce));
    for (name, service) in dce.into_iter().chain(configuration.dfs.as_ref().map(|dfs| ("dfs", dfs)))
    {
        all.push((format!("start-{name}"), &service.start));
        all.push((format!("stop-{name}"), &service.stop));
    }
    let executable = |(id, argv): (String, &Vec<String>)| {
        let program = argv.first().cloned().unwrap_or_default();
        let what = format!("{program} can be run");
        Condition::needed(
            &id,
            what,
            Check::Executable { program },
            "install it, or name another one",
        )
    };
    all.into_iter().map(executable).collect()
}

fn shared_disks(configuration: &Configuration) -> Vec<Condition> {
    let mounts = &configuration.shared_mounts;
    let mounted = |(number, path): (usize, &String)| {
        let check = Check::Mounted { path: path.clone() };
        let next = "have the cluster take over the shared disks first";
        Condition::needed(
            &format!("mount-{}", number + 1),
            format!("{path} is mounted"),
            check,
            next,
        )
    };
    let mut conditions: Vec<Condition> = mounts.iter().enumerate().map(mounted).collect();
    if configuration.kind.takes_over() {
        let directory = format!("{}/var", configuration.dce_local);
        let what = format!("{directory} is on the shared disks");
        let check = Check::LiesOn { directory, mounts: mounts.clone() };
        let next = "it must lead to one of shared_mounts: see where its link goes";
        conditions.push(Condition::needed("dce-local", what, check, next));
    }
    conditions
}

fn addresses(configuration: &Configuration) -> Vec<Condition> {
    let addresses: Vec<String> =
        configuration.service_addresses.iter().map(ToString::to_string).collect();
    let listed = addresses.join(", ");
    let check = Check::Address { addresses: addresses.clone() };
    let next = "have the cluster take over the service address first";
    let mut conditions =
        vec![Condition::needed("address", format!("{listed} is configured here"), check, next)];
    if let Some(name) = &configuration.service_hostname {
        let what = format!("{name} resolves to {listed}");
        let check = Check::Resolves { name: name.clone(), addresses };
        let next = "put the name of the service address into /etc/hosts";
        conditions.push(Condition::needed("host-name", what, check, next));
    }
    conditions
}

/// The guide wants the other node down before DFS is started: its DFS holds the shared disks.
fn peer(configuration: &Configuration, facts: &Facts) -> Option<Condition> {
    configuration.dfs.as_ref()?;
    if facts.peer_down || !configuration.kind.takes_over() {
        return None;
    }
    let what = "the other node is down".to_owned();
    let Some(argv) = &configuration.peer_down else {
        let next = "see that the other node is shut down or was rebooted, and say --peer-down; or \
             have a program see it: peer_down in the configuration";
        return Some(Condition::needed("peer-down", what, Check::Unproven {}, next));
    };
    let probe = Probe {
        argv: argv.clone(),
        environment: BTreeMap::new(),
        expect: Answer::Yes,
        timeout_seconds: configuration.probe_seconds,
        unanswered: Answer::No,
    };
    let next = "shut the other node down, or reboot it: its DFS holds the shared disks";
    Some(Condition::needed("peer-down", what, Check::Probe { probe }, next))
}

fn excluded(configuration: &Configuration, excluded: &Known) -> Option<Condition> {
    let why = match excluded {
        Known::NotAsked => return None,
        Known::Not(why) => why.clone(),
        Known::Yes(excluded) => excluded.leaves(&configuration.service_addresses).err()?,
    };
    let listed: Vec<String> =
        configuration.service_addresses.iter().map(ToString::to_string).collect();
    let file = configuration.environment_file.as_deref().unwrap_or_default();
    let next = format!("{why}: haenv --exclude-all-but {} --write {file}", listed.join(","));
    let what = "DCE knows which addresses it must not use".to_owned();
    Some(Condition::needed("excluded-addresses", what, Check::Unproven {}, &next))
}

/// An adapter that came after the variable was written does not keep DCE from being taken over.
fn no_others(configuration: &Configuration, excluded: &Known) -> Option<Condition> {
    let Known::Yes(excluded) = excluded else { return None };
    // In mutual takeover the other node's service address comes and goes.
    if !configuration.kind.takes_over() {
        return None;
    }
    let services: Vec<String> =
        configuration.service_addresses.iter().map(ToString::to_string).collect();
    let excluded = excluded.addresses().iter().map(ToString::to_string);
    let addresses = excluded.chain(services.iter().cloned()).collect();
    let file = configuration.environment_file.as_deref().unwrap_or_default();
    let next = format!(
        "DCE may use it: haenv --exclude-all-but {} --write {file}, before the next start",
        services.join(",")
    );
    let what = "DCE uses the service addresses and no other".to_owned();
    let check = Check::KnownAddresses { addresses };
    Some(Condition { warn_only: true, ..Condition::needed("no-other-address", what, check, &next) })
}
