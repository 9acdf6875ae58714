use crate::ground::{Ground, run};
use ha_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn dce_is_started_before_dfs_and_a_second_start_does_nothing() {
    let ground = Ground::new();
    let configuration = ground.configuration(json!({}));
    let first = ground.run(&[], &configuration);
    assert_eq!((first.status, first.stderr.as_str()), (0, ""));
    assert_eq!(first.lines[0]["schema"], "harun/1");
    assert_eq!(ground.log(), ["start.dce", "start.dfs"]);
    let second = ground.run(&[], &configuration);
    assert_eq!((second.status, second.end()["ok"].as_bool()), (0, Some(true)));
    assert_eq!(ground.log(), ["start.dce", "start.dfs"]);
}

#[test]
fn a_start_with_everything_up_looks_at_no_condition() {
    let ground = Ground::new();
    for file in ["dce", "dce.serves", "dfs", "dfs.serves"] {
        ground.make(file);
    }
    let unmet = json!({
        "service_addresses": ["192.0.2.1"],
        "before_start": [{"id": "x", "what": "x", "do": {"kind": "run", "argv": ["false"]}, "timeout_seconds": 5}],
    });
    assert_eq!(ground.run(&[], &ground.configuration(unmet)).status, 0);
    assert!(ground.log().is_empty());
}

#[test]
fn what_is_half_up_is_stopped_before_it_is_started() {
    let ground = Ground::new();
    let configuration = ground.configuration(json!({}));
    for file in ["dce", "dfs", "dfs.serves"] {
        ground.make(file);
    }
    let ran = ground.run(&[], &configuration);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ground.log(), ["stop.dfs", "stop.dce", "start.dce", "start.dfs"]);

    let ground = Ground::new();
    let configuration = ground.configuration(json!({}));
    for file in ["dce", "dce.serves", "dfs"] {
        ground.make(file);
    }
    assert_eq!(ground.run(&[], &configuration).status, 0);
    assert_eq!(ground.log(), ["stop.dfs", "start.dfs"]);
}

#[test]
fn a_dfs_that_does_not_start_takes_dce_down_with_it() {
    let ground = Ground::new();
    let fails = ground.script("start.dfs", "touch dfs && exit 3");
    let ran = ground.run(&[], &ground.configuration(json!({"start_dfs": fails})));
    ran.failed_with(6, "start-dfs").unwrap();
    assert_eq!(ground.log(), ["start.dce", "start.dfs", "stop.dfs", "stop.dce"]);
    assert!(!ground.has("dce") && !ground.has("dfs"));
    assert!(
        ran.steps().ends_with(&["start-dfs undo undone".into(), "start-dce undo undone".into()])
    );
}

#[test]
fn a_dce_that_was_up_before_stays_up_when_dfs_does_not_start() {
    let ground = Ground::new();
    ground.make("dce");
    ground.make("dce.serves");
    let fails = ground.script("start.dfs", "exit 3");
    let ran = ground.run(&[], &ground.configuration(json!({"start_dfs": fails})));
    ran.failed_with(6, "start-dfs").unwrap();
    assert_eq!(ground.log(), ["start.dfs", "stop.dfs"]);
    assert!(ground.has("dce"));
}

#[test]
fn a_start_that_is_never_ready_is_given_up_at_its_time() {
    let ground = Ground::new();
    let more = json!({
        "start_dce": ground.script("start.dce", "touch dce"),
        "timeouts_seconds": {"start_dce": 1},
    });
    let ran = ground.run(&[], &ground.configuration(more));
    ran.failed_with(5, "start-dce").unwrap();
    assert_eq!(ground.log(), ["start.dce", "stop.dce"]);
}

#[test]
fn a_program_that_cannot_be_asked_starts_nothing() {
    let ground = Ground::new();
    let more = json!({"running_dce": ["/no/such/program"]});
    ground.run(&[], &ground.configuration(more)).failed_with(6, "/no/such/program").unwrap();
    assert!(ground.log().is_empty());
}

