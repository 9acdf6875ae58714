//! What is restored, and what is told of it.

use crate::ground::{Ground, MAC, change, contents, of_type};
use ha_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_rows_of_the_dump_take_the_place_of_all_that_were_there() {
    let ground = Ground::new(&["old1", "n1"]);
    ground.csv(
        "mac.csv",
        &format!("{MAC}\"n2\",,\"say \"\"hi\"\"\",\"two\nlines\",\n\"n1\",,,,\"1\"\n"),
    );
    let ran = ground.restore_well(&[]);
    assert_eq!(ground.nodes(), ["n2", "n1"], "in the order of the dump");
    let found: (Option<String>, String, String) = ground
        .open("mac")
        .query_row("SELECT interface, mac, comments FROM mac WHERE node = 'n2'", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, (None, "say \"hi\"".into(), "two\nlines".into()));
    let told = change(&ran, "mac");
    assert_eq!(
        (&told["change"], &told["rows"], &told["rows_before"]),
        (&json!("replaced"), &json!(2), &json!(2))
    );
    let end = ran.end();
    assert_eq!(
        (&end["tables"], &end["replaced"], &end["faults"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(end["engine"], "SQLite");
}

#[test]
fn a_second_run_changes_no_byte() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    ground.csv("vpd.csv", "#node,serial,mtm,side,asset,uuid,comments,disable\n");
    ground.restore_well(&[]);
    let before = contents(&ground.database());
    let ran = ground.restore_well(&[]);
    assert_eq!(contents(&ground.database()), before);
    assert_eq!(
        (&change(&ran, "mac")["change"], &ran.end()["replaced"]),
        (&json!("none"), &json!(0))
    );
    assert!(!ground.file("vpd").exists(), "a table without rows is not made");
}

#[test]
fn tables_that_the_dump_does_not_have_stay_and_so_does_what_is_no_part_of_a_dump() {
    let ground = Ground::new(&["old"]);
    ground.csv("site.csv", "#key,value,comments,disable\n\"master\",\"10.1.0.1\",,\n");
    ground.csv("mac.csv.bak", "nonsense");
    ground.csv("README", "nonsense");
    let ran = ground.restore_well(&[]);
    assert_eq!(ground.nodes(), ["old"]);
    let told: Vec<_> = of_type(&ran, "warning").iter().map(|line| line["item"].clone()).collect();
    assert_eq!(told, ["README", "mac.csv.bak"]);
}

#[test]
fn a_table_that_is_missing_is_made_for_its_owner_alone() {
    let ground = Ground::new(&[]);
    fs::remove_file(ground.file("mac")).unwrap();
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    ground.csv("auditlog.csv", "#recid,audittime,userid,clientname,clienttype,command,noderange,args,status,comments,disable\n\"7\",,,,,,,,,,\n");
    ground.restore_well(&["-a"]);
    assert_eq!(ground.nodes(), ["n1"]);
    assert_eq!(ground.file("mac").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let next = "INSERT INTO auditlog (status) VALUES ('x') RETURNING recid";
    let next: i64 = ground.open("auditlog").query_row(next, [], |row| row.get(0)).unwrap();
    assert_eq!(next, 8, "it counts on");
}

#[test]
fn events_are_restored_on_demand_only() {
    let ground = Ground::new(&["old"]);
    let header = "#recid,eventtime,eventtype,monitor,monnode,node,application,component,id,severity,message,rawdata,comments,disable\n";
    ground.csv("eventlog.csv", &format!("{header}\"1\",,,,,,,,,,,,,\n"));
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    assert_eq!(ground.restore_well(&[]).end()["tables"], 1);
    assert!(!ground.file("eventlog").exists());
    assert_eq!(ground.restore_well(&["--tables", "eventlog"]).end()["tables"], 1);
    assert!(ground.file("eventlog").exists());
}

#[test]
fn only_the_tables_that_are_named_are_restored_and_the_faults_of_others_do_not_matter() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    ground.csv("site.csv", "no header\n");
    ground.restore_well(&["--tables", "mac"]);
    assert_eq!(ground.nodes(), ["n1"]);
    ground.restore(&["--tables", "mac,vpd"]).failed_with(4, "vpd.csv: is asked for").unwrap();
    ground.restore(&["--tables", "macs"]).failed_with(2, "macs: is no table").unwrap();
}

#[test]
fn a_dry_run_counts_and_changes_nothing() {
    let ground = Ground::new(&["same", "removed"]);
    ground
        .open("mac")
        .execute_batch("INSERT INTO mac (node, mac) VALUES ('changed', 'aa')")
        .unwrap();
    ground.csv("mac.csv", &format!("{MAC}\"added\",,,,\n\"changed\",,\"bb\",,\n\"same\",,,,\n"));
    let before = contents(&ground.database());
    let ran = ground.restore_well(&["--dry-run"]);
    assert_eq!(contents(&ground.database()), before);
    assert_eq!(
        change(&ran, "mac"),
        &json!({"change": "replaced", "rows": 3, "rows_before": 3, "same": 1, "changed": 1, "added": 1, "removed": 1})
    );
    assert!(of_type(&ran, "difference").is_empty());
    let ran = ground.restore_well(&["--dry-run", "-i"]);
    let told: Vec<_> = of_type(&ran, "difference")
        .iter()
        .map(|line| (line["key"]["key"]["node"].clone(), line["values"]["change"].clone()))
        .collect();
    let meant = [("changed", "changed"), ("removed", "only_left"), ("added", "only_right")];
    assert_eq!(told, meant.map(|(node, change)| (json!(node), json!(change))));
    let real = ground.restore_well(&["-i"]);
    assert_eq!(
        of_type(&real, "difference"),
        of_type(&ran, "difference"),
        "the real run tells the same"
    );
    assert_eq!(change(&real, "mac"), change(&ran, "mac"));
}

#[test]
fn null_is_told_from_nothing_where_a_stream_tells_it() {
    let ground = Ground::new(&["old"]);
    let stream = r#"{"type":"begin","schema":"haxcat/1","host":"mn1"}
{"type":"row","key":{"table":"mac","node":"n1"},"values":{"interface":null,"mac":"","comments_base64":"/w==","disable":null}}
{"type":"end","ok":true,"status":0,"records":1,"empty":["site"]}
"#;
    ground.open("site").execute_batch("INSERT INTO site (key) VALUES ('old')").unwrap();
    let ran = ground.restore_stream(&[], stream);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let found: (Option<String>, Option<String>, Vec<u8>) = ground
        .open("mac")
        .query_row("SELECT interface, mac, CAST(comments AS BLOB) FROM mac", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, (None, Some(String::new()), vec![0xff]));
    let rows: i64 =
        ground.open("site").query_row("SELECT count(*) FROM site", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0, "a table that is told to be empty is emptied");
    assert_eq!(ran.end()["source"]["host"], "mn1");
}

#[test]
fn columns_that_only_the_database_has_are_told_and_those_that_only_the_dump_has_are_refused() {
    let ground = Ground::new(&[]);
    fs::remove_file(ground.file("mac")).unwrap();
    let mac = ground.table("mac", "node TEXT, mac TEXT, legacycol TEXT", "node");
    mac.execute_batch("INSERT INTO mac VALUES ('n1', 'aa', 'mine')").unwrap();
    drop(mac);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,\"bb\",,\n"));
    let ran = ground.restore_well(&[]);
    let warning = of_type(&ran, "warning")[0];
    assert_eq!(
        (&warning["reason"], &warning["columns"]),
        (&json!("unsaid_columns"), &json!(["legacycol"]))
    );
    ground.csv("mac.csv", &format!("{MAC}\"n1\",\"eth0\",\"bb\",,\n"));
    ground.restore(&[]).failed_with(6, "has no column interface in the database").unwrap();
}

