//! The manual names a test for each fault that others had: it is there, and is run.

use std::fs;
use std::path::Path;

#[test]
fn each_test_that_the_manual_names_is_there() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(package.join("../../man/hasync-protocol.5")).unwrap();
    let named: Vec<_> =
        page.split_whitespace().filter_map(|word| word.split_once(".rs::")).collect();
    assert!(!named.is_empty(), "the page names no test");
    let scenes = || page.split_whitespace().filter(|word| word.starts_with("tests/real/"));
    assert!(scenes().count() > 0, "the page names no scene");
    for scene in scenes() {
        assert!(package.join("../..").join(scene).is_file(), "{scene} is not there");
    }
    for (file, test) in named {
        let source = fs::read_to_string(package.join(format!("{file}.rs"))).unwrap();
        let words: Vec<_> = source.split_whitespace().collect();
        let found = words.join(" ").contains(&format!("#[test] fn {test}("));
        assert!(found, "{file}.rs has no test {test}");
    }
}

#[test]
fn each_fuzz_target_that_the_manual_names_is_there() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(package.join("../../man/hasync-protocol.5")).unwrap();
    let named: Vec<_> = page.split_whitespace().filter(|word| word.starts_with("fuzz/")).collect();
    assert!(named.len() > 1, "the page names no target");
    for file in named {
        assert!(package.join(file).is_file(), "{file} is not there");
    }
}
