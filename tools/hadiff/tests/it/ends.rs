//! How it ends.

use crate::ground::{Ground, row, stream};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn the_status_says_whether_they_differ() {
    let (one, other) = (stream(&[&row("n1", "aa")]), stream(&[&row("n1", "bb")]));
    let ground = Ground::with(&one, &other);
    let same = ground.run(&["left", "left"]);
    assert_eq!((same.status, same.stderr.as_str(), same.lines.len()), (0, "", 2));
    let differs = ground.run(&["left", "right"]);
    assert_eq!((differs.status, differs.stderr.as_str()), (1, ""));
    assert_eq!(differs.lines[1]["values"]["fields"][0]["right"], "bb");
    let brief = ground.run(&["--brief", "left", "right"]);
    assert_eq!((brief.status, brief.lines.len(), &brief.lines[1]["changed"]), (1, 2, &1.into()));
    let ignored = ground.run(&["--ignore", "mac", "left", "right"]);
    assert_eq!((ignored.status, &ignored.end()["ignored"]), (0, &1.into()));
    let verbose = ground.run(&["--verbose", "left", "left"]);
    assert!(
        verbose.stderr.contains("left (left) is compared with left (right): 1 same"),
        "{verbose:?}"
    );
}

#[test]
fn standard_input_is_one_side_and_never_both() {
    let whole = stream(&[&row("n1", "aa")]);
    let ground = Ground::with(&whole, &whole);
    assert_eq!(ground.run_with(&["-", "right"], &whole).status, 0);
    assert_eq!(
        ground.run_with(&["left", "-"], "").failed_with(4, "standard input (right): is empty"),
        Ok(())
    );
    for wrong in [&["-", "-"][..], &["left"], &[], &["--ignore", "key", "left", "right"]] {
        assert_eq!(ground.run(wrong).failed_with(2, ""), Ok(()), "{wrong:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_failure_and_both_sides_are_named() {
    let ground = Ground::with(&stream(&[]), &stream(&[]));
    let missing = ground.run(&["left", "nowhere"]);
    assert_eq!(missing.failed_with(6, "nowhere (right): no such file or directory"), Ok(()));
    assert_eq!(missing.end()["not_trusted"], serde_json::json!(["right"]));
    let both = ground.run(&[".", "nowhere"]);
    assert_eq!(both.failed_with(6, ". (left): is a directory; nowhere (right): no such"), Ok(()));
    std::fs::write(ground.path("cut"), "{").unwrap();
    let mixed = ground.run(&["cut", "nowhere"]);
    assert_eq!(
        mixed.failed_with(6, "cut (left): is cut in the middle of a record; nowhere (right)"),
        Ok(())
    );
}

#[test]
fn differences_that_were_told_are_taken_back_by_the_end() {
    let rows: Vec<String> = (0..5000).map(|n| row(&format!("n{n}"), "aa")).collect();
    let other: Vec<String> = (0..5000).map(|n| row(&format!("n{n}"), "bb")).collect();
    let of = |rows: &[String]| stream(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let (left, right) = (of(&rows), of(&other));
    let ground = Ground::with(&left, &right[..right.len() - 100]);
    let ran = ground.run(&["left", "right"]);
    assert_eq!(ran.failed_with(4, "right (right): is cut"), Ok(()));
    assert!(ran.lines.len() > 4000);
    assert_eq!((&ran.end()["ok"], &ran.end()["status"]), (&false.into(), &4.into()));
}

#[test]
fn it_stops_quietly_when_its_reader_leaves() {
    let rows: Vec<String> = (0..20000).map(|n| row(&format!("n{n}"), "aa")).collect();
    let left = stream(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    // Who read on to its end would see that it is cut.
    let cut = left.replace("\"aa\"", "\"bb\"");
    let ground = Ground::with(&left, &cut[..cut.len() - 100]);
    let mut child = ground
        .command(&["left", "right"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(1), ""));
    assert!(first.contains("hadiff/1"));
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let ground = Ground::with(&stream(&[]), &stream(&[]));
    let output = ground.command(&["left", "right"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.contains("standard output")), (Some(6), true), "{said}");
}
