//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::Ground;
use ha_json::Value;
use std::fs::File;
use std::io::BufReader;

fn findings(name: &str) -> Vec<Value> {
    match name {
        "check.jsonl" => {
            Ground::with("nim_pair").set_up(&["--check", "--redefine-all", "nima"]).lines
        }
        "not-yet.jsonl" => Ground::with("true").set_up(&["--check", "nima"]).lines,
        "refused.jsonl" => {
            Ground::with("nim_fileset nimb bos.sysmgt.nim.master ''").set_up(&["nima"]).lines
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

fn status(name: &str) -> Vec<Value> {
    let ran = match name {
        "yes.jsonl" => Ground::with("nim_pair").run(&["--is", "client=lpar07", "nima"]),
        "no.jsonl" => Ground::with("true").run(&["--is", "alternate", "nima"]),
        "unknown.jsonl" => Ground::with("nim_down nima").run(&["--is", "return", "nima"]),
        other => panic!("{other} is kept, and no test makes such a line"),
    };
    ran.lines
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hanim-setup-1", findings), Ok(3));
    assert_eq!(ha_testing::compare("hanim-setup-status-1", status), Ok(3));
}

#[test]
fn readers_of_today_read_every_published_stream() {
    for (name, ok) in [("check.jsonl", true), ("not-yet.jsonl", true), ("refused.jsonl", false)] {
        let path = ha_testing::directory("hanim-setup-1").unwrap().join(name);
        let read = ha_json::read_to_change(BufReader::new(File::open(path).unwrap()));
        assert_eq!(read.is_ok(), ok, "{name}");
    }
}
