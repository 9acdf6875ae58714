use super::*;
use ha_environment::excluded::Excluded;
use ha_json::{Value, json};
use ha_plan::{Check, Condition};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const KINDS: [&str; 4] =
    ["standby-cascading", "takeover-cascading", "standby-rotating", "mutual-cascading"];
const REMOVED: [&str; 2] = ["remove-endpoint-map", "remove-credentials"];

fn configured(more: &str) -> Configuration {
    let clients = if more.contains("\"clients\"") { "" } else { r#""clients":["dce"],"# };
    let text = format!(
        r#"{{"schema":"hadce-config/1","service_addresses":["9.3.240.2"],
            "running_dce":["running-dce"],{clients}{more}}}"#
    );
    Configuration::parse(text.as_bytes()).unwrap()
}

fn facts() -> Facts {
    Facts {
        peer_down: false,
        excluded: Known::Yes(Excluded::parse("9.3.240.1:9.3.240.66").unwrap()),
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn step_of<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.steps.iter().find(|step| step.id == id).unwrap()
}

fn needs<'a>(plan: &'a Plan, id: &str) -> Option<&'a Condition> {
    plan.conditions.iter().find(|condition| condition.id == format!("needs-{id}"))
}

fn rotating_with_dfs() -> Configuration {
    configured(
        r#""configuration":"standby-rotating","service_hostname":"dce","dfs":true,
           "dfs_servers":["file-server"],"running_dfs":["running-dfs"],
           "ready_dce":["ready-dce"],"ready_dfs":["ready-dfs"],
           "before_start":[{"id":"before","what":"b","do":{"kind":"run","argv":["b"]},"timeout_seconds":1}],
           "after_start":[{"id":"after","what":"a","do":{"kind":"run","argv":["a"],
             "environment":{"RPC_UNSUPPORTED_NETADDRS":"its own"}},
             "unless":[{"argv":["up"]}],"timeout_seconds":1}]"#,
    )
}

#[test]
fn the_order_is_the_guides() {
    let plan = plan(&rotating_with_dfs(), &facts());
    assert_eq!(
        ids(&plan),
        [
            "stop-half-dfs",
            "stop-dfs-of-half-dce",
            "stop-half-dce",
            "before",
            "host-name",
            "remove-endpoint-map",
            "remove-credentials",
            "start-dce",
            "start-dfs",
            "after",
            "restore-host-name"
        ]
    );
}

#[test]
fn a_running_dce_is_left_alone_and_so_is_its_endpoint_map() {
    let configuration = rotating_with_dfs();
    let plan = plan(&configuration, &facts());
    let up = configuration.dce.up();
    assert_eq!(up.len(), 2);
    for id in ["remove-endpoint-map", "remove-credentials", "start-dce"] {
        assert_eq!(step_of(&plan, id).unless, up);
    }
    for id in ["before", "host-name", "start-dfs", "restore-host-name"] {
        assert_eq!(step_of(&plan, id).unless.len(), 4);
    }
    assert_eq!(step_of(&plan, "after").unless[0].argv, ["up"]);
}

#[test]
fn no_two_of_the_stops_of_what_is_half_up_run_the_same_program() {
    let plan = plan(&rotating_with_dfs(), &facts());
    let [deaf, orphan] =
        ["stop-half-dfs", "stop-dfs-of-half-dce"].map(|id| &step_of(&plan, id).only_if);
    let opposite = |one: &Probe, two: &Probe| one.argv == two.argv && one.expect != two.expect;
    assert!(deaf.iter().any(|one| orphan.iter().any(|two| opposite(one, two))));
}

