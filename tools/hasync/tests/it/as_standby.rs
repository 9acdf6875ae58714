//! A standby that breaks the protocol, to `hasync --serve` as a source.

use crate::peer::Peer;
use crate::served::old_data;
use crate::words::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

fn source(options: &Value) -> (tempfile::TempDir, Peer) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "a").unwrap();
    fs::write(directory.path().join("old"), old_data()).unwrap();
    let mut peer = Peer::served(&[]);
    peer.greet();
    let path = [directory.path().as_os_str().as_bytes(), b"/"].concat();
    peer.raw(&job("source", options, &[&path]));
    assert!(peer.until(START).is_some(), "{:?}", peer.told);
    (directory, peer)
}

/// Hears the words in the Fatal, and in the end the status.
fn is_refused(mut peer: Peer, words: &str, what: &str) {
    assert!(peer.until(99).is_none(), "{what}: the source said something else");
    assert!(peer.told.join(" ").contains(words), "{what}: {:?}", peer.told);
    assert_eq!(peer.end().status, Some(6), "{what}");
}

#[test]
fn requests_for_what_was_not_told() {
    for (what, words, messages) in [
        ("before ready", "released", vec![get(0, 0, None)]),
        ("no such directory", "released", vec![ready(), get(77, 0, None)]),
        ("a second ready", "one ready too many", vec![ready(), ready()]),
        ("an unknown type", "unknown type", vec![ready(), message(88)]),
        (
            "a plea of no kind",
            "a request of an unknown type",
            vec![message(GET).number(0).number(1).number(0).byte(9).byte(0)],
        ),
        ("a count of pleas", "a count", vec![message(GET).number(0).number(1 << 30)]),
        ("an event of no kind", "an unknown event", vec![message(EVENT).byte(9)]),
        ("a done that is cut", "is cut", vec![message(DONE).number(1)]),
    ] {
        let (_directory, mut peer) = source(&json!({}));
        messages.iter().for_each(|message| peer.send(message));
        is_refused(peer, words, what);
    }
    for (what, words, plea) in [
        ("a place that is not listed", "not listed", get(0, 2, None)),
        ("the last place there is", "not listed", get(0, u64::from(u32::MAX), None)),
        ("a place of 33 bits", "32 bits", get(0, 1 << 32, None)),
    ] {
        let (_directory, mut peer) = source(&json!({}));
        peer.send(&ready());
        assert!(peer.until(HEAD).is_some());
        peer.send(&plea);
        is_refused(peer, words, what);
    }
}

#[test]
fn a_walk_is_told_once_more_only_to_who_deletes_before_and_has_heard_its_end() {
    let before = json!({"delete": "before", "recursive": true});
    let (_directory, mut peer) = source(&before);
    for _ in 0..2 {
        peer.send(&ready());
        assert!(peer.until(HEAD).is_some(), "{:?}", peer.told);
        assert!(peer.until(WALKED).is_some(), "{:?}", peer.told);
    }
    peer.send(&ready());
    is_refused(peer, "one ready too many", "a third ready");
    let (_directory, mut peer) = source(&json!({"delete": "after", "recursive": true}));
    peer.send(&ready());
    assert!(peer.until(WALKED).is_some());
    peer.send(&ready());
    is_refused(peer, "one ready too many", "a second ready without need");
    // The walk waits for room in the pipe: nobody has heard its end.
    let (directory, mut peer) = source(&before);
    for name in 0..4000 {
        fs::create_dir(directory.path().join(format!("{name:0>200}"))).unwrap();
    }
    peer.send(&ready());
    peer.send(&ready());
    is_refused(peer, "one ready too many", "a ready before the end");
}

#[test]
fn a_directory_that_was_released_is_not_asked_again() {
    let (_directory, mut peer) = source(&json!({}));
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    peer.send(&message(4).number(0));
    peer.send(&get(0, 0, None));
    is_refused(peer, "released", "a get after the release");
}

