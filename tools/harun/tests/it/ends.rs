//! Every way in which a run ends has its status.

use crate::ground::{Ground, finish, lives, until};
use ha_json::{Value, json};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn with(mut step: Value, fields: Value) -> Value {
    let more = fields.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

#[test]
fn steps_run_in_order_and_stderr_is_silent() {
    let ground = Ground::new();
    let plan = ground.plan(&[ground.step("a", "echo a >>$L"), ground.step("b", "echo b >>$L")]);
    let ran = ground.run(&plan, &[]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ground.log(), ["a", "b"]);
    assert_eq!(ran.lines[0]["schema"], "harun/1");
    assert_eq!(ran.end()["done"], 2);
    assert!(!ground.state().exists());
    let told = ground.run(&plan, &["--verbose"]).stderr;
    assert_eq!(told.lines().count(), 2);
    assert!(told.lines().all(|line| line.starts_with("harun: 20")), "{told}");
}

#[test]
fn a_step_that_fails_ends_with_6_and_names_its_last_words() {
    let ground = Ground::new();
    let undone = with(ground.step("a", "echo a >>$L"), json!({"undo": ground.act("echo u >>$L")}));
    let fails = ground.step("b", "echo first; echo no such cell >&2; exit 3");
    let plan = ground.plan(&[undone, fails, ground.step("c", "echo c >>$L")]);
    let ran = ground.run(&plan, &[]);
    assert_eq!(ran.status, 6);
    assert_eq!(ran.stderr, "harun: b: sh: status 3: no such cell\n");
    assert_eq!(ground.log(), ["a", "u"]);
    assert_eq!(ran.of("a"), ["do done", "undo undone"]);
    assert_eq!(ran.end()["error"]["kind"], "failed");
    let event = ran.lines.iter().find(|line| line["key"]["step"] == "b").unwrap();
    assert_eq!(event["values"]["output"], "first\nno such cell");
}

#[test]
fn an_undo_that_fails_is_told_and_the_others_run() {
    let ground = Ground::new();
    let a = with(ground.step("a", "true"), json!({"undo": ground.act("echo a >>$L")}));
    let b = with(ground.step("b", "true"), json!({"undo": ground.act("exit 4")}));
    let ran = ground.run(&ground.plan(&[a, b, ground.step("c", "exit 1")]), &[]);
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.contains("not undone: b: sh: status 4"), "{}", ran.stderr);
    assert_eq!(ground.log(), ["a"]);
}

