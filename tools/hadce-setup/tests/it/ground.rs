//! A node that is a directory, and the tool run on it.

use ha_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) struct Ground {
    pub(crate) directory: tempfile::TempDir,
}

impl Ground {
    /// A node with nothing on it but a services file and the parents of the mount points.
    pub(crate) fn bare() -> Ground {
        let ground = Ground { directory: tempfile::tempdir().unwrap() };
        for path in ["etc", "var", "run"] {
            fs::create_dir_all(ground.node(path)).unwrap();
        }
        fs::create_dir(ground.state()).unwrap();
        ground.put("etc/services", "# none\nssh\t22/tcp\n");
        ground.configure(json!({}));
        ground
    }

    /// A standby on which nothing is left to do.
    pub(crate) fn done() -> Ground {
        let ground = Ground::bare();
        for program in ["start.dce", "stop.dce", "start.dfs", "stop.dfs"] {
            ground.script(&format!("usr/bin/{program}"));
        }
        for path in ["krb5", "var/dce", "etc/dce", "..."] {
            fs::create_dir(ground.node(path)).unwrap();
        }
        ground.put("etc/environment", "RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66\n");
        ground.put("etc/services", "kerberos\t88/udp\tkerberos5 krb5\n");
        symlink("/.../abc.com/fs", ground.node(":")).unwrap();
        symlink("/.../abc.com", ground.node(".:")).unwrap();
        ground
    }

    pub(crate) fn node(&self, path: &str) -> PathBuf {
        self.directory.path().join("node").join(path)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn put(&self, path: &str, content: &str) {
        fs::create_dir_all(self.node(path).parent().unwrap()).unwrap();
        fs::write(self.node(path), content).unwrap();
    }

    pub(crate) fn script(&self, path: &str) {
        self.put(path, "#!/bin/sh\n");
        fs::set_permissions(self.node(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the configuration, these keys in place of the usual ones.
    pub(crate) fn configure(&self, keys: Value) {
        let mut configuration = json!({
            "schema": "hadce-config/1",
            "configuration": "standby-cascading",
            "dce_servers": ["security", "cds"],
            "clients": ["dce", "dfs"],
            "dfs": true,
            "service_addresses": ["9.3.240.2"],
            "running_dce": ["false"],
            "running_dfs": ["false"],
            "state_directory": self.state(),
        });
        let all = configuration.as_object_mut().unwrap();
        all.extend(keys.as_object().unwrap().clone());
        fs::write(self.configuration(), configuration.to_string()).unwrap();
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.directory.path().join("dce.json")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hadce-setup"));
        command.arg("--config").arg(self.configuration()).arg("--root").arg(self.node(""));
        command.stdin(Stdio::null());
        command
    }

    /// Runs it for the standby of the cell abc.com.
    pub(crate) fn standby(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["--node", "standby", "--cell", "abc.com"], arguments].concat())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command().args(arguments).output().unwrap())
    }

    /// Everything on the node: each path, and what it holds or leads to.
    pub(crate) fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.node(""), &mut found);
        found.sort();
        found
    }
}

fn walk(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let content = match fs::read_link(&path) {
            Ok(target) => target.into_os_string().into_encoded_bytes(),
            Err(_) if path.is_dir() => {
                walk(&path, found);
                Vec::new()
            }
            Err(_) => fs::read(&path).unwrap(),
        };
        found.push((path, content));
    }
}

/// What the tool said.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let lines = stdout.lines().map(|line| line.parse().unwrap()).collect();
        let status = output.status.code().unwrap_or_else(|| panic!("{:?} {stderr}", output.status));
        Ran { status, lines, stderr }
    }
}

impl Ran {
    pub(crate) fn end(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// The values of the finding of a step that concerns `item`.
    pub(crate) fn finding(&self, step: &str, item: &str) -> &Value {
        let key = json!({"step": step, "item": item});
        let found = self.lines.iter().find(|line| line["key"] == key);
        &found.unwrap_or_else(|| panic!("no {step} {item}"))["values"]
    }

    /// The steps that failed, each with its item.
    pub(crate) fn failed(&self) -> Vec<String> {
        let failed = self.lines.iter().filter(|line| line["values"]["outcome"] == "failed");
        let name = |line: &Value| {
            let key = &line["key"];
            let item = key["item"].as_str().unwrap_or_default();
            format!("{} {item}", key["step"].as_str().unwrap()).trim_end().to_owned()
        };
        failed.map(name).collect()
    }

    /// Wants a fatal error: its status, one line on stderr with `word`, and the last line, if there
    /// is one, to say so.
    pub(crate) fn failed_with(&self, status: i32, word: &str) {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("hadce-setup: "));
        if status == 2 {
            assert!(self.lines.is_empty());
        } else {
            assert_eq!((&self.end()["ok"], &self.end()["status"]), (&false.into(), &status.into()));
        }
    }
}
