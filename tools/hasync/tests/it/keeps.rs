//! What a standby keeps although the source, within the protocol, would have it otherwise.

use crate::served::{Place, old_data, refused};
use crate::words::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn content_that_is_twice_another_than_its_digest_says_leaves_the_old_file() {
    let place = Place::new();
    let mut peer = place.standby(&json!({}));
    let entries = [entry(b"old", file_of(300_000)), entry(b"small", file_of(4))];
    for message in [head(0, 0, b"", 2, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    for _ in 0..2 {
        assert!(peer.until(GET).is_some());
    }
    let wrong = [7; 32];
    let bad_small = file_with(0, 1, 4, &wrong, b"evil");
    let bad_large = [open(0, 0, 4), data(0, 0, b"evil"), close(0, 0, &wrong)];
    peer.send(&bad_small);
    bad_large.iter().for_each(|message| peer.send(message));
    // Both are asked for once more, whole.
    for _ in 0..2 {
        let again = peer.until(GET).unwrap();
        assert_eq!(again.last(), Some(&0), "whole");
    }
    peer.send(&bad_small);
    bad_large.iter().for_each(|message| peer.send(message));
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    let told = peer.told.clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|event| event.contains("digest_mismatch")), "{told:?}");
    // What failed is told to the source's end, whose status is 3.
    assert_eq!(peer.end().status, Some(0));
    place.is_untouched("a digest that is wrong");
}

