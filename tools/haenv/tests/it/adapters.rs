//! The addresses that DCE shall not use.

use crate::ground::{Ground, fixture, run, run_with_input};
use ha_json::json;
use std::fs;

const OWN: &str = "9.3.240.2";
const PEER: &str = "9.3.240.3";
const VALUE: &str = "9.3.240.1:9.3.240.66";

#[test]
fn the_example_of_the_guide_from_every_format() {
    for name in [
        "ip-j-addr.linux",
        "ifconfig-a.linux",
        "ifconfig-a.linux-2.6",
        "ifconfig-a.aix",
        "netstat-in.aix",
    ] {
        let file = fixture(name);
        let by_name = run(&["--exclude-all-but", OWN, "--adapters", &file]).well();
        assert_eq!(by_name["value"], VALUE, "{name}");
        assert_eq!(by_name["supported_value"], OWN);
        assert_eq!(by_name["changed"], json!(null));
        let input = fs::read(&file).unwrap();
        let arguments = ["--exclude-all-but", OWN, "--adapters", "-", "-o", "value"];
        assert_eq!(run_with_input(&arguments, &input).text(), format!("{VALUE}\n"), "{name}");
    }
}

#[test]
fn a_takeover_and_back() {
    let ground = Ground::with("A=1\nRPC_UNSUPPORTED_NETADDRS=stale\nB=2\n");
    let adapters = fixture("netstat-in.aix");
    let at_home = ["--exclude-all-but", OWN, "--adapters", &adapters, "--write"];
    let before = ["--before-takeover", PEER, "--adapters", &adapters, "--write"];
    let first = format!("A=1\nRPC_UNSUPPORTED_NETADDRS={VALUE}\nB=2\n");
    assert_eq!(ground.run(&at_home).well()["changes"][0]["old"], "stale");
    assert_eq!(ground.content(), first);
    assert_eq!(ground.run(&at_home).well()["changed"], false);
    let answer = ground.run(&before).well();
    assert_eq!(answer["value"], "9.3.240.1:9.3.240.2:9.3.240.66");
    assert_eq!(answer["services"][0]["here"], false);
    assert_eq!(ground.run(&at_home).well()["changed"], true);
    assert_eq!(ground.content(), first);
}

#[test]
fn nothing_to_exclude_is_an_empty_value() {
    let ground = Ground::with("RPC_UNSUPPORTED_NETADDRS=stale\n");
    let adapters = ground.root.path().join("adapters");
    fs::write(&adapters, "en0: flags=1<UP>\n\tinet 9.3.240.2 netmask 0xffffff00\n").unwrap();
    let adapters = adapters.to_str().unwrap();
    let answer = ground.run(&["--exclude-all-but", OWN, "--adapters", adapters, "--write"]).well();
    assert_eq!((&answer["value"], &answer["changes"][0]["new"]), (&json!(""), &json!("")));
    assert_eq!(ground.content(), "RPC_UNSUPPORTED_NETADDRS=\n");
    let exported = ground.run(&["--export", "--only", "RPC_UNSUPPORTED_NETADDRS"]);
    let line = "RPC_UNSUPPORTED_NETADDRS=''; export RPC_UNSUPPORTED_NETADDRS\n";
    assert_eq!((exported.status, exported.text().as_str()), (0, line));
}

#[test]
fn the_value_of_the_guide_survives_a_run_while_the_service_address_is_in_the_place_of_boot() {
    let line = format!("RPC_UNSUPPORTED_NETADDRS={VALUE}\n");
    let ground = Ground::with(&line);
    let adapters = ground.root.path().join("adapters");
    fs::write(
        &adapters,
        "en0: flags=1<UP>\n\tinet 9.3.240.2 netmask 0xffffff00\n\
         en1: flags=1<UP>\n\tinet 9.3.240.66 netmask 0xffffff00\n",
    )
    .unwrap();
    let adapters = adapters.to_str().unwrap();
    let at_home = ["--exclude-all-but", OWN, "--adapters", adapters, "--write"];
    let answer = ground.run(&at_home).well();
    assert_eq!((&answer["value"], &answer["changed"]), (&json!(VALUE), &json!(false)));
    assert_eq!(ground.content(), line);
    ground.run(&["--before-takeover", PEER, "--adapters", adapters, "--write"]).well();
    assert_eq!(ground.run(&at_home).well()["value"], VALUE);
    ground.run(&["--unset", "RPC_UNSUPPORTED_NETADDRS"]).well();
    assert_eq!(ground.run(&at_home).well()["value"], "9.3.240.66");
}

