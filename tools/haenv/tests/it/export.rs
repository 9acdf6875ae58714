//! Lines for a shell.

use crate::ground::{Ground, run};
use std::process::Command;

const SHELLS: [&str; 6] = ["sh", "dash", "bash", "ksh93", "mksh", "ksh"];

/// What the shell has in A after it took the lines, and the status that `eval` had.
fn evaluated(shell: &str, ground: &Ground, more: &str) -> Option<(Vec<u8>, i32)> {
    let script = format!(
        "eval \"$('{}' --export {more} '{}')\"; status=$?; sh -c 'printf %s \"$A\"'; exit $status",
        env!("CARGO_BIN_EXE_haenv"),
        ground.file().display()
    );
    let output = Command::new(shell).args(["-c", &script]).env_remove("A").output().ok()?;
    Some((output.stdout, output.status.code().unwrap()))
}

#[test]
fn awkward_values_come_through_every_shell() {
    let all: Vec<u8> = (1..=255).filter(|byte| !b"\n\r#".contains(byte)).collect();
    let values: [&[u8]; 8] = [
        &all,
        b"it's \"quoted\"",
        b"$HOME `id` $(id) \\ \\n !!",
        b"  blanks\tand tabs  ",
        b"'",
        b"* ? [a] ~ ; & | < > ( ) { } \x01\x7f",
        b"\xc3\xa4 \xff\xfe",
        b"-n",
    ];
    for value in values {
        let ground = Ground::new();
        let mut file = ha_environment::EnvironmentFile::parse(b"");
        file.set("A", value).unwrap();
        std::fs::write(ground.file(), file.bytes()).unwrap();
        for shell in SHELLS {
            if let Some(seen) = evaluated(shell, &ground, "") {
                assert_eq!(seen, (value.to_vec(), 0), "{shell}");
            }
        }
    }
}

#[test]
fn the_status_reaches_the_shell_through_eval() {
    for shell in SHELLS {
        let missing = Ground::new();
        let Some((_, status)) = evaluated(shell, &missing, "") else { continue };
        assert_eq!(status, 6, "{shell}");
        let ground = Ground::with("A=1\nB=2\n");
        assert_eq!(evaluated(shell, &ground, "--only A,C").unwrap(), (b"1".to_vec(), 1), "{shell}");
        assert_eq!(evaluated(shell, &ground, "--only A").unwrap(), (b"1".to_vec(), 0), "{shell}");
    }
}

#[test]
fn names_that_no_shell_takes_are_left_out_and_told() {
    let ground = Ground::with("A=1\nx;id=2\n");
    let ran = ground.run(&["--export"]);
    assert_eq!((ran.status, ran.text().as_str()), (1, "A='1'; export A\n(exit 1)\n"));
    assert!(ran.stderr.contains("line 2: \"x;id\" is no name"), "{}", ran.stderr);
}

#[test]
fn what_is_the_shells_own_is_left_out_and_no_shell_runs_what_stands_in_it() {
    let ground = Ground::new();
    let ran = ground.root.path().join("ran");
    let names = "OPTIND UID EUID PPID SHELLOPTS BASHOPTS BASH_VERSINFO BASHPID KSH_VERSION TMOUT RANDOM \
        SRANDOM SECONDS LINENO HISTCMD HISTSIZE MAILCHECK COLUMNS LINES IFS PIPESTATUS PGRP USER_ID KSHUID";
    let mut content = String::new();
    for name in names.split_whitespace() {
        content += &format!("{name}=x[$(touch {})]\n", ran.display());
    }
    std::fs::write(ground.file(), content + "A=1\n").unwrap();
    let told = ground.run(&["--export"]);
    assert_eq!((told.status, told.text().as_str()), (1, "A='1'; export A\n(exit 1)\n"));
    assert_eq!(told.stderr.lines().count(), names.split_whitespace().count(), "{}", told.stderr);
    for shell in SHELLS {
        if let Some(seen) = evaluated(shell, &ground, "") {
            assert_eq!(seen, (b"1".to_vec(), 1), "{shell}");
        }
    }
    assert!(!ran.exists());
}

#[test]
fn a_number_is_exported_where_shells_want_one() {
    for (value, lines) in [("80", 1), ("0", 1), ("08", 0), ("", 0), ("1+1", 0), ("9999999999", 0)] {
        let ground = Ground::with(format!("COLUMNS={value}\n"));
        let lines_of = |text: String| text.lines().filter(|line| line.contains("export")).count();
        assert_eq!(lines_of(ground.run(&["--export"]).text()), lines, "{value:?}");
    }
}

#[test]
fn on_wrong_usage_there_is_nothing_for_eval() {
    let ran = run(&["--export", "--no-such-option"]);
    assert_eq!((ran.status, ran.text().as_str()), (2, ""));
}

#[test]
fn only_needs_export() {
    let ran = run(&["--only", "A"]);
    assert_eq!((ran.status, ran.text().as_str()), (2, ""));
}
