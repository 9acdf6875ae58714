//! A peer that never stops saying what is valid and of no use: the memory of the attacked side is bounded.

use crate::peer::{Peer, hasync, peak, wait};
use crate::served::Place;
use crate::words::*;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What no end may use, in KiB; without bounds each flood here takes twice as much.
const MOST: u64 = 128 << 10;
/// What is said, in bytes, before it counts as endless.
const ENDLESS: usize = 320 << 20;
/// A flood that has come to stand still for so long is held back.
const STILL: Duration = Duration::from_secs(2);

/// Whether the peer goes on hearing while it floods.
#[derive(Clone, Copy, PartialEq)]
enum Hears {
    All,
    Nothing,
}

/// Floods `hasync --serve`: says `before`, hears a frame of the type `then`, says `next` and from then on
/// whatever `flood` gives. Gives the most memory that was used, in KiB.
fn flooded(
    before: &[u8],
    then: u8,
    next: &[u8],
    hears: Hears,
    mut flood: impl FnMut(u64) -> Vec<u8> + Send + 'static,
) -> u64 {
    let mut child = hasync()
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (heard, hearing) = channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        stdout.read_until(b'\n', &mut line).unwrap_or_default();
        let mut length = [0; 4];
        while stdout.read_exact(&mut length).is_ok() {
            let mut frame = vec![0; u32::from_le_bytes(length) as usize];
            if stdout.read_exact(&mut frame).is_err() {
                break;
            }
            if frame[0] == then {
                let _ = heard.send(());
                if hears == Hears::Nothing {
                    // The pipe stays open and is not read.
                    thread::sleep(Duration::from_secs(60));
                }
            }
        }
    });
    stdin.write_all(GREETING).unwrap();
    stdin.write_all(before).unwrap();
    let came = hearing.recv_timeout(Duration::from_secs(20));
    assert!(came.is_ok(), "nothing of type {then} came: {:?}", child.try_wait());
    // It may refuse what comes and be gone before it is looked at again.
    let before_it = peak(child.id());
    let next = next.to_vec();
    let (said, saying) = channel();
    thread::spawn(move || {
        let mut all = 0;
        let mut piece = next;
        let mut number = 0;
        while all < ENDLESS && stdin.write_all(&piece).is_ok() {
            all += piece.len();
            let _ = said.send(all);
            piece.clear();
            // Many to a write: else this end would be the slower one.
            while piece.len() < 4 << 10 {
                piece.extend(flood(number));
                number += 1;
            }
        }
    });
    let most = watched(child.id(), &saying);
    child.kill().unwrap();
    wait(&mut child);
    most.max(before_it.unwrap_or(0))
}

/// The most memory that the process used until it ended, or the flood ended or stood still.
fn watched(pid: u32, saying: &Receiver<usize>) -> u64 {
    let mut most = 0;
    let mut last = Instant::now();
    loop {
        let Some(now) = peak(pid) else { return most };
        most = most.max(now);
        if most > 2 * MOST {
            return most;
        }
        let goes_on = match saying.recv_timeout(Duration::from_millis(50)) {
            Ok(_) => saying.try_iter().count() < usize::MAX,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return most,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => false,
        };
        if goes_on {
            last = Instant::now();
        } else if last.elapsed() > STILL {
            return most;
        }
    }
}

fn small(what: &str, most: u64) {
    if fs::metadata("/proc/self/status").is_err() {
        return;
    }
    assert!(most > 0 && most < MOST, "{what}: {} MiB", most >> 10);
}

/// To a standby that is ready.
fn to_standby(
    next: &[Message],
    hears: Hears,
    flood: impl FnMut(u64) -> Vec<u8> + Send + 'static,
) -> u64 {
    let place = Place::new();
    let job = job("standby", &json!({"timeout_seconds": 60}), &[place.path()]);
    let before = [job, start(false).framed()].concat();
    let next: Vec<u8> = next.iter().flat_map(Message::framed).collect();
    flooded(&before, READY, &next, hears, flood)
}

