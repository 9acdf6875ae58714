//! A pair that is ready, and each thing that can be missing.

use crate::answers::Answers;
use crate::finding::{Finding, State};
use crate::programs::Programs;
use crate::roles::{By, Roles};
use crate::sight::Sight;
use crate::verdict::{Verdict, Word};
use crate::{mend, readiness};
use ha_pair::{Manager, Pair};
use ha_plan::Act;
use jiff::Timestamp;
use proptest::prelude::*;

const NOW: &str = "2026-11-28T12:00:00Z";

fn pair() -> Pair {
    let text = br#"{"schema":"hapair-config/1",
        "nodes":[{"name":"n1","address":"10.0.0.1"},{"name":"n2","address":"10.0.0.2","host_key":"SHA256:x"}],
        "service_manager":"systemd","vip":{"name":"mn","address":"10.0.0.10","prefix":24,"adapter":"eth0"},
        "database":{"engine":"postgresql","service":"postgresql"},
        "shared_mounts":["/install"],"services":["dhcpd"],
        "files":["/etc/hosts","/etc/motd"],"credentials":["/etc/xcat/ca"]}"#;
    Pair::parse(text).unwrap()
}

fn row(table: &str, key: &str, values: &str) -> String {
    format!(
        "{{\"type\":\"row\",\"key\":{{\"table\":\"{table}\",{key}}},\"values\":{{{values}}}}}\n"
    )
}

const BEGIN: &str = "{\"type\":\"begin\",\"schema\":\"haxcat/1\"}\n";
const END: &str =
    "{\"type\":\"end\",\"ok\":true,\"engine\":\"PostgreSQL\",\"as_of\":\"2026-11-28T02:00:00Z\"}\n";

fn rows() -> String {
    let mut text = BEGIN.to_owned();
    text += &row("site", "\"key\":\"master\"", "\"value\":\"10.0.0.10\",\"disable\":null");
    text += &row("site", "\"key\":\"nameservers\"", "\"value\":\"10.0.0.10\",\"disable\":null");
    text += &row(
        "networks",
        "\"net\":\"10.0.0.0\"",
        "\"netname\":\"net1\",\"tftpserver\":\"<xcatmaster>\"",
    );
    text += &row(
        "noderes",
        "\"node\":\"compute\"",
        "\"xcatmaster\":\"mn\",\"tftpserver\":null,\"nfsserver\":null",
    );
    for (number, name) in ["n1", "n2", "mn"].into_iter().enumerate() {
        text += &row(
            "policy",
            &format!("\"priority\":\"{number}\""),
            &format!("\"name\":\"{name}\",\"rule\":\"trusted\""),
        );
    }
    text + END
}

/// What a node says where all is well; n1 is the primary.
fn node(number: usize) -> Vec<(String, i32, String)> {
    let primary = number == 0;
    let other = 2 - number;
    let vip = if primary { " inet 10.0.0.10/24" } else { "" };
    let mut said = vec![
        ("addresses", 0, format!("2: eth0 inet 10.0.0.{}/24{vip}", number + 1)),
        ("zone", 0, "UTC +0000".to_owned()),
        ("chronyc", 0, "Reference ID    : 0A000009 (10.0.0.9)\nLeap status     : Normal\n".to_owned()),
        ("chronyc-sources", 0, "^* 10.0.0.9    8   0   377   0\n".to_owned()),
        ("ntpq", 127, String::new()),
        ("timedatectl", 127, String::new()),
        ("processes", 1, String::new()),
        ("mounts", 0, if primary { "mountinfo\n40 22 8:2 / /install rw - xfs /dev/sdb1 rw\n" } else { "mountinfo\n22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" }.to_owned()),
        ("fstab", 0, "fstab\n/dev/sdb1 /install xfs noauto 0 0\n".to_owned()),
        ("os-version", 0, "rhel 9.4 x86_64\n".to_owned()),
        ("xcat-version", 0, "Version 2.16.5\n".to_owned()),
        ("database-version", 0, "psql (PostgreSQL) 15.1\n".to_owned()),
        ("database", 0, format!("{BEGIN}{END}")),
        ("proof", 0, "{\"schema\":\"haxcat-proof/1\",\"ok\":true,\"time\":\"2026-01-01T00:00:00.000Z\",\"xcat_version\":\"Version 2.16.5\",\"database_version\":\"psql (PostgreSQL) 15.1\",\"engine\":\"postgresql\"}".to_owned()),
        ("dump", 0, format!("{BEGIN}{END}")),
        ("dump-place", 0, "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1 1 1 1% /\n".to_owned()),
        ("rows", 0, rows()),
        ("what /etc/hosts", 0, "file\n".to_owned()),
        ("what /etc/motd", 0, "file\n".to_owned()),
        ("what /etc/xcat/ca", 0, "directory\n".to_owned()),
        ("names /etc/motd", 1, String::new()),
    ]
    .into_iter()
    .map(|(name, status, text)| (name.to_owned(), status, text))
    .collect::<Vec<_>>();
    said.push((format!("name n{other}"), 0, format!("10.0.0.{other} n{other}\n")));
    said.push(("name mn".to_owned(), 0, "10.0.0.10 mn\n".to_owned()));
    for unit in ["postgresql", "xcatd", "dhcpd"] {
        let state = if primary { "active" } else { "inactive" };
        said.push((format!("runs {unit}"), 0, format!("LoadState=loaded\nActiveState={state}\n")));
        said.push((format!("boot {unit}"), 1, "disabled\n".to_owned()));
    }
    said
}

