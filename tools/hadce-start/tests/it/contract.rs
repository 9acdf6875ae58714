//! What was published is kept: answers have what they had, and configurations are read.

use crate::ground::{Ground, run};
use ha_json::{Value, json};
use std::fs;

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new();
    let (files, more): (&[&str], Value) = match name {
        "running.jsonl" => (&["dce", "dce.serves", "dfs", "dfs.serves"], json!({})),
        "stopped.jsonl" => (&[], json!({})),
        "half.jsonl" => (&["dce", "dce.serves", "dfs"], json!({})),
        "failed.jsonl" => (&[], json!({"running_dce": ["/no/such/program"]})),
        other => panic!("{other} is kept, and no test makes such lines"),
    };
    files.iter().for_each(|file| ground.make(file));
    ground.run(&["--status"], &ground.configuration(more)).lines
}

#[test]
fn no_field_of_a_published_answer_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hadce-status-1", today), Ok(4));
}

#[test]
fn every_published_configuration_gives_a_plan() {
    let mut count = 0;
    for entry in fs::read_dir(ha_testing::directory("hadce-config-1").unwrap()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let ran = run(&["--config", "-", "--dry-run"], &text);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        count += 1;
    }
    assert_eq!(count, 4);
}
