//! A node whose DCE and DFS are files: `dce` is there while DCE runs, `dce.serves` while it serves.

use ha_json::{Value, json};
use ha_testing::Ran;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct Ground {
    root: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Ground {
        Ground { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn make(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A script that runs here and notes its name in `log`.
    pub(crate) fn script(&self, name: &str, script: &str) -> Value {
        let here = self.root.path().display();
        json!(["sh", "-c", format!("cd '{here}' && echo {name} >>log && {script}")])
    }

    /// Clients in mutual takeover, which need neither shared disks nor root; `more` keys beside.
    pub(crate) fn configuration(&self, more: Value) -> Value {
        let mut all = json!({
            "schema": "hadce-config/1",
            "configuration": "mutual-cascading",
            "clients": ["dce", "dfs"],
            "dfs": true,
            "service_addresses": ["127.0.0.1"],
            "environment_file": null,
            "state_directory": self.path("state"),
            "start_dce": self.script("start.dce", "touch dce dce.serves"),
            "stop_dce": self.script("stop.dce", "rm -f dce dce.serves"),
            "start_dfs": self.script("start.dfs", "touch dfs dfs.serves"),
            "stop_dfs": self.script("stop.dfs", "rm -f dfs dfs.serves"),
        });
        for (key, file) in [
            ("running_dce", "dce"),
            ("ready_dce", "dce.serves"),
            ("running_dfs", "dfs"),
            ("ready_dfs", "dfs.serves"),
        ] {
            all[key] = json!(["test", "-e", self.path(file)]);
        }
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        all
    }

    /// Runs the tool on this configuration.
    pub(crate) fn run(&self, arguments: &[&str], configuration: &Value) -> Ran {
        let arguments: Vec<&str> = ["--config", "-"].iter().chain(arguments).copied().collect();
        run(&arguments, &configuration.to_string())
    }

    /// The programs that ran, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

pub(crate) fn run(arguments: &[&str], stdin: &str) -> Ran {
    ha_testing::run(Command::new(env!("CARGO_BIN_EXE_hadce-start")).args(arguments), stdin).unwrap()
}
