use crate::ground::{program, run};
use std::process::Command;

#[test]
fn wrong_usage_says_nothing_on_stdout() {
    for arguments in [
        &[][..],
        &["nima", "nimc"],
        &["--despite", "wind", "nima"],
        &["--check", "--dry-run", "nima"],
        &["--deadline", "0", "nima"],
    ] {
        let ran = ha_testing::run(Command::new(program()).args(arguments), "").unwrap();
        ran.failed_with(2, "usage").unwrap();
    }
}

#[test]
fn every_check_of_the_findings_is_one_that_despite_takes() {
    let ran = run("", &["--check", "nima"]);
    let mut checks: Vec<&str> = ran
        .lines
        .iter()
        .filter(|line| line["type"] == "finding")
        .map(|line| line["key"]["check"].as_str().unwrap())
        .collect();
    checks.sort_unstable();
    checks.dedup();
    assert_eq!(checks.len(), 14);
    let mut arguments: Vec<&str> = checks.iter().flat_map(|check| ["--despite", check]).collect();
    arguments.extend(["--check", "nima"]);
    // No port of the fakes listens here.
    assert_eq!((ran.status, run("", &arguments).status), (1, 0));
}