#[test]
fn a_step_that_may_fail_makes_it_3_and_one_that_fails_at_the_end_6() {
    let ground = Ground::new();
    let fails = |word: &str| with(ground.step("a", "exit 1"), json!({"on_failure": word}));
    let ran = ground.run(&ground.plan(&[fails("go_on"), ground.step("b", "echo b >>$L")]), &[]);
    assert_eq!((ran.status, ground.log()), (3, vec!["b".to_owned()]));
    let reboot = with(fails("fail_at_end"), json!({"reboot_if_failed": true}));
    let ran = ground.run(&ground.plan(&[reboot, ground.step("b", "echo c >>$L")]), &[]);
    assert_eq!((ran.status, ground.log()), (6, vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(ran.end()["reboot_required"], true);
    assert_eq!(ran.end()["failed_steps"], json!(["a"]));
}

#[test]
fn wrong_usage_is_2_with_nothing_on_stdout() {
    let ran = Ground::new().run("", &["--no-such-option"]);
    assert_eq!((ran.status, ran.lines.len()), (2, 0));
}

#[test]
fn a_plan_that_is_cut_failed_or_wrong_is_4_and_nothing_is_done() {
    let ground = Ground::new();
    let whole = ground.plan(&[ground.step("a", "echo a >>$L")]);
    let cut: String = whole.lines().take(3).map(|line| format!("{line}\n")).collect();
    let failed = whole.replace("\"ok\":true", "\"ok\":false");
    let wrong = whole.replace("\"kind\":\"run\"", "\"kind\":\"walk\"");
    let twice = format!("{whole}{whole}");
    for plan in ["", &cut, &failed, &wrong, &twice, "{\"schema\":\"haenv/1\",\"ok\":true}\n"] {
        let ran = ground.run(plan, &[]);
        assert_eq!((ran.status, ran.lines.len()), (4, 0), "{plan}");
        assert_eq!(ran.stderr.lines().count(), 1);
    }
    assert!(ground.log().is_empty() && !ground.path("state").exists());
}

#[test]
fn an_unmet_condition_is_6_and_nothing_is_done_and_all_are_named() {
    let ground = Ground::new();
    let condition = |id: &str, check: Value| json!({"type": "condition", "id": id, "what": "w", "check": check, "otherwise": "mount it"});
    let mounted = condition("m", json!({"kind": "mounted", "path": "/proc/self"}));
    let unproven = condition("u", json!({"kind": "unproven"}));
    let plan = ground.plan(&[mounted, unproven, ground.step("a", "echo a >>$L")]);
    let ran = ground.run(&plan, &[]);
    assert_eq!(ran.status, 6);
    let wanted = "harun: m: /proc/self is not a mounted file system (mount it) (and 1 more)\n";
    assert_eq!(ran.stderr, wanted);
    assert_eq!(ran.end()["unmet"], json!(["m", "u"]));
    assert!(ground.log().is_empty());
}

#[test]
fn a_step_that_hangs_is_ended_with_all_that_it_started() {
    let ground = Ground::new();
    let child = ground.path("child");
    let script =
        format!("trap '' TERM; setsid sh -c 'echo $$ >{}; sleep 600' & sleep 600", child.display());
    let hangs = with(ground.step("a", &script), json!({"timeout_seconds": 3}));
    let started = Instant::now();
    let ran = ground.run(&ground.plan(&[hangs]), &[]);
    assert_eq!(ran.status, 5);
    assert_eq!(ran.of("a"), ["do timed_out"]);
    assert_eq!(ran.end()["error"]["kind"], "busy");
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(fs::read_to_string(&child).is_ok() && !lives(&child));
}

#[test]
fn the_whole_deadline_leaves_time_to_undo() {
    let ground = Ground::new();
    let a = with(ground.step("a", "true"), json!({"undo": ground.act("echo u >>$L")}));
    let plan = ground.plan_within(600, &[a, ground.step("b", "sleep 600")]);
    let started = Instant::now();
    let ran = ground.run(&plan, &["--deadline", "4"]);
    assert_eq!((ran.status, ground.log()), (5, vec!["u".to_owned()]));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn a_daemon_that_a_step_started_stays_and_can_go_on_writing() {
    let ground = Ground::new();
    let (pid, go) = (ground.path("pid"), ground.path("go"));
    let script = format!(
        "(trap '' HUP; echo $$ >/dev/null; sh -c 'echo $$ >{0}; until [ -e {1} ]; do sleep 0.05; done; echo late; echo wrote >>$L; sleep 600') &
        until [ -s {0} ]; do sleep 0.05; done; true",
        pid.display(),
        go.display()
    );
    let ran = ground.run(&ground.plan(&[ground.step("a", &script)]), &[]);
    assert_eq!(ran.status, 0);
    fs::write(&go, "").unwrap();
    until("the daemon wrote", || ground.log() == ["wrote"]);
    assert!(lives(&pid));
    let number = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(number), Signal::SIGKILL).unwrap();
}

#[test]
fn a_second_run_waits_or_is_told_that_it_is_busy() {
    let ground = Ground::new();
    let plan = ground.plan(&[ground.step("a", "echo a >>$L; sleep 1.5")]);
    let first = ground.start(&plan, &[]);
    until("the first runs", || !ground.log().is_empty());
    let second = ground.run(&plan, &["--lock-wait", "0"]);
    assert_eq!((second.status, ground.log().len()), (5, 1));
    let third = ground.run(&plan, &["--lock-wait", "20"]);
    assert_eq!((third.status, finish(first).status), (0, 0));
    assert_eq!(ground.log().len(), 2);
}

#[test]
fn a_signal_ends_the_step_and_undoes_what_was_done() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let ground = Ground::new();
        let a = with(ground.step("a", "true"), json!({"undo": ground.act("echo u >>$L")}));
        let plan = ground.plan(&[a, ground.step("b", "echo b >>$L; sleep 600")]);
        let child = ground.start(&plan, &[]);
        until("b runs", || ground.log() == ["b"]);
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let ran = finish(child);
        assert_eq!((ran.status, ground.log()), (5, vec!["b".to_owned(), "u".to_owned()]));
        assert_eq!(ran.of("b"), ["do interrupted"]);
    }
}

#[test]
fn ready_is_waited_for_and_a_service_that_never_is_fails() {
    let ground = Ground::new();
    let flag = ground.path("flag");
    let probe = json!({"argv": ["test", "-e", flag.to_str().unwrap()]});
    let script = format!("(sleep 0.4; touch {}) >/dev/null 2>&1 &", flag.display());
    let step = with(ground.step("a", &script), json!({"ready": probe}));
    let plan = ground.plan(std::slice::from_ref(&step));
    assert_eq!(ground.run(&plan, &[]).status, 0);
    assert!(flag.exists());
    fs::remove_file(&flag).unwrap();
    let never =
        with(ground.step("a", "true"), json!({"ready": step["ready"], "timeout_seconds": 1}));
    let ran = ground.run(&ground.plan(&[never]), &[]);
    assert_eq!((ran.status, ran.of("a")), (5, vec!["do timed_out".to_owned()]));
    assert!(ran.stderr.contains("test answers no, after 1 s"), "{}", ran.stderr);
}

