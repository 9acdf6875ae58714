//! What dumpxCATdb says "Backup Complete." to, and this tool must not.

use crate::ground::{Ground, Ran, assert_whole, contents, fill, names};
use rusqlite::Connection;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn dump(ground: &Ground, path: &std::path::Path) -> Ran {
    ground.run(&[OsStr::new("-p"), path.as_os_str()])
}

/// A file system of 400 KiB, unmounted at the end; none where this user may not mount.
struct Small(tempfile::TempDir);

impl Small {
    fn mounted() -> Option<Small> {
        let directory = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400k", "tmpfs"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Small(directory))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_fails_and_the_earlier_dump_stays_whole() {
    let Some(small) = Small::mounted() else {
        eprintln!("not tested: no right to mount");
        return;
    };
    let ground = Ground::samples();
    let path = small.0.path().join("dump");
    dump(&ground, &path);
    assert_whole(&path);
    let before = contents(&path);
    let mac = ground.table("mac", "node TEXT, comments TEXT", "node");
    fill(&mac, "mac", 5000);
    dump(&ground, &path).failed_with(6, "mac.csv: no space left on device");
    assert_eq!(contents(&path), before);
    assert_eq!(names(small.0.path()), ["dump"], "no half dump stays");
}

#[test]
fn a_mount_point_is_refused_before_anything_is_written() {
    let Some(small) = Small::mounted() else {
        eprintln!("not tested: no right to mount");
        return;
    };
    dump(&Ground::samples(), small.0.path()).failed_with(6, "mount point");
    assert_eq!(names(small.0.path()).len(), 0);
}

#[test]
fn standard_output_on_a_full_disk_fails() {
    let ground = Ground::large(500);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = ground.command().stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "haxcat-dump: standard output: no space left on device\n");
}

#[test]
fn a_damaged_table_fails_a_dump_and_is_a_failed_item_among_records() {
    for damage in ["text", "cut", "zeros", "rows lost"] {
        let ground = Ground::large(3000);
        ground.dump_well();
        let before = contents(&ground.dump());
        let path = ground.file("mac");
        let mut bytes = fs::read(&path).unwrap();
        match damage {
            "text" => bytes[..4096].fill(b'#'),
            "cut" => bytes.truncate(bytes.len() / 2),
            "zeros" => bytes[8192..40_960].fill(0),
            // A leaf of the tree that counts one row less reads well.
            _ => {
                let leaf = bytes.chunks_mut(4096).skip(1).find(|page| page[0] == 13).unwrap();
                leaf[4] -= 1;
            }
        }
        fs::write(&path, bytes).unwrap();
        dump(&ground, &ground.dump()).failed_with(6, "mac.sqlite: is damaged");
        assert_eq!(contents(&ground.dump()), before);
        let ran = ground.run::<&str>(&[]);
        assert_eq!((ran.status, &ran.end()["status"]), (3, &3.into()), "{damage}");
        assert_eq!(ran.of_type("error")[0]["item"], "mac");
        assert_eq!(ran.of_type("row").len(), 9000, "the other tables are there");
    }
}

#[test]
fn a_target_that_cannot_be_written_fails() {
    let ground = Ground::samples();
    let file = ground.root.path().join("file");
    fs::write(&file, "x").unwrap();
    dump(&ground, &file).failed_with(6, "file: is not a directory");
    dump(&ground, &file.join("below")).failed_with(6, "not a directory");
    dump(&ground, std::path::Path::new("/proc/no/where")).failed_with(6, "/proc/no");
    symlink("gone", ground.dump()).unwrap();
    dump(&ground, &ground.dump()).failed_with(6, "link to nothing");
}

#[test]
fn no_database_is_told_with_what_was_looked_for_and_nothing_is_made() {
    let ground = Ground::new();
    fs::remove_file(ground.file("site")).unwrap();
    dump(&ground, &ground.dump()).failed_with(6, "looked for TABLE.sqlite");
    fs::remove_dir(ground.database()).unwrap();
    dump(&ground, &ground.dump()).failed_with(6, "db: no such file or directory");
    ground.run::<&str>(&[]).failed_with(6, "XCATCFG");
    assert_eq!(names(ground.root.path()).len(), 0);
}

