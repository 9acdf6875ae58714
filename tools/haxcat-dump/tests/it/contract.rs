//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::Ground;
use ha_json::Value;
use std::fs;

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::samples();
    let path = ground.dump();
    match name {
        "rows.jsonl" => {
            ground.table("passwd", "key TEXT, username TEXT, password TEXT", "key,username");
            let passwd = ground.open("passwd");
            passwd.execute_batch("INSERT INTO passwd VALUES ('system', 'root', 'x')").unwrap();
            ground.table("mine", "a TEXT", "a");
            fs::write(ground.file("mac"), "damaged").unwrap();
            ground.run::<&str>(&[]).lines
        }
        "files.jsonl" => ground.dump_well().lines,
        "failed.jsonl" => {
            fs::write(ground.file("mac"), "damaged").unwrap();
            ground.run(&["-p", path.to_str().unwrap()]).lines
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("haxcat-1", today), Ok(3));
}

#[test]
fn readers_of_today_read_every_published_stream() {
    for (name, ok) in [("rows.jsonl", false), ("files.jsonl", true), ("failed.jsonl", false)] {
        let path = ha_testing::directory("haxcat-1").unwrap().join(name);
        let read = ha_json::read_to_change(std::io::BufReader::new(fs::File::open(path).unwrap()));
        assert_eq!(read.is_ok(), ok, "{name}");
    }
}
