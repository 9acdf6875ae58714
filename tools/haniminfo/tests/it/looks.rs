//! What is told of a file.

use crate::ground::{Ground, command, fixtures, ran, run, run_with_input};
use ha_json::json;
use std::fs;
use std::process::Stdio;

const MASTER: &str = "export NIM_NAME=master\nexport NIM_CONFIGURATION=master\n\
    export NIM_MASTER_PORT=1058\nexport NIM_REGISTRATION_PORT=1059\n\
    export NIM_MASTER_HOSTNAME=nima\n";

#[test]
fn standard_input_is_read_as_a_file_is() {
    let ran = run_with_input(&["-"], MASTER.as_bytes());
    let answer = ran.well();
    assert_eq!(answer["file"], json!(null));
    assert_eq!((&answer["role"], &answer["master_hostname"]), (&json!("master"), &json!("nima")));
}

#[test]
fn named_fields_are_one_plain_line() {
    let file = fixtures().join("04-client-before-takeover.niminfo");
    let file = file.to_str().unwrap();
    let ran = run(&["-o", "role,name,alternate_masters,master_hostname_list", file]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.stdout, "standalone\tlpar07\t\t[\"nima.example.com\",\"nimb.example.com\"]\n");
    run(&["-o", "colour", file]).refused(2, &["-o colour", "no such field", "role"]);
}

#[test]
fn what_is_no_niminfo_is_not_trusted_and_what_is_not_there_failed() {
    for (content, word) in [
        (&b""[..], "is empty"),
        (b"\n\n# only a comment\n", "sets no variable"),
        (b"\x7fELF\x02\0\0A=\0\n", "sets no variable"),
        (b"<html><body>404</body></html>\n", "sets no variable"),
    ] {
        let ground = Ground::with(content);
        let ran = ground.look(&[]);
        ran.refused(4, &["niminfo: ", word]);
        let answer = ran.answer();
        assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!("input")));
    }
    let ground = Ground::with("");
    fs::remove_file(ground.file()).unwrap();
    ground.look(&[]).refused(6, &["is not there"]);
    fs::create_dir(ground.file()).unwrap();
    ground.look(&[]).refused(6, &["is no regular file"]);
    Ground::with(vec![b'a'; (256 << 10) + 1]).look(&[]).refused(6, &["longer than 262144"]);
    run_with_input(&["-"], &vec![b'a'; (256 << 10) + 1]).refused(4, &["longer than 262144"]);
}

#[test]
fn secrets_are_nowhere_in_the_answer_unless_they_are_asked_for() {
    let ground = Ground::of("secrets.niminfo");
    let ran = ground.look(&[]);
    assert!(!ran.stdout.contains("ABC-SECRET"), "{}", ran.stdout);
    assert!(ran.stderr.is_empty());
    let answer = ran.answer();
    let hidden = answer["variables"].as_array().unwrap().iter().filter(|one| one["hidden"] == true);
    assert_eq!(hidden.clone().count(), 4);
    assert!(hidden.clone().all(|one| one["value"].is_null()));
    let shown = ground.look(&["--show-secrets"]);
    for number in 1..=8 {
        assert!(shown.stdout.contains(&format!("ABC-SECRET-{number}")), "{number}");
    }
    assert!(
        shown.answer()["variables"].as_array().unwrap().iter().all(|one| one["hidden"] == false)
    );
}

#[test]
fn a_secret_is_not_told_by_its_neighbours() {
    for text in [
        "PADMIN_PASSWD=one ABC-SECRET two\n",
        "export PADMIN_PASSWD=one ABC_SECRET two\n",
        "export PADMIN_PASSWD=\u{201c}ABC_SECRET ABC_SECRET\u{201d}\n",
        "export PADMIN_PASSWD=\"ABC_SECRET\nABC_SECRET\n",
        "export PADMIN_PASSWD=$(echo ABC_SECRET)\n",
        "export PADMIN_PASSWD='ABC_SECRET\nexport B='1'\n",
        "export NIM_CUSTOM=/a\\ passwd=ABC_SECRET\n",
        "PADMIN_PASSWD+=ABC_SECRET\n",
        "export \"PADMIN_PASSWD\"=ABC_SECRET\n",
        "echo \"x\nPADMIN_PASSWD=ABC_SECRET\nABC_SECRET\"\n",
        "1PASSWD=ABC_SECRET\n",
        "export A=1 # PADMIN_PASSWD=ABC_SECRET\n",
        "PADMIN_PASSWD=ABC_SECRET & export A=1\n",
        "NIM_CONFIGURATION=\"passwd=ABC_SECRET\"\n",
        "NIM_HOSTS=\"1.2.3.4:passwd=ABC_SECRET\"\n",
    ] {
        let ground = Ground::with(format!("{MASTER}{text}"));
        let ran = ground.look(&[]);
        assert!(!ran.stdout.contains("SECRET"), "{text:?} {}", ran.stdout);
        assert!(ran.stderr.is_empty() && ran.status < 2);
        let told = ground.write(&[], &ran.answer()).well();
        assert_eq!(told["changed"], false, "{text:?}");
    }
}

#[test]
fn nothing_runs_for_ever_where_a_reader_leaves_or_a_disk_is_full() {
    let ground = Ground::with(MASTER);
    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let ran = ran(command().arg(ground.file()).stdout(Stdio::from(full)).output().unwrap());
        assert_eq!(ran.status, 6);
        assert!(ran.stderr.contains("standard output: "), "{}", ran.stderr);
    }
}