#[test]
fn a_digest_that_is_right_but_for_its_last_byte_is_wrong() {
    let place = Place::new();
    let mut peer = place.standby(&json!({"whole_file": true}));
    let entries = [entry(b"old", file_of(300_000)), entry(b"small", file_of(4))];
    for message in [head(0, 0, b"", 2, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    let all_but_one = |data: &[u8]| {
        let mut digest = digest(data);
        digest[31] ^= 1;
        digest
    };
    let large = vec![7; 300_000];
    for _ in 0..2 {
        for _ in 0..2 {
            assert!(peer.until(GET).is_some());
        }
        peer.send(&file_with(0, 1, 4, &all_but_one(b"evil"), b"evil"));
        for message in [open(0, 0, 300_000), data(0, 0, &large), close(0, 0, &all_but_one(&large))]
        {
            peer.send(&message);
        }
    }
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert!(peer.told.iter().all(|event| event.contains("digest_mismatch")), "{:?}", peer.told);
    peer.end();
    place.is_untouched("a digest that is wrong in its last byte");
}

/// A source that wants hashes of what it may not read says that it has a file of that name.
#[test]
fn what_is_behind_a_link_is_never_compared_or_told() {
    let place = Place::new();
    fs::write(place.outside.join("secret"), old_data()).unwrap();
    fs::remove_file(place.destination.join("old")).unwrap();
    symlink("../outside/secret", place.destination.join("old")).unwrap();
    symlink("../outside", place.destination.join("sub")).unwrap();
    for (options, attempt) in [
        (json!({}), Some(ask_blocks(0, 0))),
        (json!({}), Some(ask_rolling(0, 0, 300_000, false))),
        (json!({}), Some(copy(0, 0, 0, 300_000))),
        (json!({"checksum": true}), None),
        (json!({"checksum": true, "dry_run": true, "verify": true}), None),
    ] {
        let mut peer = place.standby(&options);
        let entries = [entry(b"old", file_of(300_000)), entry(b"sub", directory_stamp())];
        for message in [
            head(0, 0, b"", 2, 1),
            list(0, &entries),
            head(1, 0, b"sub", 1, 0),
            list(1, &[entry(b"secret", file_of(300_000))]),
            walked(),
        ] {
            peer.send(&message);
        }
        let mut opened = false;
        while let Some(frame) = peer.next() {
            assert!(![BLOCKS, ROLLING].contains(&frame[0]), "{options}: hashes were told");
            match frame[0] {
                GET => {
                    // Whole, and neither with a digest nor with a length of what is here.
                    assert!(frame.len() <= 6, "{options}: {frame:?}");
                    if let Some(attempt) = attempt.as_ref().filter(|_| !opened && frame[1] == 0) {
                        peer.send(&open(0, 0, 300_000));
                        peer.send(attempt);
                        opened = true;
                    }
                }
                DONE => peer.send(&bye()),
                FATAL => break,
                _ => {}
            }
            if attempt.is_none() && frame[0] == GET {
                break;
            }
        }
        drop(peer);
        assert_eq!(fs::read(place.outside.join("secret")).unwrap(), old_data(), "{options}");
        assert_eq!(fs::read(place.outside.join("file")).unwrap(), b"outside", "{options}");
        let _ = fs::remove_file(place.destination.join("old"));
        let _ = fs::remove_dir_all(place.destination.join("sub"));
        let _ = fs::remove_file(place.destination.join("sub"));
        symlink("../outside/secret", place.destination.join("old")).unwrap();
        symlink("../outside", place.destination.join("sub")).unwrap();
    }
}

#[test]
fn content_that_is_right_the_second_time_is_taken() {
    let place = Place::new();
    let mut peer = place.standby(&json!({}));
    let entries = [entry(b"small", file_of(4))];
    for message in [head(0, 0, b"", 1, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    assert!(peer.until(GET).is_some());
    peer.send(&file_with(0, 0, 4, &[7; 32], b"evil"));
    assert!(peer.until(GET).is_some());
    peer.send(&file(0, 0, b"good"));
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert!(peer.told.is_empty(), "{:?}", peer.told);
    assert_eq!(peer.end().status, Some(0));
    assert_eq!(fs::read(place.destination.join("small")).unwrap(), b"good");
}

#[test]
fn a_close_before_all_bytes_came_is_no_file() {
    let place = Place::new();
    let mut peer = place.standby(&json!({}));
    for message in [head(0, 0, b"", 1, 0), list(0, &[entry(b"new", file_of(300_000))]), walked()] {
        peer.send(&message);
    }
    for _ in 0..2 {
        assert!(peer.until(GET).is_some());
        peer.send(&open(0, 0, 300_000));
        peer.send(&data(0, 0, b"half"));
        peer.send(&close(0, 0, &digest(b"half")));
    }
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert!(peer.told[0].contains("digest_mismatch"), "{:?}", peer.told);
    peer.end();
    place.is_untouched("half a file");
}

#[test]
fn nothing_is_written_through_a_link() {
    for (what, entries, there) in [
        ("a link that the source names", vec![link(b"d", b"../outside")], false),
        ("a link that is there", vec![entry(b"d", directory_stamp())], true),
        (
            "a directory, and then a link of its name",
            vec![entry(b"d", directory_stamp()), link(b"d", b"../outside")],
            false,
        ),
        (
            "a link, and then a directory of its name",
            vec![link(b"d", b"../outside"), entry(b"d", directory_stamp())],
            false,
        ),
    ] {
        let place = Place::new();
        if there {
            symlink(&place.outside, place.destination.join("d")).unwrap();
        }
        let mut peer = place.standby(&json!({}));
        let count = entries.len() as u64;
        for message in [
            head(0, 0, b"", count, 1),
            list(0, &entries),
            head(1, 0, b"d", 1, 0),
            list(1, &[entry(b"file", file_of(4))]),
            walked(),
        ] {
            peer.send(&message);
        }
        while let Some(frame) = peer.next() {
            if frame[0] == GET {
                peer.send(&file(1, 0, b"evil"));
            }
            if frame[0] == DONE {
                peer.send(&bye());
                break;
            }
        }
        peer.end();
        place.outside_is_untouched(what);
    }
}

#[test]
fn nothing_is_deleted_through_a_link() {
    let place = Place::new();
    symlink(&place.outside, place.destination.join("d")).unwrap();
    let mut peer = place.standby(&json!({"delete": "after"}));
    // The source says that d is the link it is, and that it is a directory with nothing in it.
    let entries =
        [link(b"d", place.outside.to_str().unwrap().as_bytes()), entry(b"old", file_of(1))];
    for message in [head(0, 0, b"", 2, 1), list(0, &entries), head(1, 0, b"d", 0, 0), list(1, &[])]
    {
        peer.send(&message);
    }
    peer.send(&walked());
    while let Some(frame) = peer.next() {
        match frame[0] {
            GET => peer.send(&file(0, 1, b"x")),
            DONE => {
                peer.send(&bye());
                break;
            }
            _ => {}
        }
    }
    peer.end();
    place.outside_is_untouched("a delete");
}

#[test]
fn deletions_stay_in_directories_that_were_read_whole() {
    let run = |messages: &[Message]| {
        let place = Place::new();
        fs::create_dir(place.destination.join("d")).unwrap();
        fs::write(place.destination.join("d/inner"), "x").unwrap();
        let mut peer = place.standby(&json!({"delete": "after"}));
        messages.iter().for_each(|message| peer.send(message));
        peer.send(&walked());
        assert!(peer.until(DONE).is_some());
        peer.send(&bye());
        let told = peer.told.join(" ");
        assert_eq!(peer.end().status, Some(0));
        let inner = place.destination.join("d/inner").exists();
        place.outside_is_untouched("a delete");
        (place.names(), inner, told)
    };
    let d = || [entry(b"d", directory_stamp())];
    let all = ["d", "old", "small"].map(String::from).to_vec();
    // Told whole and empty: all of it goes.
    let (names, ..) = run(&[head(0, 0, b"", 0, 0), list(0, &[])]);
    assert!(names.is_empty(), "{names:?}");
    // Not whole: nothing goes there, but what is beneath and whole does.
    let (names, inner, _) = run(&[
        head_whole(0, 0, b"", 1, 1, false),
        list(0, &d()),
        head(1, 0, b"d", 0, 0),
        list(1, &[]),
    ]);
    assert_eq!((names, inner), (all.clone(), false));
    // Told, and never listed: nothing goes.
    let (names, inner, _) = run(&[head(0, 0, b"", 1, 0), list(0, &d())]);
    assert_eq!((names, inner), (vec!["d".to_owned()], true));
    // Something could not be read: nothing goes anywhere.
    let messages = [trouble(b"x"), head(0, 0, b"", 0, 0), list(0, &[])];
    let (names, inner, told) = run(&messages);
    assert_eq!((names, inner), (all.clone(), true));
    assert!(told.contains("deletions_held_back"), "{told}");
    let messages = [head(0, 0, b"", 0, 0), list(0, &[]), trouble(b"x")];
    assert_eq!(run(&messages).0, all, "trouble that is told last counts, too");
}

#[test]
fn nothing_is_deleted_before_the_end_is_seen() {
    let place = Place::new();
    let mut peer = place.standby(&json!({"delete": "after"}));
    peer.send(&head(0, 0, b"", 0, 0));
    peer.send(&list(0, &[]));
    refused(&peer.end(), "went away in the middle", "no Walked");
    place.is_untouched("no Walked");
    let place = Place::new();
    let mut peer = place.standby(&json!({"delete": "after"}));
    let lost = message(14).number(0).number(0).string(b"vanished").string(b"gone");
    for message in [head(0, 0, b"", 1, 0), list(0, &[entry(b"new", file_of(4))]), walked()] {
        peer.send(&message);
    }
    assert!(peer.until(GET).is_some());
    peer.send(&lost);
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert!(peer.told.join(" ").contains("deletions_held_back"), "{:?}", peer.told);
    peer.end();
    place.is_untouched("a file that was lost");
}

#[test]
fn a_dry_run_writes_nothing_whatever_comes() {
    let place = Place::new();
    let mut peer = place.standby(&json!({"dry_run": true, "delete": "after", "checksum": true}));
    let entries = [entry(b"new", file_of(4)), entry(b"small", file_of(5)), link(b"z", b"x")];
    for message in [head(0, 0, b"", 3, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    assert!(peer.until(GET).is_some(), "the content of small is compared");
    peer.send(&file(0, 1, b"evil!"));
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert_eq!(peer.end().status, Some(0));
    place.is_untouched("a dry run");
}

#[test]
fn a_difference_is_put_together_from_old_and_new() {
    let place = Place::new();
    let old = old_data();
    let new = [&b"front"[..], &old[1000..200_000], b"end"].concat();
    let mut peer = place.standby(&json!({}));
    for message in [head(0, 0, b"", 1, 0), list(0, &[entry(b"old", file_of(new.len() as u64))])] {
        peer.send(&message);
    }
    peer.send(&walked());
    assert!(peer.until(GET).is_some());
    for message in [
        open(0, 0, new.len() as u64),
        data(0, 0, b"front"),
        copy(0, 0, 1000, 199_000),
        data(0, 0, b"end"),
        close(0, 0, &digest(&new)),
    ] {
        peer.send(&message);
    }
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    assert_eq!(peer.end().status, Some(0));
    assert!(fs::read(place.destination.join("old")).unwrap() == new);
}
