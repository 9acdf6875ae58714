//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::Ground;
use ha_json::{Input, Value};
use std::fs;
use std::io::BufReader;
use std::os::unix::fs::symlink;

const SCHEMA: &str = "hadce-setup-1";

fn today(name: &str) -> Vec<Value> {
    match name {
        "standby.jsonl" => Ground::bare().standby(&[]).lines,
        "highest-priority.jsonl" => Ground::bare().run(&["--node", "highest-priority"]).lines,
        "failed.jsonl" => {
            let ground = Ground::done();
            fs::remove_file(ground.node("etc/services")).unwrap();
            symlink("services", ground.node("etc/services")).unwrap();
            ground.standby(&[]).lines
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

fn read(name: &str) -> Result<Input, ha_json::Error> {
    let path = ha_testing::directory(SCHEMA).unwrap().join(name);
    ha_json::read_to_change(BufReader::new(fs::File::open(path).unwrap()))
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare(SCHEMA, today), Ok(3));
}

#[test]
fn readers_of_today_read_every_published_stream() {
    for (name, ok) in
        [("standby.jsonl", true), ("highest-priority.jsonl", true), ("failed.jsonl", false)]
    {
        assert_eq!(read(name).is_ok(), ok, "{name}");
    }
}

#[test]
fn steps_keep_their_names_and_numbers() {
    for name in ["standby.jsonl", "highest-priority.jsonl"] {
        let today = today(name);
        for kept in read(name).unwrap().records {
            let is_kept = |line: &Value| {
                line["key"] == kept["key"] && line["values"]["number"] == kept["values"]["number"]
            };
            assert!(today.iter().any(is_kept), "{}", kept["key"]);
        }
    }
}
