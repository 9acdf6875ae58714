//! A caller that pulls from beneath `--root`, and wants more than that.

use crate::peer::{Ended, Peer};
use crate::served::{Place, refused};
use crate::words::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// What came of a job.
struct Pulled {
    /// All that the source said, one after the other.
    said: Vec<u8>,
    told: String,
    ended: Ended,
}

impl Pulled {
    fn has(&self, words: &str) -> bool {
        self.said.windows(words.len()).any(|window| window == words.as_bytes())
    }
}

/// Asks for this path, and then for the content of all that is listed.
fn pull(arguments: &[&str], path: &[u8], options: &Value) -> Pulled {
    let mut peer = Peer::served(arguments);
    peer.greet();
    peer.raw(&job("source", options, &[path]));
    peer.send(&ready());
    let (mut said, mut due, mut walked) = (Vec::new(), 0, false);
    while !(walked && due == 0) {
        let Some(frame) = peer.next() else { break };
        match frame[0] {
            HEAD => {
                // Directory, parent and counts are small here, and the name is short.
                let (directory, name) = (frame[1], usize::from(frame[3]));
                let entries = frame[5 + name];
                for index in 0..entries {
                    peer.send(&get(directory.into(), index.into(), None));
                    due += 1;
                }
            }
            // Files, Close, Lost.
            6 | 12 | 14 => due -= 1,
            17 => walked = true,
            _ => {}
        }
        said.extend_from_slice(&frame);
    }
    peer.send(&done());
    while let Some(frame) = peer.next() {
        said.extend_from_slice(&frame);
    }
    let told = peer.told.join(" ");
    Pulled { said, told, ended: peer.end() }
}

/// Links of each kind, to a secret outside and to what is inside.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.destination.join("sub/deep")).unwrap();
    fs::write(place.destination.join("sub/deep/inner"), "what is inside").unwrap();
    fs::write(place.outside.join("file"), "the secret").unwrap();
    let name = |path: &str| place.destination.join(path);
    symlink(&place.outside, name("sub/absolute")).unwrap();
    symlink("../../outside", name("sub/relative")).unwrap();
    symlink("../../outside/file", name("sub/file")).unwrap();
    symlink("../../destination/sub/deep", name("sub/out-and-in")).unwrap();
    symlink("../sub/./deep", name("sub/within")).unwrap();
    symlink(name("sub/deep/inner"), name("sub/by-its-path")).unwrap();
    place
}

#[test]
fn what_leads_out_of_the_root_is_not_read_whatever_is_asked_for() {
    let place = place();
    let root = place.destination.to_str().unwrap().to_owned();
    let arguments = ["--root", &root, "--read-only"];
    for options in [
        json!({"copy_links": true}),
        json!({"copy_dirlinks": true}),
        json!({"copy_unsafe_links": true}),
        json!({"copy_links": true, "xattrs": true, "acls": true, "relative": true}),
        json!({"copy_links": true, "prune_empty_dirs": true}),
    ] {
        let pulled = pull(&arguments, b"sub", &options);
        assert_eq!(pulled.ended.status, Some(0), "{options}: {:?}", pulled.ended);
        assert!(!pulled.has("the secret"), "{options}");
        for link in ["sub/absolute", "sub/relative"] {
            assert!(pulled.has(link), "{options}: nothing is said of {link}");
        }
        assert!(pulled.has("leads out of the directory that --root lets in"), "{options}");
        assert!(pulled.has("what is inside"), "{options}");
    }
    let pulled = pull(&arguments, b"sub", &json!({"copy_links": true}));
    let inside = pulled.said.windows(14).filter(|window| *window == b"what is inside").count();
    assert_eq!(inside, 3, "deep, within and by-its-path");
}

#[test]
fn a_path_that_leads_out_of_the_root_is_no_source() {
    let place = place();
    let root = place.destination.to_str().unwrap().to_owned();
    let outside = place.outside.to_str().unwrap();
    let beside = format!("{root}-not");
    for path in [
        outside,
        &format!("{outside}/file"),
        &format!("{root}/../outside/"),
        &format!("{root}/sub/absolute/file"),
        "..",
        "../",
        "../outside/file",
        "sub/../../outside/",
        "sub/absolute/",
        "sub/relative/file",
        "sub/out-and-in/inner",
        "/etc/hostname",
        "/",
        &beside,
    ] {
        for options in [
            json!({}),
            json!({"copy_links": true}),
            json!({"relative": true}),
            json!({"relative": true, "copy_links": true}),
        ] {
            let pulled = pull(&["--root", &root, "--read-only"], path.as_bytes(), &options);
            assert!(!pulled.has("the secret"), "{path} {options}");
            assert!(!pulled.has("what is inside"), "{path} {options}");
            let said = pulled.has("--root lets in") || pulled.told.contains("\"..\"");
            assert!(said, "{path} {options}: {} {:?}", pulled.told, pulled.ended);
        }
    }
    for path in ["sub/deep/", "sub/within/", &format!("{root}/sub/deep"), "./sub/deep/inner"] {
        let pulled = pull(&["--root", &root, "--read-only"], path.as_bytes(), &json!({}));
        assert!(pulled.has("what is inside"), "{path}: {}", pulled.told);
    }
}

#[test]
fn a_file_of_rules_over_a_link_is_not_read_beneath_a_root() {
    let place = place();
    let root = place.destination.to_str().unwrap().to_owned();
    symlink("../../../outside/file", place.destination.join("sub/deep/.rules")).unwrap();
    let merge = json!({"plain": true, "words": false, "clears": false, "alone": false,
        "null": false});
    let options = json!({"rules": [{"include": false, "pattern": b".rules",
        "modifiers": {"source": true, "standby": true, "negated": false, "absolute": false,
            "perishable": false}, "merge": merge}]});
    let pulled = pull(&["--root", &root, "--read-only"], b"sub/deep/", &options);
    assert!(pulled.has("symbolic link, which is not followed"), "{}", pulled.told);
    assert!(!pulled.has("what is inside"), "what the rules hide is not known");
}

#[test]
fn a_key_for_one_direction_is_none_for_the_other() {
    let place = place();
    let root = place.destination.to_str().unwrap().to_owned();
    for (arguments, options, words) in [
        (&["--root", &root][..], json!({}), "--root"),
        (&["--root", &root, "--write-only"], json!({}), "--write-only"),
        (&["--write-only"], json!({}), "--write-only"),
        (
            &["--root", &root, "--read-only"],
            json!({"remove_source_files": true}),
            "nothing may be removed here",
        ),
    ] {
        let pulled = pull(arguments, b"sub", &options);
        refused(&pulled.ended, words, words);
        assert!(!pulled.has("what is inside"), "{arguments:?}");
    }
}
