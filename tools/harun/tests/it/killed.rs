//! What a run that was killed left, the next one takes back.

use crate::ground::{Ground, finish, lives, until};
use ha_json::{Value, json};
use std::fs;

fn undoable(ground: &Ground, id: &str, script: &str) -> Value {
    let mut step = ground.step(id, script);
    step["undo"] = ground.act(&format!("echo undo-{id} >>$L"));
    step
}

/// A plan of three steps of which one kills the run, with a daemon that left its session.
fn deadly(ground: &Ground, at: usize) -> String {
    let daemon = ground.path("daemon");
    let steps: Vec<Value> = (0..3)
        .map(|number| {
            let dies = format!(
                "setsid sh -c 'echo $$ >{0}; sleep 600' & until [ -s {0} ]; do sleep 0.02; done; \
                 kill -9 $PPID; echo alive >>$L; sleep 600",
                daemon.display()
            );
            let script = match number == at && !daemon.exists() {
                true => dies,
                false => format!("echo do-{number} >>$L"),
            };
            undoable(ground, &number.to_string(), &script)
        })
        .collect();
    ground.plan(&steps)
}

#[test]
fn a_run_killed_at_any_step_is_undone_by_the_next_and_leaves_no_process() {
    for at in 0..3 {
        let ground = Ground::new();
        let ran = ground.run(&deadly(&ground, at), &[]);
        assert_eq!(ran.status, -1);
        assert!(ground.state().exists() && lives(&ground.path("daemon")));
        let before = ground.log().len();
        let ran = ground.run(&deadly(&ground, at), &[]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let log = ground.log().split_off(before);
        let mut wanted: Vec<String> = (0..=at).rev().map(|n| format!("undo-{n}")).collect();
        wanted.extend((0..3).map(|number| format!("do-{number}")));
        // The script may have come to write before it was ended.
        let log: Vec<String> = log.into_iter().filter(|line| line != "alive").collect();
        assert_eq!(log, wanted);
        assert_eq!(ran.of("state"), ["repair undone"]);
        assert!(!lives(&ground.path("daemon")) && !ground.state().exists());
    }
}

#[test]
fn another_plan_of_the_same_state_repairs_too() {
    let ground = Ground::new();
    assert_eq!(ground.run(&deadly(&ground, 1), &[]).status, -1);
    let ran = ground.run(&ground.plan(&[ground.step("stop", "echo stop >>$L")]), &[]);
    assert_eq!(ran.status, 0);
    let log: Vec<String> = ground.log().into_iter().filter(|line| line != "alive").collect();
    assert_eq!(log, ["do-0", "undo-1", "undo-0", "stop"]);
}

#[test]
fn a_plan_of_the_same_name_that_lacks_a_begun_step_takes_that_back() {
    let ground = Ground::new();
    let dies = undoable(&ground, "dies", "kill -9 $PPID");
    assert_eq!(ground.run(&ground.plan(&[dies]), &[]).status, -1);
    let mut other = ground.step("other", "echo other >>$L");
    other["unless"] = json!([{"argv": ["true"]}]);
    let ran = ground.run(&ground.plan(&[other]), &[]);
    assert_eq!((ran.status, ran.of("other")), (0, vec!["do already".to_owned()]));
    assert_eq!(ran.of("dies"), ["repair undone"]);
    assert_eq!((ground.log(), ground.state().exists()), (vec!["undo-dies".to_owned()], false));
}

#[test]
fn what_was_before_a_boot_is_forgotten_and_not_undone() {
    let ground = Ground::new();
    assert_eq!(ground.run(&deadly(&ground, 1), &[]).status, -1);
    let text = fs::read_to_string(ground.state()).unwrap();
    let mut state: Value = text.parse().unwrap();
    state["boot"] = json!("another");
    fs::write(ground.state(), state.to_string()).unwrap();
    let ran = ground.run(&ground.plan(&[]), &[]);
    assert_eq!((ran.status, ran.of("state")), (0, vec!["repair forgotten".to_owned()]));
    assert!(!ground.log().contains(&"undo-0".to_owned()) && !ground.state().exists());
    // The processes of this test's own boot.
    fs::write(ground.state(), text).unwrap();
    assert_eq!(ground.run(&ground.plan(&[]), &[]).status, 0);
    assert!(!lives(&ground.path("daemon")));
}

#[test]
fn a_rehearsal_tells_of_a_killed_run_and_leaves_it() {
    let ground = Ground::new();
    assert_eq!(ground.run(&deadly(&ground, 1), &[]).status, -1);
    let ran = ground.run(&ground.plan(&[]), &["--dry-run"]);
    assert_eq!((ran.status, ran.of("state")), (0, vec!["repair would_repair".to_owned()]));
    assert!(ground.state().exists());
    assert_eq!(ground.run(&ground.plan(&[]), &[]).status, 0);
    assert!(!lives(&ground.path("daemon")));
}

#[test]
fn a_state_that_cannot_be_written_is_told_and_the_work_is_done() {
    let ground = Ground::new();
    // The second state is to replace a directory.
    let state = ground.state();
    let spoil = format!("rm {0}; mkdir {0}; echo a >>$L", state.display());
    let repairs = format!("rmdir {}; echo c >>$L", state.display());
    let plan = ground.plan(&[
        undoable(&ground, "a", &spoil),
        undoable(&ground, "b", "echo b >>$L"),
        ground.step("c", &repairs),
    ]);
    let ran = ground.run(&plan, &[]);
    assert_eq!((ran.status, ground.log()), (0, ["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(ran.of("state"), ["do warned"]);
}

#[test]
fn a_killed_run_is_taken_back_even_where_a_probe_of_the_next_one_cannot_be_asked() {
    let ground = Ground::new();
    let plan = ground.plan(&[undoable(&ground, "a", "kill -9 $PPID; sleep 600")]);
    assert_eq!(ground.run(&plan, &[]).status, -1);
    let mut next = ground.step("b", "echo b >>$L");
    next["unless"] = json!([{"argv": ["/no/probe"]}]);
    assert_eq!(ground.run(&ground.plan(&[next]), &[]).status, 6);
    assert_eq!(ground.log(), ["undo-a"]);
    assert!(!ground.state().exists());
}

#[test]
fn a_run_that_reached_its_end_but_was_killed_is_not_taken_back() {
    let ground = Ground::new();
    let up = ground.path("up");
    let is_up = json!([{"argv": ["test", "-e", up.to_str().unwrap()]}]);
    let start = |script: &str| {
        let mut step = undoable(&ground, "start", script);
        step["unless"] = is_up.clone();
        ground.plan(&[step])
    };
    let script = format!("touch {}; kill -9 $PPID", up.display());
    assert_eq!(ground.run(&start(&script), &[]).status, -1);
    let ran = ground.run(&start("echo again >>$L"), &[]);
    assert_eq!((ran.status, ran.of("start")), (0, vec!["do already".to_owned()]));
    assert!(ground.log().is_empty() && up.exists() && !ground.state().exists());
}

#[test]
fn what_a_killed_run_did_and_nothing_takes_back_is_told() {
    let ground = Ground::new();
    let mut step = ground.step("a", "kill -9 $PPID; sleep 600");
    step["undo"] = ground.act("echo cannot unmount; exit 1");
    assert_eq!(ground.run(&ground.plan(&[step]), &[]).status, -1);
    let ran = ground.run(&ground.plan(&[]), &[]);
    assert_eq!(ran.status, 3);
    assert!(
        ran.stderr.contains("a: what a killed run did is not undone: sh: status 1: cannot unmount")
    );
}

#[test]
fn an_undo_that_ran_before_the_kill_does_not_run_again() {
    let ground = Ground::new();
    let b = undoable(&ground, "b", "true");
    let c = ground.step("c", "exit 1");
    let mut deadly = undoable(&ground, "a", "true");
    deadly["undo"] =
        ground.act("echo undo-a >>$L; [ -e $L.once ] || { touch $L.once; kill -9 $PPID; }");
    assert_eq!(ground.run(&ground.plan(&[deadly, b, c]), &[]).status, -1);
    assert_eq!(ground.log(), ["undo-b", "undo-a"]);
    let ran = ground.run(&ground.plan(&[]), &[]);
    assert_eq!(
        (ran.status, ground.log()),
        (0, ["undo-b", "undo-a", "undo-a"].map(str::to_owned).to_vec())
    );
}

#[test]
fn killed_by_somebody_else_in_the_middle_of_a_step() {
    let ground = Ground::new();
    let plan = ground.plan(&[undoable(&ground, "a", "echo $$ >>$L; sleep 600")]);
    let mut child = ground.start(&plan, &[]);
    until("a runs", || !ground.log().is_empty());
    fs::write(ground.path("script"), ground.log().concat()).unwrap();
    child.kill().unwrap();
    finish(child);
    assert!(lives(&ground.path("script")));
    assert_eq!(ground.run(&ground.plan(&[]), &[]).status, 0);
    assert!(!lives(&ground.path("script")));
    assert_eq!(ground.log().last().unwrap(), "undo-a");
}