#[test]
fn where_ready_decides_a_failing_stop_of_what_is_gone_is_done() {
    let ground = Ground::new();
    let gone = json!({"argv": ["false"], "expect": "no"});
    let fields = json!({"ready": gone, "ready_decides": true});
    let ran = ground.run(&ground.plan(&[with(ground.step("a", "exit 1"), fields)]), &[]);
    assert_eq!(ran.status, 0);
    let message = ran.lines[1]["values"]["message"].as_str().unwrap();
    assert!(message.contains("status 1") && message.contains("as wanted"), "{message}");
}

#[test]
fn unless_and_only_if_are_asked_before_the_first_step() {
    let ground = Ground::new();
    let flag = ground.path("flag");
    let there = json!([{"argv": ["test", "-e", flag.to_str().unwrap()]}]);
    let makes = ground.step("makes", &format!("touch {}", flag.display()));
    let unless = with(ground.step("unless", "echo unless >>$L"), json!({"unless": there}));
    let only = with(ground.step("only", "echo only >>$L"), json!({"only_if": there}));
    let plan = ground.plan(&[makes, unless, only]);
    let ran = ground.run(&plan, &[]);
    assert_eq!((ran.status, ground.log()), (0, vec!["unless".to_owned()]));
    assert_eq!(ran.of("only"), ["do passed_over"]);
    let ran = ground.run(&plan, &[]);
    assert_eq!((ran.status, ran.of("unless")), (0, vec!["do already".to_owned()]));
    assert_eq!(ground.log(), ["unless", "only"]);
}

#[test]
fn conditions_are_not_asked_where_there_is_nothing_to_do() {
    let ground = Ground::new();
    let unproven =
        json!({"type": "condition", "id": "u", "what": "w", "check": {"kind": "unproven"}});
    let done = with(ground.step("a", "echo a >>$L"), json!({"unless": [{"argv": ["true"]}]}));
    let ran = ground.run(&ground.plan(&[unproven, done]), &[]);
    assert_eq!((ran.status, ran.end()["already"].clone()), (0, json!(1)));
}

#[test]
fn a_probe_that_cannot_be_asked_refuses_the_whole_run() {
    let ground = Ground::new();
    let step = with(ground.step("b", "true"), json!({"unless": [{"argv": ["/no/probe"]}]}));
    let ran = ground.run(&ground.plan(&[ground.step("a", "echo a >>$L"), step]), &[]);
    assert_eq!((ran.status, ground.log().len()), (6, 0));
    assert_eq!(ran.stderr, "harun: b: probe /no/probe: no such program\n");
}

#[test]
fn a_guard_that_does_not_answer_as_wanted_fails_the_step_before_it_does_anything() {
    let ground = Ground::new();
    let guard = json!({
        "guard": {"argv": ["test", "-e", ground.path("log")], "expect": "no"},
        // What was not begun is not undone.
        "undo": ground.act("echo undo >>$L"),
    });
    let first = ground.step("a", "echo a >>$L");
    let ran = ground.run(&ground.plan(&[first, with(ground.step("b", "echo b >>$L"), guard)]), &[]);
    assert_eq!((ran.status, ground.log()), (6, vec!["a".to_owned()]));
    assert!(ran.stderr.contains("b: not done: test answers yes"), "{}", ran.stderr);
}

#[test]
fn an_undo_is_done_when_undone_says_so_and_not_before() {
    let ground = Ground::new();
    let up = ground.path("up");
    let gone = json!({"argv": ["test", "-e", up], "expect": "no"});
    for (undo, wanted) in [("rm $L.up; exit 1", "undo undone"), ("true", "undo timed_out")] {
        let fails = format!("touch {}; exit 1", up.display());
        let fields = json!({
            "undo": ground.act(&undo.replace("$L.up", up.to_str().unwrap())),
            "undone": gone, "undo_timeout_seconds": 1, "reboot_if_failed": true,
        });
        let ran = ground.run(&ground.plan(&[with(ground.step("a", &fails), fields)]), &[]);
        assert_eq!((ran.status, ran.of("a")[1].as_str()), (6, wanted));
        assert_eq!(ran.end()["reboot_required"], wanted != "undo undone");
    }
}

