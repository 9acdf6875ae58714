//! A source or a standby that dies, at each message of a run that goes well.

use crate::peer::Peer;
use crate::served::{Place, old_data};
use crate::words::*;
use serde_json::json;
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// A run that brings a small file, a difference, a directory with a file, and a link. The source
/// says only so many messages; true when that was all of them.
fn run(peer: &mut Peer, new: &[u8], mut messages: usize) -> bool {
    let mut say = |peer: &mut Peer, message: Message| {
        let goes_on = messages > 0;
        messages = messages.saturating_sub(1);
        if goes_on {
            peer.send(&message);
        }
        goes_on
    };
    let entries = [
        entry(b"d", directory_stamp()),
        link(b"link", b"small"),
        entry(b"old", file_of(new.len() as u64)),
        entry(b"small", file_of(3)),
    ];
    for message in [
        head(0, 0, b"", 4, 1),
        list(0, &entries),
        head(1, 0, b"d", 1, 0),
        list(1, &[entry(b"inner", file_of(5))]),
        walked(),
    ] {
        if !say(peer, message) {
            return false;
        }
    }
    // Which files are asked for first is not said.
    for _ in 0..3 {
        assert!(peer.until(GET).is_some(), "{:?}", peer.told);
    }
    for message in [
        file(0, 3, b"new"),
        open(0, 2, new.len() as u64),
        data(0, 2, b"front"),
        copy(0, 2, 0, 300_000),
        close(0, 2, &digest(new)),
        file(1, 0, b"inner"),
    ] {
        if !say(peer, message) {
            return false;
        }
    }
    assert!(peer.until(DONE).is_some(), "{:?}", peer.told);
    say(peer, bye())
}

/// Under each final name there is the old file or the new one.
fn is_whole(place: &Place, new: &[u8], why: &str) {
    let read = |name: &str| fs::read(place.destination.join(name)).ok();
    let old = read("old").unwrap();
    assert!(old == old_data() || old == new, "{why}: {} bytes", old.len());
    let small = read("small").unwrap();
    assert!(small == b"small" || small == b"new", "{why}: {small:?}");
    let inner = read("d/inner");
    assert!(inner.is_none() || inner.as_deref() == Some(b"inner"), "{why}");
    for name in place.names() {
        assert!(["d", "link", "old", "small"].contains(&&name[..]), "{why}: {name} was left");
    }
    if let Ok(directory) = fs::read_dir(place.destination.join("d")) {
        for name in directory {
            assert_eq!(name.unwrap().file_name(), "inner", "{why}");
        }
    }
}

#[test]
fn a_source_that_dies_at_any_message_leaves_whole_files_and_nothing_else() {
    let new = [&b"front"[..], &old_data()].concat();
    for messages in 0.. {
        let place = Place::new();
        let mut peer = place.standby(&json!({}));
        let all = run(&mut peer, &new, messages);
        let ended = peer.end();
        let why = format!("after {messages} messages: {ended:?}");
        is_whole(&place, &new, &why);
        if all {
            assert_eq!(ended.status, Some(0), "{why}");
            assert!(fs::read(place.destination.join("old")).unwrap() == new);
            assert_eq!(fs::read(place.destination.join("d/inner")).unwrap(), b"inner");
            return;
        }
        assert_eq!(ended.status, Some(6), "{why}");
        assert!(messages < 20, "the run never ends");
    }
}

#[test]
fn a_source_that_dies_in_a_frame_is_one_that_died() {
    let frames = [head(0, 0, b"", 1, 0), list(0, &[entry(b"new", file_of(9))])];
    let bytes: Vec<u8> = frames.iter().flat_map(Message::framed).collect();
    for cut in 1..bytes.len() {
        let place = Place::new();
        let mut peer = place.standby(&json!({}));
        peer.raw(&bytes[..cut]);
        let ended = peer.end();
        assert_eq!(ended.status, Some(6), "{cut}: {ended:?}");
        place.is_untouched("a frame that is cut");
    }
}

#[test]
fn a_source_that_says_why_it_stops_is_believed() {
    for (kind, status) in [("busy", 5), ("failed", 6), ("input", 4), ("nonsense", 6)] {
        let place = Place::new();
        let mut peer = place.standby(&json!({}));
        let fatal = message(FATAL).string(kind.as_bytes()).string(b"disk").string(b"is\nlost");
        peer.send(&fatal);
        let ended = peer.end();
        assert_eq!(ended.status, Some(status), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        place.is_untouched(kind);
    }
}

#[test]
fn a_standby_that_dies_at_any_message_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("large"), old_data()).unwrap();
    fs::write(directory.path().join("small"), "small").unwrap();
    let path = [directory.path().as_os_str().as_bytes(), b"/"].concat();
    let messages = [ready(), get(0, 0, Some(300_000)), blocks(0, 0, 74), get(0, 1, None), done()];
    for count in 0..=messages.len() {
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("source", &json!({}), &[&path]));
        for (number, message) in messages[..count].iter().enumerate() {
            peer.send(message);
            if number == 0 {
                assert!(peer.until(HEAD).is_some());
            }
        }
        let ended = peer.end();
        let expected = if count == messages.len() { 0 } else { 6 };
        assert_eq!(ended.status, Some(expected), "after {count} messages: {ended:?}");
    }
}
