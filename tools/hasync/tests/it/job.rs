//! Greetings and jobs that `hasync --serve` refuses, and what `--root` and `--read-only` keep.

use crate::peer::{Ended, Peer};
use crate::served::{Place, names, refused};
use crate::words::*;
use serde_json::json;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

fn ended_after(bytes: &[u8]) -> Ended {
    let mut peer = Peer::served(&[]);
    peer.raw(bytes);
    peer.end()
}

#[test]
fn who_does_not_greet_is_refused() {
    let long = [b'x'; 5000];
    for greeting in [
        &b"Welcome to standby!\n"[..],
        b"\n",
        b"hasync-protocol 2 2\n",
        b"hasync-protocol 2 2 hasync/1 more\n",
        b"hasync-protocol one two hasync/1\n",
        b"hasync-protocol 2 2 hasync/1",
        b"\xff\xfe\0\0\n",
        &long,
    ] {
        let ended = ended_after(greeting);
        let shown = String::from_utf8_lossy(greeting);
        assert_eq!(ended.status, Some(6), "{shown}: {ended:?}");
    }
}

#[test]
fn a_version_that_only_one_speaks_is_refused_with_both_named() {
    let ended = ended_after(b"hasync-protocol 3 9 hasync/9.0\n");
    refused(&ended, "hasync/9.0 and speaks protocol 3 to 9", "newer");
    let ended = ended_after(b"hasync-protocol 0 0 hasync/0.0\n");
    refused(&ended, "speaks 2 to 2", "older");
}

#[test]
fn a_job_that_is_none_is_refused() {
    let after = |job: &[u8]| ended_after(&[GREETING, job].concat());
    let frame = |text: &str| after(&framed(text.as_bytes()));
    refused(&after(b""), "", "nothing");
    refused(&after(&[1, 0]), "", "half a length");
    refused(&frame("{"), "does not understand", "no JSON");
    refused(&frame("[]"), "does not understand", "no object");
    let header = r#"{"role":"standby","options":{"teleport":true},"has_list":false}"#;
    refused(&frame(header), "teleport", "an option of a later version");
    let header = r#"{"role":"king","options":{},"has_list":false}"#;
    refused(&frame(header), "king", "a role of a later version");
    let no_end = [job("standby", &json!({}), &[]), framed(b"no-null")].concat();
    let unterminated = no_end[..no_end.len() - 12].to_vec();
    assert_eq!(after(&unterminated).status, Some(6));
    let path = br#"{"role":"standby","options":{},"has_list":false}"#;
    refused(&after(&[framed(path), framed(b"no-null")].concat()), "do not end", "paths");
    let two = job("standby", &json!({}), &[b"/a", b"/b"]);
    refused(&after(&two), "without one destination", "two destinations");
    let none = job("standby", &json!({}), &[]);
    refused(&after(&none), "without one destination", "no destination");
}

/// What a standby with these arguments answers when it is to change this path.
fn asked_for(arguments: &[&str], path: &[u8], options: &serde_json::Value) -> Ended {
    let mut peer = Peer::served(arguments);
    peer.greet();
    peer.raw(&job("standby", options, &[path]));
    peer.send(&start(false));
    if peer.until(READY).is_some() {
        for message in [head(0, 0, b"", 1, 0), list(0, &[entry(b"new", file_of(3))]), walked()] {
            peer.send(&message);
        }
        while let Some(frame) = peer.next() {
            match frame[0] {
                GET => peer.send(&file(0, 0, b"new")),
                DONE => peer.send(&bye()),
                _ => {}
            }
        }
    }
    peer.end()
}

#[test]
fn nothing_outside_the_root_is_changed() {
    let place = Place::new();
    let root = place.destination.to_str().unwrap().to_owned();
    fs::create_dir(place.destination.join("sub")).unwrap();
    symlink(&place.outside, place.destination.join("out")).unwrap();
    symlink("sub", place.destination.join("in")).unwrap();
    let outside = place.outside.as_os_str().as_bytes();
    let up = [place.path(), b"/../outside"].concat();
    let beside = [place.path(), b"-not"].concat();
    for path in [
        outside,
        &up,
        &beside,
        b"..",
        b"../outside",
        b"sub/../../outside",
        b"sub/..",
        b"out",
        b"out/",
        b"in",
        b"in/x",
        b"/",
        b"/etc",
    ] {
        let ended = asked_for(&["--root", &root], path, &json!({}));
        let shown = String::from_utf8_lossy(path);
        assert_eq!(ended.status, Some(6), "{shown}: {ended:?}");
        place.outside_is_untouched(&shown);
    }
    assert_eq!(place.names(), ["in", "old", "out", "small", "sub"]);
    let inside = [place.path(), b"/sub"].concat();
    for path in [&inside[..], b"sub", b"./sub/", b"sub/made"] {
        let ended = asked_for(&["--root", &root], path, &json!({}));
        let shown = String::from_utf8_lossy(path);
        assert_eq!(ended.status, Some(0), "{shown}: {ended:?}");
    }
    assert_eq!(names(&place.destination.join("sub")), ["made", "new"]);
    place.outside_is_untouched("all");
}

#[test]
fn a_root_may_end_with_a_slash() {
    let place = Place::new();
    let root = format!("{}/", place.destination.to_str().unwrap());
    let ended = asked_for(&["--root", &root], place.path(), &json!({}));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    fs::create_dir(place.destination.join("sub")).unwrap();
    let inside = [place.path(), b"/sub"].concat();
    let ended = asked_for(&["--root", &root], &inside, &json!({}));
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[test]
fn nothing_is_changed_read_only() {
    let place = Place::new();
    let ended = asked_for(&["--read-only"], place.path(), &json!({}));
    refused(&ended, "--read-only", "a standby");
    place.is_untouched("read only");
    let ended = asked_for(&["--read-only"], place.path(), &json!({"dry_run": true}));
    assert_eq!(ended.status, Some(0), "a dry run changes nothing: {ended:?}");
    place.is_untouched("a dry run");
}