#[test]
fn without_ready_programs_running_is_what_counts() {
    let configuration = configured(
        r#""configuration":"standby-cascading","dfs":true,"dfs_servers":["file-server"],
           "running_dfs":["running-dfs"]"#,
    );
    let plan = plan(&configuration, &facts());
    // One that gives no answer may run, and does not serve.
    let half = &step_of(&plan, "stop-half-dce").only_if;
    let told: Vec<(Answer, Answer)> =
        half.iter().map(|probe| (probe.expect, probe.unanswered)).collect();
    assert_eq!(told, [(Answer::Yes, Answer::Yes), (Answer::No, Answer::No)]);
    assert_eq!(step_of(&plan, "start-dce").unless[0].unanswered, Answer::No);
    let only_if = &step_of(&plan, "stop-dfs-of-half-dce").only_if;
    let asked: Vec<(&str, Answer)> =
        only_if.iter().map(|probe| (probe.argv[0].as_str(), probe.expect)).collect();
    assert_eq!(asked, [("running-dfs", Answer::Yes), ("running-dce", Answer::No)]);
    let ready = step_of(&plan, "start-dce").ready.as_ref().unwrap();
    assert_eq!((ready.argv[0].as_str(), ready.expect), ("running-dce", Answer::Yes));
}

#[test]
fn nothing_is_removed_or_started_beneath_a_dce_that_came_up_meanwhile() {
    let plan = plan(&rotating_with_dfs(), &facts());
    for id in [REMOVED[0], "start-dce"] {
        let guard = step_of(&plan, id).guard.as_ref().unwrap();
        assert_eq!((guard.argv[0].as_str(), guard.expect), ("running-dce", Answer::No));
        assert_eq!(guard.unanswered, Answer::Yes);
    }
}

#[test]
fn an_address_that_nobody_wrote_down_is_told_and_keeps_nobody_from_starting() {
    let plan = plan(&rotating_with_dfs(), &facts());
    let condition = needs(&plan, "no-other-address").unwrap();
    assert!(condition.warn_only);
    let addresses = ["9.3.240.1", "9.3.240.66", "9.3.240.2"].map(str::to_owned).to_vec();
    assert_eq!(condition.check, Check::KnownAddresses { addresses });
}

#[test]
fn the_addresses_not_to_be_used_are_told_to_all_that_is_started() {
    let plan = plan(&rotating_with_dfs(), &facts());
    let told = |id: &str| match &step_of(&plan, id).r#do {
        Act::Run { environment, .. } => environment[VARIABLE].clone(),
        other => panic!("{other:?}"),
    };
    for id in ["before", "start-dce", "start-dfs"] {
        assert_eq!(told(id), "9.3.240.1:9.3.240.66");
    }
    assert_eq!(told("after"), "its own");
    assert!(needs(&plan, "excluded-addresses").is_none());
}

