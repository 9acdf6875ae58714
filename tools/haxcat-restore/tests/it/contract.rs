//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, MAC};
use ha_json::Value;

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new(&["old", "n1"]);
    ground.csv("README", "");
    ground.csv("mac.csv", &format!("{MAC}\"n1\",\"eth0\",,,\n\"n2\",,,,\n"));
    match name {
        "restored.jsonl" => ground.restore(&[]).lines,
        "dry-run.jsonl" => ground.restore(&["--dry-run", "-i"]).lines,
        "faults.jsonl" => {
            ground.csv("mac.csv", &format!("{MAC}\"n1\",\n,,,,\n"));
            ground.restore(&[]).lines
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("haxcat-restore-1", today), Ok(3));
}
