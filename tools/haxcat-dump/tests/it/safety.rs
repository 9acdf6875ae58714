//! What was there before is there after, whatever happens.

use crate::ground::{Ground, Ran, assert_whole, contents, names};
use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn dump(ground: &Ground, more: &[&str]) -> Ran {
    let path = ground.dump();
    let mut arguments = vec!["-p", path.to_str().unwrap()];
    arguments.extend(more);
    ground.run(&arguments)
}

#[test]
fn a_run_that_is_killed_at_any_moment_leaves_a_whole_dump_and_the_next_one_cleans_up() {
    let ground = Ground::large(2000);
    let started = Instant::now();
    ground.dump_well();
    let whole = started.elapsed();
    let mut cut = 0;
    for number in 0..30 {
        let mut command = ground.command();
        command.arg("-p").arg(ground.dump()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * number / 30);
        child.kill().unwrap();
        cut += u32::from(!child.wait().unwrap().success());
        assert_whole(&ground.dump());
    }
    assert!(cut > 5, "only {cut} runs were cut");
    ground.dump_well();
    assert_eq!(names(ground.root.path()), ["db", "dump"]);
}

#[test]
fn a_dump_that_stands_aside_since_a_run_was_killed_between_two_renames_is_put_back() {
    let ground = Ground::samples();
    ground.dump_well();
    let before = contents(&ground.dump());
    fs::rename(ground.dump(), ground.root.path().join(".dump.haxcat-old")).unwrap();
    fs::write(ground.file("policy"), "damaged").unwrap();
    assert_eq!(dump(&ground, &[]).status, 6);
    assert_eq!(contents(&ground.dump()), before);
    assert_eq!(names(ground.root.path()), ["db", "dump"]);
}

#[test]
fn what_a_dump_does_not_write_is_never_removed() {
    for (place, name) in [("dump", "notes"), ("dump", "mine.csv"), (".dump.haxcat-new", "zz")] {
        let ground = Ground::samples();
        let directory = ground.root.path().join(place);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("policy.csv"), "earlier").unwrap();
        fs::write(directory.join(name), "mine").unwrap();
        dump(&ground, &[]).failed_with(6, name);
        assert_eq!(fs::read(directory.join(name)).unwrap(), b"mine");
        // Nor is what sorts before it: all is looked at before anything goes.
        assert_eq!(fs::read(directory.join("policy.csv")).unwrap(), b"earlier");
    }
    let ground = Ground::samples();
    fs::create_dir_all(ground.dump().join("mac.csv")).unwrap();
    dump(&ground, &[]).failed_with(6, "mac.csv");
}

#[test]
fn a_dump_of_the_real_dumpxcatdb_is_replaced() {
    let ground = Ground::samples();
    fs::create_dir(ground.dump()).unwrap();
    fs::write(ground.dump().join("eventlog.csv"), "#recid\n").unwrap();
    ground.dump_well();
    assert_whole(&ground.dump());
}

