//! A standby of sets, and a primary that says what it likes; documents, manifests and journals.

use super::frames::pieces;
use super::scene::Scene;
use crate::set;
use crate::wire::{Counted, write_frame};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// In the place of where the group `g` waits, in a frame that is no JSON.
const STAGE: &[u8] = b"STAGE";

/// A document, a manifest or a journal.
pub fn set_files(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    set::read_files(*which, text);
}

/// Frames for a standby of sets.
pub fn set(data: &[u8]) {
    answers(data);
}

/// What the standby says to them.
fn answers(data: &[u8]) -> Vec<u8> {
    let scene = Scene::furnished();
    // Some of what a group may need waits already, with links that lead out.
    let waits = scene.root().join("var/lib/hatools/hasync/store/g/stage/d");
    let furnished = std::fs::create_dir_all(waits.join("in"))
        .and_then(|()| std::fs::write(waits.join("x"), "mn1\n"))
        .and_then(|()| std::os::unix::fs::symlink("../../../outside", waits.join("e")));
    assert!(furnished.is_ok());
    let before = scene.beside();
    let frames: Vec<_> = pieces(data).map(|frame| settled(&scene, frame)).collect();
    let Ok((mut ours, theirs)) = UnixStream::pair() else { return Vec::new() };
    let Ok(mut hears) = ours.try_clone() else { return Vec::new() };
    let writer = thread::spawn(move || {
        for frame in frames {
            if write_frame(&mut ours, &frame).is_err() {
                break;
            }
        }
        let _ = ours.flush();
        let _ = ours.shutdown(Shutdown::Write);
    });
    let listener = thread::spawn(move || {
        let mut all = Vec::new();
        let _ = hears.read_to_end(&mut all);
        all
    });
    let pipe = |stream: &UnixStream| {
        let file = stream.try_clone().map(|stream| File::from(OwnedFd::from(stream)));
        file.map(|file| Counted::counting(file, Arc::default(), Duration::from_secs(3)))
    };
    if let (Ok(out), Ok(input)) = (pipe(&theirs), pipe(&theirs)) {
        let _ = set::serve(&out, &input, None, 3);
    }
    let _ = theirs.shutdown(Shutdown::Both);
    let told = listener.join().unwrap_or_default();
    let _ = writer.join();
    assert!(!told.windows(16).any(|words| words == b"this is a defect"), "a thread failed");
    assert_eq!(scene.beside(), before, "something outside of the root was touched");
    told
}

/// A group in the scene's root; no program is called, whatever the frame says.
fn settled(scene: &Scene, frame: &[u8]) -> Vec<u8> {
    let root = scene.root();
    let Ok(mut said) = serde_json::from_slice::<Value>(frame) else {
        let stage = root.join("var/lib/hatools/hasync/store/g/stage");
        let at = frame.windows(STAGE.len()).position(|part| part == STAGE);
        return match at {
            Some(at) => {
                [&frame[..at], stage.as_os_str().as_bytes(), &frame[at + STAGE.len()..]].concat()
            }
            None => frame.to_vec(),
        };
    };
    if let Some(begin) = said.get_mut("begin").and_then(Value::as_object_mut) {
        begin.insert("root".to_owned(), json!(root));
        begin.insert("state".to_owned(), Value::Null);
        begin.insert("lock_wait_seconds".to_owned(), json!(0));
        if let Some(group) = begin.get_mut("group").and_then(Value::as_object_mut) {
            group.remove("hooks");
            group.remove("validate");
            set::stage_for(&root, &Value::Object(group.clone()));
        }
    }
    said.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_come_as_far_as_a_commit() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/set/seed-");
        for (seed, outcome) in [("commits", "committed"), ("deletes", "committed")] {
            let told = answers(&std::fs::read(format!("{corpus}{seed}")).unwrap());
            let told = String::from_utf8_lossy(&told);
            assert!(told.contains(&format!("\"outcome\":\"{outcome}\"")), "{seed}: {told}");
        }
    }
}
