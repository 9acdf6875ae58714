//! The root of a whole machine: a copy of this one's in namespaces of its own.

use crate::ground::{Ground, Ran};
use ha_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};

/// Makes $1 a root that has all of this machine's, but a /etc of its own, three adapters' addresses
/// and two mounted file systems, and runs the rest of the arguments in it.
const WORLD: &str = r#"
set -e
root=$1; shift
mount -t tmpfs tmpfs "$root"
for path in /*; do
    case $path in /etc|/dce) continue ;; esac
    if [ -h "$path" ]; then cp -P "$path" "$root/"
    elif [ -d "$path" ]; then mkdir "$root$path"; mount --rbind "$path" "$root$path"; fi
done
mkdir -p "$root/etc" "$root/dce/var" "$root/dce/krb5"
echo 'ssh 22/tcp' >"$root/etc/services"
mount -t tmpfs tmpfs "$root/dce/krb5"
mount -t tmpfs tmpfs "$root/dce/var"
mkdir "$root/dce/var/cache"
mount -t tmpfs tmpfs "$root/dce/var/cache"
# Hidden again by what is mounted above it; and scripts that nobody can run.
mkdir -p "$root/dce/hidden/etc"
mount -t tmpfs tmpfs "$root/dce/hidden/etc"
mount -t tmpfs tmpfs "$root/dce/hidden"
mkdir -p "$root/dce/hidden/etc" "$root/dce/noexec"
mount -t tmpfs -o noexec tmpfs "$root/dce/noexec"
for script in "$root/dce/noexec/start" "$root/dce/start"; do echo '#!/bin/sh' >"$script"; chmod 755 "$script"; done
ip link add dce0 type veth peer name dce1
ip address add 9.3.240.2/24 dev dce0
ip address add 9.3.240.66/24 dev dce0
ip link set dce0 up
exec chroot "$root" "$@"
"#;

fn run(ground: &Ground, arguments: &[&str]) -> Ran {
    let root = ground.directory.path().join("root");
    let _ = fs::create_dir(&root);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--", "sh", "-c", WORLD, "sh"]).arg(root);
    command.args(arguments).stdin(Stdio::null());
    Ran::from(command.output().unwrap())
}

fn ground() -> Ground {
    let ground = Ground::bare();
    ground.configure(json!({"shared_mounts": ["/dce/krb5", "/dce/var", "/dce/etc"]}));
    ground
}

fn possible() -> bool {
    let try_it = "ip link add dce0 type veth peer name dce1 && mount -t tmpfs tmpfs /mnt";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--", "sh", "-c", try_it]);
    let ok = command.output().is_ok_and(|output| output.status.success());
    if !ok {
        eprintln!("SKIPPED: no namespace with mounts and adapters can be made here");
    }
    ok
}

fn tool() -> &'static str {
    env!("CARGO_BIN_EXE_hadce-setup")
}

#[test]
fn mounts_and_addresses_of_the_machine_are_seen() {
    if !possible() {
        return;
    }
    let ground = ground();
    let configuration = ground.configuration();
    let ran = run(
        &ground,
        &[
            tool(),
            "--node",
            "highest-priority",
            "--expect",
            "mounted",
            "--cache",
            "/dce/var/cache",
            "--config",
            configuration.to_str().unwrap(),
        ],
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let outcome = |step, item| ran.finding(step, item)["outcome"].clone();
    assert_eq!(outcome("mounted", "/dce/krb5"), "ok");
    assert_eq!(outcome("mounted", "/dce/etc"), "failed");
    assert_eq!(outcome("unmounted", "/dce/krb5"), "not_applicable");
    // In memory: whether that will do a person says.
    assert_eq!(outcome("dfs-cache", "/dce/var/cache"), "person");
    assert_eq!(outcome("service-address", "9.3.240.2"), "ok");
    let variable = ran.finding("excluded-addresses", "/etc/environment");
    assert!(variable["found"].as_str().unwrap().ends_with("is not set"));
    let fix = "haenv --exclude-all-but 9.3.240.2 --write /etc/environment";
    assert!(variable["fix"].as_str().unwrap().starts_with(fix));
}

#[test]
fn what_is_hidden_is_not_mounted_and_what_is_shared_is_no_cache_and_noexec_is_told() {
    if !possible() {
        return;
    }
    let ground = ground();
    ground.configure(json!({"shared_mounts": ["/dce/krb5", "/dce/var", "/dce/hidden/etc"]}));
    let configuration = ground.configuration();
    let script = "mount --bind /dce/krb5 /dce/var/cache && exec \"$@\"";
    let ran = run(
        &ground,
        &[
            &["sh", "-c", script, "sh", tool(), "--node", "standby", "--cell", "abc.com"][..],
            &[
                "--cache",
                "/dce/var/cache",
                "--script",
                "/dce/noexec/start",
                "--script",
                "/dce/start",
            ],
            &["--config", configuration.to_str().unwrap()],
        ]
        .concat(),
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert_eq!(ran.finding("unmounted", "/dce/hidden/etc")["outcome"], "ok");
    let cache = ran.finding("dfs-cache", "/dce/var/cache");
    assert_eq!(cache["found"], "the file system of /dce/krb5, which is shared");
    if nix::unistd::geteuid().is_root() {
        assert_eq!(ran.finding("script", "/dce/noexec/start")["outcome"], "failed");
    }
    assert_eq!(ran.finding("script", "/dce/start")["outcome"], "ok");
}

#[test]
fn what_is_applied_is_applied_to_the_machine_itself() {
    if !possible() {
        return;
    }
    let ground = ground();
    // In place of the tool that another package builds: it writes what it was told.
    ground.put(
        "haenv",
        "#!/bin/sh\n[ \"$1 $2 $3\" = '--exclude-all-but 9.3.240.2 --write' ] &&\n\
        echo RPC_UNSUPPORTED_NETADDRS=9.3.240.66 >\"$4\"\n",
    );
    // A copy alone in its directory: beside the built one the real haenv may stand.
    fs::copy(tool(), ground.directory.path().join("hadce-setup")).unwrap();
    let script = r#"
        chmod +x "$1/node/haenv"
        PATH=$1/node:$PATH
        setup() {
            "$1/hadce-setup" --config "$1/dce.json" --node standby --cell abc.com --cache /dce/var/cache $2
        }
        setup "$1" --apply >/dev/null || exit
        setup "$1" --apply | tail -n 1
        [ "$(readlink /:)" = /.../abc.com/fs ] && [ "$(readlink /.:)" = /.../abc.com ] && [ -d /... ] &&
            [ "$(grep -c '^kerberos5' /etc/services)" -eq 1 ] || exit 9
        setup "$1" | tail -n 1
    "#;
    let directory = ground.directory.path().to_str().unwrap();
    let ran = run(&ground, &["sh", "-c", script, "sh", directory]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let numbers = |line: &Value| (line["records"].clone(), line["status"].clone());
    assert_eq!(numbers(&ran.lines[0]), (0.into(), 0.into()));
    assert_eq!(ran.lines[1]["outcomes"]["failed"], 4, "the programs alone are missing");
}
