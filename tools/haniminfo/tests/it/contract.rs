//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::{Ground, fixtures, run, variable, with};
use ha_json::{Value, json};

fn look(fixture: &str) -> Value {
    run(&[fixtures().join(fixture)]).answer()
}

fn written(dry_run: &[&str]) -> Value {
    let ground = Ground::of("secrets.niminfo");
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    with(&mut answer, json!({"name": "NIM_FIPS_MODE", "value": "0"}));
    ground.write(dry_run, &answer).well()
}

fn today(name: &str) -> Vec<Value> {
    let answer = match name {
        "master.jsonl" => look("02-alternate-master.niminfo"),
        "client.jsonl" => look("04-client-before-takeover.niminfo"),
        "netboot.jsonl" => look("07-netboot-info-vios.niminfo"),
        "problems.jsonl" => look("contradictions.niminfo"),
        "secrets.jsonl" => look("secrets.niminfo"),
        "not-utf8.jsonl" => look("not-utf8.niminfo"),
        "written.jsonl" => written(&[]),
        "dry-run.jsonl" => written(&["--dry-run"]),
        "failed.jsonl" => look("empty.niminfo"),
        other => panic!("{other} is kept, and no test makes such a line"),
    };
    vec![answer]
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("haniminfo-1", today), Ok(9));
}
