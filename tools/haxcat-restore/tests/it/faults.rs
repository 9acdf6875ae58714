//! What is refused, with the database as it was.

use crate::ground::{Ground, MAC, contents, of_type};
use ha_json::json;
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

#[test]
fn a_dump_with_faults_is_refused_and_each_is_told_with_its_place() {
    let ground = Ground::new(&["old"]);
    let before = contents(&ground.database());
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n\"n2\",,\n\"n1\",,,,\n,,,,\n"));
    ground.csv("site.csv", "key,value\n");
    let ran = ground.restore(&[]);
    ran.failed_with(4, "dump: has 4 faults, the first: mac.csv, record 2").unwrap();
    assert_eq!(contents(&ground.database()), before);
    let told: Vec<_> = of_type(&ran, "problem")
        .iter()
        .map(|line| (line["item"].clone(), line["record"].clone(), line["line"].clone()))
        .collect();
    let meant = [("mac.csv", 2, 3), ("mac.csv", 4, 5), ("mac.csv", 3, 4), ("site.csv", 0, 1)];
    assert_eq!(told, meant.map(|(item, record, line)| (json!(item), json!(record), json!(line))));
    assert_eq!(ran.end()["faults"], 4);
}

#[test]
fn a_dump_without_a_row_empties_only_what_is_named() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", MAC);
    ground.restore(&[]).failed_with(4, "has no row in any table").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
    ground.restore_well(&["--tables", "mac"]);
    assert!(ground.nodes().is_empty());
}

#[test]
fn a_directory_that_holds_no_dump_or_is_none_is_refused() {
    let ground = Ground::new(&["old"]);
    ground.restore(&[]).failed_with(4, "holds no dump").unwrap();
    fs::remove_dir(ground.dump()).unwrap();
    ground.restore(&[]).failed_with(6, "dump: no such file or directory").unwrap();
    fs::write(ground.dump(), "a file").unwrap();
    ground.restore(&[]).failed_with(6, "dump: not a directory").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
}

#[test]
fn a_stream_that_is_not_whole_is_refused() {
    let ground = Ground::new(&["old"]);
    let begin = "{\"type\":\"begin\",\"schema\":\"haxcat/1\"}\n";
    ground.restore_stream(&[], "").failed_with(4, "is empty").unwrap();
    ground.restore_stream(&[], begin).failed_with(4, "end record is missing").unwrap();
    let failed = format!("{begin}{{\"type\":\"end\",\"ok\":false,\"status\":6}}\n");
    ground.restore_stream(&[], &failed).failed_with(4, "sender says that it failed").unwrap();
    let other = failed.replace("haxcat/1", "haenv/1").replace("false", "true");
    ground.restore_stream(&[], &other).failed_with(4, "haenv/1").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
}

#[test]
fn no_database_is_refused_unless_one_is_to_be_made() {
    let ground = Ground::new(&[]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    fs::remove_file(ground.file("mac")).unwrap();
    fs::remove_file(ground.file("site")).unwrap();
    ground.restore(&[]).failed_with(6, "--create makes one").unwrap();
    ground.restore_well(&["--create"]);
    assert_eq!(ground.nodes(), ["n1"]);
    fs::remove_dir_all(ground.database()).unwrap();
    ground.restore(&["--create"]).failed_with(6, "db: no such file or directory").unwrap();
}

#[test]
fn a_locked_table_is_busy_and_a_damaged_one_is_named() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    ground.csv("site.csv", "#key,value,comments,disable\n\"a\",,,\n");
    let other = ground.open("mac");
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    ground.restore(&["--lock-wait", "0"]).failed_with(5, "mac.sqlite: is locked").unwrap();
    drop(other);
    assert_eq!(ground.nodes(), ["old"]);
    let site = contents(&ground.database()).into_iter().find(|(name, _)| name == "site.sqlite");
    fs::write(ground.file("mac"), "damaged").unwrap();
    ground.restore(&[]).failed_with(6, "mac.sqlite: is damaged").unwrap();
    let now = contents(&ground.database()).into_iter().find(|(name, _)| name == "site.sqlite");
    assert_eq!(site, now, "nothing of the others is changed");
    fs::remove_file(ground.file("mac")).unwrap();
    ground.restore_well(&[]);
    assert_eq!(ground.nodes(), ["n1"], "moved away, it is made anew");
}

