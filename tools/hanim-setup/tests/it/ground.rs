//! A world of NIM machines in a directory, and the tool run on one of them.

use ha_testing::{Ran, run};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Ground {
    directory: tempfile::TempDir,
    real_path: String,
}

impl Ground {
    /// The world of tests/fakes/nim.sh, and what `script` makes of it.
    pub(crate) fn with(script: &str) -> Ground {
        let ground = Ground {
            directory: tempfile::tempdir().unwrap(),
            real_path: std::env::var("PATH").unwrap(),
        };
        let text = format!(
            ". '{0}/tests/fakes/nim.sh' && nim_world '{1}' && {{ {script}\n}} >'{1}.said' 2>&1",
            repository().display(),
            ground.world().display()
        );
        let mut sh = Command::new("sh");
        let made = sh.args(["-c", &text]).env("ROOT", repository()).status().unwrap();
        let said = std::fs::read_to_string(ground.directory.path().join("world.said"));
        assert!(made.success(), "{script}: {}", said.unwrap_or_default());
        ground
    }

    fn world(&self) -> PathBuf {
        self.directory.path().join("world")
    }

    /// The tool on nimb, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let fakes = repository().join("tests/fakes/nim/bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hanim-setup"));
        command
            .args(["--rsh", "rsh-nim"])
            .args(arguments)
            .env("NIM_WORLD", self.world())
            .env("NIM_HOST", "nimb")
            .env("NIM_REAL_PATH", &self.real_path)
            .env("PATH", format!("{}:{}", fakes.display(), self.real_path));
        command
    }

    /// The tool, run on nimb.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), "").unwrap()
    }

    /// With a state of its own.
    pub(crate) fn set_up(&self, arguments: &[&str]) -> Ran {
        let state = self.directory.path().join("state");
        self.run(&[&["--state-directory", state.to_str().unwrap()], arguments].concat())
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
