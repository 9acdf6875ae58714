//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::Ground;
use ha_json::{Value, json};

/// A run that makes every kind of record, or a plan.
fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new();
    let mut step = ground.step("a", "true");
    step["undo"] = ground.act("true");
    let fails = ground.step("b", "echo why; exit 1");
    let condition = json!({"type": "condition", "id": "m", "what": "w", "check": {"kind": "mounted", "path": "/"}});
    let mut may_fail = ground.step("c", "exit 1");
    may_fail["on_failure"] = json!("go_on");
    let plan = |steps: &[Value]| ground.plan(steps);
    match name {
        "done.jsonl" => ground.run(&plan(&[condition, step]), &[]).lines,
        "failed.jsonl" => ground.run(&plan(&[condition, step, fails]), &[]).lines,
        "partial.jsonl" => ground.run(&plan(&[may_fail, step]), &[]).lines,
        "dry-run.jsonl" => ground.run(&plan(&[condition, step]), &["--dry-run"]).lines,
        "holds.jsonl" => ground.run("", &["--check", r#"{"kind":"mounted","path":"/proc"}"#]).lines,
        "not.jsonl" => ground.run("", &["--check", r#"{"kind":"mounted","path":"/no"}"#]).lines,
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_event_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("harun-1", today), Ok(4));
    assert_eq!(ha_testing::compare("harun-check-1", today), Ok(2));
}

#[test]
fn every_published_plan_is_read_and_can_be_rehearsed() {
    let mut count = 0;
    for entry in std::fs::read_dir(ha_testing::directory("ha-plan-1").unwrap()).unwrap() {
        let plan = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let ran = Ground::new().run(&plan, &["--dry-run"]);
        assert!(matches!(ran.status, 0 | 1), "{}", ran.stderr);
        count += 1;
    }
    assert_eq!(count, 1);
}