#[test]
fn many_at_once_all_dump_one_after_another() {
    let ground = Ground::large(500);
    let runs: Vec<_> = (0..6)
        .map(|_| {
            let mut command = ground.command();
            command.arg("-p").arg(ground.dump());
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_whole(&ground.dump());
    assert_eq!(names(ground.root.path()), ["db", "dump"]);
}

#[test]
fn a_lock_that_another_run_holds_is_waited_for_and_then_told() {
    let ground = Ground::samples();
    let root = fs::File::open(ground.root.path()).unwrap();
    let _held = Flock::lock(root, FlockArg::LockExclusive).unwrap();
    let started = Instant::now();
    dump(&ground, &["--lock-wait", "1"]).failed_with(5, "lock of its dumps");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(!ground.dump().exists());
}

#[test]
fn a_locked_table_is_waited_for_and_then_told() {
    let ground = Ground::samples();
    let policy = ground.open("policy");
    policy.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let started = Instant::now();
    dump(&ground, &["--lock-wait", "1"]).failed_with(5, "policy.sqlite: is locked");
    assert!(started.elapsed() >= Duration::from_secs(1));
    ground.run(&["--lock-wait", "0"]).failed_with(5, "policy.sqlite: is locked");
    let mut command = ground.command();
    command.arg("-p").arg(ground.dump()).stdout(Stdio::null());
    let mut waiting = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    policy.execute_batch("COMMIT").unwrap();
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_stops_a_tool_that_looks_and_not_one_that_dumps() {
    let ground = Ground::large(20_000);
    let mut looking =
        ground.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    looking.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = looking.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let mut command = ground.command();
    command.arg("-p").arg(ground.dump()).stdout(Stdio::piped());
    let mut dumping = command.spawn().unwrap();
    drop(dumping.stdout.take());
    assert!(dumping.wait().unwrap().success());
    assert_whole(&ground.dump());
}

#[test]
fn a_reader_that_does_not_read_keeps_nobody_from_writing_to_the_database() {
    let ground = Ground::large(20_000);
    let mut looking = ground.command().stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = looking.stdout.take().unwrap();
    let mut first = [0; 10];
    stdout.read_exact(&mut first).unwrap();
    let mac = ground.open("mac");
    mac.busy_timeout(Duration::from_secs(5)).unwrap();
    mac.execute_batch("DELETE FROM mac").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(looking.wait().unwrap().success());
    assert_eq!(rest.matches("\"table\":\"mac\"").count(), 20_000);
}

#[test]
fn wrong_usage_does_nothing() {
    let ground = Ground::samples();
    for (arguments, word) in [
        (&["-V"][..], "-V"),
        (&["-v"], "-v"),
        (&["-b"], "-b"),
        (&["-p"], "--path"),
        (&["--dry-run"], "--path"),
        (&["-p", "x", "--show-secrets"], "--show-secrets"),
        (&["--lock-wait", "soon"], "--lock-wait"),
        (&["nodelists"], "nodelists"),
    ] {
        ground.run(arguments).failed_with(2, word);
    }
    for flag in ["--help", "--version"] {
        let output = ground.command().arg(flag).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
    }
}

#[test]
fn what_is_done_is_told_on_demand() {
    let ground = Ground::samples();
    let ran = dump(&ground, &["--verbose", "policy"]);
    assert_eq!(ran.stderr, "haxcat-dump: policy.csv: 2 rows, 131 bytes\n");
}

#[test]
fn a_link_where_a_leftover_would_stand_is_not_followed() {
    for place in [".dump.haxcat-new", ".dump.haxcat-old"] {
        let ground = Ground::samples();
        let real = ground.root.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("policy.csv"), "root's").unwrap();
        std::os::unix::fs::symlink(&real, ground.root.path().join(place)).unwrap();
        dump(&ground, &[]).failed_with(6, "no directory");
        assert_eq!(fs::read(real.join("policy.csv")).unwrap(), b"root's");
    }
}

#[test]
fn a_parent_that_all_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::samples();
    let open = |mode| {
        fs::set_permissions(ground.root.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    open(0o777);
    dump(&ground, &[]).failed_with(6, "all may write");
    open(0o1777);
    ground.dump_well();
}

#[test]
fn a_dump_behind_a_link_that_was_left_aside_is_put_back() {
    let ground = Ground::samples();
    let link = ground.root.path().join("link");
    std::os::unix::fs::symlink(ground.dump(), &link).unwrap();
    ground.dump_well();
    fs::rename(ground.dump(), ground.root.path().join(".dump.haxcat-old")).unwrap();
    let ran = ground.run(&[OsStr::new("-p"), link.as_os_str()]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_whole(&ground.dump());
}

#[test]
fn a_file_that_lost_its_table_is_no_empty_table() {
    let ground = Ground::samples();
    ground.open("policy").execute_batch("ALTER TABLE policy RENAME TO pxlicy").unwrap();
    dump(&ground, &[]).failed_with(6, "holds no table policy");
}
