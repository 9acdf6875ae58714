//! Runs of zeros, the time of the far side, and a run whose time is over.

use crate::peer::hasync;
use crate::served::{Place, refused};
use crate::words::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ZEROS: u8 = 20;
const CLOCK: u8 = 21;

fn zeros(index: u64, length: u64) -> Message {
    message(ZEROS).number(0).number(index).number(length)
}

/// The digest of `data` with one run of zeros in it, as the page of the protocol tells it.
fn digest_with_run(data: &[u8], offset: u64, length: u64) -> [u8; 32] {
    let runs = digest(&[offset.to_le_bytes(), length.to_le_bytes()].concat());
    digest(&[digest(data), runs].concat())
}

#[test]
fn a_run_of_zeros_becomes_a_hole_or_zeros() {
    for sparse in [true, false] {
        let place = Place::new();
        let mut peer = place.standby(&json!({"sparse": sparse}));
        let size = 5 + (3 << 20) + 3;
        let entries = [entry(b"new", file_of(size))];
        for message in [head(0, 0, b"", 1, 0), list(0, &entries), walked()] {
            peer.send(&message);
        }
        assert!(peer.until(GET).is_some());
        let sum = digest_with_run(b"frontend", 5, 3 << 20);
        for message in [
            open(0, 0, size),
            data(0, 0, b"front"),
            zeros(0, 1 << 20),
            zeros(0, 2 << 20),
            data(0, 0, b"end"),
            close(0, 0, &sum),
        ] {
            peer.send(&message);
        }
        assert!(peer.until(DONE).is_some(), "{:?}", peer.told);
        peer.send(&bye());
        let ended = peer.end();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let new = place.destination.join("new");
        let expected = [&b"front"[..], &vec![0; 3 << 20], b"end"].concat();
        assert!(fs::read(&new).unwrap() == expected);
        let blocks = fs::metadata(&new).unwrap().blocks();
        assert_eq!(blocks < 100, sparse, "{blocks} blocks");
    }
}

#[test]
fn runs_of_zeros_that_no_file_has_are_refused() {
    for (what, length, words) in [
        ("none", 0, "a run of zeros that is too long"),
        ("more than may be told", (1 << 30) + 1, "a run of zeros that is too long"),
        ("all there could be", u64::MAX, "a run of zeros that is too long"),
        ("beyond the end", 300_001, "more of a file than it said"),
    ] {
        let place = Place::new();
        let mut peer = place.standby(&json!({"sparse": true}));
        let entries = [entry(b"new", file_of(300_000))];
        for message in [head(0, 0, b"", 1, 0), list(0, &entries)] {
            peer.send(&message);
        }
        assert!(peer.until(GET).is_some());
        peer.send(&open(0, 0, 300_000));
        peer.send(&zeros(0, length));
        peer.until_it_gives_up();
        refused(&peer.end(), words, what);
        place.is_untouched(what);
    }
}

