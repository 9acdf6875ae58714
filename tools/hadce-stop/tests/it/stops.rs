use crate::ground::{Ground, run};
use ha_json::json;
use ha_plan::Plan;

#[test]
fn dfs_is_stopped_before_dce_and_a_second_stop_does_nothing() {
    let ground = Ground::new();
    ground.make("dce");
    ground.make("dfs");
    let configuration = ground.configuration(json!({}));
    let first = ground.run(&[], &configuration);
    assert_eq!((first.status, first.stderr.as_str()), (0, ""));
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce"]);
    assert_eq!(first.steps(), ["stop-dfs do done", "stop-dce do done"]);
    let second = ground.run(&[], &configuration);
    assert_eq!((second.status, second.end()["reboot_required"].as_bool()), (0, Some(false)));
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce"]);
}

#[test]
fn nothing_runs_and_no_stop_program_is_there() {
    let ground = Ground::new();
    let step = json!([{"id": "x", "what": "x", "do": {"kind": "run", "argv": ["false"]}, "timeout_seconds": 5}]);
    let more =
        json!({"stop_dce": ["/no/stop.dce"], "before_stop": step, "dfs_mounts": ["/no/mount"]});
    let ran = ground.run(&[], &ground.configuration(more));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn a_dfs_that_stays_means_a_reboot_and_dce_is_stopped_all_the_same() {
    let ground = Ground::new();
    ground.make("dce");
    ground.make("dfs");
    let more = json!({
        "stop_dfs": ground.script("stop.dfs", "true"),
        "timeouts_seconds": {"stop_dfs": 1},
    });
    let ran = ground.run(&[], &ground.configuration(more));
    assert_eq!(ran.status, 6);
    assert_eq!(ran.end()["failed_steps"], json!(["stop-dfs"]));
    assert_eq!(ran.end()["reboot_required"], true);
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce"]);
    assert!(!ground.has("dce") && ground.has("dfs"));
}

#[test]
fn a_stop_dfs_that_hangs_leaves_dce_its_share_of_the_deadline() {
    let ground = Ground::new();
    ground.make("dce");
    ground.make("dfs");
    let more = json!({"stop_dfs": ground.script("stop.dfs", "sleep 60")});
    let ran = ground.run(&["--deadline", "20"], &ground.configuration(more));
    assert_eq!(ran.status, 6);
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce"]);
    assert!(!ground.has("dce"));
}

#[test]
fn a_mount_of_dfs_that_stays_means_a_reboot() {
    let ground = Ground::new();
    let more = json!({"dfs_mounts": ["/proc"], "timeouts_seconds": {"release": 1}});
    let ran = ground.run(&[], &ground.configuration(more));
    assert_eq!(ran.status, 6);
    assert_eq!(ran.end()["failed_steps"], json!(["release-1"]));
    assert_eq!(ran.end()["reboot_required"], true);
}

#[test]
fn a_dce_that_stays_fails_without_a_reboot() {
    let ground = Ground::new();
    ground.make("dce");
    let more = json!({"stop_dce": ["false"], "timeouts_seconds": {"stop_dce": 1}});
    let ran = ground.run(&[], &ground.configuration(more));
    assert_eq!(ran.status, 6);
    assert_eq!(ran.end()["reboot_required"], false);
}

#[test]
fn a_stop_script_that_fails_and_leaves_nothing_running_did_its_work() {
    let ground = Ground::new();
    ground.make("dce");
    let more = json!({"stop_dce": ground.script("stop.dce", "rm dce && exit 1")});
    let ran = ground.run(&[], &ground.configuration(more));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn a_step_of_the_site_that_fails_keeps_nothing_running() {
    let ground = Ground::new();
    ground.make("dce");
    ground.make("dfs");
    let step = json!([{"id": "mine", "what": "x", "do": {"kind": "run", "argv": ["false"]}, "timeout_seconds": 5}]);
    let ran = ground.run(&[], &ground.configuration(json!({"before_stop": step})));
    ran.failed_with(6, "mine").unwrap();
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce"]);
    assert_eq!(ran.end()["reboot_required"], false);
}

#[test]
fn a_program_that_cannot_be_asked_is_no_sign_that_nothing_runs() {
    let ground = Ground::new();
    let more = json!({"running_dce": ["/no/such/program"]});
    ground.run(&[], &ground.configuration(more)).failed_with(6, "/no/such/program").unwrap();
}

#[test]
fn a_dry_run_is_a_plan_and_stops_nothing() {
    let ground = Ground::new();
    ground.make("dce");
    let more = json!({
        "configuration": "standby-rotating",
        "dfs_servers": ["file-server"],
        "service_hostname": "dce",
        "dfs_mounts": ["/..."],
    });
    let ran = ground.run(&["--dry-run", "--deadline", "45"], &ground.configuration(more));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let plan = Plan::read(ha_json::read_to_change(ran.stdout.as_bytes()).unwrap()).unwrap();
    assert_eq!((plan.name.as_str(), plan.state.as_str()), ("hadce-stop", "hadce"));
    assert_eq!(plan.deadline_seconds, 45);
    let steps: Vec<&str> = plan.steps.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(steps, ["stop-dfs", "stop-dce", "release-1", "restore-host-name"]);
    assert!(ground.log().is_empty() && ground.has("dce"));
}

#[test]
fn wrong_usage_does_nothing_and_says_which_key() {
    let ground = Ground::new();
    ground.make("dce");
    run(&["--config", "/no/such/file"], "").failed_with(2, "hadce-config(5)").unwrap();
    run(&["--config", "-"], "[]").failed_with(2, "is not an object").unwrap();
    run(&["--peer-down"], "").failed_with(2, "--peer-down").unwrap();
    ground
        .run(&[], &ground.configuration(json!({"stpo_dce": ["x"]})))
        .failed_with(2, "stpo_dce")
        .unwrap();
    assert!(ground.has("dce"));
}