/// Asks for the difference of the large file to one that is so long, and says so many blocks.
fn difference(peer: &mut Peer, length: u64, count: usize) {
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    peer.send(&get(0, 1, Some(length)));
    peer.send(&blocks(0, 1, count));
    assert!(peer.until(OPEN).is_some());
}

#[test]
fn signatures_of_another_form_are_refused() {
    let header =
        |block: u32, hash: u32| [0x7273_0136u32, block, hash].map(u32::to_be_bytes).concat();
    let right_length = |header: Vec<u8>| [header, vec![0; 20 * 147]].concat();
    for (what, signature) in [
        ("blocks of nothing", right_length(header(0, 16))),
        ("huge blocks", right_length(header(u32::MAX, 16))),
        ("no hash", right_length(header(2048, 0))),
        ("a long hash", right_length(header(2048, u32::MAX))),
        ("another magic", right_length(vec![0; 12])),
        ("cut", header(2048, 16)),
        ("too long", [right_length(header(2048, 16)), vec![0; 20]].concat()),
        ("nothing", Vec::new()),
    ] {
        let (_directory, mut peer) = source(&json!({}));
        difference(&mut peer, 300_000, 74);
        assert!(peer.until(ASK_ROLLING).is_some(), "{what}");
        peer.send(&message(ROLLING).number(0).number(1).string(&signature));
        // A reader finds it out; it is told at the next sign of life.
        std::thread::sleep(Duration::from_millis(100));
        peer.send(&message(PING));
        is_refused(peer, "a rolling signature of another form", what);
    }
}

#[test]
fn more_or_fewer_hashes_than_a_segment_has_are_refused() {
    for count in [0, 73, 75] {
        let (_directory, mut peer) = source(&json!({}));
        difference(&mut peer, 300_000, count);
        std::thread::sleep(Duration::from_millis(100));
        peer.send(&message(PING));
        is_refused(peer, "more or fewer block hashes than a segment has", &count.to_string());
    }
}

#[test]
fn a_signature_and_blocks_of_no_file_are_passed_over() {
    let (_directory, mut peer) = source(&json!({}));
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    for _ in 0..50 {
        peer.send(&blocks(9, 9, 1));
        peer.send(&message(ROLLING).number(9).number(9).string(b"x"));
    }
    peer.send(&done());
    assert!(peer.until(18).is_some(), "Bye");
    assert_eq!(peer.end().status, Some(0));
}

#[test]
fn more_blocks_than_it_may_are_refused() {
    let (_directory, mut peer) = source(&json!({"timeout_seconds": 8}));
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    // Both readers wait for blocks that never come: what is told of a third file stays in its queue.
    peer.send(&get(0, 1, Some(u64::MAX)));
    for _ in 0..40 {
        peer.send(&blocks(0, 1, 0));
    }
    peer.send(&get(0, 0, Some(u64::MAX)));
    peer.hang_up();
    let ended = peer.end();
    assert_eq!(ended.status, Some(6), "{ended:?}");
}

#[test]
fn an_old_file_of_any_length_does_no_harm() {
    for length in [0, 1, 300_000, 1 << 40, i64::MAX as u64, u64::MAX] {
        let (_directory, mut peer) = source(&json!({"whole_file": false}));
        difference(&mut peer, length, length.min(512 << 10).div_ceil(4096) as usize);
        let mut answered = false;
        while let Some(frame) = peer.next() {
            match frame[0] {
                ASK_ROLLING => {
                    // No signature: the standby goes.
                    peer.hang_up();
                    answered = true;
                }
                12 => {
                    peer.send(&done());
                    answered = true;
                }
                _ => {}
            }
            if answered {
                break;
            }
        }
        assert!(answered, "{length}: {:?}", peer.told);
        peer.end();
    }
}

/// A standby that lives, and never sends the blocks that its source waits for.
#[test]
fn blocks_that_never_come_end_the_wait() {
    let (_directory, mut peer) = source(&json!({"timeout_seconds": 1}));
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    peer.send(&get(0, 1, Some(300_000)));
    let ends = Instant::now() + Duration::from_secs(6);
    let mut told = false;
    while !told && Instant::now() < ends {
        peer.send(&message(PING));
        if let Ok(frame) = peer.next_within(Duration::from_millis(300)) {
            // Fatal, Lost, or the end.
            told = frame.is_none_or(|frame| matches!(frame[0], FATAL | 14));
        }
    }
    assert!(told, "its reader has gone, and nobody was told: the run hangs");
}

