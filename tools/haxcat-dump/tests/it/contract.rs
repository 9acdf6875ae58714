//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, repository};
use ha_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Every path of fields with the type that stands there; null may stand anywhere.
fn shape(prefix: &str, value: &Value, into: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(fields) => {
            for (name, value) in fields {
                shape(&format!("{prefix}.{name}"), value, into);
            }
            "object"
        }
    };
    let known = into.entry(prefix.to_owned()).or_insert(kind);
    if *known == "null" {
        *known = kind;
    }
}

fn shapes(lines: &[Value]) -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    for line in lines {
        let name = match line["type"].as_str().unwrap() {
            "row" => format!("row {}", line["key"]["table"]),
            other => other.to_owned(),
        };
        shape(&name, line, &mut all);
    }
    all
}

fn kept(name: &str) -> Vec<Value> {
    let path = repository().join("tests/contract/haxcat-1").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

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
    let mut count = 0;
    for entry in fs::read_dir(repository().join("tests/contract/haxcat-1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let today = shapes(&today(&name));
        for (path, kind) in shapes(&kept(&name)) {
            assert_eq!(today.get(&path), Some(&kind), "{name}: {path}");
        }
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn readers_of_today_read_every_published_stream() {
    for (name, ok) in [("rows.jsonl", false), ("files.jsonl", true), ("failed.jsonl", false)] {
        let path = repository().join("tests/contract/haxcat-1").join(name);
        let read = ha_json::read_to_change(std::io::BufReader::new(fs::File::open(path).unwrap()));
        assert_eq!(read.is_ok(), ok, "{name}");
    }
}
