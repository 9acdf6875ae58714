//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::Ground;
use ha_json::Value;
use std::fs;
use std::io::BufReader;

const SCHEMA: &str = "hassh-1";

fn today(name: &str) -> Vec<Value> {
    match name {
        "refused.jsonl" => Ground::closed().run(&[]).lines,
        "unknown.jsonl" => Ground::open().run(&[]).lines,
        "setup.jsonl" => Ground::open().set_up().lines,
        "denied.jsonl" => {
            let ground = Ground::open();
            ground.set_up();
            ground.configure("IdentityFile /no/such/key\nUser no-such-user\n");
            ground.run(&[]).lines
        }
        "not-checked.jsonl" => {
            let ground = Ground::closed();
            ground.configure("ProxyJump gate\n");
            ground.run(&[]).lines
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare(SCHEMA, today), Ok(5));
}

#[test]
fn readers_of_today_read_every_published_stream() {
    for (name, ok) in [
        ("refused.jsonl", true),
        ("unknown.jsonl", true),
        ("setup.jsonl", true),
        ("denied.jsonl", true),
        ("not-checked.jsonl", false),
    ] {
        let path = ha_testing::directory(SCHEMA).unwrap().join(name);
        let file = BufReader::new(fs::File::open(path).unwrap());
        assert_eq!(ha_json::read_to_change(file).is_ok(), ok, "{name}");
    }
}

#[test]
fn words_keep_their_meaning() {
    let word = |name: &str, field: &str| today(name)[1]["values"][field].clone();
    assert_eq!(word("refused.jsonl", "tcp"), "refused");
    assert_eq!(word("unknown.jsonl", "host_key"), "unknown");
    assert_eq!(word("denied.jsonl", "authentication"), "denied");
    assert_eq!(word("not-checked.jsonl", "state"), "not_checked");
}

#[test]
fn a_second_setup_changes_no_byte_and_tells_no_change() {
    let ground = Ground::open();
    let first = ground.set_up();
    assert_eq!((first.status, first.lines[1]["key"]["what"].as_str()), (0, Some("pinned")));
    let pinned = ground.known_hosts();
    assert!(pinned.starts_with("[127.0.0.1]:"));
    let second = ground.set_up();
    assert_eq!((second.status, second.end()["changes"].as_u64()), (0, Some(0)));
    assert_eq!(ground.known_hosts(), pinned);
}
