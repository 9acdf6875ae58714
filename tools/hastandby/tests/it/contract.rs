//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, lines};
use ha_json::Value;
use std::fs;
use std::path::Path;

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new();
    match name {
        "not-ready.jsonl" => {
            let verdicts = ground.path("verdicts");
            ground.look(&["--record", verdicts.to_str().unwrap()])
        }
        "failed.jsonl" => ground.look(&["--record", "/no/such/directory/verdicts"]),
        "record.jsonl" => {
            let verdicts = ground.path("verdicts");
            ground.look(&["--record", verdicts.to_str().unwrap()]);
            ground.kept("verdicts")
        }
        "proof.jsonl" => {
            ground.run(&["--prove"]);
            ground.kept("proof")
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hastandby-1", today), Ok(2));
    assert_eq!(ha_testing::compare("hastandby-record-1", today), Ok(1));
    assert_eq!(ha_testing::compare("haxcat-proof-1", today), Ok(1));
}

#[test]
fn findings_keep_their_names() {
    let ids = |lines: &[Value]| {
        let id = |line: &Value| line["key"]["id"].as_str().map(str::to_owned);
        lines.iter().filter_map(id).collect::<std::collections::BTreeSet<_>>()
    };
    let kept: &Path = &ha_testing::directory("hastandby-1").unwrap().join("not-ready.jsonl");
    let kept = ids(&lines(&fs::read(kept).unwrap()));
    let today = ids(&today("not-ready.jsonl"));
    assert!(kept.len() > 15 && kept.is_subset(&today), "{:?}", kept.difference(&today));
}