#[test]
fn a_fifo_is_not_waited_for() {
    let ground = Ground::new();
    let fifo = ground.root.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let ran = run(&["--exclude-all-but", OWN, "--adapters", fifo.to_str().unwrap()]);
    assert_eq!(ran.status, 6);
    assert!(ran.stderr.contains("is no regular file"), "{}", ran.stderr);
}

#[test]
fn a_foreign_service_and_eleven_addresses_fail_and_write_nothing() {
    let ground = Ground::with("A=1\n");
    let adapters = fixture("ifconfig-a.aix");
    for foreign in [PEER, "9.3.241.7", "127.0.0.1", "localhost"] {
        let ran = ground.run(&["--exclude-all-but", foreign, "--adapters", &adapters, "--write"]);
        assert_eq!(ran.status, 6, "{foreign}");
        assert_eq!(ran.answer()["ok"], false);
        assert!(ran.stderr.starts_with(&format!("haenv: {foreign}: ")), "{}", ran.stderr);
    }
    let mut text = "en0: flags=1<UP>\n".to_owned();
    (1..=12).for_each(|last| text += &format!("\tinet 9.3.240.{last} netmask 0xffffff00\n"));
    let many = ground.root.path().join("many");
    fs::write(&many, text).unwrap();
    let many = many.to_str().unwrap();
    let ran = ground.run(&["--exclude-all-but", OWN, "--adapters", many, "--write"]);
    assert_eq!(ran.status, 6);
    assert!(
        ran.stderr.contains("11 addresses are to be excluded, and it takes 10"),
        "{}",
        ran.stderr
    );
    assert_eq!(ground.content(), "A=1\n");
}

#[test]
fn input_that_is_no_listing_of_adapters_is_not_trusted() {
    for input in [&b""[..], b"hello\n", b"[{\"ifname\":", b"\xff", b"en0: flags=1<UP>\n\tinet x\n"]
    {
        let ran = run_with_input(&["--exclude-all-but", OWN, "--adapters", "-"], input);
        assert_eq!(ran.status, 4, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("haenv: standard input: "), "{}", ran.stderr);
        assert_eq!(ran.answer()["error"]["kind"], "input");
    }
    let ran = run(&["--exclude-all-but", OWN, "--adapters", &fixture("netstat-in.debian")]);
    assert_eq!(ran.status, 4);
    assert!(ran.stderr.contains("ip -j addr does"), "{}", ran.stderr);
}

#[test]
fn a_terminal_in_the_place_of_a_listing_is_wrong_usage() {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let output = crate::ground::command()
        .args(["--exclude-all-but", OWN, "--adapters", "-"])
        .stdin(terminal.slave)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_usage() {
    let ground = Ground::with("A=1\n");
    let adapters = fixture("ifconfig-a.aix");
    for arguments in [
        &["--exclude-all-but", ""][..],
        &["--exclude-all-but", "9.3.240", "--write"],
        &["--exclude-all-but", "::1", "--write"],
        &["--exclude-all-but", OWN, "--adapters", &adapters],
        &["--exclude-all-but", OWN, "--before-takeover", PEER],
        &["--exclude-all-but", OWN, "--set", "A=2"],
        &["--exclude-all-but", OWN, "--export"],
        &["--adapters", "x"],
        &["--write"],
    ] {
        let ran = ground.run(arguments);
        assert_eq!((ran.status, ran.text().as_str()), (2, ""), "{arguments:?} {}", ran.stderr);
    }
    assert_eq!(run(&["--exclude-all-but", OWN, "--dry-run"]).status, 2);
    assert_eq!(ground.content(), "A=1\n");
}

#[test]
fn the_adapters_of_this_machine_are_the_default() {
    let ran = run(&["--exclude-all-but", "203.0.113.77"]);
    assert_eq!(ran.status, 6);
    assert!(
        ran.stderr.contains("is not configured on an adapter that is up here"),
        "{}",
        ran.stderr
    );
}
