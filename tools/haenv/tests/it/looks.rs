//! A file that is only looked at.

use crate::ground::{Ground, command, run};
use ha_json::json;
use std::fs;

#[test]
fn variables_are_told_with_their_lines_and_yes_is_0() {
    let ground = Ground::with("# comment\n\nA=1\nB='two words'\n");
    let answer = ground.run(&[]).well();
    assert_eq!(answer["schema"], "haenv/1");
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["file"], ground.file().to_str().unwrap());
    assert_eq!(
        answer["variables"],
        json!([{"name": "A", "value": "1", "line": 3}, {"name": "B", "value": "two words", "line": 4}])
    );
    assert_eq!(answer["problems"], json!([]));
}

#[test]
fn with_a_problem_the_answer_is_no_and_standard_error_silent() {
    let ground = Ground::with("A=1\nfi\nA=2\n");
    let ran = ground.run(&[]);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let answer = ran.answer();
    assert_eq!((&answer["ok"], &answer["status"]), (&json!(true), &json!(1)));
    assert_eq!(answer["problems"][0]["reason"], "duplicate");
    assert_eq!(answer["problems"][1]["line"], 2);
}

#[test]
fn bytes_that_are_not_utf8_stand_in_base64() {
    let answer = Ground::with(b"A=\xff\n").run(&[]).answer();
    assert_eq!(answer["variables"][0], json!({"name": "A", "value_base64": "/w==", "line": 1}));
}

#[test]
fn the_file_of_this_machine_is_the_default_and_may_be_missing() {
    let ran = run(&[""; 0]);
    assert!(matches!(ran.status, 0 | 1 | 6), "{}", ran.stderr);
}

#[test]
fn a_missing_file_a_directory_and_a_huge_file_fail() {
    let ground = Ground::new();
    let ran = ground.run(&[]);
    assert_eq!(ran.status, 6);
    assert_eq!(ran.stderr, format!("haenv: {}: is not there\n", ground.file().display()));
    let answer = ran.answer();
    assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!("failed")));
    assert_eq!(run(&[ground.root.path()]).status, 6);
    fs::File::create(ground.file()).unwrap().set_len(1 << 30).unwrap();
    assert!(ground.run(&[]).stderr.contains("is longer than 1048576 bytes"));
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let ground = Ground::with("A=1\n");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command().arg(ground.file()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("haenv: standard output: no space left"), "{said}");
}

#[test]
fn fields_are_printed_plain() {
    let ground = Ground::with("A=1\n");
    let ran = ground.run(&["-o", "problems,file"]);
    assert_eq!(ran.text(), format!("[]\t{}\n", ground.file().display()));
    let ran = ground.run(&["-o", "value"]);
    assert_eq!((ran.status, ran.text().as_str()), (2, ""));
    assert!(ran.stderr.contains("no such field"), "{}", ran.stderr);
}
