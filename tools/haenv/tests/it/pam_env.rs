//! The real pam_env is the judge of what a file sets.

use crate::ground::repository;
use std::process::Command;

#[test]
fn a_file_sets_what_pam_env_makes_of_it() {
    let script = repository().join("tools/haenv/tests/it/pam_env.py");
    let run =
        Command::new("python3").arg(script).args([env!("CARGO_BIN_EXE_haenv"), "1000"]).output();
    let Ok(output) = run else {
        return eprintln!("SKIPPED: there is no python3");
    };
    match output.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("SKIPPED: there is no libpam with pam_env"),
        _ => panic!("{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat())),
    }
}
