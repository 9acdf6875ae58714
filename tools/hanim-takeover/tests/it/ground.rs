//! A world of the fakes in `tests/fakes/nim`: two masters, three clients.

use ha_testing::Ran;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_hanim-takeover")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Makes a pair that is synced, changes it by `script`, a text for sh, and runs the tool on nimb.
pub(crate) fn run(script: &str, arguments: &[&str]) -> Ran {
    let home = tempfile::tempdir_in("/var/tmp").unwrap();
    let text = format!(
        ". \"$ROOT/tests/fakes/nim.sh\"\nnim_world \"$1/world\" && nim_synced || exit\n{script}\n\
         home=$1; shift\non nimb {} -e rsh-nim --state-directory \"$home/state\" \"$@\"\n\
         status=$?; nim_cleanup; exit $status",
        program()
    );
    let mut command = Command::new("sh");
    command.env("ROOT", repository()).args(["-c", &text, "sh"]).arg(home.path()).args(arguments);
    ha_testing::run(&mut command, "").unwrap()
}
