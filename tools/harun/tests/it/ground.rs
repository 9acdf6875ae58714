//! A directory with a state and a log, and plans that write into the log.

use ha_json::{Value, json};
use ha_testing::Ran;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Ground(tempfile::TempDir);

impl Ground {
    pub(crate) fn new() -> Ground {
        Ground(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state/one/state.json")
    }

    /// A step that runs a script, in which `$L` is the log.
    pub(crate) fn step(&self, id: &str, script: &str) -> Value {
        json!({
            "type": "step", "id": id, "what": format!("runs {id}"), "do": self.act(script),
            "undo": null, "timeout_seconds": 30, "on_failure": "stop",
        })
    }

    pub(crate) fn act(&self, script: &str) -> Value {
        json!({
            "kind": "run", "argv": ["sh", "-c", script],
            "environment": {"L": self.path("log").to_str().unwrap()},
        })
    }

    pub(crate) fn plan(&self, records: &[Value]) -> String {
        self.plan_within(60, records)
    }

    pub(crate) fn plan_within(&self, deadline_seconds: u64, records: &[Value]) -> String {
        let begin = json!({"type": "begin", "schema": "ha-plan/1"});
        let head = json!({
            "type": "plan", "key": {"plan": "tested"},
            "values": {
                "state": "one", "state_directory": self.path("state").to_str().unwrap(),
                "deadline_seconds": deadline_seconds,
            },
        });
        let end = json!({"type": "end", "ok": true, "status": 0, "records": records.len() + 1});
        let all = [begin, head].into_iter().chain(records.iter().cloned()).chain([end]);
        all.map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn start(&self, plan: &str, arguments: &[&str]) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_harun"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(plan.as_bytes()).unwrap();
        child
    }

    pub(crate) fn run(&self, plan: &str, arguments: &[&str]) -> Ran {
        finish(self.start(plan, arguments))
    }
}

pub(crate) fn finish(child: Child) -> Ran {
    Ran::finish(child, "").unwrap()
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let ends = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < ends, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the process whose number is in the file is alive.
pub(crate) fn lives(file: &Path) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let Ok(number) = text.trim().parse::<i32>() else { return false };
    let status = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}
