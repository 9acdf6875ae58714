//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, row, stream};
use ha_json::Value;

fn today(name: &str) -> Vec<Value> {
    let hidden = r#"{"type":"row","key":{"table":"passwd","key":"system"},"values":{"password":null},"hidden":["password"]}"#;
    let [one, other, more] = [row("n1", "aa"), row("n1", "bb"), row("n2", "aa")];
    let whole = stream(&[&one, &more, hidden]);
    let answer = r#"{"schema":"haenv/1","ok":true,"status":0,"file":"/etc/environment"}"#;
    let ground = match name {
        "differences.jsonl" => Ground::with(&whole, &stream(&[&other, &row("n3", "aa"), hidden])),
        "same.jsonl" => Ground::with(&whole, &whole),
        "answers.jsonl" => Ground::with(answer, &answer.replace("/etc", "/tmp")),
        "not-trusted.jsonl" => Ground::with(&whole, &whole[..whole.len() - 70]),
        "failed.jsonl" => return Ground::with(&whole, "").run(&["left", "nowhere"]).lines,
        other => panic!("{other} is kept, and no test makes such lines"),
    };
    ground.run(&["left", "right"]).lines
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hadiff-1", today), Ok(5));
}
