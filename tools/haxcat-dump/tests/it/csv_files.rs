//! The CSV files and the records of them.

use crate::ground::{Ground, MANIFEST, assert_whole, contents, fixtures, names};
use ha_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;

#[test]
fn the_files_are_byte_for_byte_those_of_the_real_dumpxcatdb() {
    let ground = Ground::samples();
    ground.dump_well();
    for (name, bytes) in contents(&fixtures().join("csv")) {
        assert_eq!(fs::read(ground.dump().join(&name)).unwrap(), bytes, "{name}");
    }
}

#[test]
fn a_table_without_a_file_is_a_header_and_no_file_is_made_of_it() {
    let ground = Ground::samples();
    let before = contents(&ground.database());
    let ran = ground.dump_well();
    assert_eq!(ground.csv("deps"), b"#node,nodedep,msdelay,cmd,comments,disable\n");
    assert_eq!(contents(&ground.database()), before);
    assert_eq!((&ran.end()["tables"], &ran.end()["rows"]), (&71.into(), &5.into()));
}

#[test]
fn events_are_in_a_dump_of_all_only() {
    let ground = Ground::samples();
    ground.dump_well();
    assert_eq!(names(&ground.dump()).len(), 71 + 1);
    let dump = ground.dump();
    assert_eq!(ground.run(&["-a", "-p", dump.to_str().unwrap()]).status, 0);
    assert_eq!(names(&dump).len(), 73 + 1);
    assert!(dump.join("auditlog.csv").exists());
}

#[test]
fn tables_are_skipped_as_the_environment_says_else_as_site_says() {
    let ground = Ground::new();
    let site = ground.open("site");
    site.execute_batch("INSERT INTO site VALUES ('skiptables', 'mac,vpd', NULL, NULL)").unwrap();
    let ran = ground.dump_well();
    assert!(!ground.dump().join("mac.csv").exists() && ground.dump().join("hosts.csv").exists());
    assert_eq!(ran.end()["skipped"], ha_json::json!(["auditlog", "eventlog", "mac", "vpd"]));
    let mut command = ground.command();
    command.env("XCAT_SKIPTABLES", "hosts").arg("-p").arg(ground.dump());
    assert!(command.output().unwrap().status.success());
    assert!(ground.dump().join("mac.csv").exists() && !ground.dump().join("hosts.csv").exists());
    site.execute_batch("UPDATE site SET disable = 'yes'").unwrap();
    ground.dump_well();
    assert!(ground.dump().join("mac.csv").exists());
}

#[test]
fn named_tables_are_dumped_alone_and_skip_lists_do_not_touch_them() {
    let ground = Ground::samples();
    let dump = ground.dump();
    let path = dump.to_str().unwrap();
    assert_eq!(ground.run(&["-p", path, "policy", "eventlog"]).status, 0);
    assert_eq!(names(&dump), ["eventlog.csv", "policy.csv", MANIFEST]);
    ground.run(&["-p", path, "polices"]).failed_with(2, "polices: is no table");
}

#[test]
fn named_tables_do_not_replace_a_dump_of_more() {
    let ground = Ground::samples();
    ground.dump_well();
    let before = contents(&ground.dump());
    let ran = ground.run(&["-p", ground.dump().to_str().unwrap(), "policy"]);
    ran.failed_with(6, "bootparams");
    assert_eq!(contents(&ground.dump()), before);
}

#[test]
fn every_byte_goes_through_but_the_lone_newline() {
    let ground = Ground::new();
    let site = ground.open("site");
    let mut insert =
        site.prepare("INSERT INTO site VALUES (?1, CAST(?2 AS TEXT), ?3, ?4)").unwrap();
    let odd: &[u8] = b"a\"b\\\t\r\n\x00\xff\xfe,'";
    insert.execute(("odd", odd, "", None::<&str>)).unwrap();
    insert.execute(("blank", &b"\n"[..], "0", 7)).unwrap();
    insert.execute(("blob", "x", &b"\x80"[..], 3.5)).unwrap();
    ground.dump_well();
    let meant: &[u8] = b"#key,value,comments,disable\n\
        \"odd\",\"a\"\"b\\\t\r\n\x00\xff\xfe,'\",,\n\
        \"blank\",,\"0\",\"7\"\n\
        \"blob\",\"x\",\"\x80\",\"3.5\"\n";
    assert_eq!(ground.csv("site"), meant);
}

#[test]
fn rows_stand_in_the_order_of_the_file_not_of_the_key() {
    let ground = Ground::new();
    ground.open("site").execute_batch("INSERT INTO site (key) VALUES ('b'), ('a'), ('c')").unwrap();
    ground.dump_well();
    assert_eq!(ground.csv("site"), b"#key,value,comments,disable\n\"b\",,,\n\"a\",,,\n\"c\",,,\n");
}

