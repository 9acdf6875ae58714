//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::run;
use ha_json::Value;

/// lpar08 does not list nimb, and lpar12 is switched off.
pub(crate) const PART: &str = "file=$(nim_file lpar08 /etc/niminfo); sed -i \
    's/_LIST=.*/_LIST=\"nima.example.com\"/' \"$file\"; nim_down lpar12";

fn today(name: &str) -> Vec<Value> {
    let ran = match name {
        "taken.jsonl" => run("", &["nima"]),
        "part.jsonl" => run(PART, &["nima"]),
        "check.jsonl" => run(PART, &["--check", "nima"]),
        "refused.jsonl" => run("nim_fileset nima bos.sysmgt.nim.master 7.3.1.0", &["nima"]),
        other => panic!("{other} is kept, and no test makes such a line"),
    };
    ran.lines
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hanim-takeover-1", today), Ok(4));
}

#[test]
fn every_word_for_a_state_and_an_outcome_is_one_of_the_manual_page() {
    for name in ["taken.jsonl", "part.jsonl", "check.jsonl", "refused.jsonl"] {
        let lines = today(name);
        assert!(lines.len() > 3, "{name}");
        for line in lines {
            let values = &line["values"];
            match line["type"].as_str().unwrap() {
                "client" => {
                    let state = values["state"].as_str().unwrap();
                    assert!(["taken", "not_taken", "unknown"].contains(&state), "{line}");
                }
                "finding" => {
                    let outcome = values["outcome"].as_str().unwrap();
                    let words = ["holds", "warning", "unknown", "refused"];
                    assert!(words.contains(&outcome), "{line}");
                    // What stands in the way says what to do.
                    assert!(outcome != "refused" || values["fix"].is_string(), "{line}");
                }
                _ => {}
            }
        }
    }
}
