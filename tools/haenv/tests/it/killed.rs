//! A run that is killed leaves the old file or the new one.

use crate::ground::{Ground, command};
use std::fs;
use std::thread;
use std::time::Duration;

#[test]
fn a_run_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let text = |value: &str| format!("{}A={value}\n", "# a line of some length\n".repeat(20_000));
    let ground = Ground::with(text("old"));
    let mut seen = [false; 2];
    for round in 0..120 {
        fs::write(ground.file(), text("old")).unwrap();
        let mut child = command().args(["--set", "A=new"]).arg(ground.file()).spawn().unwrap();
        thread::sleep(Duration::from_micros(round * 200));
        child.kill().unwrap();
        child.wait().unwrap();
        let content = ground.content();
        let new = content == text("new");
        assert!(new || content == text("old"), "round {round}: {} bytes", content.len());
        seen[usize::from(new)] = true;
        for name in ground.names() {
            assert!(name == "environment" || name.starts_with(".environment.hatools-"), "{name}");
        }
    }
    assert!(seen[0], "no run was killed before its end");
    // Leftovers of the killed ones stand in nobody's way.
    ground.run(&["--set", "A=new"]).well();
    assert_eq!(ground.content(), text("new"));
}