#[test]
fn columns_and_tables_that_xcat_does_not_know_are_reported() {
    let ground = Ground::new();
    ground.table("mac", "node TEXT, legacycol TEXT, mac TEXT, disable TEXT", "node");
    ground.open("mac").execute_batch("INSERT INTO mac VALUES ('n', 'old', 'aa', '1')").unwrap();
    ground.table("mine", "a TEXT", "a");
    ground.table("x_teal_log", "a TEXT", "a");
    let ran = ground.dump_well();
    assert_eq!(ground.csv("mac"), b"#node,interface,mac,comments,disable\n\"n\",,\"aa\",,\"1\"\n");
    let told: Vec<_> = ran
        .of_type("warning")
        .iter()
        .map(|line| (line["reason"].as_str().unwrap(), line["item"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("unknown_table", "mine"), ("unknown_columns", "mac")]);
}

#[test]
fn only_the_owner_may_read_a_dump_whatever_the_umask() {
    for umask in ["000", "777"] {
        let ground = Ground::samples();
        let status = std::process::Command::new("sh")
            .args(["-c", "umask $0; exec \"$@\" >/dev/null", umask])
            .args([env!("CARGO_BIN_EXE_haxcat-dump"), "-p"])
            .arg(ground.dump())
            .env("XCATCFG", ground.database())
            .status()
            .unwrap();
        assert!(status.success());
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&ground.dump()), 0o700);
        for name in names(&ground.dump()) {
            assert_eq!(mode(&ground.dump().join(name)), 0o600);
        }
    }
}

#[test]
fn every_file_is_told_with_its_absolute_path_its_size_and_its_digest() {
    let ground = Ground::samples();
    let ran = ground.dump_well();
    assert_whole(&ground.dump());
    let files = ran.of_type("file");
    assert_eq!(files.len(), names(&ground.dump()).len());
    let paths: Vec<_> = files.iter().map(|file| file["key"]["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted());
    let root = ground.dump().canonicalize().unwrap();
    for (file, name) in files.iter().zip(names(&root)) {
        let path = root.join(&name);
        assert_eq!(file["key"]["path"], path.to_str().unwrap());
        let bytes = fs::read(path).unwrap();
        assert_eq!(file["values"]["size_bytes"], bytes.len());
        assert_eq!(file["values"]["blake3"], blake3::hash(&bytes).to_hex().as_str());
        let table = name.strip_suffix(".csv").map_or(Value::Null, Value::from);
        assert_eq!(file["values"]["table"], table);
    }
}

#[test]
fn a_dry_run_tells_the_same_and_writes_nothing() {
    let ground = Ground::samples();
    let dump = ground.root.path().join("not/there/dump");
    let dry = ground.run(&["--dry-run", "-p", dump.to_str().unwrap()]);
    assert_eq!((dry.status, dry.stderr.as_str()), (0, ""));
    assert!(!ground.root.path().join("not").exists());
    assert_eq!((&dry.lines[0]["dry_run"], &dry.end()["dry_run"]), (&true.into(), &true.into()));
    let real = ground.run(&["-p", dump.to_str().unwrap()]);
    let csv = |ran: &crate::ground::Ran| -> Vec<Value> {
        ran.of_type("file")
            .into_iter()
            .filter(|file| !file["values"]["table"].is_null())
            .cloned()
            .collect()
    };
    assert_eq!(csv(&dry), csv(&real));
    assert_eq!(dry.of_type("file").len(), real.of_type("file").len());
}

#[test]
fn a_symbolic_link_to_the_directory_is_followed_and_stays() {
    let ground = Ground::samples();
    let real = ground.root.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink("real", ground.dump()).unwrap();
    let ran = ground.dump_well();
    assert!(ground.dump().symlink_metadata().unwrap().is_symlink());
    assert_whole(&real);
    let path = ran.of_type("file")[0]["key"]["path"].as_str().unwrap();
    assert!(path.contains("/real/"), "{path}");
    ground.dump_well();
    assert_whole(&real);
}

#[test]
fn blanks_quotes_newlines_and_odd_bytes_in_paths_are_parts_of_paths() {
    let ground = Ground::samples();
    let odd = ground.root.path().join(OsStr::from_bytes(b"a b'\"?#%\n\xff"));
    fs::rename(ground.database(), &odd).unwrap();
    let mut command = ground.command();
    command.env("XCATCFG", [b"SQLite:", odd.as_os_str().as_bytes()].concat().as_os());
    let dump = odd.join("-p; d u'mp");
    let output = command.arg("-p").arg(&dump).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_whole(&dump);
    assert_eq!(
        fs::read(dump.join("policy.csv")).unwrap(),
        fs::read(fixtures().join("csv/policy.csv")).unwrap()
    );
    assert_eq!(names(ground.root.path()).len(), 1, "nothing strays");
}

trait AsOs {
    fn as_os(&self) -> &OsStr;
}

impl AsOs for Vec<u8> {
    fn as_os(&self) -> &OsStr {
        OsStr::from_bytes(self)
    }
}

#[test]
fn a_relative_path_is_told_as_an_absolute_one() {
    let ground = Ground::samples();
    let output = ground
        .command()
        .current_dir(ground.root.path())
        .args(["-p", "dump/", "policy"])
        .arg0("renamed")
        .output()
        .unwrap();
    let ran = crate::ground::Ran::from(output);
    let path = ground.root.path().canonicalize().unwrap().join("dump/policy.csv");
    assert_eq!(ran.of_type("file")[0]["key"]["path"], path.to_str().unwrap());
}
