//! Without --apply: what is told, and that nothing is touched.

use crate::ground::{Ground, Ran};
use ha_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

#[test]
fn a_node_on_which_nothing_is_left_to_do_is_0() {
    let ground = Ground::done();
    let before = ground.all();
    let ran = ground.standby(&[]);
    assert_eq!((ran.status, ran.failed(), ran.stderr.as_str()), (0, Vec::new(), ""));
    assert_eq!(ran.end()["outcomes"]["failed"], 0);
    assert_eq!(ground.all(), before);
}

#[test]
fn a_bare_node_is_1_and_every_missing_thing_is_told() {
    let ground = Ground::bare();
    let before = ground.all();
    let ran = ground.standby(&[]);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let steps = [
        "mount-point /krb5",
        "mount-point /var/dce",
        "mount-point /etc/dce",
        "excluded-addresses /etc/environment",
        "program /usr/bin/start.dce",
        "program /usr/bin/stop.dce",
        "program /usr/bin/start.dfs",
        "program /usr/bin/stop.dfs",
        "dfs-root /...",
        "dfs-link /:",
        "dfs-link /.:",
        "services-kerberos5 /etc/services",
    ];
    assert_eq!(ran.failed(), steps);
    assert_eq!(ran.end()["outcomes"]["failed"], steps.len());
    assert_eq!(ground.all(), before);
}

#[test]
fn the_highest_priority_node_has_its_own_steps() {
    let ground = Ground::done();
    let ran = ground.run(&["--node", "highest-priority"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.finding("service-address", "9.3.240.2")["outcome"], "person");
    let steps: Vec<&str> =
        ran.lines.iter().filter_map(|line| line["key"]["step"].as_str()).collect();
    assert!(steps.contains(&"stopped") && steps.contains(&"dfs-data"));
    assert!(!steps.contains(&"services-kerberos5"));
}

#[test]
fn wrong_usage_is_2_and_says_nothing_on_standard_output() {
    let ground = Ground::bare();
    ground.run(&[]).failed_with(2, "--node");
    ground.run(&["--node", "third"]).failed_with(2, "third");
    for (option, value) in [
        ("--cell", "a//b"),
        ("--junction", "a/b"),
        ("--cache", "cache"),
        ("--script", "start"),
        ("--expect", "maybe"),
        ("--lock-wait", "x"),
    ] {
        ground.run(&["--node", "standby", option, value]).failed_with(2, option);
    }
    ground.run(&["--node", "standby", "--dry-run"]).failed_with(2, "--apply");
    fs::write(ground.configuration(), "{}").unwrap();
    ground.run(&["--node", "standby"]).failed_with(2, "schema");
    fs::remove_dir_all(ground.node("")).unwrap();
    ground.run(&["--node", "standby"]).failed_with(2, "no such file");
}

#[test]
fn what_cannot_be_looked_at_is_3_and_the_rest_is_told() {
    let ground = Ground::done();
    fs::remove_file(ground.node("etc/services")).unwrap();
    symlink("services", ground.node("etc/services")).unwrap();
    let ran = ground.standby(&[]);
    assert_eq!(ran.status, 3);
    let errors: Vec<_> = ran.lines.iter().filter(|line| line["type"] == "error").collect();
    assert_eq!((errors.len(), &errors[0]["item"]), (1, &json!("/etc/services")));
    assert_eq!(ran.finding("dfs-root", "/...")["outcome"], "ok");
    assert_eq!(ran.end()["failed"], 1);
}

#[test]
fn the_cell_is_the_one_that_dce_is_configured_in() {
    let ground = Ground::done();
    fs::create_dir_all(ground.node("opt")).unwrap();
    symlink("/etc/dce", ground.node("opt/dcelocal")).unwrap();
    ground.put("etc/dce/dce_cf.db", "cellname /.../abc.com\nhostname hosts/b\n");
    let ran = ground.run(&["--node", "standby"]);
    assert_eq!(ran.finding("dfs-link", "/:")["outcome"], "ok");
    assert_eq!(ran.failed(), ["dce-configuration /opt/dcelocal/dce_cf.db"]);
    let found = &ran.finding("dce-configuration", "/opt/dcelocal/dce_cf.db")["found"];
    assert!(found.as_str().unwrap().ends_with("/etc/dce/dce_cf.db"), "{found}");
    let other = ground.run(&["--node", "standby", "--cell", "other.com"]);
    other.failed_with(2, "dce_cf.db says abc.com");
}

#[test]
fn without_a_cell_the_links_are_not_known() {
    let ran = Ground::done().run(&["--node", "standby"]);
    assert_eq!(ran.failed(), ["dfs-link /:", "dfs-link /.:"]);
    let values = ran.finding("dfs-link", "/:");
    assert!(values["found"].as_str().unwrap().contains("leads to /.../abc.com/fs"));
    assert_eq!(values["apply"], false);
}

#[test]
fn a_wrong_link_and_a_conflicting_port_are_told() {
    let ground = Ground::done();
    fs::remove_file(ground.node(":")).unwrap();
    symlink("/.../abc.com/dfs", ground.node(":")).unwrap();
    ground.put("etc/services", "kerberos5 750/udp\n");
    let ran = ground.standby(&[]);
    assert_eq!(ran.failed(), ["dfs-link /:", "services-kerberos5 /etc/services"]);
    assert_eq!(ran.finding("dfs-link", "/:")["found"], "leads to /.../abc.com/dfs");
    assert_eq!(
        ground.standby(&["--junction", "dfs"]).failed(),
        ["services-kerberos5 /etc/services"]
    );
}

#[test]
fn scripts_are_looked_at_in_the_order_in_which_they_are_named() {
    let ground = Ground::done();
    ground.script("usr/local/start");
    ground.put("usr/local/stop", "#!/bin/sh\n");
    let scripts = ["/usr/local/start", "/usr/local/stop", "/usr/local/none"];
    let arguments: Vec<&str> = scripts.iter().flat_map(|path| ["--script", path]).collect();
    let ran = ground.standby(&arguments);
    assert_eq!(ran.failed(), ["script /usr/local/stop", "script /usr/local/none"]);
    assert_eq!(ran.finding("script", "/usr/local/start")["outcome"], "ok");
}

#[test]
fn verbose_tells_every_step_on_standard_error() {
    let ground = Ground::done();
    let ran = ground.standby(&["--verbose"]);
    let findings = ran.lines.iter().filter(|line| line["type"] == "finding").count();
    assert_eq!(ran.stderr.lines().count(), findings);
    assert!(
        ran.stderr.contains("hadce-setup: step 8, dfs-link (/:): ok: leads to /.../abc.com/fs\n")
    );
}

#[test]
fn the_configuration_is_read_from_standard_input_too() {
    let ground = Ground::done();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hadce-setup"));
    let configuration = fs::File::open(ground.configuration()).unwrap();
    command.args(["--node", "standby", "--config", "-", "--cell", "abc.com", "--root"]);
    command.arg(ground.node("")).stdin(Stdio::from(configuration));
    assert_eq!(Ran::from(command.output().unwrap()).status, 0);
}

#[test]
fn a_reader_that_left_is_no_error() {
    let ground = Ground::bare();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = ground.command();
    command.args(["--node", "standby"]).stdout(writer);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
}
