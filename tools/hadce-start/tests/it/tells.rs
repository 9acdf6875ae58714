use crate::ground::{Ground, run};
use ha_json::{Value, json};
use ha_plan::Plan;

fn rotating(ground: &Ground) -> Value {
    ground.configuration(json!({
        "configuration": "standby-rotating",
        "dce_servers": ["security"],
        "dfs_servers": ["file-server"],
        "service_hostname": "dce",
        "deadline_seconds": 600,
    }))
}

#[test]
fn a_dry_run_is_a_plan_that_harun_reads_and_does_nothing() {
    let ground = Ground::new();
    let ran = ground.run(&["--dry-run"], &rotating(&ground));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let plan = Plan::read(ha_json::read_to_change(ran.stdout.as_bytes()).unwrap()).unwrap();
    assert_eq!((plan.name.as_str(), plan.state.as_str()), ("hadce-start", "hadce"));
    assert_eq!(plan.deadline_seconds, 600);
    let conditions: Vec<&str> = plan.conditions.iter().map(|one| one.id.as_str()).collect();
    let wanted = [
        "needs-start-dce",
        "needs-stop-dce",
        "needs-start-dfs",
        "needs-stop-dfs",
        "needs-mount-1",
        "needs-mount-2",
        "needs-mount-3",
        "needs-dce-local",
        "needs-address",
        "needs-host-name",
        "needs-peer-down",
    ];
    assert_eq!(conditions, wanted);
    let steps: Vec<&str> = plan.steps.iter().map(|one| one.id.as_str()).collect();
    let wanted = [
        "stop-half-dfs",
        "stop-dfs-of-half-dce",
        "stop-half-dce",
        "host-name",
        "remove-endpoint-map",
        "remove-credentials",
        "start-dce",
        "start-dfs",
        "restore-host-name",
    ];
    assert_eq!(steps, wanted);
    assert!(ground.log().is_empty() && !ground.has("state"));
}

#[test]
fn the_deadline_of_the_caller_stands_in_the_plan() {
    let ground = Ground::new();
    let ran = ground.run(&["--dry-run", "--deadline", "45"], &rotating(&ground));
    assert_eq!(ran.lines[1]["values"]["deadline_seconds"], 45);
}

#[test]
fn the_status_is_told_and_nothing_is_touched() {
    let ground = Ground::new();
    let configuration = ground.configuration(json!({}));
    let tell = || ground.run(&["--status"], &configuration);
    let stopped = tell();
    assert_eq!((stopped.status, stopped.stderr.as_str()), (1, ""));
    assert_eq!(stopped.lines[0]["state"], "stopped");
    ground.make("dce");
    let half = tell();
    half.failed_with(6, "DCE runs and does not serve, and DFS does not run").unwrap();
    assert_eq!(half.lines[0]["dce"], json!({"running": true, "ready": false}));
    for file in ["dce.serves", "dfs", "dfs.serves"] {
        ground.make(file);
    }
    let running = tell();
    assert_eq!((running.status, running.lines[0]["ok"].as_bool()), (0, Some(true)));
    assert!(!ground.has("state"));
}

#[test]
fn the_status_has_no_dfs_where_there_is_none_and_no_ready_where_nothing_tells() {
    let ground = Ground::new();
    ground.make("dce");
    let more = json!({"dfs": false, "clients": ["dce"], "ready_dce": null});
    let ran = ground.run(&["--status"], &ground.configuration(more));
    assert_eq!(ran.status, 0);
    assert_eq!(ran.lines[0]["dce"], json!({"running": true, "ready": null}));
    assert_eq!(ran.lines[0]["dfs"], Value::Null);
}

#[test]
fn help_and_version_are_on_standard_output() {
    for option in ["--help", "--version"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hadce-start"));
        let output = command.arg(option).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(output.stdout.windows(11).any(|text| text == b"hadce-start"));
    }
    run(&["--no-such-option"], "").failed_with(2, "--no-such-option").unwrap();
}
