use crate::{BootState, Conserver, Engine, Manager, Pair, RunState};
use ha_json::{Value, json};

fn text() -> Value {
    json!({
        "schema": "hapair-config/1",
        "nodes": [
            {"name": "xcatmn1", "address": "10.0.0.1", "host_key": "SHA256:abc"},
            {"name": "xcatmn2", "address": "10.0.0.2"},
        ],
        "vip": {"name": "xcatmn", "address": "10.0.0.10", "prefix": 24, "adapter": "eth0"},
        "database": {"engine": "postgresql", "service": "postgresql"},
        "shared_mounts": ["/etc/xcat", "/install"],
        "services": ["named", {"name": "dhcpd", "unit": "isc-dhcp-server"}, {"name": "gpfs", "activate": false}],
        "conserver": "goconserver",
    })
}

fn parse(value: &Value) -> Result<Pair, String> {
    Pair::parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// The text with `value` at `pointer`'s key.
fn with(path: &[&str], value: Value) -> Result<Pair, String> {
    let mut text = text();
    let mut at = &mut text;
    for key in &path[..path.len() - 1] {
        at = &mut at[*key];
    }
    at[path[path.len() - 1]] = value;
    parse(&text)
}

#[test]
fn what_is_not_said_has_its_default() {
    let pair = parse(&text()).unwrap();
    assert_eq!(pair.manager, None);
    assert_eq!(pair.database.engine, Engine::Postgresql);
    assert_eq!(pair.conserver, Some(Conserver::Goconserver));
    assert_eq!(pair.xcatd_ready, ["tabdump", "site"]);
    assert_eq!(pair.files, ["/etc/hosts", "/etc/resolv.conf"]);
    assert_eq!(pair.versions.database, Some(vec!["psql".into(), "--version".into()]));
    let units: Vec<&str> = pair.all_services().map(|service| service.unit.as_str()).collect();
    assert_eq!(units, ["postgresql", "xcatd", "named", "isc-dhcp-server", "gpfs"]);
    assert_eq!(
        pair.number_of(&["10.0.0.9".parse().unwrap(), "10.0.0.2".parse().unwrap()]),
        Some(1)
    );
    assert!(pair.is_shared("/install/postscripts") && !pair.is_shared("/installed"));
}

#[test]
fn what_is_no_pair_is_refused_with_its_key() {
    let cases: [(&[&str], Value, &str); 15] = [
        (&["nodes"], json!([]), "nodes: must be a list of the two nodes"),
        (&["vip", "address"], json!("10.0.0.1"), "vip.address: and name are those of no node"),
        (&["vip", "prefix"], json!(33), "vip.prefix: is 33, and must be 1 to 32"),
        (&["vip", "adapter"], json!("-eth0"), "vip.adapter: \"-eth0\" is no adapter"),
        (&["vip", "name"], json!("a b"), "vip.name: \"a b\" is no host name"),
        (&["database", "engine"], json!("oracle"), "database.engine: \"oracle\" is none of"),
        (&["database"], json!({"engine": "sqlite", "service": "x"}), "database.service: is there"),
        (&["services"], json!(["named", "named"]), "services: \"named\" stands there twice"),
        (&["services"], json!(["--now"]), "services: \"--now\" is no name of a service"),
        (
            &["dump"],
            json!({"directory": "/install/dump"}),
            "dump.directory: lies on what both share",
        ),
        (&["clock_seconds"], json!(0), "clock_seconds: is 0"),
        (&["host_name"], json!("x/y"), "host_name: \"x/y\" is no host name"),
        (&["nim"], json!({"diskless": "-all"}), "nim.diskless: \"-all\" is no noderange"),
        (
            &["service_manager"],
            json!("launchd"),
            "service_manager: \"launchd\" is none of auto, systemd",
        ),
        (&["vipp"], json!({}), "vipp: there is no such key"),
    ];
    for (path, value, told) in cases {
        let why = with(path, value).unwrap_err();
        assert!(why.starts_with(told), "{why}");
    }
}

#[test]
fn a_step_of_the_site_may_not_have_an_id_of_ours() {
    let step = |id: &str| json!([{"id": id, "what": "x", "do": {"kind": "run", "argv": ["true"]}, "timeout_seconds": 1}]);
    assert!(with(&["after_activate"], step("xcatprobe")).is_ok());
    assert!(
        with(&["after_activate"], step("start-xcatd"))
            .unwrap_err()
            .contains("is that of a step of ours")
    );
}

#[test]
fn what_service_managers_say_is_read_as_they_document_it() {
    let show = |load: &str, active: &str| {
        Manager::Systemd.run_state(0, &format!("LoadState={load}\nActiveState={active}\n"), "")
    };
    assert_eq!(show("loaded", "active"), RunState::Running);
    assert_eq!(show("loaded", "deactivating"), RunState::Running);
    assert_eq!(show("masked", "inactive"), RunState::Stopped);
    assert_eq!(show("loaded", "failed"), RunState::Stopped);
    assert_eq!(show("not-found", "inactive"), RunState::Absent);
    let unbooted = "System has not been booted with systemd as init system";
    assert!(
        matches!(Manager::Systemd.run_state(1, "", unbooted), RunState::Unknown(why) if why.contains("booted"))
    );
    let lssrc = |state: &str| {
        let table = format!(
            "Subsystem         Group            PID          Status\n xcatd             xcat             {state}\n"
        );
        Manager::Src.run_state(0, &table, "")
    };
    assert_eq!(lssrc("5308618      active"), RunState::Running);
    assert_eq!(lssrc("             inoperative"), RunState::Stopped);
    let absent = "0513-085 The xcatd Subsystem is not on file.\n";
    assert_eq!(Manager::Src.run_state(1, "", absent), RunState::Absent);
    assert_eq!(Manager::Sysv.run_state(3, "xcatd is stopped\n", ""), RunState::Stopped);
    assert!(matches!(Manager::Sysv.run_state(127, "", "service: not found"), RunState::Unknown(_)));
}

#[test]
fn what_is_started_at_boot_is_told_from_what_is_not() {
    let enabled =
        |word: &str, status| Manager::Systemd.boot_state(status, &format!("{word}\n"), "");
    assert_eq!(enabled("enabled", 0), BootState::Started);
    for word in ["disabled", "masked", "static", "indirect"] {
        assert_eq!(enabled(word, 1), BootState::NotStarted, "{word}");
    }
    assert_eq!(enabled("not-found", 4), BootState::Absent);
    assert!(matches!(enabled("generated", 0), BootState::Unknown(_)));
    let list =
        |levels: &str| Manager::Sysv.boot_state(0, &format!("xcatd          \t{levels}\n"), "");
    assert_eq!(list("0:off\t1:off\t2:off\t3:on\t4:off\t5:off\t6:off"), BootState::Started);
    assert_eq!(list("0:off\t1:off\t2:off\t3:off\t4:off\t5:off\t6:off"), BootState::NotStarted);
    let unreferenced = "service xcatd supports chkconfig, but is not referenced in any runlevel (run 'chkconfig --add xcatd')";
    assert_eq!(Manager::Sysv.boot_state(1, "", unreferenced), BootState::NotStarted);
    assert_eq!(
        Manager::Src.boot_state(0, "xcatd:2:once:/opt/xcat/sbin/xcatd\n", ""),
        BootState::Started
    );
    assert_eq!(Manager::Src.boot_state(0, "", ""), BootState::NotStarted);
    assert!(matches!(Manager::Src.boot_state(127, "", "lsitab: not found"), BootState::Unknown(_)));
}

#[test]
fn every_published_configuration_is_still_read() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/hapair-config-1");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let pair = Pair::parse(&std::fs::read(&path).unwrap());
        assert!(pair.is_ok(), "{}: {pair:?}", path.display());
        count += 1;
    }
    assert_eq!(count, 2);
}
