//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, fixture};
use ha_json::Value;

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::with("PATH=/usr/bin:/etc\nA=1\nno assignment\nA=2\n");
    let adapters = fixture("netstat-in.aix");
    let own = ["--exclude-all-but", "9.3.240.2", "--adapters", &adapters];
    let ran = match name {
        "look.jsonl" => ground.run(&[]),
        "edit.jsonl" => ground.run(&["--set", "A=3", "--set", "B=1", "--unset", "PATH"]),
        "exclusion.jsonl" => crate::ground::run(&own),
        "written.jsonl" => ground.run(&[&own[..], &["--write", "--dry-run"]].concat()),
        "failed.jsonl" => Ground::new().run(&[]),
        other => panic!("{other} is kept, and no test makes such a line"),
    };
    vec![ran.answer()]
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("haenv-1", today), Ok(5));
}