#[test]
fn a_server_that_is_not_there_is_busy_and_the_password_is_not_shown() {
    let ground = Ground::new();
    for (engine, why) in [("Pg", "connection refused"), ("mysql", "connection refused")] {
        let mut command = ground.command();
        // Nobody listens on the first port of all.
        command
            .env("XCATCFG", format!("{engine}:dbname=xcatdb;host=127.0.0.1;port=1|xcatadm|S3cret"));
        let started = Instant::now();
        let ran = Ran::from(command.output().unwrap());
        ran.failed_with(5, why);
        assert!(ran.stderr.contains("xcatdb at 127.0.0.1:1") && ran.stderr.contains("--from DIR"));
        assert!(!ran.stderr.contains("S3cret") && started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let ground = Ground::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for engine in ["Pg", "mysql"] {
        let mut command = ground.command();
        command.args(["--connect-timeout", "1"]);
        command
            .env("XCATCFG", format!("{engine}:dbname=xcatdb;host=127.0.0.1;port={port}|x|S3cret"));
        let started = Instant::now();
        Ran::from(command.output().unwrap()).failed_with(5, "does not answer within 1 s");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_server_that_talks_nonsense_gives_an_error() {
    let ground = Ground::new();
    let liar = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = liar.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let answers: [&[u8]; 3] = [b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0xff; 4000], &[0; 4000]];
        for (number, stream) in liar.incoming().enumerate() {
            let _ = std::io::Write::write_all(&mut stream.unwrap(), answers[number / 2 % 3]);
        }
    });
    for engine in ["Pg", "mysql", "Pg", "mysql", "Pg", "mysql"] {
        let mut command = ground.command();
        command.args(["--connect-timeout", "5"]);
        command
            .env("XCATCFG", format!("{engine}:dbname=xcatdb;host=127.0.0.1;port={port}|x|S3cret"));
        let ran = Ran::from(command.output().unwrap());
        assert!(matches!(ran.status, 5 | 6), "{} {}", ran.status, ran.stderr);
        assert!(!ran.stderr.contains("S3cret") && ran.stderr.lines().count() == 1);
    }
}

#[test]
fn what_this_program_cannot_reach_is_wrong_usage_and_the_password_is_not_shown() {
    let ground = Ground::new();
    let db2 = match cfg!(feature = "odbc") {
        true => (6, "odbc:xcatdb"),
        false => (2, "without --features odbc"),
    };
    for (text, (status, why)) in [("DB2:xcatdb", db2), ("CSV:/etc/xcat", (2, "--from DIR"))] {
        let mut command = ground.command();
        command.env("XCATCFG", format!("{text}|xcatadm|S3cret"));
        let ran = Ran::from(command.output().unwrap());
        ran.failed_with(status, why);
        assert!(!ran.stderr.contains("S3cret"));
    }
}

/// Runs `act` when the first table of a dump is being written, while zone is yet to come.
fn half_way(act: impl FnOnce(&Ground)) -> (Ground, Ran) {
    let ground = Ground::new();
    let first = ground.table("bootparams", "node TEXT, comments TEXT, disable TEXT", "node");
    fill(&first, "bootparams", 400_000);
    drop(first);
    let zone = ground.table("zone", "zonename TEXT, comments TEXT", "zonename");
    zone.execute_batch("INSERT INTO zone VALUES ('old', NULL)").unwrap();
    drop(zone);
    let mut command = ground.command();
    command.arg("-p").arg(ground.dump()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = ground.root.path().join(".dump.haxcat-new/bootparams.csv");
    let started = Instant::now();
    while !begun.exists() {
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    act(&ground);
    assert!(!ground.root.path().join(".dump.haxcat-new/zone.csv").exists(), "it was too quick");
    let ran = Ran::from(child.wait_with_output().unwrap());
    (ground, ran)
}

#[test]
fn a_table_that_vanishes_half_way_fails_and_is_not_dumped_as_empty() {
    let (ground, ran) = half_way(|ground| fs::remove_file(ground.file("zone")).unwrap());
    ran.failed_with(5, "zone.sqlite: vanished while the tables were read");
    assert_eq!(names(ground.root.path()), ["db"]);
}

#[test]
fn a_table_that_is_replaced_half_way_is_read_again_with_all_others() {
    let (ground, ran) = half_way(|ground| {
        let new = ground.root.path().join("new");
        fs::copy(ground.file("zone"), &new).unwrap();
        let zone = Connection::open(&new).unwrap();
        zone.execute_batch("UPDATE zone SET zonename = 'new'").unwrap();
        drop(zone);
        fs::rename(new, ground.file("zone")).unwrap();
    });
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert!(ground.csv("zone").ends_with(b"\"new\",,,,,\n"));
}

#[test]
fn a_table_that_comes_into_being_half_way_is_read_with_all_others() {
    let (ground, ran) = half_way(|ground| {
        ground
            .table("mac", "node TEXT", "node")
            .execute_batch("INSERT INTO mac VALUES ('n')")
            .unwrap();
    });
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ground.csv("mac").ends_with(b"\n\"n\",,,,\n"));
}

#[test]
fn writers_wait_until_all_tables_are_read_so_that_all_are_of_one_moment() {
    let (ground, ran) = half_way(|ground| {
        let zone = ground.open("zone");
        zone.busy_timeout(Duration::ZERO).unwrap();
        assert!(zone.execute_batch("UPDATE zone SET zonename = 'new'").is_err());
    });
    assert_eq!(ran.status, 0);
    assert!(ground.csv("zone").ends_with(b"\"old\",,,,,\n"));
}
