//! A step of a plan, run by itself: what the words said is judged, not what the carrier says.

use crate::ground::Ground;

#[test]
fn a_command_that_went_well_says_what_it_said_on_standard_error() {
    let ran = Ground::with("true").run(&["--step", "localhost", "--", "echo", "a b"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, "hanim-setup: a b\n");
}

#[test]
fn a_status_is_seen_through_a_carrier_that_has_none() {
    let ground = Ground::with("true");
    let arguments = ["--step", "lpar07", "--", "/bin/sh", "-c", "echo why >&2; exit 7"];
    let mut command = ground.command(&arguments);
    let ran = ha_testing::run(command.env("NIM_CARRIER", "c_rsh"), "").unwrap();
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.ends_with("hanim-setup: lpar07: command: why\n"), "{}", ran.stderr);
}

#[test]
fn a_message_of_nim_counts_for_more_than_its_status() {
    let says = "echo '0042-256 m_niminit: an error occurred' >&2; exit 0";
    let ran = Ground::with("true").run(&["--step", "localhost", "--", "/bin/sh", "-c", says]);
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.contains("this machine: command: 0042-256 m_niminit"), "{}", ran.stderr);
}

#[test]
fn a_message_that_was_a_warning_fails_nothing_where_the_answer_is_yes() {
    let ground = Ground::with("true");
    let niminit = "niminit -a is_alternate=yes -a name=nimb -a pif_name=en0 -a master=nima; echo '0042-001 \
                   niminit: a warning' >&2; exit 0";
    let arguments = |last: &'static str| {
        ["--step", "localhost", "--is", "alternate", "nima", "--", "/bin/sh", "-c", last]
    };
    let ran = ground.run(&arguments("echo '0042-001 niminit: failed' >&2"));
    assert_eq!(ran.status, 6, "{}", ran.stderr);
    assert_eq!(ground.run(&arguments(niminit)).status, 0);
    let ran = ground.run(&arguments("echo done again >&2; exit 1"));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "it was so already");
}

#[test]
fn where_nobody_knows_whether_it_is_needed_it_is_not_begun() {
    let ground = Ground::with("nim_down nima");
    let arguments = ["--step", "localhost", "--is", "alternate", "nima", "--", "echo", "begun"];
    let ran = ground.run(&arguments);
    assert_eq!(ran.status, 5);
    assert!(!ran.stderr.contains("begun"), "{}", ran.stderr);
}

#[test]
fn a_machine_that_does_not_answer_is_busy() {
    let ran = Ground::with("nim_down lpar07").run(&["--step", "lpar07", "--", "true"]);
    assert_eq!(ran.status, 5);
    assert!(ran.stderr.starts_with("hanim-setup: lpar07: "), "{}", ran.stderr);
}