#[test]
fn the_excluded_addresses_are_told_to_dce_and_missed_where_they_are_not_written_down() {
    let ground = Ground::new();
    let file = ground.path("environment");
    let script = ground
        .script("start.dce", "echo \"$RPC_UNSUPPORTED_NETADDRS\" >told && touch dce dce.serves");
    let configuration =
        ground.configuration(json!({"environment_file": file, "start_dce": script}));
    ground
        .run(&[], &configuration)
        .failed_with(6, "haenv --exclude-all-but 127.0.0.1 --write")
        .unwrap();
    assert!(ground.log().is_empty());
    fs::write(&file, "RPC_UNSUPPORTED_NETADDRS=9.3.240.1:127.0.0.1\n").unwrap();
    ground
        .run(&[], &configuration)
        .failed_with(6, "excludes the service address 127.0.0.1")
        .unwrap();
    fs::write(&file, "RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66\n").unwrap();
    let ran = ground.run(&[], &configuration);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ground.read("told"), "9.3.240.1:9.3.240.66\n");
}

#[test]
fn steps_of_the_site_stand_around_the_guides_and_are_undone_with_them() {
    let ground = Ground::new();
    let step = |id: &str, script: &str| {
        json!([{"id": id, "what": id, "timeout_seconds": 10,
            "do": {"kind": "run", "argv": ground.script(id, script)},
            "undo": {"kind": "run", "argv": ground.script(&format!("undo.{id}"), "true")}}])
    };
    let more =
        json!({"before_start": step("first", "true"), "after_start": step("last", "exit 1")});
    ground.run(&[], &ground.configuration(more)).failed_with(6, "last").unwrap();
    let wanted = [
        "first",
        "start.dce",
        "start.dfs",
        "last",
        "undo.last",
        "stop.dfs",
        "stop.dce",
        "undo.first",
    ];
    assert_eq!(ground.log(), wanted);
}

#[test]
fn another_node_that_may_be_alive_keeps_dfs_from_starting() {
    let ground = Ground::new();
    let peer_is_unmet = |arguments: &[&str], more: Value| {
        let mut configuration = ground.configuration(more);
        configuration["configuration"] = "standby-cascading".into();
        configuration["dfs_servers"] = json!(["file-server"]);
        let ran = ground.run(arguments, &configuration);
        assert_eq!(ran.status, 6);
        let unmet = ran.end()["unmet"].as_array().unwrap();
        unmet.contains(&"needs-peer-down".into())
    };
    assert!(peer_is_unmet(&[], json!({})));
    assert!(!peer_is_unmet(&["--peer-down"], json!({})));
    assert!(peer_is_unmet(&[], json!({"peer_down": ["false"]})));
    assert!(!peer_is_unmet(&[], json!({"peer_down": ["true"]})));
    assert!(ground.log().is_empty());
}

#[test]
fn wrong_usage_does_nothing_and_says_which_key() {
    let ground = Ground::new();
    run(&["--config", "/no/such/file"], "").failed_with(2, "hadce-config(5)").unwrap();
    run(&["--config", "-"], "").failed_with(2, "standard input: is empty").unwrap();
    run(&["--config", "-"], "{").failed_with(2, "is not JSON").unwrap();
    run(&["--deadline", "0"], "").failed_with(2, "--deadline").unwrap();
    run(&["--status", "--dry-run"], "").failed_with(2, "--status").unwrap();
    ground
        .run(&[], &ground.configuration(json!({"strat_dce": ["x"]})))
        .failed_with(2, "strat_dce")
        .unwrap();
    let kept = ground.path("dce.json");
    fs::write(&kept, ground.configuration(json!({})).to_string()).unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o664)).unwrap();
    run(&["--config", kept.to_str().unwrap()], "").failed_with(2, "chmod go-w").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(run(&["--config", kept.to_str().unwrap()], "").status, 0);
}