#[test]
fn addresses_that_nobody_wrote_down_or_that_exclude_the_service_are_unproven() {
    let configuration = configured(r#""configuration":"standby-cascading""#);
    let with = |excluded| plan(&configuration, &Facts { peer_down: false, excluded });
    let missing = with(Known::Not("/etc/environment is not there".to_owned()));
    let condition = needs(&missing, "excluded-addresses").unwrap();
    assert_eq!(condition.check, Check::Unproven {});
    let next = condition.otherwise.as_deref().unwrap();
    let command = "haenv --exclude-all-but 9.3.240.2 --write /etc/environment";
    assert!(next.contains("is not there") && next.contains(command), "{next}");
    let wrong = with(Known::Yes(Excluded::parse("9.3.240.2").unwrap()));
    assert!(needs(&wrong, "excluded-addresses").is_some());
    assert!(needs(&with(Known::NotAsked), "excluded-addresses").is_none());
}

#[test]
fn dfs_wants_the_other_node_down() {
    let dfs = r#""configuration":"standby-cascading","dfs":true,"dfs_servers":["file-server"],
                 "running_dfs":["running-dfs"]"#;
    let silent = configured(dfs);
    let asked = configured(&format!(r#"{dfs},"peer_down":["peer-down"]"#));
    let peer = |configuration: &Configuration, peer_down| {
        let plan = plan(configuration, &Facts { peer_down, ..facts() });
        needs(&plan, "peer-down").map(|condition| condition.check.clone())
    };
    assert_eq!(peer(&silent, false), Some(Check::Unproven {}));
    assert!(
        matches!(peer(&asked, false), Some(Check::Probe { probe }) if probe.argv[0] == "peer-down")
    );
    assert_eq!((peer(&silent, true), peer(&asked, true)), (None, None));
    assert_eq!(peer(&configured(r#""configuration":"standby-cascading""#), false), None);
    let mutual = r#""configuration":"mutual-cascading","dfs":true,"clients":["dce","dfs"],
                    "running_dfs":["running-dfs"],"peer_down":["peer-down"]"#;
    assert_eq!(peer(&configured(mutual), false), None);
}

#[test]
fn the_name_that_is_kept_until_the_stop_is_restored_by_a_failed_start_only() {
    let text = r#""configuration":"standby-rotating","service_hostname":"dce",
                  "hostname_restore":"at-stop""#;
    let plan = plan(&configured(text), &facts());
    assert_eq!(ids(&plan), ["stop-half-dce", "host-name", REMOVED[0], REMOVED[1], "start-dce"]);
    assert_eq!(step_of(&plan, "host-name").undo, Some(Act::RestoreHostName {}));
}

fn any_text(
    kind: &str,
    site: (&[&str], &[&str]),
    [dfs, ready_dce, ready_dfs, at_stop, peer_down]: [bool; 5],
) -> String {
    let act = json!({"kind": "run", "argv": ["x"]});
    let steps = |ids: &[&str]| -> Value {
        ids.iter()
            .map(|id| json!({"id": id, "what": "x", "do": act, "timeout_seconds": 5}))
            .collect()
    };
    let mut all = json!({
        "schema": "hadce-config/1",
        "configuration": kind,
        "clients": ["dce"],
        "dfs": dfs,
        "service_addresses": ["9.3.240.2", "9.3.240.3"],
        "running_dce": ["running-dce"],
        "before_start": steps(site.0),
        "after_start": steps(site.1),
    });
    if dfs {
        all["clients"] = json!(["dfs"]);
        all["running_dfs"] = json!(["running-dfs"]);
    }
    if kind == "standby-rotating" {
        all["service_hostname"] = "dce.example.com".into();
        all["hostname_restore"] = if at_stop { "at-stop" } else { "after-start" }.into();
    }
    for (there, key) in
        [(ready_dce, "ready_dce"), (ready_dfs, "ready_dfs"), (peer_down, "peer_down")]
    {
        if there {
            all[key] = json!([key]);
        }
    }
    all.to_string()
}

proptest! {
    #[test]
    fn any_configuration_gives_a_plan_that_can_be_run_in_the_guides_order(
        kind in select(KINDS.to_vec()),
        site in subsequence(vec!["site-1", "site-2", "a.b", "x_y"], 0..4),
        choices: [bool; 5],
        peer_down: bool,
        excluded in prop_oneof![
            Just(Known::NotAsked), Just(Known::Not("why".to_owned())),
            prop::collection::vec(any::<u32>(), 0..=10).prop_map(|all| {
                Known::Yes(Excluded::new(all.into_iter().map(Into::into).collect()).unwrap())
            }),
        ],
    ) {
        let (before, after) = site.split_at(site.len() / 2);
        let text = any_text(kind, (before, after), choices);
        let configuration = Configuration::parse(text.as_bytes()).unwrap();
        let plan = plan(&configuration, &Facts { peer_down, excluded });
        prop_assert_eq!(plan.check(), Ok(()));
        let order: Vec<&str> = ["stop-half-dfs", "stop-dfs-of-half-dce", "stop-half-dce"]
            .into_iter()
            .chain(before.iter().copied())
            .chain(["host-name", REMOVED[0], REMOVED[1], "start-dce", "start-dfs"])
            .chain(after.iter().copied())
            .chain(["restore-host-name"])
            .collect();
        let places: Vec<usize> =
            ids(&plan).iter().map(|id| order.iter().position(|one| one == id).unwrap()).collect();
        prop_assert!(places.is_sorted(), "{:?}", ids(&plan));
        let runs = |id: &str| ids(&plan).contains(&id);
        prop_assert!(runs("start-dce"));
        prop_assert_eq!(runs("start-dfs"), configuration.dfs.is_some());
        prop_assert_eq!(runs("host-name"), kind == "standby-rotating");
        prop_assert_eq!(REMOVED.iter().all(|id| runs(id)), kind != "mutual-cascading");
        // Everything up: no step has anything to do.
        prop_assert!(plan.steps.iter().all(|step| !(step.only_if.is_empty() && step.unless.is_empty())));
    }
}
