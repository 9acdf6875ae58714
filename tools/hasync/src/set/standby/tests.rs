//! A primary that says what none of ours would.

use super::*;
use crate::wire::{read_frame, write_frame};
use ha_json::{Value, json};
use proptest::prelude::*;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// What `serve` makes of these frames, and what it answers.
fn answers(frames: &[Vec<u8>]) -> (Result<(), Error>, Vec<Value>) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let pipe = |stream: &UnixStream| {
        let file = File::from(OwnedFd::from(stream.try_clone().unwrap()));
        Counted::counting(file, std::sync::Arc::default(), Duration::from_secs(10))
    };
    for frame in frames {
        write_frame(&mut ours, frame).unwrap();
    }
    ours.shutdown(Shutdown::Write).unwrap();
    let result = serve(&pipe(&theirs), &pipe(&theirs), None, 30);
    // The thread that says it is still here may have the line for a moment yet.
    theirs.shutdown(Shutdown::Both).unwrap();
    let mut all = Vec::new();
    ours.read_to_end(&mut all).unwrap();
    let (mut rest, mut frame, mut said) = (&all[..], Vec::new(), Vec::new());
    while read_frame(&mut rest, &mut frame).unwrap() {
        said.push(serde_json::from_slice(&frame).unwrap());
    }
    (result, said)
}

fn begin(root: &Path, group: Value) -> Value {
    json!({"begin": {
        "group": group, "root": root, "state": null,
        "role": {"generation": 1, "primary": "mn1", "since": "2026-11-30T00:00:00Z"},
        "names": [], "substitutions": {}, "dry_run": false, "accept_loss": false,
        "lock_wait_seconds": 1,
    }})
}

fn frames(values: &[Value]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_string().into_bytes()).collect()
}

#[test]
fn what_is_out_of_turn_or_leads_elsewhere_ends_the_line() {
    let root = tempfile::tempdir().unwrap();
    let group = || json!({"name": "g", "paths": ["/d"]});
    let listed = |path: &str| {
        json!({"listed": [{"path": path, "kind": "file", "size": 0,
            "modified": {"seconds": 0, "nanoseconds": 0}}]})
    };
    let missing = |path: &str| json!({"commit": {"complete": true, "missing": [path]}});
    for (asked, words) in [
        (vec![json!({"commit": {"complete": true}})], "not begun"),
        (vec![json!("stage")], "not begun"),
        (vec![listed("d")], "not begun"),
        (vec![begin(root.path(), group()), begin(root.path(), group())], "a group in a group"),
        (vec![begin(root.path(), group()), listed("../d")], "leads elsewhere"),
        (vec![begin(root.path(), group()), listed("/d")], "leads elsewhere"),
        (vec![begin(root.path(), group()), listed("d//e")], "leads elsewhere"),
        (vec![begin(root.path(), group()), missing("/d/e")], "not the group's"),
        (vec![begin(root.path(), group()), missing("")], "not the group's"),
        (
            vec![begin(root.path(), group()), json!({"listed": [{"path": {"hexadecimal": "6"}}]})],
            "not understood",
        ),
        (vec![begin(root.path(), group()), json!({"delete": "everything"})], "not understood"),
    ] {
        let (result, said) = answers(&frames(&asked));
        let told = said.iter().find_map(|answer| answer["failed"]["why"].as_str());
        let why = result.as_ref().err().map(|error| error.why.as_str()).or(told);
        assert!(why.is_some_and(|why| why.contains(words)), "{asked:?}: {result:?} {said:?}");
    }
    assert!(!root.path().join("d").exists());
}

#[test]
fn a_group_that_no_document_could_have_is_refused_and_the_next_one_taken() {
    let root = tempfile::tempdir().unwrap();
    let bad = [
        json!({"name": "../g", "paths": ["/d"]}),
        json!({"name": "g", "paths": ["/../etc"]}),
        json!({"name": "g", "paths": ["/var"]}),
        json!({"name": "g", "paths": ["/d"], "store": "/../tmp"}),
    ];
    let mut asked: Vec<_> = bad.iter().map(|group| begin(root.path(), group.clone())).collect();
    asked.push(begin(root.path(), json!({"name": "g", "paths": ["/d"]})));
    asked.push(json!({"commit": {"complete": true}}));
    let (result, said) = answers(&frames(&asked));
    result.unwrap();
    let failed = said.iter().filter(|answer| answer["failed"]["kind"] == "usage").count();
    assert_eq!(failed, bad.len(), "{said:?}");
    assert_eq!(said.last().unwrap()["done"]["outcome"], "unchanged", "{said:?}");
}

#[test]
fn a_path_alone_is_the_groups_and_nothing_is_done_for_it() {
    let root = tempfile::tempdir().unwrap();
    let kept = root.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("file"), "").unwrap();
    let asked = |only: &str, dry_run: bool| {
        let mut begin = begin(root.path(), json!({"name": "g", "paths": ["/d"]}));
        begin["begin"]["only"] = only.into();
        begin["begin"]["dry_run"] = dry_run.into();
        answers(&frames(&[begin])).1
    };
    let said = asked("/d/link", true);
    let stage = said[0]["begun"]["stage"].as_str().unwrap_or_else(|| panic!("{said:?}"));
    std::fs::create_dir(Path::new(stage).join("d")).unwrap();
    std::os::unix::fs::symlink(&kept, Path::new(stage).join("d/link")).unwrap();
    assert!(asked("/d/link/file", true)[0]["begun"].is_object());
    for (only, dry_run) in
        [("/d", false), ("/e", true), ("/d/../kept", true), ("/d//", true), ("d", true), ("", true)]
    {
        let said = asked(only, dry_run);
        assert!(said[0]["failed"]["why"].is_string(), "{only}: {said:?}");
    }
    assert!(kept.join("file").exists());
    assert!(asked("/d", true)[0]["begun"].is_object());
    assert!(!Path::new(stage).join("d").exists() && kept.join("file").exists());
}

#[test]
fn a_run_goes_to_where_the_group_waits_and_nowhere_else() {
    let root = tempfile::tempdir().unwrap();
    let mut asked =
        frames(&[begin(root.path(), json!({"name": "g", "paths": ["/d"]})), json!("stage")]);
    asked.push(
        json!({"role": "standby", "options": {}, "has_list": false}).to_string().into_bytes(),
    );
    asked.push(b"/tmp\0\0".to_vec());
    let (_, said) = answers(&asked);
    let why = said.last().unwrap()["failed"]["why"].as_str().unwrap().to_owned();
    assert!(why.contains("to another place"), "{said:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_question_or_the_end_of_the_line(soup in proptest::collection::vec(any::<u8>(), 2..200)) {
        let (result, _) = answers(&[soup]);
        prop_assert!(result.is_err());
    }
}
