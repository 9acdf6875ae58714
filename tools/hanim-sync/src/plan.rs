//! A synchronisation as steps for harun.

use crate::{Arguments, argv, stale};
use ha_plan::{Act, Check, Condition, OnFailure, Plan, Step};
use std::collections::BTreeMap;

/// What of a resource is to be brought, and whether it is a directory.
pub(crate) struct Refresh {
    pub(crate) resource: String,
    pub(crate) path: String,
    pub(crate) is_directory: bool,
}

/// The plan. harun judges nim by its status; what nim says stands in the step's output.
pub(crate) fn plan(arguments: &Arguments, host: &str, refresh: &[Refresh]) -> Plan {
    let alternate = &arguments.alternate;
    let seconds = arguments.deadline;
    let run = |argv| Act::Run { argv, environment: BTreeMap::new() };
    let mut steps = vec![Step::new(
        "sync",
        &format!("put the NIM database over that of {alternate}"),
        run(argv::nim(arguments)),
        seconds,
    )];
    for (number, one) in refresh.iter().enumerate() {
        let argv = stale::argv(arguments, host, &one.path, one.is_directory, true);
        let what = format!("bring what differs of {} to {alternate}", one.resource);
        steps.push(Step {
            on_failure: OnFailure::GoOn,
            ..Step::new(&format!("refresh-{}", number + 1), &what, run(argv), seconds)
        });
    }
    let total = seconds.saturating_mul(1 + u64::from(!refresh.is_empty()));
    Plan {
        name: "hanim-sync".to_owned(),
        state: ha_nim::STATE.to_owned(),
        state_directory: arguments.turn.state_directory.clone(),
        deadline_seconds: total.min(ha_plan::MAX_SECONDS),
        conditions: vec![Condition {
            id: "nim".to_owned(),
            what: "nim can be run".to_owned(),
            check: Check::Executable { program: "nim".to_owned() },
            otherwise: Some("run this on a NIM master, with /usr/sbin in PATH".to_owned()),
            warn_only: false,
        }],
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_plan_can_be_run_whatever_is_asked_for() {
        for deadline in ["1", "14400", "86400"] {
            let words = ["hanim-sync", "--replicate", "--refresh", "--deadline", deadline, "nimb"];
            let arguments = Arguments::try_parse_from(words).unwrap();
            let refresh = [("a b", true), ("ü", false)].map(|(resource, is_directory)| Refresh {
                resource: resource.into(),
                path: "/nim/x".into(),
                is_directory,
            });
            let plan = plan(&arguments, "nimb.example.com", &refresh);
            assert_eq!(plan.check(), Ok(()));
            assert_eq!(plan.steps.len(), 3);
        }
    }
}
