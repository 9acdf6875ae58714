//! How a plan is to be run: the options of every tool that runs one.

use crate::Plan;
use std::time::Duration;

/// Options to be flattened into those of a tool.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Orders {
    /// Be done, undoing included, in this time, in place of the time that the plan has
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub deadline: Option<u64>,
    /// Wait so long for another run
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    pub lock_wait: u64,
    /// Tell on standard error what is done
    #[arg(long)]
    pub verbose: bool,
}

impl Orders {
    /// The plan, with the deadline of these orders.
    pub fn applied_to(&self, plan: Plan) -> Plan {
        let deadline_seconds = self.deadline.unwrap_or(plan.deadline_seconds);
        Plan { deadline_seconds, ..plan }
    }

    pub(crate) fn deadline(&self, plan: &Plan) -> Duration {
        Duration::from_secs(self.deadline.unwrap_or(plan.deadline_seconds))
    }
}
