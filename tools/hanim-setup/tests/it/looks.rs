//! Questions and checks.

use crate::ground::Ground;
use ha_json::json;
use std::fs::OpenOptions;
use std::process::Stdio;

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let ground = Ground::with("true");
    for arguments in [&["--is", "alternate", "nima"][..], &["--check", "nima"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = ground.command(arguments).stdin(Stdio::null()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{arguments:?}");
    }
}

#[test]
fn a_database_that_cannot_be_listed_has_not_said_no() {
    let ground = Ground::with("nim_pair; nim_fault nima lsnim - 0042-157");
    for question in ["alternate", "client=lpar07", "idle=lpar07"] {
        let ran = ground.run(&["--is", question, "nima"]);
        assert_eq!(ran.status, 5, "{question}: {}", ran.stderr);
        assert_eq!(ran.lines[0]["holds"], json!(null));
    }
}

#[test]
fn a_client_whose_name_leads_elsewhere_is_no_evidence() {
    let ground = Ground::with(
        "nim_pair; sed s/lpar07/lpar99/ \"$(nim_file lpar07 /etc/niminfo)\" >f; cp f \"$(nim_file lpar07 \
         /etc/niminfo)\"; rm f",
    );
    let ran = ground.run(&["--is", "client=lpar07", "nima"]);
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.contains("is that of lpar99"), "{}", ran.stderr);
}

#[test]
fn a_client_that_is_busy_is_not_idle() {
    let ground = Ground::with("nim_attr nima lpar12 Cstate 'being installed'");
    assert_eq!(ground.run(&["--is", "idle=lpar12", "nima"]).status, 1);
    assert_eq!(ground.run(&["--is", "idle=lpar07", "nima"]).status, 0);
}

#[test]
fn a_niminit_that_fails_stops_the_run_with_its_cause() {
    let ground = Ground::with("nim_fault nimb niminit - 0042-006");
    let ran = ground.set_up(&["--return", "nima"]);
    assert_eq!(ran.status, 6);
    assert_eq!(ran.steps(), ["initialise do failed"]);
    assert!(
        ran.stderr.contains("0042-006 m_niminit: an error occurred (no connection"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_niminit_that_warns_and_does_its_work_has_done_it() {
    let ground = Ground::with("nim_fault nimb niminit - 0042-256:0");
    let ran = ground.set_up(&["nima"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.steps(), ["initialise do done"]);
}

#[test]
fn a_host_name_that_this_machine_does_not_have_ends_it() {
    let ground = Ground::with("nim_fault nimb hostname - fail");
    let ran = ground.set_up(&["nima"]);
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.starts_with("hanim-setup: hostname: "), "{}", ran.stderr);
}
