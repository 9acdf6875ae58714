//! A niminfo file in a directory of its own, and the tool run on it.

use ha_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn answer(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{:?} {:?}", self.stdout, self.stderr);
        self.stdout.parse().unwrap()
    }

    /// The answer of a run that ended well.
    pub(crate) fn well(&self) -> Value {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""));
        self.answer()
    }

    /// Refused with this status, in one line with these words.
    pub(crate) fn refused(&self, status: i32, words: &[&str]) {
        assert_eq!((self.status, self.stderr.lines().count()), (status, 1), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
        assert_eq!(self.stdout.is_empty(), status == 2);
    }
}

/// A directory with a file `niminfo`.
pub(crate) struct Ground {
    pub(crate) root: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn with(content: impl AsRef<[u8]>) -> Ground {
        let ground = Ground { root: tempfile::tempdir().unwrap() };
        fs::write(ground.file(), content).unwrap();
        ground
    }

    pub(crate) fn of(fixture: &str) -> Ground {
        Ground::with(fs::read(fixtures().join(fixture)).unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.root.path().join("niminfo")
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.content()).unwrap()
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

    pub(crate) fn look(&self, arguments: &[&str]) -> Ran {
        run(&[arguments, &[self.file().to_str().unwrap()]].concat())
    }

    /// The answer of a look, whether or not it is yes.
    pub(crate) fn answer(&self) -> Value {
        self.look(&[]).answer()
    }

    /// Writes back what an answer says.
    pub(crate) fn write(&self, arguments: &[&str], answer: &Value) -> Ran {
        let file = self.file();
        let fixed = ["--yes-nim-owns-this-file", "--write", file.to_str().unwrap()];
        run_with_input(&[&fixed[..], arguments].concat(), answer.to_string().as_bytes())
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haniminfo"));
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

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/nim/niminfo")
}

/// The variable of this name in an answer.
pub(crate) fn variable<'a>(answer: &'a mut Value, name: &str) -> &'a mut Value {
    let all = answer["variables"].as_array_mut().unwrap();
    all.iter_mut().find(|one| one["name"] == name).unwrap()
}

/// Takes a variable out of an answer.
pub(crate) fn without(answer: &mut Value, name: &str) {
    answer["variables"].as_array_mut().unwrap().retain(|one| one["name"] != name);
}

/// Puts a new variable into an answer.
pub(crate) fn with(answer: &mut Value, variable: Value) {
    answer["variables"].as_array_mut().unwrap().push(variable);
}
