//! With --apply: what is done, once, and what is left alone.

use crate::ground::Ground;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

const LINE: &str = "kerberos5\t88/udp\t\tkdc\n";

#[test]
fn what_is_missing_is_made_once() {
    let ground = Ground::bare();
    fs::write(ground.node("etc/services"), "ssh 22/tcp").unwrap();
    let ran = ground.standby(&["--apply"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!((&ran.lines[0]["schema"], &ran.end()["done"]), (&"harun/1".into(), &7.into()));
    assert!(["krb5", "var/dce", "etc/dce", "..."].iter().all(|path| ground.node(path).is_dir()));
    let leads = |link: &str| fs::read_link(ground.node(link)).unwrap();
    assert_eq!(leads(":").to_str(), Some("/.../abc.com/fs"));
    assert_eq!(leads(".:").to_str(), Some("/.../abc.com"));
    let services = fs::read_to_string(ground.node("etc/services")).unwrap();
    assert_eq!(services, format!("ssh 22/tcp\n{LINE}"));
    let after = ground.all();
    let again = ground.standby(&["--apply"]);
    assert_eq!((again.status, &again.end()["records"]), (0, &0.into()));
    assert_eq!(ground.all(), after);
    let left = ground.standby(&[]).failed();
    assert!(
        left.iter().all(|step| step.starts_with("program") || step.starts_with("excluded")),
        "{left:?}"
    );
}

#[test]
fn the_plan_is_printed_and_nothing_is_done() {
    let ground = Ground::bare();
    let before = ground.all();
    let ran = ground.standby(&["--apply", "--dry-run"]);
    assert_eq!((ran.status, &ran.lines[0]["schema"]), (0, &"ha-plan/1".into()));
    assert_eq!(ran.lines.iter().filter(|line| line["type"] == "step").count(), 7);
    assert_eq!(ground.all(), before);
}

#[test]
fn directories_above_a_mount_point_are_made_too() {
    let ground = Ground::bare();
    ground.configure(ha_json::json!({"shared_mounts": ["/dce/a/b", "/dce/a/c"]}));
    assert_eq!(ground.standby(&["--apply"]).status, 0);
    assert!(ground.node("dce/a/b").is_dir() && ground.node("dce/a/c").is_dir());
}

#[test]
fn what_stands_in_the_way_is_left_and_the_rest_is_done() {
    let ground = Ground::bare();
    symlink("/elsewhere", ground.node(":")).unwrap();
    ground.put("...", "a file");
    ground.put("etc/services", "kerberos5 750/udp\n");
    assert_eq!(ground.standby(&["--apply"]).status, 0);
    assert_eq!(fs::read_link(ground.node(":")).unwrap().to_str(), Some("/elsewhere"));
    assert_eq!(fs::read_to_string(ground.node("...")).unwrap(), "a file");
    assert_eq!(fs::read_to_string(ground.node("etc/services")).unwrap(), "kerberos5 750/udp\n");
    assert!(ground.node(".:").is_symlink());
    let failed = ground.standby(&[]).failed();
    for step in ["dfs-root /...", "dfs-link /:", "services-kerberos5 /etc/services"] {
        assert!(failed.contains(&step.to_owned()), "{failed:?}");
    }
}

#[test]
fn a_link_in_an_image_does_not_lead_out_of_it() {
    let ground = Ground::bare();
    let outside = tempfile::tempdir().unwrap();
    fs::remove_file(ground.node("etc/services")).unwrap();
    symlink(outside.path().join("services"), ground.node("etc/services")).unwrap();
    fs::remove_dir(ground.node("var")).unwrap();
    symlink("/usr/var", ground.node("var")).unwrap();
    let ran = ground.standby(&["--apply"]);
    assert!(ground.node("usr/var/dce").is_dir());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    // The directory of what the link leads to is not in the image.
    assert_eq!((ran.status, &ran.end()["failed_steps"][0]), (3, &"services-kerberos5".into()));
}

#[test]
fn a_step_that_fails_is_3_and_the_others_are_done() {
    let ground = Ground::bare();
    fs::remove_file(ground.node("etc/services")).unwrap();
    symlink("/nowhere/services", ground.node("etc/services")).unwrap();
    let ran = ground.standby(&["--apply"]);
    assert_eq!((ran.status, &ran.end()["ok"]), (3, &false.into()));
    assert_eq!(ran.end()["failed_steps"][0], "services-kerberos5");
    assert!(ground.node(".:").is_symlink() && ground.node("krb5").is_dir());
}

#[test]
fn where_a_file_is_in_the_way_nothing_is_promised_and_nothing_tried() {
    let ground = Ground::bare();
    fs::remove_dir(ground.node("var")).unwrap();
    ground.put("var", "a file");
    let values = ground.standby(&[]).finding("mount-point", "/var/dce").clone();
    assert_eq!((&values["outcome"], &values["apply"]), (&"failed".into(), &false.into()));
    assert_eq!(ground.standby(&["--apply"]).status, 0);
    assert_eq!(fs::read_to_string(ground.node("var")).unwrap(), "a file");
}

#[test]
fn another_run_is_busy_and_is_5() {
    let ground = Ground::bare();
    assert_eq!(ground.standby(&["--apply"]).status, 0);
    fs::remove_file(ground.node(":")).unwrap();
    let held = fs::File::open(ground.state().join("hadce-setup")).unwrap();
    let lock = ha_command::lock_directory(held.into(), "state", Duration::ZERO).unwrap();
    let ran = ground.standby(&["--apply", "--lock-wait", "0"]);
    ran.failed_with(5, "hadce-setup");
    assert!(!ground.node(":").is_symlink());
    drop(lock);
    assert_eq!(ground.standby(&["--apply", "--lock-wait", "0"]).status, 0);
}

#[test]
fn where_no_state_can_be_kept_nothing_is_done_and_it_is_6() {
    let ground = Ground::bare();
    fs::remove_dir(ground.state()).unwrap();
    fs::write(ground.state(), "a file").unwrap();
    let before = ground.all();
    ground.standby(&["--apply"]).failed_with(6, "state");
    assert_eq!(ground.all(), before);
}

#[test]
fn where_something_cannot_be_looked_at_nothing_is_done_and_it_is_6() {
    for (more, schema) in [(&["--apply"][..], "harun/1"), (&["--apply", "--dry-run"], "ha-plan/1")]
    {
        let ground = Ground::bare();
        fs::remove_file(ground.node("etc/services")).unwrap();
        symlink("services", ground.node("etc/services")).unwrap();
        let before = ground.all();
        let ran = ground.standby(more);
        ran.failed_with(6, "/etc/services");
        assert_eq!(ran.lines[0]["schema"], schema);
        assert_eq!(ground.all(), before);
    }
}
