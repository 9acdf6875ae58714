//! Chapter 3 of the guide: its steps for each of the two nodes, in its order.

use crate::cell::Cell;
use crate::facts::{Facts, Look};
use crate::finding::{Finding, Node, Step};
use crate::{configured, disks, names, programs, variable, words};
use ha_dce::Configuration;

/// What is asked, and what it is asked of.
#[derive(Debug)]
pub(crate) struct Chapter<'a> {
    pub(crate) node: Node,
    pub(crate) configuration: &'a Configuration,
    pub(crate) facts: &'a Facts,
    pub(crate) cell: Option<Cell>,
    pub(crate) junction: &'a str,
    pub(crate) expect: Option<Expect>,
}

/// How the shared file systems shall be now: the guide wants both, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Expect {
    /// As steps 2 and 5 leave them.
    Mounted,
    /// As step 11 leaves them.
    Unmounted,
}

pub(crate) type Findings = Vec<Look<Finding>>;

type Section = fn(&Chapter<'_>) -> Findings;

impl Chapter<'_> {
    /// A finding for each step of the node, in the order of the guide.
    pub(crate) fn findings(&self) -> Findings {
        let steps: [Section; 12] = match self.node {
            Node::HighestPriority => [
                cluster_manager,
                disks::shared,
                variable::excluded_addresses,
                disks::cache,
                disks::handed_over,
                programs::installed,
                configured::dce,
                disks::dfs_data,
                programs::scripts,
                stopped,
                disks::released,
                start_order,
            ],
            Node::Standby => [
                cluster_manager,
                disks::shared,
                variable::excluded_addresses,
                disks::cache,
                disks::handed_over,
                programs::installed,
                configured::dce,
                names::dfs,
                names::kerberos,
                programs::scripts,
                disks::released,
                start_order,
            ],
        };
        steps.iter().flat_map(|step| step(self)).collect()
    }

    pub(crate) fn step(
        &self,
        number: impl Into<Option<u8>>,
        name: &'static str,
        what: impl Into<String>,
    ) -> Step {
        Step::new(self.node, number, name, what)
    }

    pub(crate) fn takes_over(&self) -> bool {
        self.configuration.kind.takes_over()
    }

    pub(crate) fn has_dfs(&self) -> bool {
        self.configuration.dfs.is_some()
    }

    pub(crate) fn service_addresses(&self) -> String {
        let addresses = self.configuration.service_addresses.iter();
        addresses.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The reason where a step is none of mutual takeover.
pub(crate) const MUTUAL: &str = "not a step of mutual takeover";

/// The reason where a step is only for DFS.
pub(crate) const NO_DFS: &str = "there is no DFS in the configuration";

fn cluster_manager(chapter: &Chapter<'_>) -> Findings {
    let step =
        chapter.step(1, "cluster-manager", "the cluster manager is installed and configured");
    let addresses = chapter.service_addresses();
    let with = match chapter.takes_over() {
        true => format!(
            "the service addresses {addresses} and the file systems {}",
            chapter.configuration.shared_mounts.join(", ")
        ),
        false => format!("the service addresses {addresses}, and nothing of DCE"),
    };
    vec![Ok(
        step.for_a_person(format!("install it as planned, with a resource group that has {with}"))
    )]
}

fn stopped(chapter: &Chapter<'_>) -> Findings {
    let step = chapter.step(10, "stopped", "after the configuration, DCE and DFS are stopped");
    let stop = |service: &ha_dce::Service| words::command(&service.stop);
    let dce = stop(&chapter.configuration.dce);
    let fix = match &chapter.configuration.dfs {
        Some(dfs) => format!("run {}, and when it is done {dce}", stop(dfs)),
        None => format!("run {dce}"),
    };
    vec![Ok(step.for_a_person(fix))]
}

fn start_order(chapter: &Chapter<'_>) -> Findings {
    let what = "the cluster manager is started on the highest priority node first";
    let fix = match chapter.node {
        Node::HighestPriority => {
            "when both nodes are set up, start it here, and on the standby node when it runs here"
        }
        Node::Standby => "start it here only when it runs on the highest priority node",
    };
    vec![Ok(chapter.step(None, "start-order", what).for_a_person(fix))]
}
