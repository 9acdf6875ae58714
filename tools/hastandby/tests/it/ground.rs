//! A pair, one node of which is this machine.

use ha_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// A pair of which this machine is the standby; what runs on the primary runs here, too.
pub(crate) struct Ground {
    root: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Ground {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn program(&self, name: &str, script: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Vec<Value> {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hastandby"));
        command.env("PATH", format!("{}:{path}", self.root.path().display()));
        command.arg("--config").arg(self.path("pair.json")).args(arguments);
        ha_testing::run(&mut command, "").unwrap().lines
    }

    pub(crate) fn look(&self, arguments: &[&str]) -> Vec<Value> {
        let carrier = self.path("carrier");
        self.run(&[&["-e", carrier.to_str().unwrap()], arguments].concat())
    }

    pub(crate) fn kept(&self, name: &str) -> Vec<Value> {
        lines(&fs::read(self.path(name)).unwrap())
    }
}

pub(crate) fn lines(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}
