use super::*;
use proptest::prelude::*;
use proptest::sample::subsequence;

fn configured(more: &str) -> Configuration {
    let text = format!(
        r#"{{"schema":"hadce-config/1","clients":["dce"],"service_addresses":["9.3.240.2"],
            "running_dce":["running-dce"],{more}}}"#
    );
    Configuration::parse(text.as_bytes()).unwrap()
}

const ROTATING_WITH_DFS: &str = r#""configuration":"standby-rotating","service_hostname":"dce",
    "dfs":true,"dfs_servers":["file-server"],"running_dfs":["running-dfs"],
    "dfs_mounts":["/...","/export/one"]"#;

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn dfs_is_stopped_before_dce_and_then_seen_to_be_gone() {
    let plan = plan(&configured(ROTATING_WITH_DFS));
    assert_eq!(ids(&plan), ["stop-dfs", "stop-dce", "release-1", "release-2", "restore-host-name"]);
    let reboot: Vec<bool> = plan.steps.iter().map(|step| step.reboot_if_failed).collect();
    assert_eq!(reboot, [true, false, true, true, false]);
}

#[test]
fn what_runs_no_more_was_stopped() {
    let plan = plan(&configured(r#""configuration":"mutual-cascading""#));
    assert_eq!(ids(&plan), ["stop-dce"]);
    let step = &plan.steps[0];
    let gone = step.ready.as_ref().unwrap();
    assert_eq!((gone.argv[0].as_str(), gone.expect), ("running-dce", Answer::No));
    assert!(step.ready_decides && step.unless == [gone.clone()]);
    // A daemon that hangs the question has not gone.
    assert_eq!(gone.unanswered, Answer::Yes);
}

#[test]
fn a_step_of_the_site_runs_where_anything_runs_and_ends_no_stop() {
    let step = |id: &str, more: &str| {
        format!(
            r#"[{{"id":"{id}","what":"x","do":{{"kind":"run","argv":["x"]}},"timeout_seconds":1{more}}}]"#
        )
    };
    let text = format!(
        r#"{ROTATING_WITH_DFS},"before_stop":{},"after_stop":{}"#,
        step("before", ""),
        step("after", r#","on_failure":"stop","unless":[{"argv":["done"]}]"#)
    );
    let plan = plan(&configured(&text));
    let [before, after] =
        ["before", "after"].map(|id| plan.steps.iter().find(|step| step.id == id).unwrap());
    assert_eq!((before.on_failure, after.on_failure), (OnFailure::FailAtEnd, OnFailure::Stop));
    let asked: Vec<&str> = before.unless.iter().map(|probe| probe.argv[0].as_str()).collect();
    assert_eq!(asked, ["running-dfs", "running-dce"]);
    assert!(before.unless.iter().all(|probe| probe.expect == Answer::No));
    assert_eq!(after.unless[0].argv, ["done"]);
}

proptest! {
    #[test]
    fn any_configuration_gives_a_plan_that_can_be_run(
        kind in prop_oneof![
            Just(r#""configuration":"standby-cascading""#),
            Just(r#""configuration":"takeover-cascading""#),
            Just(r#""configuration":"mutual-cascading""#),
            Just(ROTATING_WITH_DFS),
        ],
        site in subsequence(vec!["site-1", "site-2", "a.b", "x_y"], 0..4),
        ready: bool,
    ) {
        let step = |id: &&str| format!(
            r#"{{"id":"{id}","what":"x","do":{{"kind":"restore_host_name"}},"timeout_seconds":5}}"#
        );
        let (before, after) = site.split_at(site.len() / 2);
        let list = |ids: &[&str]| ids.iter().map(step).collect::<Vec<_>>().join(",");
        let ready = if ready { r#","ready_dce":["ready"]"# } else { "" };
        let text = format!(
            r#"{kind},"before_stop":[{}],"after_stop":[{}]{ready}"#, list(before), list(after)
        );
        let plan = plan(&configured(&text));
        prop_assert_eq!(plan.check(), Ok(()));
        let order: Vec<&str> = before.iter().copied()
            .chain(["stop-dfs", "stop-dce", "release-1", "release-2"])
            .chain(after.iter().copied())
            .chain(["restore-host-name"])
            .collect();
        let places: Vec<usize> =
            ids(&plan).iter().map(|id| order.iter().position(|one| one == id).unwrap()).collect();
        prop_assert!(places.is_sorted(), "{:?}", ids(&plan));
        prop_assert!(plan.conditions.is_empty() && plan.steps.iter().all(|step| step.undo.is_none()));
        let ends = |step: &Step| step.on_failure == OnFailure::FailAtEnd;
        prop_assert!(plan.steps.iter().all(ends));
    }
}