#[test]
fn zeros_elsewhere_than_the_digest_says_are_asked_for_again() {
    let place = Place::new();
    let mut peer = place.standby(&json!({}));
    let entries = [entry(b"new", file_of(300_008))];
    for message in [head(0, 0, b"", 1, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    for _ in 0..2 {
        assert!(peer.until(GET).is_some());
        let sum = digest_with_run(b"frontend", 5, 300_000);
        for message in [
            open(0, 0, 300_008),
            data(0, 0, b"fron"),
            zeros(0, 300_000),
            data(0, 0, b"tend"),
            close(0, 0, &sum),
        ] {
            peer.send(&message);
        }
    }
    assert!(peer.until(DONE).is_some(), "{:?}", peer.told);
    peer.send(&bye());
    let ended = peer.end();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stderr.is_empty(), "{ended:?}");
    place.is_untouched("zeros elsewhere");
}

/// What a pull says whose far side is ahead by so many seconds.
fn pulled(ahead: i64) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let far = directory.path().join("far");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let told = (now + ahead * 1_000_000) as u64 * 2;
    let says = [
        GREETING.to_vec(),
        message(CLOCK).number(told).framed(),
        start(false).framed(),
        head(0, 0, b"", 0, 0).framed(),
        list(0, &[]).framed(),
        walked().framed(),
        bye().framed(),
    ];
    fs::write(directory.path().join("says"), says.concat()).unwrap();
    let script = format!("#!/bin/sh\ncat '{}/says'\ncat >/dev/null\n", directory.path().display());
    fs::write(&far, script).unwrap();
    fs::set_permissions(&far, fs::Permissions::from_mode(0o755)).unwrap();
    let destination = directory.path().join("to");
    let mut command: Command = hasync();
    let output = command.args(["-r", "-e"]).arg(&far).arg("far:/x/").arg(&destination).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn clocks_that_are_apart_are_told_and_stop_nothing() {
    for (ahead, warned) in [(0, false), (1, false), (100, true), (-100, true)] {
        let (status, stdout, stderr) = pulled(ahead);
        assert_eq!((status, &stderr[..]), (Some(0), ""), "{stdout}");
        let end: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        let skew = end["clock_skew_seconds"].as_f64().unwrap();
        assert!((skew - ahead as f64).abs() < 5.0, "{skew} where it is {ahead}");
        let words = if ahead > 0 { "ahead of this one's" } else { "behind this one's" };
        assert_eq!(stdout.contains(words), warned, "{stdout}");
    }
}

#[test]
fn a_run_whose_time_is_over_ends_in_order_and_deletes_nothing() {
    let place = Place::new();
    let mut peer = place.standby(&json!({"stop_after_seconds": 1, "delete": "after"}));
    let entries = [entry(b"first", file_of(3)), entry(b"large", file_of(300_000))];
    for message in [head(0, 0, b"", 2, 0), list(0, &entries)] {
        peer.send(&message);
    }
    assert!(peer.until(GET).is_some());
    let large = vec![7; 300_000];
    // Begun before the time is over, and finished after it.
    peer.send(&file(0, 0, b"new"));
    peer.send(&open(0, 1, 300_000));
    thread::sleep(Duration::from_millis(1500));
    for message in [data(0, 1, &large), close(0, 1, &digest(&large))] {
        peer.send(&message);
    }
    let done = peer.until(DONE).expect("it says that it is done");
    let done = String::from_utf8_lossy(&done).into_owned();
    assert!(done.contains("--stop-after") && done.contains("busy"), "{done}");
    peer.send(&bye());
    assert_eq!(peer.end().status, Some(5));
    assert_eq!(place.names(), ["first", "large", "old", "small"]);
    assert!(fs::read(place.destination.join("large")).unwrap() == large);
}

#[test]
fn a_run_whose_time_is_over_in_a_long_list_asks_no_more_and_what_is_delayed_waits() {
    let place = Place::new();
    let options =
        json!({"stop_after_seconds": 1, "delay_updates": true, "partial_dir": b".~tmp~".to_vec()});
    let mut peer = place.standby(&options);
    let names: Vec<_> = (0..90).map(|n| format!("f{n:02}").into_bytes()).collect();
    let entries: Vec<_> = names.iter().map(|name| entry(name, file_of(300_000))).collect();
    for message in [head(0, 0, b"", 90, 0), list(0, &entries)] {
        peer.send(&message);
    }
    let content = vec![7; 300_000];
    let mut asked = 0;
    let done = loop {
        let frame = peer.next().expect("it says that it is done");
        if frame[0] == DONE {
            break String::from_utf8_lossy(&frame).into_owned();
        }
        if frame[0] != GET {
            continue;
        }
        if asked == 0 {
            thread::sleep(Duration::from_millis(1500));
        }
        for message in
            [open(0, asked, 300_000), data(0, asked, &content), close(0, asked, &digest(&content))]
        {
            peer.send(&message);
        }
        asked += 1;
    };
    assert!(done.contains("nothing was put in place"), "{done}");
    assert!((10..80).contains(&asked), "{asked} were asked for");
    peer.send(&bye());
    assert_eq!(peer.end().status, Some(5));
    assert!(!place.names().iter().any(|name| name.starts_with('f')), "{:?}", place.names());
    let waiting = fs::read_dir(place.destination.join(".~tmp~")).unwrap().count();
    assert_eq!(waiting as u64, asked);
}

#[test]
fn the_rest_of_a_file_is_taken_only_where_it_was_asked_for() {
    let from = |from: u64| {
        let stamp = file_of(400_000);
        message(OPEN).number(0).number(0).stamp(&stamp).number(from)
    };
    for (what, options, begins) in [
        ("nobody asked", json!({}), 300_000),
        ("another place", json!({"append_verify": true, "inplace": true}), 1),
        ("beyond the end", json!({"append_verify": true, "inplace": true}), 400_001),
        ("all there could be", json!({"append_verify": true, "inplace": true}), u64::MAX),
    ] {
        let place = Place::new();
        let mut peer = place.standby(&options);
        for message in [head(0, 0, b"", 1, 0), list(0, &[entry(b"old", file_of(400_000))])] {
            peer.send(&message);
        }
        assert!(peer.until(GET).is_some());
        peer.send(&from(begins));
        peer.until_it_gives_up();
        refused(&peer.end(), "a file whose beginning is not here", what);
        place.is_untouched(what);
    }
}
