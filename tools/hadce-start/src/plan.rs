//! The steps of a start, in the order of the guide's "DCE Failover Actions" and "DFS Failover
//! Actions".

mod conditions;
#[cfg(test)]
mod tests;

use crate::excluded::Known;
use ha_dce::{Configuration, HostnameRestore, Service};
use ha_environment::excluded::VARIABLE;
use ha_plan::{Act, Answer, OnFailure, Plan, Probe, Step};
use std::collections::BTreeMap;

/// What the plan depends on beside the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The caller says so.
    pub(crate) peer_down: bool,
    /// The addresses that DCE shall not use.
    pub(crate) excluded: Known,
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
        if let Known::Yes(excluded) = &facts.excluded {
            environment.insert(VARIABLE.to_owned(), excluded.to_string());
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
            let what = "stop DFS, which runs and does not serve";
            let deaf = stop("stop-half-dfs", what, dfs.half_up(), dfs);
            let mut only_if = dfs.up();
            only_if.push(dce.serving(Answer::No));
            let what = "stop DFS, because the DCE beneath it does not serve";
            let orphan = stop("stop-dfs-of-half-dce", what, only_if, dfs);
            steps.extend([deaf, orphan].map(|step| Step { reboot_if_failed: true, ..step }));
        }
        let what = "stop DCE, which runs and does not serve";
        steps.push(stop("stop-half-dce", what, dce.half_up(), dce));
        steps
    }

    fn of_the_site(&self, steps: &[Step]) -> Vec<Step> {
        let ours = |step: &Step| {
            let mut step = step.needless_when(&self.all_up);
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
        let what = format!("set the host name to that of the service address, {name}");
        let act = Act::HostName { name: name.clone() };
        Some(Step {
            unless: self.all_up.clone(),
            undo: Some(Act::RestoreHostName {}),
            ..Step::new("host-name", &what, act, self.configuration.probe_seconds)
        })
    }

    fn restore_host_name(&self) -> Option<Step> {
        self.configuration.service_hostname.as_ref()?;
        if self.configuration.hostname_restore == HostnameRestore::AtStop {
            return None;
        }
        let what = "set the host name to the node's own";
        let act = Act::RestoreHostName {};
        Some(Step {
            unless: self.all_up.clone(),
            // DCE serves: it is not taken down for a name.
            on_failure: OnFailure::GoOn,
            ..Step::new("restore-host-name", what, act, self.configuration.probe_seconds)
        })
    }

    fn remove_what_the_other_node_left(&self) -> [Step; 2] {
        // The OSF guide wants Srvrexec.db gone with Ep.db: it has the processes of the other node.
        let map = ["Ep.db", "Srvrexec.db"];
        let endpoints = self.remove("remove-endpoint-map", "remove the endpoint map", "dced", &map);
        [
            Step { guard: Some(self.nothing_of_dce_runs()), ..endpoints },
            self.remove("remove-credentials", "remove the credentials", "security/creds", &["*"]),
        ]
    }

    fn remove(&self, id: &str, what: &str, beneath: &str, names: &[&str]) -> Step {
        let act = Act::Remove {
            directory: format!("{}/var", self.configuration.dce_local),
            lies_on: self.configuration.shared_mounts.clone(),
            beneath: beneath.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        Step {
            unless: self.dce_up.clone(),
            ..Step::new(id, what, act, self.configuration.dce.start_seconds)
        }
    }

    /// Asked again right before anything is removed or started: much time may have passed since the
    /// first time, and somebody else may have started it.
    fn nothing_of_dce_runs(&self) -> Probe {
        self.configuration.dce.running(Answer::No)
    }

    fn start_dce(&self) -> Step {
        let dce = &self.configuration.dce;
        let guard = Some(self.nothing_of_dce_runs());
        Step { guard, ..self.start("start-dce", "start DCE", dce, self.dce_up.clone()) }
    }

    /// Where DCE is not up, DFS was stopped above, whatever it answered before.
    fn start_dfs(&self, dfs: &Service) -> Step {
        let start = self.start("start-dfs", "start DFS", dfs, self.all_up.clone());
        Step { reboot_if_failed: true, ..start }
    }

    fn start(&self, id: &str, what: &str, service: &Service, unless: Vec<Probe>) -> Step {
        let act = Act::Run { argv: service.start.clone(), environment: self.environment.clone() };
        Step {
            unless,
            undo: Some(run(&service.stop)),
            undone: Some(service.running(Answer::No)),
            undo_timeout_seconds: Some(service.stop_seconds),
            ready: Some(service.serving(Answer::Yes)),
            ..Step::new(id, what, act, service.start_seconds)
        }
    }
}

fn stop(id: &str, what: &str, only_if: Vec<Probe>, service: &Service) -> Step {
    Step {
        only_if,
        ready: Some(service.running(Answer::No)),
        ready_decides: true,
        ..Step::new(id, what, run(&service.stop), service.stop_seconds)
    }
}

fn run(argv: &[String]) -> Act {
    Act::Run { argv: argv.to_vec(), environment: BTreeMap::new() }
}
