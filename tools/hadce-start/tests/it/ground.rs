//! A node whose DCE and DFS are files: `dce` is there while DCE runs, `dce.serves` while it serves.

use ha_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) struct Ground {
    root: tempfile::TempDir,
}

/// What the tool said.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
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
    let mut child = Command::new(env!("CARGO_BIN_EXE_hadce-start"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The tool need not read what it does not use.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        lines: lines.lines().map(|line| line.parse().unwrap()).collect(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    pub(crate) fn end(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// Steps with what came of them, as `start-dce:do:done`.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.lines.iter().filter(|line| line["type"] == "event");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        events
            .filter(|line| line["key"]["attempt"] != "condition")
            .map(|line| {
                let key = &line["key"];
                let outcome = word(&line["values"]["outcome"]);
                format!("{}:{}:{outcome}", word(&key["step"]), word(&key["attempt"]))
            })
            .collect()
    }

    /// Wants an error: the status, and one line on stderr with `word`.
    pub(crate) fn failed_with(&self, status: i32, word: &str) {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert_eq!(self.lines.is_empty(), status == 2);
    }
}
