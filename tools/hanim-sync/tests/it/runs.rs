//! Statuses, and what stands on which output.

use crate::ground::world;

#[test]
fn a_good_run_is_silent_on_standard_error_and_counts_its_records() {
    let ran = world("sync --replicate nimb");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.lines[0]["schema"], "hanim-sync/1");
    assert_eq!(ran.end()["records"], ran.lines.len() - 2);
    let kinds: Vec<&str> = ran.lines.iter().filter_map(|line| line["type"].as_str()).collect();
    let mut order = kinds.clone();
    order.dedup();
    assert_eq!(order, ["begin", "finding", "progress", "object", "end"]);
}

#[test]
fn verbose_tells_what_is_done_on_standard_error() {
    let ran = world("sync --replicate --verbose nimb");
    assert_eq!(ran.status, 0);
    assert!(ran.stderr.starts_with("hanim-sync: runs nim -o sync -a replicate=yes nimb\n"));
    assert!(ran.stderr.ends_with("hanim-sync: nim_master_recover Complete\n"), "{}", ran.stderr);
}

#[test]
fn each_status_is_shown() {
    assert_eq!(world("sync --check --replicate nimb").status, 0);
    let no = world("nim_set nimb oslevel 7300-01-01-2200; sync --check --replicate nimb");
    assert_eq!((no.status, &no.end()["ok"]), (1, &true.into()));
    world("sync --despite master nimb").failed_with(2, "usage: ").unwrap();
    let partial = world(
        "nim_fault nima sync spot_73 lost; rm -r world/nimb/root/nim/spot; sync --replicate nimb",
    );
    partial.failed_with(3, "hanim-sync: spot_73: its replication").unwrap();
    world("nim_down nimb; sync nimb").failed_with(5, "answers: nimb gives no answer").unwrap();
    world("nim_fault nima sync - die; sync nimb").failed_with(6, "sync of nimb: killed").unwrap();
}

#[test]
fn a_fault_in_the_alternates_niminfo_is_told_with_its_line() {
    let script = "echo 'export X=\"never closed' >>world/nimb/root/etc/niminfo; sync --check --replicate nimb";
    let ran = world(script);
    assert_eq!(ran.status, 1);
    let is_it = |line: &&ha_json::Value| line["values"]["outcome"] == "refused";
    let finding = ran.lines.iter().find(is_it).unwrap();
    assert_eq!(
        (&finding["key"]["check"], &finding["key"]["item"]),
        (&"niminfo".into(), &"nimb".into())
    );
    assert!(
        finding["values"]["found"]
            .as_str()
            .unwrap()
            .starts_with("line 7 of /etc/niminfo on nimb: ")
    );
}

#[test]
fn what_lsnim_says_is_never_run() {
    let script = r#"
        nim_attr nima lpp_73 location '/nim/lpp/$(touch evil)`touch evil`'
        nim_attr nima lpar07 if1 'master_net ;touch${IFS}evil 0'
        sync --check --replicate nimb >/dev/null 2>&1
        find . -name evil | grep -q . && exit 77
        sync --check --replicate nimb"#;
    assert_ne!(world(script).status, 77);
}
