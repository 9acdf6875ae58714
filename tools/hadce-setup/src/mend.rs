//! What `--apply` does, as a plan.

use crate::facts::Look;
use crate::finding::Finding;
use ha_dce::Configuration;
use ha_json::Error;
use ha_plan::{Act, OnFailure, Plan, Step};
use std::collections::HashMap;

const FILES_SECONDS: u64 = 30;

const PROGRAM_SECONDS: u64 = 60;

/// A step for each act of a finding. None needs another one, so each is tried.
///
/// # Errors
/// The first thing that could not be looked at: nobody knows what would have to be done there.
pub(crate) fn plan(
    tool: &str,
    configuration: &Configuration,
    findings: Vec<Look<Finding>>,
) -> Result<Plan, Error> {
    let mut seen = HashMap::new();
    let mut made = Vec::new();
    let mut steps = Vec::new();
    for finding in findings {
        let finding = finding?;
        for act in finding.acts {
            // Two mount points can be in one directory that is missing.
            if made.contains(&act) {
                continue;
            }
            made.push(act.clone());
            let count = seen.entry(finding.key.step).and_modify(|count| *count += 1).or_insert(1);
            let id = match count {
                1 => finding.key.step.to_owned(),
                count => format!("{}-{count}", finding.key.step),
            };
            let what = finding.values.fix.clone().unwrap_or_default();
            steps.push(step(&id, &what, act));
        }
    }
    Ok(Plan {
        name: tool.to_owned(),
        state: tool.to_owned(),
        state_directory: configuration.state_directory.clone(),
        deadline_seconds: configuration.deadline_seconds,
        conditions: Vec::new(),
        steps,
    })
}

fn step(id: &str, what: &str, act: Act) -> Step {
    let timeout_seconds = match act {
        Act::Run { .. } => PROGRAM_SECONDS,
        _ => FILES_SECONDS,
    };
    Step { on_failure: OnFailure::GoOn, ..Step::new(id, what, act, timeout_seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Node, Step as Topic};

    fn missing(item: &str, directories: &[&str]) -> Look<Finding> {
        let acts = directories
            .iter()
            .map(|path| Act::Directory { path: (*path).to_owned(), mode: "0755".to_owned() });
        let step = Topic::new(Node::Standby, 2, "mount-point", "").of(item);
        Ok(step.failed("", "").mended_by(acts.collect()))
    }

    #[test]
    fn what_two_findings_need_is_done_once_and_every_step_has_an_id_of_its_own() {
        let text = br#"{"schema":"hadce-config/1","configuration":"standby-cascading",
            "dce_servers":["cds"],"service_addresses":["10.0.0.1"],"running_dce":["false"]}"#;
        let configuration = Configuration::parse(text).unwrap();
        let findings = vec![missing("/a/b", &["/a", "/a/b"]), missing("/a/c", &["/a", "/a/c"])];
        let plan = plan("hadce-setup", &configuration, findings).unwrap();
        let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["mount-point", "mount-point-2", "mount-point-3"]);
        assert_eq!(plan.check(), Ok(()));
        let unknown = vec![Err(Error::failed("/a", "permission denied"))];
        assert!(super::plan("hadce-setup", &configuration, unknown).is_err());
    }
}
