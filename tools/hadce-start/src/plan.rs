//! The steps of a start, in the order of the guide's "DCE Failover Actions" and "DFS Failover
//! Actions".

mod conditions;
#[cfg(test)]
mod tests;

use crate::excluded::{Excluded, VARIABLE};
use ha_dce::{Configuration, HostnameRestore, Service};
use ha_plan::{Act, Answer, OnFailure, Plan, Probe, Step};
use std::collections::BTreeMap;

/// What the plan depends on beside the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The caller says so.
    pub(crate) peer_down: bool,
    /// The addresses that DCE shall not use.
    pub(crate) excluded: Excluded,
}

/// The plan of a start.
pub(crate) fn plan(configuration: &Configuration, facts: &Facts) -> Plan {
    let steps = Steps::new(configuration, facts);
    Plan {
        name: "hadce-start".to_owned(),
        state: "hadce".to_owned(),
        state_directory: configuration.state_directory.clone(),
        deadline_seconds: configuration.deadline_seconds,
        conditions: conditions::conditions(configuration, facts),
        steps: steps.in_order(),
    }
}

struct Steps<'a> {
    configuration: &'a Configuration,
    environment: BTreeMap<String, String>,
    dce_up: Vec<Probe>,
    all_up: Vec<Probe>,
}

impl<'a> Steps<'a> {
    fn new(configuration: &'a Configuration, facts: &Facts) -> Steps<'a> {
        let mut environment = BTreeMap::new();
        if let Excluded::Value(value) = &facts.excluded {
            environment.insert(VARIABLE.to_owned(), value.clone());
        }
        let dce_up = configuration.dce.up();
        let mut all_up = dce_up.clone();
        all_up.extend(configuration.dfs.iter().flat_map(Service::up));
        Steps { configuration, environment, dce_up, all_up }
    }

    fn in_order(&self) -> Vec<Step> {
        let mut steps = self.stop_what_is_half_up();
        steps.extend(self.of_the_site(&self.configuration.before_start));
        steps.extend(self.host_name());
        if self.configuration.kind.takes_over() {
            steps.extend(self.remove_what_the_other_node_left());
        }
        steps.push(self.start_dce());
        steps.extend(self.configuration.dfs.as_ref().map(|dfs| self.start_dfs(dfs)));
        steps.extend(self.of_the_site(&self.configuration.after_start));
        steps.extend(self.restore_host_name());
        steps
    }

    /// A start of DCE deletes the endpoint map, which a dced that runs still needs; and DFS does not
    /// outlive the DCE beneath it.
    fn stop_what_is_half_up(&self) -> Vec<Step> {
        let dce = &self.configuration.dce;
        let mut steps = Vec::new();
        if let Some(dfs) = &self.configuration.dfs {
            if let Some(not_ready) = dfs.ready(Answer::No) {
                let only_if = vec![dfs.running(Answer::Yes), not_ready];
                let what = "stop DFS, which runs and does not serve";
                steps.push(Step {
                    reboot_if_failed: true,
                    ..stop("stop-half-dfs", what, only_if, dfs)
                });
            }
            let mut only_if = dfs.up();
            only_if.push(dce.serving(Answer::No));
            let what = "stop DFS, because the DCE beneath it does not serve";
            let id = "stop-dfs-of-half-dce";
            steps.push(Step { reboot_if_failed: true, ..stop(id, what, only_if, dfs) });
        }
        if let Some(not_ready) = dce.ready(Answer::No) {
            let only_if = vec![dce.running(Answer::Yes), not_ready];
            let what = "stop DCE, which runs and does not serve";
            steps.push(stop("stop-half-dce", what, only_if, dce));
        }
        steps
    }

    fn of_the_site(&self, steps: &[Step]) -> Vec<Step> {
        let ours = |step: &Step| {
            let mut step = step.clone();
            if step.unless.is_empty() {
                step.unless = self.all_up.clone();
            }
            if let Act::Run { environment, .. } = &mut step.r#do {
                for (name, value) in &self.environment {
                    environment.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            step
        };
        steps.iter().map(ours).collect()
    }

    fn host_name(&self) -> Option<Step> {
        let name = self.configuration.service_hostname.as_ref()?;
        Some(Step {
            id: "host-name".to_owned(),
            what: format!("set the host name to that of the service address, {name}"),
            unless: self.all_up.clone(),
            undo: Some(Act::RestoreHostName {}),
            ..step(Act::HostName { name: name.clone() }, self.configuration.probe_seconds)
        })
    }

    fn restore_host_name(&self) -> Option<Step> {
        self.configuration.service_hostname.as_ref()?;
        if self.configuration.hostname_restore == HostnameRestore::AtStop {
            return None;
        }
        Some(Step {
            id: "restore-host-name".to_owned(),
            what: "set the host name to the node's own".to_owned(),
            unless: self.all_up.clone(),
            // DCE serves: it is not taken down for a name.
            on_failure: OnFailure::GoOn,
            ..step(Act::RestoreHostName {}, self.configuration.probe_seconds)
        })
    }

    fn remove_what_the_other_node_left(&self) -> [Step; 2] {
        // The OSF guide wants Srvrexec.db gone with Ep.db: it has the processes of the other node.
        let map = ["Ep.db", "Srvrexec.db"];
        [
            self.remove("remove-endpoint-map", "remove the endpoint map", "var/dced", &map),
            self.remove(
                "remove-credentials",
                "remove the credentials",
                "var/security/creds",
                &["*"],
            ),
        ]
    }

    fn remove(&self, id: &str, what: &str, below: &str, names: &[&str]) -> Step {
        let act = Act::Remove {
            directory: format!("{}/{below}", self.configuration.dce_local),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            lies_on: self.configuration.shared_mounts.clone(),
        };
        Step {
            id: id.to_owned(),
            what: what.to_owned(),
            unless: self.dce_up.clone(),
            ..step(act, self.configuration.dce.start_seconds)
        }
    }

    fn start_dce(&self) -> Step {
        let dce = &self.configuration.dce;
        self.start("start-dce", "start DCE", dce, self.dce_up.clone())
    }

    /// Where DCE is not up, DFS was stopped above, whatever it answered before.
    fn start_dfs(&self, dfs: &Service) -> Step {
        self.start("start-dfs", "start DFS", dfs, self.all_up.clone())
    }

    fn start(&self, id: &str, what: &str, service: &Service, unless: Vec<Probe>) -> Step {
        let act = Act::Run { argv: service.start.clone(), environment: self.environment.clone() };
        Step {
            id: id.to_owned(),
            what: what.to_owned(),
            unless,
            undo: Some(run(&service.stop)),
            ready: Some(service.serving(Answer::Yes)),
            ..step(act, service.start_seconds)
        }
    }
}

fn stop(id: &str, what: &str, only_if: Vec<Probe>, service: &Service) -> Step {
    Step {
        id: id.to_owned(),
        what: what.to_owned(),
        only_if,
        ready: Some(service.running(Answer::No)),
        ready_decides: true,
        ..step(run(&service.stop), service.stop_seconds)
    }
}

fn run(argv: &[String]) -> Act {
    Act::Run { argv: argv.to_vec(), environment: BTreeMap::new() }
}

fn step(act: Act, timeout_seconds: u64) -> Step {
    Step {
        id: String::new(),
        what: String::new(),
        only_if: Vec::new(),
        unless: Vec::new(),
        r#do: act,
        undo: None,
        ready: None,
        ready_decides: false,
        timeout_seconds,
        on_failure: OnFailure::Stop,
        reboot_if_failed: false,
    }
}
