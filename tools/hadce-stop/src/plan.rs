//! The steps of a stop: DFS before the DCE beneath it, and every one of them, whatever failed.

#[cfg(test)]
mod tests;

use ha_dce::{Configuration, Service};
use ha_plan::{Act, Answer, Check, OnFailure, Plan, Probe, Step};
use std::collections::BTreeMap;

/// The plan of a stop. It has no conditions: what runs is stopped, wherever the disks are.
pub(crate) fn plan(configuration: &Configuration) -> Plan {
    Plan {
        name: "hadce-stop".to_owned(),
        state: "hadce".to_owned(),
        state_directory: configuration.state_directory.clone(),
        deadline_seconds: configuration.deadline_seconds,
        conditions: Vec::new(),
        steps: steps(configuration),
    }
}

fn steps(configuration: &Configuration) -> Vec<Step> {
    let Configuration { dce, dfs, .. } = configuration;
    let nothing_runs: Vec<Probe> =
        dfs.iter().chain([dce]).map(|service| service.running(Answer::No)).collect();
    let mut steps = of_the_site(&configuration.before_stop, &nothing_runs);
    // A DFS that does not end holds the shared disks until the machine is down. DCE only has files
    // open there, which the cluster manager sees when it unmounts them.
    if let Some(dfs) = dfs {
        steps.push(Step { reboot_if_failed: true, ..stop("stop-dfs", "stop DFS", dfs) });
    }
    steps.push(stop("stop-dce", "stop DCE", dce));
    steps.extend(releases(configuration));
    steps.extend(of_the_site(&configuration.after_stop, &nothing_runs));
    if configuration.kind.swaps_host_name() {
        let what = "set the host name to the node's own, if another was set by a start";
        let act = Act::RestoreHostName {};
        steps.push(step("restore-host-name", what, act, configuration.probe_seconds));
    }
    steps
}

fn of_the_site(steps: &[Step], nothing_runs: &[Probe]) -> Vec<Step> {
    steps.iter().map(|step| step.needless_when(nothing_runs)).collect()
}

/// What runs no more was stopped, whatever its stop script says of itself.
fn stop(id: &str, what: &str, service: &Service) -> Step {
    let act = Act::Run { argv: service.stop.clone(), environment: BTreeMap::new() };
    let gone = service.running(Answer::No);
    Step {
        unless: vec![gone.clone()],
        ready: Some(gone),
        ready_decides: true,
        ..step(id, what, act, service.stop_seconds)
    }
}

fn releases(configuration: &Configuration) -> Vec<Step> {
    let release = |(number, path): (usize, &String)| {
        let act = Act::Wait { until: Check::NotMounted { path: path.clone() } };
        let id = format!("release-{}", number + 1);
        let what = format!("wait until {path} is not mounted");
        Step { reboot_if_failed: true, ..step(&id, &what, act, configuration.release_seconds) }
    };
    configuration.dfs_mounts.iter().enumerate().map(release).collect()
}

fn step(id: &str, what: &str, act: Act, timeout_seconds: u64) -> Step {
    Step { on_failure: OnFailure::FailAtEnd, ..Step::new(id, what, act, timeout_seconds) }
}
