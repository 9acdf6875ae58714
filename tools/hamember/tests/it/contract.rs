//! Lines of every published version are kept: what they have, today's lines have, too, and what was
//! published to be read is read.

use crate::ground::Ground;
use ha_json::{Value, json};
use std::fs;
use std::io::BufReader;

const SCHEMA: &str = "hamember-1";

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new();
    let run = |arguments: &[&str]| ground.run(arguments).lines;
    let added = || run(&["MEMBER_ADDED:", "m3"]);
    // A client that is down, and a command of the site that fails.
    let in_part = || {
        ground.mark("down/c2");
        ground.configure(&json!({"after_added": {"here": [["true"]], "member": [["false"]]}}));
        added()
    };
    match name {
        "check.jsonl" => {
            run(&["MEMBER_ADDED:", "m2"]);
            ["c1", "m1"].iter().for_each(|host| ground.forget(host));
            run(&["--check"])
        }
        "added.jsonl" => {
            // What the seed's cp makes: another member's key under the address of the new one.
            let own = fs::read(ground.path("m2/ppkeys/localhost.pub")).unwrap();
            fs::write(ground.path("c1/ppkeys/root-m3.pub"), own).unwrap();
            run(&["--verify", "MEMBER_ADDED:", "m3"])
        }
        "partial.jsonl" => in_part(),
        "list.jsonl" => {
            in_part();
            run(&["--list"])
        }
        "pending.jsonl" => {
            in_part();
            ground.unmark("down/c2");
            ground.configure(&json!({}));
            run(&["--pending"])
        }
        "dry-run.jsonl" => {
            added();
            run(&["--dry-run", "MEMBER_DELETED:", "m3"])
        }
        "deleted.jsonl" => {
            added();
            run(&["MEMBER_DELETED:", "m3"])
        }
        "shared.jsonl" => {
            ground.configure(&json!({"key_pair": "shared"}));
            run(&["MEMBER_ADDED:", "m2"]);
            run(&["MEMBER_DELETED:", "m2"])
        }
        "new-key.jsonl" => run(&["--new-key", "m2"]),
        "verify.jsonl" => {
            ground.mark("refused/127.0.0.2");
            let client =
                json!({"name": "c2", "address": "127.0.0.2", "work_directory": ground.path("c2")});
            ground.configure(&json!({"clients": ["localhost", client]}));
            run(&["--verify"])
        }
        "add-client.jsonl" => {
            ground.configure(&json!({"clients": null, "cfrun_hosts": ground.path("cfrun.hosts")}));
            run(&["--verify", "--add-client", "localhost"])
        }
        "busy.jsonl" => {
            let mount = ground.path("csync");
            let package = json!({"mount": mount, "sentinel": mount.join("update.conf")});
            ground.configure(&json!({"package": package}));
            added()
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare(SCHEMA, today), Ok(12));
}

#[test]
fn readers_of_today_read_every_published_stream_that_is_ok() {
    for entry in fs::read_dir(ha_testing::directory(SCHEMA).unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let end: Value = text.lines().last().unwrap().parse().unwrap();
        let read = ha_json::read_to_change(BufReader::new(text.as_bytes()));
        assert_eq!(Some(read.is_ok()), end["ok"].as_bool(), "{}", path.display());
    }
}

#[test]
fn words_keep_their_meaning() {
    let of = |lines: &[Value], kind: &str, host: &str, field: &str| {
        let wanted = |line: &&Value| line["type"] == kind && line["key"]["host"] == host;
        lines.iter().find(wanted).map(|line| line["values"][field].clone()).unwrap_or_default()
    };
    let added = today("added.jsonl");
    assert_eq!(of(&added, "client", "c1", "found"), "misnamed");
    assert_eq!(of(&added, "client", "c1", "faults")[1]["fault"], "poisoned");
    assert_eq!(of(&added, "client", "c2", "found"), "missing");
    assert_eq!(of(&today("partial.jsonl"), "client", "c2", "state"), "unreachable");
    assert_eq!(of(&today("deleted.jsonl"), "client", "c1", "found"), "stale");
    let verified = today("verify.jsonl");
    assert_eq!(of(&verified, "run", "localhost", "verdict"), "accepted");
    assert_eq!(of(&verified, "run", "c2", "verdict"), "refused");
    assert_eq!(of(&today("list.jsonl"), "pending", "c2", "members"), json!(["m3"]));
}

#[test]
fn every_published_configuration_is_read() {
    let ground = Ground::new();
    let mut count = 0;
    for entry in fs::read_dir(ha_testing::directory("hamember-config-1").unwrap()).unwrap() {
        let mut kept: Value = fs::read_to_string(entry.unwrap().path()).unwrap().parse().unwrap();
        let first = &kept["members"][0];
        let here = first["name"].as_str().or(first.as_str()).unwrap().to_owned();
        // The package is nowhere mounted on this machine, and that is told behind the configuration.
        kept["package"] =
            json!({"mount": "/no/such/mount", "sentinel": "/no/such/mount/update.conf"});
        let words = ["--config", "-", "--here", &here, "--list"].map(str::to_owned);
        let ran = ground.run_bare(&words, &kept.to_string());
        assert_eq!(ran.failed_with(5, "is not mounted here"), Ok(()));
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn every_published_event_is_read() {
    let ground = Ground::new();
    ground.run(&["MEMBER_ADDED:", "m3"]);
    let mut count = 0;
    for entry in fs::read_dir(ha_testing::directory("hamember-event-1").unwrap()).unwrap() {
        let event = fs::read_to_string(entry.unwrap().path()).unwrap();
        let ran = ground.run_with(&["--here", "m1", "--dry-run", "-"], &event);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{event}");
        assert_eq!(ran.lines[0]["member"], "m3");
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn every_published_state_is_gone_on_with() {
    let mut count = 0;
    for entry in fs::read_dir(ha_testing::directory("hamember-state-1").unwrap()).unwrap() {
        let ground = Ground::new();
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let kept: Value = text.parse().unwrap();
        fs::create_dir(ground.path("state")).unwrap();
        ground.put("state/hamember.json", &text);
        let ran = ground.run(&["--list"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        let told = |kind: &str, key: &str| -> Vec<Value> {
            let lines = ran.lines.iter().filter(|line| line["type"] == kind);
            lines.map(|line| line["key"][key].clone()).collect()
        };
        let added = kept["added"].as_array().unwrap().len();
        assert_eq!(told("identity", "member").len(), 2 + added);
        let pending: Vec<&str> =
            kept["pending"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told("pending", "host"), pending);
        assert_eq!(told("unfinished", "member"), kept["unfinished"].as_array().unwrap().as_slice());
        let has_digest = |line: &Value| line["values"]["digest"].is_string();
        assert!(ran.lines.iter().filter(|line| line["type"] == "identity").all(has_digest));
        count += 1;
    }
    assert_eq!(count, 2);
}
