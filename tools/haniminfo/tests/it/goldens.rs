//! Every kept file has a kept answer, and is written back byte by byte.

use crate::ground::{Ground, command, fixtures, ran, run_with_input};
use ha_json::Value;
use std::fs;
use std::path::Path;

fn files() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".niminfo"))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    names
}

#[test]
fn every_file_has_the_answer_that_is_kept() {
    for name in files() {
        let told = ran(command().current_dir(fixtures()).arg(&name).output().unwrap());
        let golden = fixtures().join(Path::new(&name).with_extension("json"));
        let kept: Value = fs::read_to_string(&golden).unwrap().parse().unwrap();
        assert_eq!(told.answer(), kept, "{name}");
        assert_eq!(i64::from(told.status), kept["status"].as_i64().unwrap(), "{name}");
    }
}

#[test]
fn every_file_is_written_back_byte_by_byte() {
    let mut written = 0;
    for name in files() {
        let ground = Ground::of(&name);
        let before = ground.content();
        let answer = ground.answer();
        if answer["ok"] != true {
            continue;
        }
        let told = ground.write(&[], &answer).well();
        assert_eq!(
            (&told["changed"], &told["backup"]),
            (&Value::from(false), &Value::Null),
            "{name}"
        );
        assert_eq!(told["changes"], Value::Array(Vec::new()), "{name}");
        assert_eq!(ground.content(), before, "{name}");
        assert_eq!(ground.names(), ["niminfo"], "{name}");
        // And where there is nothing to leave as it is.
        let new = ground.root.path().join("new");
        let whole = ground.look(&["--show-secrets"]).stdout;
        let fixed = ["--yes-nim-owns-this-file", "--write", new.to_str().unwrap()];
        assert_eq!(run_with_input(&fixed, whole.as_bytes()).well()["changed"], true, "{name}");
        assert_eq!(fs::read(&new).unwrap(), before, "{name}");
        written += 1;
    }
    assert!(written >= 25, "{written}");
}