/// Every block of the old file has the weak sum of what the new one is full of, and another hash: each
/// place of the new one fits all of them, and none.
#[test]
fn weak_sums_that_are_all_the_same_do_not_hold_a_source_up() {
    const NEW: usize = 1_500_000;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("new"), vec![0; NEW]).unwrap();
    let mut peer = Peer::served(&[]);
    peer.greet();
    let path = [directory.path().as_os_str().as_bytes(), b"/"].concat();
    peer.raw(&job("source", &json!({"timeout_seconds": 60}), &[&path]));
    assert!(peer.until(START).is_some(), "{:?}", peer.told);
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    peer.send(&get(0, 0, Some(NEW as u64)));
    // The first segments; those after them at each one that comes.
    let mut segments = (0..NEW.div_ceil(512 << 10))
        .map(|segment| (NEW - segment * (512 << 10)).min(512 << 10).div_ceil(4096));
    for count in segments.by_ref() {
        let message = message(BLOCKS).number(0).number(0).number(count as u64);
        peer.send(&message.fixed(&vec![1; count * 8]));
    }
    let began = Instant::now();
    let mut asked = 0;
    loop {
        let frame = peer.next().unwrap_or_else(|| panic!("{:?}", peer.told));
        match frame[0] {
            ASK_ROLLING => {
                asked += 1;
                let (length, far) = window(&frame);
                let block: u32 = if far { 65_536 } else { 2048 };
                let mut signature = [0x7273_0136, block, 16].map(u32::to_be_bytes).concat();
                for number in 0..length.div_ceil(block.into()) {
                    let size = (length - number * u64::from(block)).min(block.into()) as u32;
                    signature.extend(weak_of_zeros(size).to_be_bytes());
                    signature.extend([number as u8 | 1; 16]);
                }
                peer.send(&message(ROLLING).number(0).number(0).string(&signature));
            }
            // Close: it came.
            12 => break,
            _ => assert_ne!(frame[0], FATAL, "{:?}", peer.told),
        }
    }
    assert!(asked > 0, "no signature was asked for");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    peer.send(&done());
    assert_eq!(peer.end().status, Some(0));
}

/// The length in an AskRolling, and whether it is far.
fn window(frame: &[u8]) -> (u64, bool) {
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0, 0);
    for &byte in &frame[1..frame.len() - 1] {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    (numbers[3], frame[frame.len() - 1] == 1)
}

/// librsync's rolling sum of so many zeros: each byte counts 31 more than it is.
fn weak_of_zeros(length: u32) -> u32 {
    let (mut one, mut two) = (0u16, 0u16);
    for _ in 0..length {
        one = one.wrapping_add(31);
        two = two.wrapping_add(one);
    }
    u32::from(two) << 16 | u32::from(one)
}

#[test]
fn no_number_of_the_other_end_is_one_of_threads_or_takes_the_deadline_away() {
    let refused = |options: &Value| {
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("source", options, &[b"/"]));
        crate::served::refused(&peer.end(), "unknown field", &options.to_string());
    };
    for name in ["threads", "workers", "readers", "memory", "max_frame"] {
        refused(&json!({name: 1_000_000}));
    }
    let (_directory, mut peer) =
        source(&json!({"timeout_seconds": u64::MAX, "lock_wait_seconds": u64::MAX}));
    peer.send(&ready());
    assert!(peer.until(HEAD).is_some());
    if let Some(threads) = peer.threads() {
        assert!(threads < 12, "{threads}");
    }
    // Nothing for ever is one second at the least, and it ends in time.
    let (_directory, mut peer) = source(&json!({"timeout_seconds": 0}));
    let began = Instant::now();
    while peer.next().is_some() {}
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
