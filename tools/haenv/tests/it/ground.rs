//! An environment file in a directory of its own, and the tool run on it.

use ha_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) struct Ground {
    pub(crate) root: tempfile::TempDir,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn answer(&self) -> Value {
        serde_line(&self.stdout)
    }

    /// The answer of a run that ended well.
    pub(crate) fn well(&self) -> Value {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""));
        self.answer()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

fn serde_line(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    text.parse().unwrap()
}

impl Ground {
    pub(crate) fn new() -> Ground {
        Ground { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with(content: impl AsRef<[u8]>) -> Ground {
        let ground = Ground::new();
        fs::write(ground.file(), content).unwrap();
        ground
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.root.path().join("environment")
    }

    pub(crate) fn content(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// The names in the directory of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs with the file as the last argument.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let file = self.file();
        all.push(file.as_os_str());
        run(&all)
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haenv"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[impl AsRef<OsStr>]) -> Ran {
    ran(command().args(arguments).output().unwrap())
}

pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = command().args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // Who refuses the input before its end closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    ran(child.wait_with_output().unwrap())
}

fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn fixture(name: &str) -> String {
    repository().join("tests/fixtures/adapters").join(name).to_str().unwrap().to_owned()
}
