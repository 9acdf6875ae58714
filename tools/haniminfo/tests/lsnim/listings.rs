//! Every listing has a kept answer, and none that the mutation of them found is a panic.

use ha_json::Value;
use ha_testing::Ran;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the listings.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/nim/lsnim")
}

/// Runs the tool with this on standard input.
pub(crate) fn run(arguments: &[&str], listing: &[u8]) -> Ran {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_haniminfo"))
        .arg("--lsnim")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(listing).unwrap();
    Ran::finish(child, "").unwrap()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// Whether the stream says of itself what it is.
fn is_whole(ran: &Ran) -> bool {
    let end = ran.end();
    ran.lines[0]["schema"] == "hanim/1"
        && end["type"] == "end"
        && end["status"] == ran.status
        && end["records"] == ran.lines.len() - 2
}

#[test]
fn each_listing_gives_its_kept_answer() {
    let listings = files(&folder());
    assert!(listings.len() >= 28, "{}", listings.len());
    for (name, listing) in listings {
        let kept = fs::read_to_string(folder().join("golden").join(&name)).unwrap();
        let kept: Vec<Value> = kept.lines().map(|line| line.parse().unwrap()).collect();
        let ran = run(&[], &listing);
        assert_eq!(ran.lines[1..], kept, "{name}");
        assert!(is_whole(&ran), "{name}: {ran:?}");
        let failed = ran.end()["failed"].as_u64().unwrap();
        assert_eq!(ran.stderr.lines().count() as u64, failed, "{name}: {}", ran.stderr);
    }
}

#[test]
fn each_kept_answer_is_of_a_listing() {
    for (name, _) in files(&folder().join("golden")) {
        assert!(folder().join(&name).is_file(), "{name}");
    }
}

#[test]
fn what_the_mutation_of_listings_found_gives_a_stream_that_ends() {
    let found = files(&folder().join("corpus"));
    assert!(!found.is_empty());
    for (name, listing) in found {
        let ran = run(&[], &listing);
        assert!(is_whole(&ran) && [0, 3, 4].contains(&ran.status), "{name}: {ran:?}");
    }
}

#[test]
fn a_file_and_a_pipe_give_the_same() {
    let path = folder().join("two-masters-nima");
    let of_file = run(&[path.to_str().unwrap()], b"");
    let of_pipe = run(&["-"], &fs::read(&path).unwrap());
    assert_eq!(of_file.lines[1..], of_pipe.lines[1..]);
    assert_eq!(of_file.status, 0);
}

#[test]
fn a_file_that_is_not_there_has_failed_and_an_empty_listing_is_not_believed() {
    let gone = run(&["/nowhere/lsnim.txt"], b"");
    assert_eq!(gone.failed_with(6, "/nowhere/lsnim.txt: no such file or directory"), Ok(()));
    assert_eq!(run(&[], b"").failed_with(4, "is empty: lsnim failed"), Ok(()));
    let none = run(&["--empty-ok"], b"");
    assert_eq!((none.status, none.lines.len(), none.stderr.as_str()), (0, 2, ""));
}