fn between() -> Vec<(String, i32, String)> {
    let direction = |from: &str, to: &str| {
        format!(
            "{{\"type\":\"direction\",\"key\":{{\"from\":\"{from}\",\"to\":\"{to}\"}},\"values\":{{\"state\":\"ok\",\"tcp\":\"ok\",\"host_key\":\"pinned\",\
             \"authentication\":\"ok\",\"clock_difference_seconds\":0.01,\"clock_error_seconds\":0.002}}}}\n"
        )
    };
    let hassh = format!(
        "{{\"type\":\"begin\",\"schema\":\"hassh/1\"}}\n{}{}{{\"type\":\"end\",\"ok\":true}}\n",
        direction("n2", "n1"),
        direction("n1", "n2")
    );
    let same = "{\"type\":\"begin\",\"schema\":\"hasync/1\"}\n{\"type\":\"end\",\"ok\":true}\n";
    let mut said = vec![("hassh".to_owned(), 0, hassh)];
    for path in ["/etc/hosts", "/etc/motd", "/etc/xcat/ca"] {
        said.push((format!("alike {path}"), 0, same.to_owned()));
    }
    said
}

/// The pair as `changes` (node 0, 1, or 2 for between; question, status, text) make it, seen from the standby.
fn sight<'a>(pair: &'a Pair, changes: &[(usize, &str, i32, &str)]) -> Sight<'a> {
    let answers = |at: usize, said: Vec<(String, i32, String)>| {
        let mut answers = Answers::default();
        for (name, status, text) in said {
            answers.put(&name, status, &text);
        }
        for (_, name, status, text) in changes.iter().filter(|change| change.0 == at) {
            answers.put(name, *status, text);
        }
        answers
    };
    Sight {
        pair,
        roles: Roles { here: 1, standby: 1, by: By::Vip },
        nodes: [answers(0, node(0)), answers(1, node(1))],
        between: answers(2, between()),
        managers: [Some(Manager::Systemd); 2],
        programs: Programs {
            hassh: "hassh".to_owned(),
            hassh_options: Vec::new(),
            hasync: "hasync".to_owned(),
            hasync_options: Vec::new(),
        },
    }
}

fn seen(changes: &[(usize, &str, i32, &str)]) -> Vec<Finding> {
    let pair = pair();
    readiness::findings(&sight(&pair, changes), NOW.parse().unwrap())
}

#[test]
fn a_pair_with_nothing_missing_is_ready() {
    let findings = seen(&[]);
    let verdict = Verdict::of(&findings);
    assert_eq!((verdict.word, verdict.failed, verdict.unknown), (Word::Ready, vec![], vec![]));
    assert!(findings.iter().filter(|finding| finding.values.state == State::Ok).count() > 40);
}

