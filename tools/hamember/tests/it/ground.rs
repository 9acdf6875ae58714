//! A cluster whose hosts are directories of this machine, reached by a stand-in for ssh.

use ha_json::{Value, json};
use ha_testing::Ran;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Ground {
    root: tempfile::TempDir,
    /// What answers at the port of every host.
    daemon: TcpListener,
}

impl Ground {
    /// Members m1, which is here, and m2, and clients c1 and c2, each with its key and nobody's else.
    /// Of a host that is not in the configuration, `new` is the work directory.
    pub(crate) fn new() -> Ground {
        let root = tempfile::tempdir().unwrap();
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let ground = Ground { root, daemon };
        for path in ["bin", "csync", "down", "refused"] {
            fs::create_dir(ground.path(path)).unwrap();
        }
        ground.put("csync/update.conf", "# what is pulled first\n");
        ground.put("cfrun.hosts", "# the managed clients\n");
        ground.tools();
        for host in ["m1", "m2", "c1", "c2"] {
            ground.directory(&format!("{host}/ppkeys"), 0o700);
            let name = ground.path(&format!("{host}/ppkeys/localhost"));
            let made = Command::new(ground.path("bin/cf-key")).arg("-f").arg(name).status();
            assert!(made.unwrap().success());
        }
        ground.configure(&json!({}));
        ground
    }

    /// The tool, and stand-ins for what it starts.
    fn tools(&self) {
        let (own, tool) = (Path::new(env!("CARGO_BIN_EXE_hamember")), self.path("bin/hamember"));
        // Away from the other tools, because it prefers those that stand beside it.
        fs::hard_link(own, &tool).or_else(|_| fs::copy(own, &tool).map(drop)).unwrap();
        let cf_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fakes/member/cf-key");
        // Not a copy: while another test forks, what was just written is a busy text file to whoever runs it.
        symlink(cf_key, self.path("bin/cf-key")).unwrap();
        let root = self.root.path().display();
        let ssh = format!(
            "while :; do case $1 in -l) shift 2 ;; -*) shift ;; *) break ;; esac; done; host=$1; shift\n\
             [ ! -e {root}/down/$host ] || {{ echo \"ssh: connect to host $host port 22: Connection refused\" >&2; exit 255; }}\n\
             exec sh -c \"$*\""
        );
        self.script("ssh", &ssh);
        let published = |schema: &str, name: &str| {
            ha_testing::directory(schema).unwrap().join(name).display().to_string()
        };
        self.script("hasync", &format!("cat {}", published("hasync-1", "unchanged.jsonl")));
        self.script("hassh", &format!("cat {}", published("hassh-1", "setup.jsonl")));
        let run = format!(
            "[ ! -e {root}/refused/${{2%:*}} ] || {{ echo 'Connection was hung up during identification! (3)'; exit 255; }}\n\
             echo ran >>{root}/effect; echo \"${{2%:*}}> cfrun-ok\""
        );
        self.script("cf-runagent", &run);
    }

    fn script(&self, name: &str, script: &str) {
        self.put(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        self.mode(&format!("bin/{name}"), 0o755);
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn directory(&self, path: &str, mode: u32) {
        fs::create_dir_all(self.path(path)).unwrap();
        self.mode(path, mode);
    }

    /// Writes the configuration, these keys in place of the usual ones; null takes one away.
    pub(crate) fn configure(&self, keys: &Value) {
        let host = |name: &str| json!({"name": name, "address": "127.0.0.1", "work_directory": self.path(name)});
        let mut configuration = json!({
            "schema": "hamember-config/1",
            "layout": "cfengine3",
            "package": null,
            "master_inputs": self.path("csync"),
            "work_directory": self.path("new"),
            "members": [host("m1"), host("m2")],
            "clients": [host("c1"), host("c2")],
            "effect": self.path("effect"),
            "port": self.daemon.local_addr().unwrap().port(),
            "after_added": {"here": [["true"]], "member": [["true"]]},
            "state": self.path("state/hamember.json"),
        });
        let all = configuration.as_object_mut().unwrap();
        for (key, value) in keys.as_object().unwrap() {
            match value {
                Value::Null => all.remove(key),
                value => all.insert(key.clone(), value.clone()),
            };
        }
        self.put("member.json", &configuration.to_string());
        self.mode("member.json", 0o600);
    }

    /// A marker such as `down/c2` or `refused/c2`.
    pub(crate) fn mark(&self, marker: &str) {
        self.put(marker, "");
    }

    pub(crate) fn unmark(&self, marker: &str) {
        fs::remove_file(self.path(marker)).unwrap();
    }

    /// A host trusts nobody any more.
    pub(crate) fn forget(&self, host: &str) {
        for entry in fs::read_dir(self.path(host).join("ppkeys")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("root-") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[&["--here", "m1"], arguments].concat(), "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut all = vec!["--config".to_owned(), self.path("member.json").display().to_string()];
        all.extend(arguments.iter().map(|&word| word.to_owned()));
        self.run_bare(&all, stdin)
    }

    pub(crate) fn run_bare(&self, arguments: &[String], stdin: &str) -> Ran {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(self.path("bin/hamember"));
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        ha_testing::run(command.args(arguments), stdin).unwrap()
    }
}
