//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, Ran, fixture, repository};
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
        Value::Array(elements) => {
            for element in elements {
                shape(&format!("{prefix}[]"), element, into);
            }
            "array"
        }
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

fn shapes(line: &Value) -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    shape("", line, &mut all);
    all
}

fn today(name: &str) -> Ran {
    let ground = Ground::with("PATH=/usr/bin:/etc\nA=1\nno assignment\nA=2\n");
    let adapters = fixture("netstat-in.aix");
    let own = ["--exclude-all-but", "9.3.240.2", "--adapters", &adapters];
    match name {
        "look.jsonl" => ground.run(&[]),
        "edit.jsonl" => ground.run(&["--set", "A=3", "--set", "B=1", "--unset", "PATH"]),
        "exclusion.jsonl" => crate::ground::run(&own),
        "written.jsonl" => ground.run(&[&own[..], &["--write", "--dry-run"]].concat()),
        "failed.jsonl" => Ground::new().run(&[]),
        other => panic!("{other} is kept, and no test makes such a line"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    let mut count = 0;
    for entry in fs::read_dir(repository().join("tests/contract/haenv-1")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kept: Value = fs::read_to_string(&path).unwrap().parse().unwrap();
        let today = shapes(&today(name).answer());
        for (path, kind) in shapes(&kept) {
            assert_eq!(today.get(&path), Some(&kind), "{name}: {path}");
        }
        count += 1;
    }
    assert_eq!(count, 5);
}