#[test]
fn each_thing_that_is_missing_is_found_and_no_other() {
    let show = |state: &str| format!("LoadState=loaded\nActiveState={state}\n");
    let (active, absent) = (show("active"), "LoadState=not-found\nActiveState=inactive\n");
    let differs = "{\"type\":\"begin\"}\n{\"type\":\"change\",\"key\":{\"path\":\"motd\"}}\n{\"type\":\"end\",\"ok\":true}\n";
    let bad_master = rows().replacen("10.0.0.10", "10.0.0.1", 1);
    let bad_noderes = rows().replace("\"xcatmaster\":\"mn\"", "\"xcatmaster\":\"n1\"");
    let bad_policy = rows().replace("\"name\":\"n2\"", "\"name\":\"other\"");
    let denied = between()[0].2.replacen("\"state\":\"ok\"", "\"state\":\"failed\"", 1);
    let skewed = between()[0].2.replace("0.01", "7.5");
    let old = format!("{BEGIN}{}", END.replace("2026-11-28", "2026-11-20"));
    let cut = "{\"type\":\"end\",\"ok\":false,\"error\":{\"message\":\"site.csv is cut\"}}\n";
    let proof = node(1)[13].2.replace("2.16.5", "2.16.4");
    let cases: Vec<(usize, &str, i32, &str, &[&str])> = vec![
        (1, "addresses", 0, "inet 10.0.0.2/24 inet 10.0.0.10/24", &["vip mn"]),
        (1, "name n1", 0, "10.0.0.7 n1", &["name n2 n1"]),
        (0, "name mn", 2, "", &["name n1 mn"]),
        (2, "hassh", 1, &denied, &["ssh n2 to n1"]),
        (2, "hassh", 0, &skewed, &["clock"]),
        (1, "zone", 0, "CET +0100", &["time-zone"]),
        (0, "chronyc", 0, "Leap status     : Not synchronised\n", &["time-daemon n1"]),
        (1, "runs xcatd", 0, &active, &["service-stopped n2 xcatd"]),
        (1, "runs dhcpd", 0, absent, &["service-installed n2 dhcpd"]),
        (1, "boot postgresql", 0, "enabled\n", &["service-boot n2 database"]),
        (0, "boot xcatd", 0, "enabled\n", &["service-boot n1 xcatd"]),
        (1, "processes", 0, "xcatd: SSL listener\n", &["process n2 xcatd"]),
        (
            1,
            "mounts",
            0,
            "mountinfo\n40 22 8:2 / /install rw - xfs /dev/sdb1 rw\n",
            &["not-mounted n2 /install"],
        ),
        (
            0,
            "fstab",
            0,
            "fstab\n/dev/sdb1 /install xfs defaults 0 0\n",
            &["not-mounted-at-boot n1 /install"],
        ),
        (1, "os-version", 0, "rhel 9.3 x86_64\n", &["os-version"]),
        (0, "database-version", 0, "psql (PostgreSQL) 16.0\n", &["database-version"]),
        (1, "proof", 1, "", &["xcatd-proven n2 /var/lib/hatools/xcatd-proven.json"]),
        (1, "proof", 0, &proof, &["xcatd-proven n2 /var/lib/hatools/xcatd-proven.json"]),
        (1, "database", 0, "{\"type\":\"end\",\"engine\":\"SQLite\"}\n", &["database-engine n2"]),
        (0, "rows", 0, &bad_master, &["site master"]),
        (0, "rows", 0, &bad_noderes, &["noderes xcatmaster"]),
        (0, "rows", 0, &bad_policy, &["policy n2"]),
        (1, "dump", 0, &old, &["dump n2 /var/xcat/dump"]),
        (0, "dump", 6, cut, &["dump n1 /var/xcat/dump"]),
        (
            1,
            "dump-place",
            0,
            "Filesystem\n/dev/sdb1 1 1 1 1% /install\n",
            &["dump-place n2 /var/xcat/dump"],
        ),
        (2, "alike /etc/motd", 0, differs, &["file n2 /etc/motd"]),
        (2, "alike /etc/xcat/ca", 0, differs, &["credentials n2 /etc/xcat/ca"]),
        (0, "names /etc/motd", 0, "3:welcome to n1\n", &["names-itself n1 /etc/motd"]),
        (1, "what /etc/motd", 0, "directory\n", &["file n2 /etc/motd"]),
        (
            1,
            "runs dhcpd",
            0,
            "LoadState=masked\nActiveState=inactive\n",
            &["service-installed n2 dhcpd"],
        ),
    ];
    for (at, name, status, text, failed) in cases {
        let verdict = Verdict::of(&seen(&[(at, name, status, text)]));
        assert_eq!(verdict.failed, failed, "{name}");
        assert_eq!(verdict.unknown, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn nothing_is_ok_that_was_not_looked_at() {
    let pair = pair();
    let blind = Sight {
        nodes: Default::default(),
        between: Answers::default(),
        managers: [None; 2],
        ..sight(&pair, &[])
    };
    let findings = readiness::findings(&blind, NOW.parse().unwrap());
    let ok: Vec<String> = findings
        .iter()
        .filter(|finding| finding.values.state == State::Ok)
        .map(|finding| finding.key.to_string())
        .collect();
    assert_eq!(ok, Vec::<String>::new());
    assert_eq!(Verdict::of(&findings).word, Word::Unknown);
}

#[test]
fn what_is_mended_is_mended_on_the_standby_alone() {
    let pair = pair();
    let differs =
        "{\"type\":\"change\",\"key\":{\"path\":\"motd\"}}\n{\"type\":\"end\",\"ok\":true}\n";
    let changes = [
        (1, "runs xcatd", 0, "LoadState=loaded\nActiveState=active\n"),
        (1, "boot xcatd", 0, "enabled\n"),
        (0, "boot xcatd", 0, "enabled\n"),
        (2, "alike /etc/motd", 0, differs),
        (
            2,
            "hassh",
            1,
            "{\"schema\":\"hassh/1\"}\n{\"type\":\"direction\",\"values\":{\"state\":\"failed\"}}\n{\"type\":\"end\"}\n",
        ),
    ];
    let sight = sight(&pair, &changes);
    let now: Timestamp = NOW.parse().unwrap();
    let plan = mend::plan("hastandby", &sight, &readiness::findings(&sight, now)).unwrap();
    let done: Vec<String> = plan
        .steps
        .iter()
        .map(|step| match &step.r#do {
            Act::Run { argv, .. } => argv.join(" "),
            other => format!("{other:?}"),
        })
        .collect();
    let wanted = [
        "hassh --setup --here n1",
        "systemctl stop xcatd",
        "systemctl disable xcatd",
        "hasync -a n1:/etc/motd /etc/motd",
    ];
    assert_eq!(done, wanted);
    assert_eq!(plan.check(), Ok(()));
}

#[test]
fn a_primary_is_not_mended_and_nor_is_who_is_not_known_to_be_the_standby() {
    let pair = pair();
    let refused = |roles: Roles, changes: &[(usize, &str, i32, &str)]| {
        let sight = Sight { roles, ..sight(&pair, changes) };
        mend::plan("hastandby", &sight, &[])
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let at = |here: usize, standby: usize, by: By| Roles { here, standby, by };
    assert_eq!(refused(at(1, 1, By::Vip), &[]), "");
    assert!(refused(at(0, 1, By::Vip), &[]).contains("a primary is not touched"));
    // Also where the caller says otherwise.
    assert!(refused(at(0, 0, By::Option), &[]).contains("a primary is not touched"));
    let nowhere = [(0, "addresses", 0, "inet 10.0.0.1/24")];
    assert!(refused(at(1, 1, By::Nothing), &nowhere).contains("--standby n2"));
    assert_eq!(refused(at(1, 1, By::Option), &nowhere), "");
    assert!(refused(at(1, 0, By::Option), &nowhere).contains("run it on n1"));
}

proptest! {
    /// Whatever programs say, a finding comes of it, and it is no wrong "ready".
    #[test]
    fn soup_makes_no_pair_ready(status in prop_oneof![Just(0), Just(1), Just(3), Just(127)], text in ".{0,200}", line in "[ -~\n]{0,200}") {
        let pair = pair();
        let names: Vec<(usize, String)> = [node(0), node(1), between()]
            .iter()
            .enumerate()
            .flat_map(|(at, said)| said.iter().map(move |(name, _, _)| (at, name.clone())))
            .collect();
        for soup in [&text, &line] {
            let changes: Vec<(usize, &str, i32, &str)> =
                names.iter().map(|(at, name)| (*at, name.as_str(), status, soup.as_str())).collect();
            let findings = readiness::findings(&sight(&pair, &changes), NOW.parse().unwrap());
            prop_assert!(Verdict::of(&findings).word != Word::Ready);
        }
    }
}
