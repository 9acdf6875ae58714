//! `--dry-run` tells and touches nothing.

use crate::ground::Ground;
use ha_json::json;
use std::fs;

#[test]
fn each_step_says_whether_it_is_true_already_and_nothing_is_done() {
    let ground = Ground::new();
    fs::write(ground.path("Ep.db"), "x").unwrap();
    let here = ground.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let file = |id: &str, act| json!({"type": "step", "id": id, "what": "w", "do": act, "timeout_seconds": 5});
    let steps = [
        ground.step("run", "echo a >>$L"),
        file("removes", json!({"kind": "remove", "directory": here, "names": ["Ep.db"]})),
        file("gone", json!({"kind": "remove", "directory": here, "names": ["none"]})),
        file("makes", json!({"kind": "directory", "path": format!("{here}/d"), "mode": "0755"})),
        file("wrong", json!({"kind": "link", "path": format!("{here}/Ep.db"), "target": "x"})),
        file("names", json!({"kind": "host_name", "name": "never-the-name-of-this"})),
    ];
    let ran = ground.run(&ground.plan(&steps), &["--dry-run"]);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.lines[0]["dry_run"], true);
    let outcome = |step: &str| ran.of(step).concat();
    assert_eq!(outcome("run"), "do would_run");
    assert_eq!(outcome("removes"), "do would_change");
    assert_eq!(outcome("gone"), "do already");
    assert_eq!(outcome("makes"), "do would_change");
    assert_eq!(outcome("wrong"), "do would_fail");
    assert_eq!(outcome("names"), "do would_change");
    assert!(ground.path("Ep.db").exists() && ground.log().is_empty());
    assert!(!ground.path("d").exists() && !ground.path("state").exists());
}

#[test]
fn an_unmet_condition_is_the_answer_no() {
    let ground = Ground::new();
    let unmet = json!({"type": "condition", "id": "u", "what": "w", "check": {"kind": "unproven"}});
    let ran = ground.run(&ground.plan(&[unmet, ground.step("a", "true")]), &["--dry-run"]);
    assert_eq!((ran.status, ran.of("u")), (1, vec!["condition unmet".to_owned()]));
    assert_eq!(ran.end()["ok"], true);
}
