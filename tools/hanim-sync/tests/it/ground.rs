//! A world of two masters that know each other, nimb synchronised once.

use ha_testing::{Ran, directory, run};
use std::path::Path;
use std::process::Command;

/// hasync is not this package's: what it has published stands for it.
const HASYNC: &str = "#!/bin/sh\ncase $1 in *n*) exec cat \"$KEPT/dry-run.jsonl\" ;; esac\nexec cat \
                      \"$KEPT/changes.jsonl\"\n";

const WORLD: &str = r#"
. "$ROOT/tests/fakes/nim.sh"
sync() { on nima "$BIN" --state-directory "$PWD/run" -e rsh-nim "$@"; }
nim_world world && nim_synced || exit 99
"#;

/// Runs a script in which `sync` is the tool on nima, and the functions of tests/fakes/nim.sh are there.
pub(crate) fn world(script: &str) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    executable(&bin.join("hasync"));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{WORLD}{script}")])
        .current_dir(home.path())
        .env("PATH", path)
        .env("ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env("BIN", env!("CARGO_BIN_EXE_hanim-sync"))
        .env("KEPT", directory("hasync-1").unwrap())
        .env("LC_ALL", "C")
        .env_remove("NIM_HOST");
    run(&mut command, "").unwrap()
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, HASYNC).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