#[test]
fn where_the_database_insists_on_a_value_nothing_is_an_empty_one() {
    let ground = Ground::new(&[]);
    ground.table(
        "passwd",
        "key TEXT NOT NULL, username TEXT NOT NULL, password TEXT",
        "key,username",
    );
    let text =
        "#key,username,password,cryptmethod,authdomain,comments,disable\n\"system\",,\"x\",,,,\n";
    ground.csv("passwd.csv", text);
    ground.restore_well(&[]);
    let found: String = ground
        .open("passwd")
        .query_row("SELECT username FROM passwd", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "");
}

#[test]
fn where_only_the_report_is_lost_it_is_said_that_the_restore_is_done() {
    let ground = Ground::new(&["old"]);
    ground.csv("mac.csv", &format!("{MAC}\"n1\",,,,\n"));
    let dump = ground.dump();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = ground.command(&["-p", dump.to_str().unwrap()]);
    let output = command.stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(said.contains("the restore is done and committed"), "{said}");
    assert_eq!(ground.nodes(), ["n1"]);
}

#[test]
fn who_reads_slowly_does_not_hold_up_the_database() {
    let ground = Ground::new(&[]);
    let rows: String =
        (0..3000).map(|n| format!("\"node{n}\",,\"{}\",,\n", "x".repeat(90))).collect();
    ground.csv("mac.csv", &format!("{MAC}{rows}"));
    let dump = ground.dump();
    let mut command = ground.command(&["-i", "-p", dump.to_str().unwrap()]);
    // Nobody reads: more than a pipe holds is told.
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let rows = "SELECT count(*) FROM mac";
    while ground.open("mac").query_row(rows, [], |row| row.get::<_, i64>(0)) != Ok(3000) {
        assert!(begun.elapsed().as_secs() < 60, "the database is held");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success(), "and a reader that leaves fails nothing");
}