#[test]
fn words_of_what_was_passed_over() {
    let flood = |_| message(16).string(b"x").string(&[b'y'; 60_000]).framed();
    small("heard", to_standby(&[], Hears::All, flood));
    small("unheard", to_standby(&[], Hears::Nothing, flood));
    let flood = |_| trouble(&[b'x'; 60_000]).framed();
    small("unheard trouble", to_standby(&[], Hears::Nothing, flood));
}

#[test]
fn eighty_thousand_rules_with_wildcards() {
    let place = Place::new();
    let rules = vec![json!({"pattern": b"*[a-z]*"}); 80_000];
    let mut peer = Peer::served(&[]);
    peer.greet();
    peer.raw(&job("standby", &json!({"rules": rules}), &[place.path()]));
    peer.send(&start(false));
    assert!(peer.until(READY).is_some(), "{:?}", peer.told);
    small("rules", peer.peak().unwrap_or_default());
    peer.end();
}

#[test]
fn names_of_owners() {
    let flood =
        |number| message(3).byte(0).number(number % (1 << 32)).string(&[b'n'; 250]).framed();
    small("owners", to_standby(&[], Hears::All, flood));
}

#[test]
fn directories_without_end() {
    let flood = |number: u64| head(number + 1, 0, b"d", 0, 0).framed();
    // Not listed, and so not released: it may be as large as it likes, but alone.
    let root = [head(0, 0, b"", 1 << 31, 1 << 31)];
    small("beside each other", to_standby(&root, Hears::All, flood));
    let flood = |number: u64| head(number + 1, 0, b"d", 60_000, 0).framed();
    small("with many entries", to_standby(&root, Hears::All, flood));
}

#[test]
fn lists_while_the_standby_waits_for_files() {
    // More than may be asked for at once: it waits for the first, which never come.
    let files: Vec<_> = (0..100u64)
        .map(|number| entry(format!("{number:03}").as_bytes(), file_of(250_000)))
        .collect();
    let root = [head(0, 0, b"", 100_100, 0), list(0, &files)];
    let flood = |number: u64| {
        let name = format!("x{number:0250}");
        let mut list = list(0, &[entry(name.as_bytes(), file_of(1))]);
        list.0[2] = 0;
        list.framed()
    };
    small("a list that is longer than was said", to_standby(&root, Hears::All, flood));
}

/// Files of the source that are large.
const LARGE: u64 = 64;

/// To a source of a small file and of large ones that has told them.
fn to_source(next: &[Message], flood: impl FnMut(u64) -> Vec<u8> + Send + 'static) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "a").unwrap();
    for number in 0..LARGE {
        let path = directory.path().join(format!("large{number:02}"));
        fs::File::create(path).unwrap().set_len(300_000).unwrap();
    }
    let path = [directory.path().as_os_str().as_bytes(), b"/"].concat();
    let job = job("source", &json!({"timeout_seconds": 60}), &[&path]);
    let before = [job, ready().framed()].concat();
    let next: Vec<u8> = next.iter().flat_map(Message::framed).collect();
    flooded(&before, HEAD, &next, Hears::Nothing, flood)
}

#[test]
fn requests_again_and_again() {
    small("for a file", to_source(&[], |_| get(0, 0, None).framed()));
    small("for a large file", to_source(&[], |_| get(0, 1, None).framed()));
    small("for a difference", to_source(&[], |_| get(0, 1, Some(300_000)).framed()));
    small("for a list", to_source(&[], |_| message(3).number(0).framed()));
}

#[test]
fn digests_of_a_file_that_is_not_read_yet() {
    // The readers are busy with what nobody takes.
    let mut told: Vec<Message> = (0..200).map(|_| get(0, 1, None)).collect();
    told.extend((1..=LARGE).map(|index| get(0, index, Some(1 << 40))));
    let flood = |number: u64| blocks(0, 1 + number % LARGE, 500_000).framed();
    small("blocks", to_source(&told, flood));
    let flood = |number: u64| {
        let message = message(ROLLING).number(0).number(1 + number % LARGE);
        message.string(&[0; 4_000_000]).framed()
    };
    small("signatures", to_source(&told, flood));
}

#[test]
fn events_that_nobody_asked_for() {
    let flood = |_| message(EVENT).byte(2).string(b"x").string(&[b'y'; 60_000]).framed();
    small("events", to_source(&[], flood));
}
