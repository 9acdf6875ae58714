//! Many clients, of which some hang, and a NIM that does not end.

use crate::ground::program;
use ha_json::{Value, json};
use ha_testing::Ran;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a world is made of.
struct Size {
    clients: usize,
    /// One of this many hangs.
    one_of: usize,
    /// What nim does when it is done.
    behind: &'static str,
}

fn program_at(directory: &Path, name: &str, script: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The commands of a master with such clients. The carrier sets HOST; a file `switched` is there once
/// nim has run.
fn world(directory: &Path, size: &Size) {
    let mut listing =
        "nima:\n   class = machines\n   type  = alternate_master\n   if1   = net nima 0\n"
            .to_owned();
    let mut rows = String::new();
    for at in 0..size.clients {
        writeln!(
            listing,
            "c{at}:\n   class          = machines\n   type           = standalone\n   current_master = \
             MASTER\n   connect        = nimsh\n   if1            = net c{at} 0"
        )
        .unwrap();
        writeln!(rows, " {:<41} SUCCESS", format!("c{at}")).unwrap();
    }
    fs::write(directory.join("listing"), listing).unwrap();
    fs::write(directory.join("table"), format!(" Target   Result\n ------   ------\n{rows}"))
        .unwrap();
    let here = directory.display();
    let master = format!("m=nima; o=nimb; [ ! -e {here}/switched ] || {{ m=nimb; o=nima; }}");
    program_at(directory, "lsnim", &format!("{master}; sed s/MASTER/$m/ {here}/listing"));
    program_at(
        directory,
        "nim",
        // AIX speaks the language of whoever asks.
        &format!(
            "case $LC_ALL in C) /bin/cat {here}/table ;; *) sed s/SUCCESS/ERFOLG/ {here}/table ;; \
             esac; : >{here}/switched; {}",
            size.behind
        ),
    );
    program_at(directory, "host", "echo \"$1 is 127.0.0.1\"");
    program_at(directory, "oslevel", "echo 7300-02-01-2346");
    program_at(directory, "lslpp", "echo bos.sysmgt.nim:$2:7.3.2.0:");
    program_at(
        directory,
        "cat",
        &format!(
            "{master}; case ${{HOST:-nimb}} in nim?) printf 'NIM_NAME=master\\nNIM_CONFIGURATION=master\\nNIM_MASTER_PORT=1058\\nNIM_REGISTRATION_PORT=1059\\n\
             NIM_MASTER_HOSTNAME=%s\\n' ${{HOST:-nimb}} ;; *) printf 'NIM_NAME=%s\\nNIM_MASTER_HOSTNAME=%s\\n\
             NIM_MASTER_HOSTNAME_LIST=\"%s %s\"\\n' $HOST $m $m $o ;; esac"
        ),
    );
    let carrier = format!(
        "case $1 in nima) ;; *) [ $((${{1#c}} % {})) -ne 0 ] || exec sleep 600 ;; esac\n\
         HOST=$1; export HOST; shift; exec /bin/sh -c \"$*\"",
        size.one_of
    );
    program_at(directory, "carrier", &carrier);
}

/// Runs the tool in such a world.
fn run(size: &Size, arguments: &[&str]) -> (Ran, Duration) {
    let home = tempfile::tempdir_in("/var/tmp").unwrap();
    world(home.path(), size);
    let path = format!("{}:/usr/bin:/bin", home.path().display());
    let started = Instant::now();
    let mut command = Command::new(program());
    command
        .env("PATH", path)
        .env("LC_ALL", "de_DE.UTF-8")
        .args(arguments)
        .args(["--settle", "0", "-e", "carrier"]);
    command.arg("--state-directory").arg(home.path().join("state")).arg("nima");
    (ha_testing::run(&mut command, "").unwrap(), started.elapsed())
}

#[test]
fn clients_that_hang_cost_one_wait_for_sixteen_of_them() {
    let size = Size { clients: 64, one_of: 4, behind: "" };
    let (ran, elapsed) = run(&size, &["--ask-timeout", "2"]);
    let end = ran.end();
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert_eq!((&end["clients_taken"], &end["clients_unknown"]), (&json!(48), &json!(16)), "{end}");
    let words =
        |line: &&Value| line["type"] == "client" && line["values"]["table_result"] == "SUCCESS";
    assert_eq!(ran.lines.iter().filter(words).count(), 64);
    // One after the other they would take 64 s.
    assert!(elapsed < Duration::from_secs(40), "{elapsed:?}");
    let order: Vec<String> = ran
        .lines
        .iter()
        .filter(|line| line["type"] == "client")
        .map(|line| line["key"]["client"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, (0..64).map(|at| format!("c{at}")).collect::<Vec<_>>());
}

#[test]
fn a_nim_that_does_its_work_and_does_not_end_is_an_item_that_failed() {
    let size = Size { clients: 2, one_of: 100, behind: "exec sleep 600" };
    let (ran, _) = run(&size, &["--deadline", "8"]);
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    let end = ran.end();
    // c0 hangs, as every hundredth.
    assert_eq!((&end["clients_taken"], &end["nim_status"]), (&json!(1), &Value::Null), "{end}");
    let failed: Vec<&Value> = ran.lines.iter().filter(|line| line["type"] == "error").collect();
    let items: Vec<&Value> = failed.iter().map(|line| &line["item"]).collect();
    assert_eq!(items, [&json!("c0"), &json!("nim")]);
    assert_eq!(failed[1]["reason"], "timed_out");
}
