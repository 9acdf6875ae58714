//! Variables set and taken away.

use crate::ground::{Ground, Ran, command, run};
use ha_json::{Value, json};
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

const TEXT: &str = "# head\nA=1\nB=2\n\n# tail\n";

fn refused(ran: &Ran, status: i32) {
    assert_eq!(ran.status, status, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches('\n').count(), 1, "{}", ran.stderr);
}

#[test]
fn old_and_new_values_are_told_and_other_lines_stay() {
    let ground = Ground::with(TEXT);
    let answer = ground.run(&["--set", "B=3", "--set", "C=x y", "--unset", "A"]).well();
    assert_eq!(answer["changed"], true);
    assert_eq!(
        answer["changes"],
        json!([
            {"name": "B", "old": "2", "new": "3", "changed": true},
            {"name": "C", "old": null, "new": "x y", "changed": true},
            {"name": "A", "old": "1", "new": null, "changed": true},
        ])
    );
    assert_eq!(ground.content(), "# head\nB=3\n\n# tail\nC='x y'\n");
    assert_eq!(ground.names(), ["environment"]);
}

#[test]
fn what_is_so_already_is_not_written_again() {
    let ground = Ground::with(TEXT);
    let before = fs::metadata(ground.file()).unwrap();
    let answer = ground.run(&["--set", "B=2", "--unset", "Z"]).well();
    assert_eq!(answer["changed"], false);
    let after = fs::metadata(ground.file()).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn a_dry_run_tells_the_same_and_writes_nothing() {
    let ground = Ground::with(TEXT);
    let mut dry = ground.run(&["--set", "B=3", "--dry-run"]).well();
    assert_eq!((ground.content().as_str(), &dry["dry_run"]), (TEXT, &json!(true)));
    dry["dry_run"] = Value::from(false);
    assert_eq!(ground.run(&["--set", "B=3"]).well(), dry);
}

#[test]
fn a_file_that_is_not_there_is_made_for_all_to_read() {
    let ground = Ground::new();
    ground.run(&["--unset", "A"]).well();
    assert!(ground.names().is_empty());
    ground.run(&["--set", "A=1"]).well();
    assert_eq!(ground.content(), "A=1\n");
    assert_eq!(fs::metadata(ground.file()).unwrap().mode() & 0o7777, 0o644);
}

#[test]
fn the_mode_and_a_link_are_kept() {
    let ground = Ground::new();
    let real = ground.root.path().join("real");
    fs::write(&real, TEXT).unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o664)).unwrap();
    symlink("real", ground.file()).unwrap();
    ground.run(&["--set", "A=9"]).well();
    assert!(ground.file().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("A=9\n"));
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o664);
}

#[test]
fn wrong_usage_leaves_the_file_and_standard_output_alone() {
    let ground = Ground::with(TEXT);
    for arguments in [
        &["--set", "A"][..],
        &["--set", "=1"],
        &["--set", "1A=1"],
        &["--set", "A=a\nb"],
        &["--set", "A=1", "--set", "A=2"],
        &["--set", "A=1", "--unset", "A"],
        &["--set", "A=1", "--export"],
        &["--set", "A=1", "-o", "value"],
        &["--set", "A=1", "--lock-wait", "x"],
        &["--dry-run"],
    ] {
        let ran = ground.run(arguments);
        refused(&ran, 2);
        assert_eq!(ran.text(), "", "{arguments:?}");
    }
    assert_eq!(ground.content(), TEXT);
}

#[test]
fn a_value_of_other_bytes_is_kept_as_it_is() {
    let ground = Ground::with(TEXT);
    let argument = OsStr::from_bytes(b"A=\xff\xfe");
    let file = ground.file();
    let ran = run(&[OsStr::new("--set"), argument, file.as_os_str()]);
    assert_eq!(ran.well()["changes"][0]["new_base64"], "//4=");
    assert!(fs::read(file).unwrap().windows(7).any(|bytes| bytes == b"A='\xff\xfe'\n"));
}

#[test]
fn a_file_that_another_run_holds_is_busy() {
    let ground = Ground::with(TEXT);
    let held = ha_file::lock(&ground.file(), Duration::ZERO).unwrap();
    let ran = ground.run(&["--set", "A=2", "--lock-wait", "0"]);
    refused(&ran, 5);
    assert_eq!(ran.answer()["error"]["kind"], "busy");
    assert_eq!(ground.content(), TEXT);
    drop(held);
    ground.run(&["--set", "A=2", "--lock-wait", "0"]).well();
}

#[test]
fn a_directory_and_a_missing_directory_fail() {
    let ground = Ground::new();
    let directory = ground.root.path().to_str().unwrap().to_owned();
    refused(&run(&["--set", "A=1", &directory]), 6);
    refused(&run(&["--set", "A=1", &format!("{directory}/missing/environment")]), 6);
}

#[test]
fn many_at_once_lose_nothing_of_each_other() {
    const MANY: usize = 12;
    for (ground, before) in [(Ground::with(TEXT), TEXT), (Ground::new(), "")] {
        let children: Vec<_> = (0..MANY)
            .map(|number| {
                let set = format!("N{number}={number}");
                command().args(["--set", &set]).arg(ground.file()).spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let content = ground.content();
        let mut lines: Vec<&str> = content.strip_prefix(before).unwrap().lines().collect();
        lines.sort_unstable();
        let mut wanted: Vec<String> =
            (0..MANY).map(|number| format!("N{number}={number}")).collect();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
        assert_eq!(ground.names(), ["environment"]);
    }
}

#[test]
fn a_file_with_a_line_that_goes_on_or_is_too_long_is_not_edited() {
    let long = format!("A=1\n#{}\nB=2\n", "x".repeat(8191));
    for (text, why) in [
        ("A=b\\\n\nB=1\n", "line 1 joins it with others"),
        ("A=1\n\\\nA=2\n", "line 2 joins it with others"),
        ("A=x\\\n#c\ny\n", "line 1 joins it with others"),
        (&long, "line 2 is longer than 8191 bytes"),
    ] {
        let ground = Ground::with(text);
        let adapters = crate::ground::fixture("netstat-in.aix");
        for arguments in [
            &["--set", "A=9"][..],
            &["--unset", "B"],
            &["--set", "A=9", "--dry-run"],
            &["--exclude-all-but", "9.3.240.2", "--adapters", &adapters, "--write"],
        ] {
            let ran = ground.run(arguments);
            refused(&ran, 6);
            assert!(ran.stderr.contains(why), "{}", ran.stderr);
            assert_eq!(ground.content(), text);
        }
    }
}

#[test]
fn who_holds_the_file_of_root_without_being_root_keeps_nobody_waiting() {
    let ground = Ground::with(TEXT);
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: only root has locks that nobody else can take");
    }
    let reader = fs::File::open(ground.file()).unwrap();
    let _held = ha_command::lock_directory(reader.into(), "reader", Duration::ZERO).unwrap();
    ground.run(&["--set", "A=2", "--lock-wait", "0"]).well();
}

#[test]
fn what_is_done_is_told_on_request() {
    let ground = Ground::with(TEXT);
    let ran = ground.run(&["--set", "A=2", "--verbose"]);
    assert_eq!(ran.stderr, format!("haenv: {}: is replaced\n", ground.file().display()));
}
