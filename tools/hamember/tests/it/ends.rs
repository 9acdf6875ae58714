//! Every way in which a run ends has its status.

use crate::ground::Ground;
use ha_json::json;
use std::fs;
use std::process::Command;

fn trees(ground: &Ground) -> Vec<u8> {
    let hosts = ["m1", "m2", "c1", "c2"].map(|host| ground.path(host));
    let said = Command::new("find")
        .args(hosts)
        .args(["-type", "f", "-exec", "ls", "-ln", "{}", "+"])
        .output();
    said.unwrap().stdout
}

#[test]
fn a_member_is_added_and_deleted_and_standard_error_is_silent() {
    let ground = Ground::new();
    for words in [
        &["MEMBER_ADDED:", "m3"][..],
        &["--check"],
        &["MEMBER_DELETED:", "m3"],
        &["--check"],
        &["--pending"],
    ] {
        let ran = ground.run(words);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{words:?}");
        assert_eq!(ran.end()["pending"], 0);
    }
}

#[test]
fn a_dry_run_and_a_check_change_nothing() {
    let ground = Ground::new();
    let before = trees(&ground);
    for (words, status) in
        [(&["--check"][..], 1), (&["--dry-run", "MEMBER_ADDED:", "m3"], 0), (&["--list"], 0)]
    {
        let ran = ground.run(words);
        assert_eq!((ran.status, ran.stderr.as_str()), (status, ""), "{words:?}");
    }
    assert_eq!(trees(&ground), before);
    assert!(!ground.path("new").exists() && !ground.path("state/hamember.json").exists());
}

#[test]
fn wrong_usage_leaves_standard_output_empty() {
    let ground = Ground::new();
    for (words, said) in [
        (&["MEMBER_LOST:", "m2"][..], "is no event that is known"),
        (&["MEMBER_ADDED:"], "names no host"),
        (&["MEMBER_ADDED:", "../m2"], "is no name of a host"),
        (&["--new-key", "m9"], "is none of the members"),
        (&["--verify", "--from", "m9"], "is none of the members"),
        (&["--add-client", "c9"], "is not among the clients"),
        (&["--add-client", "m2"], "is a member"),
        (&["MEMBER_DELETED:", "m3", "--digest", "mine"], "digest"),
        (&["--check", "--pending"], "cannot be used with"),
    ] {
        assert_eq!(ground.run(words).failed_with(2, said), Ok(()), "{words:?}");
    }
    let stranger = ground.run_with(&["--here", "m9", "--list"], "");
    assert_eq!(stranger.failed_with(2, "--here says which"), Ok(()));
    ground.mode("member.json", 0o666);
    assert_eq!(ground.run(&["--list"]).failed_with(2, "may be written by others"), Ok(()));
}

#[test]
fn a_client_that_is_down_makes_it_3_and_stays_pending() {
    let ground = Ground::new();
    ground.mark("down/c2");
    let ran = ground.run(&["MEMBER_ADDED:", "m3"]);
    assert_eq!(ran.failed_with(3, "c2: no connection"), Ok(()));
    assert_eq!((&ran.end()["pending"], &ran.end()["ok_hosts"]), (&json!(1), &json!(4)));
    ground.unmark("down/c2");
    assert_eq!(ground.run(&["--pending"]).status, 0);
    assert_eq!(ground.run(&["--check"]).status, 0);
}

#[test]
fn a_command_of_the_site_that_fails_makes_it_3_and_is_run_again() {
    let ground = Ground::new();
    ground.configure(&json!({"after_added": {"member": [["false"]]}}));
    let ran = ground.run(&["MEMBER_ADDED:", "m3"]);
    assert_eq!(ran.failed_with(3, "false: on m3: status 1"), Ok(()));
    assert_eq!((&ran.end()["pending"], &ran.end()["unfinished"]), (&json!(0), &json!(1)));
    ground.configure(&json!({}));
    let ran = ground.run(&["--pending"]);
    assert_eq!((ran.status, &ran.end()["unfinished"]), (0, &json!(0)));
    assert!(ran.lines.iter().any(|line| line["type"] == "command"));
}

#[test]
fn a_client_that_refuses_a_run_makes_it_3() {
    let ground = Ground::new();
    ground.configure(&json!({"clients": ["localhost"]}));
    assert_eq!(ground.run(&["--verify"]).status, 0);
    ground.mark("refused/localhost");
    let ran = ground.run(&["--verify"]);
    assert_eq!(ran.failed_with(3, "does not trust the member's key"), Ok(()));
}

#[test]
fn an_event_that_is_cut_is_not_trusted() {
    let ground = Ground::new();
    let before = trees(&ground);
    for event in [
        "",
        "{\"schema\":\"hamember-event/1\",\"event\":\"MEMBER_AD",
        "{\"schema\":\"hamember-event/2\"}\n",
    ] {
        let ran = ground.run_with(&["--here", "m1"], event);
        assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.lines().count()), (4, "", 1));
    }
    assert_eq!(trees(&ground), before);
}

#[test]
fn what_may_pass_by_itself_is_5() {
    let ground = Ground::new();
    ground.mark("down/m3");
    let ran = ground.run(&["MEMBER_ADDED:", "m3"]);
    assert_eq!(ran.failed_with(5, "m3: no connection"), Ok(()));
    assert_eq!(ground.run(&["--list"]).lines.len(), 4);
    let lock = Command::new("flock").arg(ground.path("member.json")).args(["sleep", "20"]).spawn();
    let mut lock = lock.unwrap();
    let busy = || {
        ground
            .run(&["--lock-wait", "1", "MEMBER_ADDED:", "m2"])
            .failed_with(5, "another run holds it")
    };
    let told = (0..20).map(|_| busy()).find(Result::is_ok);
    lock.kill().unwrap();
    lock.wait().unwrap();
    assert_eq!(told, Some(Ok(())));
}

#[test]
fn what_no_other_run_mends_is_6() {
    let ground = Ground::new();
    fs::rename(ground.path("m2/ppkeys/localhost.priv"), ground.path("priv")).unwrap();
    let half = ground.run(&["MEMBER_ADDED:", "m2"]);
    assert_eq!(half.failed_with(6, "no localhost.priv"), Ok(()));
    fs::rename(ground.path("priv"), ground.path("m2/ppkeys/localhost.priv")).unwrap();
    ground.configure(&json!({"key_pair": "shared"}));
    assert_eq!(ground.run(&["MEMBER_ADDED:", "m2"]).status, 0);
    let shared = ground.run(&["MEMBER_DELETED:", "m2"]);
    assert_eq!(shared.failed_with(6, "--new-key"), Ok(()));
    assert_eq!(ground.run(&["MEMBER_DELETED:", "m1"]).failed_with(6, "is this machine"), Ok(()));
    ground.put("state/hamember.json", "{}");
    assert_eq!(ground.run(&["--list"]).failed_with(6, "is not what a run of ours wrote"), Ok(()));
}