#[test]
fn what_the_database_does_not_keep_as_it_was_is_found_out_and_taken_back() {
    let ground = Ground::new(&["old"]);
    // The affinity of the column makes 1 of 01.
    ground.table("vpd", "node TEXT, serial INTEGER, comments TEXT, disable TEXT", "node");
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    ground.csv("vpd.csv", "#node,serial\n\"n1\",\"01\"\n");
    ground.restore(&[]).failed_with(6, "table vpd: does not hold what the dump has").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
    // And a trigger that changes what is written.
    ground
        .open("mac")
        .execute_batch("CREATE TRIGGER t AFTER INSERT ON mac BEGIN UPDATE mac SET mac = 'x'; END")
        .unwrap();
    ground.csv("vpd.csv", "#node,serial\n");
    ground.restore(&[]).failed_with(6, "table mac: does not hold").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
}

#[test]
fn while_xcatd_runs_nothing_is_restored_unless_it_is_said() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    // A list of processes of its own: other tests are not to find one that is called xcatd.
    let bin = ground.root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let ps = "#!/bin/sh\necho '  1 init'\necho ' 4711 xcatd: SSL listener'\n";
    fs::write(bin.join("ps"), ps).unwrap();
    fs::set_permissions(bin.join("ps"), Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let dump = ground.dump();
    let run = |arguments: &[&str]| {
        let all = [&["-p", dump.to_str().unwrap()], arguments].concat();
        ha_testing::run(ground.command(&all).env("PATH", &path), "").unwrap()
    };
    run(&[]).failed_with(5, "xcatd: runs (process 4711)").unwrap();
    assert_eq!(ground.nodes(), ["old"]);
    assert_eq!(run(&["--dry-run"]).status, 0);
    assert_eq!(run(&["--while-xcatd-runs"]).status, 0);
    assert_eq!(ground.nodes(), ["n1"]);
    fs::write(bin.join("ps"), "#!/bin/sh\nexit 1\n").unwrap();
    run(&[]).failed_with(6, "not known whether xcatd runs").unwrap();
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let small = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=400k", "tmpfs"])
        .arg(small.path())
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("not tested: no right to mount");
        return;
    }
    let ground = Ground::new(&["old"]);
    let file = small.path().join("mac.sqlite");
    fs::copy(ground.file("mac"), &file).unwrap();
    let rows: String = (0..20_000).map(|n| format!("\"node{n}\",,,,\n")).collect();
    ground.csv("mac.csv", &format!("{MAC}{rows}"));
    let dump = ground.dump();
    let mut command = ground.command(&["-p", dump.to_str().unwrap()]);
    let ran = ha_testing::run(command.env("XCATCFG", small.path()), "").unwrap();
    let left = Connection::open(&file).and_then(|mac| {
        mac.query_row("SELECT group_concat(node) FROM mac", [], |row| row.get::<_, String>(0))
    });
    let files = contents(small.path()).len();
    assert!(Command::new("umount").arg(small.path()).status().unwrap().success());
    ran.failed_with(6, "mac.sqlite: the disk is full").unwrap();
    assert_eq!((left.unwrap(), files), ("old".to_owned(), 1), "and no journal stays");
}

#[test]
fn hostile_files_are_refused_in_little_memory() {
    let ground = Ground::new(&["old"]);
    let long = |name: &str, script: &str| {
        let path = ground.dump().join(name);
        let mut command = Command::new("python3");
        command
            .arg("-c")
            .arg(format!("import sys\nwith open(sys.argv[1], 'w') as out:\n{script}"))
            .arg(&path);
        assert!(command.status().unwrap().success());
        // The limit is of address space: what is asked for in vain counts, too.
        let dump = ground.dump();
        let run = format!(
            "ulimit -v 400000; exec {} -p {}",
            env!("CARGO_BIN_EXE_haxcat-restore"),
            dump.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &run]).env("XCATCFG", ground.database());
        let ran = ha_testing::run(&mut command, "").unwrap();
        fs::remove_file(path).unwrap();
        ran
    };
    let header = "    out.write('#node,mac\\n')\n";
    long(
        "mac.csv",
        &format!(
            "{header}    [out.write(',' * 1000000) for _ in range(10)]\n    out.write('\\n')\n"
        ),
    )
    .failed_with(4, "mac.csv, record 1 (line 2): has 10000001 fields, and the header 2")
    .unwrap();
    long("mac.csv", &format!("{header}    out.write('\"n\",\"')\n    [out.write('x' * 1048576) for _ in range(1024)]\n    out.write('\"\\n')\n"))
        .failed_with(4, "record 1 (line 2): is longer than 64 MiB")
        .unwrap();
    long("mac.csv", "    [out.write('#' * 1048576) for _ in range(200)]\n")
        .failed_with(4, "the header: is longer than 64 MiB")
        .unwrap();
    assert_eq!(ground.nodes(), ["old"]);
}
