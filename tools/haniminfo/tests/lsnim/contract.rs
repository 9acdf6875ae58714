//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::listings::{folder, run};
use ha_json::Value;

fn today(name: &str) -> Vec<Value> {
    let listing = |names: &[&str]| {
        let read = |name: &&str| std::fs::read(folder().join(name)).unwrap();
        names.iter().flat_map(read).collect::<Vec<u8>>()
    };
    match name {
        "long.jsonl" => run(&[], &listing(&["two-masters-nima", "groups"])),
        "short.jsonl" => run(&[], &listing(&["short"])),
        "problems.jsonl" => run(&[], &listing(&["wrong-values", "latin1"])),
        "partial.jsonl" => run(&[], &listing(&["Z-missing-field"])),
        "failed.jsonl" => run(&[], b""),
        other => panic!("{other} is kept, and no test makes such lines"),
    }
    .lines
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hanim-1", today), Ok(5));
}