#[test]
fn what_an_undo_starts_stays() {
    let ground = Ground::new();
    let pid = ground.path("pid");
    let undo = format!(
        "setsid sh -c 'echo $$ >{0}; sleep 600' >/dev/null 2>&1 & until [ -s {0} ]; do sleep 0.02; done",
        pid.display()
    );
    let a = with(ground.step("a", "true"), json!({"undo": ground.act(&undo)}));
    assert_eq!(ground.run(&ground.plan(&[a, ground.step("b", "exit 1")]), &[]).status, 6);
    assert!(lives(&pid));
    let number = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(number), Signal::SIGKILL).unwrap();
}

#[test]
fn steps_that_hang_share_a_short_deadline_and_it_is_kept() {
    let ground = Ground::new();
    let deaf = "trap '' TERM; echo $$ >>$L; setsid sh -c \"trap '' TERM; sleep 600\" & while :; do sleep 1; done";
    let hangs = |id: &str| {
        let mut step = with(ground.step(id, deaf), json!({"undo": ground.act(deaf)}));
        step["on_failure"] = json!("fail_at_end");
        step
    };
    let last = with(hangs("c"), json!({"on_failure": "stop"}));
    let started = Instant::now();
    let plan = ground.plan_within(600, &[hangs("a"), hangs("b"), last]);
    let ran = ground.run(&plan, &["--deadline", "12"]);
    assert_eq!(ran.status, 5, "{}", ran.stderr);
    assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
    let timed_out = |line: &&Value| line["values"]["outcome"] == "timed_out";
    assert_eq!(ran.lines.iter().filter(timed_out).count(), 5, "{:?}", ran.steps());
}

#[test]
fn steps_with_long_times_behind_it_do_not_take_a_step_its_own() {
    for on_failure in ["stop", "go_on", "fail_at_end"] {
        let ground = Ground::new();
        let timed = |step: Value, seconds: u64| with(step, json!({"timeout_seconds": seconds}));
        let mut a = timed(ground.step("a", "sleep 1; echo a >>$L"), 10);
        a["on_failure"] = json!(on_failure);
        let b = timed(ground.step("b", "echo b >>$L"), 600);
        let ran = ground.run(&ground.plan_within(600, &[a, b]), &["--deadline", "12"]);
        assert_eq!((ran.status, ground.log()), (0, vec!["a".to_owned(), "b".to_owned()]));
    }
}

#[test]
fn a_warning_condition_is_told_and_the_run_goes_on() {
    let ground = Ground::new();
    let warns = json!({"type": "condition", "id": "u", "what": "w", "check": {"kind": "unproven"},
        "otherwise": "look", "warn_only": true});
    let ran = ground.run(&ground.plan(&[warns, ground.step("a", "echo a >>$L")]), &[]);
    assert_eq!((ran.status, ran.of("u")), (0, vec!["condition warned".to_owned()]));
}

#[test]
fn a_log_that_is_full_does_not_fail_what_was_done() {
    let ground = Ground::new();
    let plan = ground.path("plan");
    fs::write(&plan, ground.plan(&[ground.step("a", "echo a >>$L")])).unwrap();
    let output = Command::new("sh")
        .args(["-c", "exec \"$0\" <\"$1\" >/dev/full", env!("CARGO_BIN_EXE_harun")])
        .arg(&plan)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), ground.log()), (Some(0), vec!["a".to_owned()]));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[test]
fn what_is_started_under_nohup_survives_a_hangup() {
    let ground = Ground::new();
    let plan = ground.path("plan");
    fs::write(&plan, ground.plan(&[ground.step("a", "echo a >>$L; sleep 0.7; echo b >>$L")]))
        .unwrap();
    let child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" <\"$1\" >/dev/null", env!("CARGO_BIN_EXE_harun")])
        .arg(&plan)
        .spawn()
        .unwrap();
    until("a runs", || !ground.log().is_empty());
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(ground.log(), ["a", "b"]);
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_work() {
    let ground = Ground::new();
    let plan =
        ground.plan(&[ground.step("a", "sleep 0.3; echo a >>$L"), ground.step("b", "echo b >>$L")]);
    let mut child = ground.start(&plan, &[]);
    drop(child.stdout.take());
    assert_eq!(finish(child).status, 0);
    assert_eq!(ground.log(), ["a", "b"]);
}

#[test]
fn a_bare_environment_and_closed_descriptors_are_enough() {
    let ground = Ground::new();
    let plan = ground.path("plan");
    fs::write(&plan, ground.plan(&[ground.step("a", "echo a >>$L")])).unwrap();
    let status = Command::new("sh")
        .args(["-c", "exec \"$0\" <\"$1\" >&- 2>&-", env!("CARGO_BIN_EXE_harun")])
        .arg(&plan)
        .env_clear()
        .stdin(Stdio::null())
        .status()
        .unwrap();
    // stdout cannot be written: the work is done, and that is told.
    assert_eq!(ground.log(), ["a"]);
    assert!(status.code().is_some());
}
