//! Lines of every published version are kept: what they have, today's lines have, too.

use ha_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A pair of which this machine is the standby; what runs on the primary runs here, too.
struct Ground {
    root: tempfile::TempDir,
}

impl Ground {
    fn new() -> Ground {
        let ground = Ground { root: tempfile::tempdir().unwrap() };
        let pair = format!(
            r#"{{"schema":"hapair-config/1","nodes":[{{"name":"localhost","address":"127.0.0.1"}},
            {{"name":"xcatmn2","address":"198.51.100.2"}}],"service_manager":"systemd","files":["/etc/hosts"],
            "vip":{{"name":"xcatmn","address":"198.51.100.10","prefix":24,"adapter":"eth0"}},
            "database":{{"engine":"sqlite"}},"shared_mounts":["/install"],"dump":{{"directory":"{0}/dump"}},"proof":"{0}/proof"}}"#,
            ground.root.path().display()
        );
        fs::write(ground.path("pair.json"), pair).unwrap();
        fs::set_permissions(ground.path("pair.json"), fs::Permissions::from_mode(0o600)).unwrap();
        ground.program("carrier", "shift; exec sh -c \"$*\"");
        ground.program("lsxcatd", "echo Version 2.16.5");
        ground.program("tabdump", "echo '#key,value,comments,disable'");
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Vec<Value> {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hastandby"));
        command.env("PATH", format!("{}:{path}", self.root.path().display()));
        command.arg("--config").arg(self.path("pair.json")).args(arguments);
        ha_testing::run(&mut command, "").unwrap().lines
    }

    fn look(&self, arguments: &[&str]) -> Vec<Value> {
        let carrier = self.path("carrier");
        self.run(&[&["-e", carrier.to_str().unwrap()], arguments].concat())
    }

    fn kept(&self, name: &str) -> Vec<Value> {
        lines(&fs::read(self.path(name)).unwrap())
    }
}

fn lines(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn today(name: &str) -> Vec<Value> {
    let ground = Ground::new();
    match name {
        "not-ready.jsonl" => {
            let verdicts = ground.path("verdicts");
            ground.look(&["--record", verdicts.to_str().unwrap()])
        }
        "failed.jsonl" => ground.look(&["--record", "/no/such/directory/verdicts"]),
        "record.jsonl" => {
            let verdicts = ground.path("verdicts");
            ground.look(&["--record", verdicts.to_str().unwrap()]);
            ground.kept("verdicts")
        }
        "proof.jsonl" => {
            ground.run(&["--prove"]);
            ground.kept("proof")
        }
        other => panic!("{other} is kept, and no test makes such lines"),
    }
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hastandby-1", today), Ok(2));
    assert_eq!(ha_testing::compare("hastandby-record-1", today), Ok(1));
    assert_eq!(ha_testing::compare("haxcat-proof-1", today), Ok(1));
}

#[test]
fn findings_keep_their_names() {
    let ids = |lines: &[Value]| {
        let id = |line: &Value| line["key"]["id"].as_str().map(str::to_owned);
        lines.iter().filter_map(id).collect::<std::collections::BTreeSet<_>>()
    };
    let kept: &Path = &ha_testing::directory("hastandby-1").unwrap().join("not-ready.jsonl");
    let kept = ids(&lines(&fs::read(kept).unwrap()));
    let today = ids(&today("not-ready.jsonl"));
    assert!(kept.len() > 15 && kept.is_subset(&today), "{:?}", kept.difference(&today));
}
