//! The chapter's decisions, on facts that no machine has to have.

use crate::cell::{Cell, GLOBAL_ROOT};
use crate::checklist::{Chapter, Expect};
use crate::facts::{Content, Facts, Look, Seen};
use crate::finding::{Finding, Node, Outcome};
use crate::place::{Entry, Place};
use ha_dce::Configuration;
use ha_file::Mounted;
use ha_json::Error;
use ha_plan::Act;
use std::net::Ipv4Addr;

fn configuration(kind: &str, dfs: bool) -> Configuration {
    let servers = if kind == "mutual-cascading" { "[]" } else { r#"["security", "cds"]"# };
    let clients = if dfs { r#"["dce", "dfs"]"# } else { r#"["dce"]"# };
    let text = format!(
        r#"{{"schema": "hadce-config/1", "configuration": "{kind}", "dce_servers": {servers},
            "clients": {clients}, "dfs": {dfs}, "service_addresses": ["9.3.240.2"],
            "running_dce": ["false"], "running_dfs": ["false"]}}"#
    );
    Configuration::parse(text.as_bytes()).unwrap()
}

fn seen(path: &str, entry: Entry, mounted: bool) -> Look<Seen> {
    let place = Place { inside: path.into(), real: path.into() };
    let missing = if entry == Entry::Missing { vec![path.into()] } else { Vec::new() };
    let mounted = mounted.then(|| on(path, Some("jfs2")));
    let here = path.to_owned();
    Ok(Seen { path: path.to_owned(), here, place, entry, mounted, missing, in_the_way: None })
}

fn on(device: &str, kind: Option<&str>) -> Mounted {
    Mounted { device: device.to_owned(), kind: kind.map(str::to_owned) }
}

fn content(path: &str, bytes: Option<&str>) -> Look<Content> {
    let entry = match bytes {
        Some(_) => Entry::File { executable: false },
        None => Entry::Missing,
    };
    let seen = seen(path, entry, false)?;
    Ok(Content { seen, bytes: bytes.map(|bytes| bytes.as_bytes().to_vec()) })
}

/// A standby on which everything is done, and nothing mounted.
fn standby(configuration: &Configuration) -> Facts {
    let directories = |paths: &[String]| {
        paths.iter().map(|path| seen(path, Entry::Directory, false)).collect::<Vec<_>>()
    };
    let link = |path, target: &str| seen(path, Entry::Link { target: target.to_owned() }, false);
    Facts {
        shared_mounts: directories(&configuration.shared_mounts),
        dfs_mounts: Vec::new(),
        cache: seen("/var/dce/adm/dfs/cache", Entry::Missing, false),
        programs: vec![seen("/usr/bin/start.dce", Entry::File { executable: true }, false)],
        scripts: Vec::new(),
        environment: Some(content(
            "/etc/environment",
            Some("RPC_UNSUPPORTED_NETADDRS=9.3.240.1\n"),
        )),
        services: content("/etc/services", Some("kerberos5 88/udp kdc\n")),
        dce: content("/etc/dce/dce_cf.db", None),
        global_root: seen(GLOBAL_ROOT, Entry::Directory, false),
        file_space: link("/:", "/.../abc.com/fs"),
        cell_root: link("/.:", "/.../abc.com"),
        addresses: Some(Ok(vec![Ipv4Addr::new(9, 3, 240, 1)])),
        haenv: "haenv".to_owned(),
    }
}

struct Ask {
    node: Node,
    expect: Option<Expect>,
}

const STANDBY: Ask = Ask { node: Node::Standby, expect: None };
const OWNER: Ask = Ask { node: Node::HighestPriority, expect: None };

impl Ask {
    fn all(&self, configuration: &Configuration, facts: &Facts) -> Vec<Look<Finding>> {
        let chapter = Chapter {
            node: self.node,
            configuration,
            facts,
            cell: Cell::named("abc.com"),
            junction: "fs",
            expect: self.expect,
        };
        chapter.findings()
    }

    fn of(&self, configuration: &Configuration, facts: &Facts, step: &str) -> Finding {
        let mut all = self.all(configuration, facts).into_iter().map(Result::unwrap);
        all.find(|finding| finding.key.step == step).unwrap()
    }

    fn outcome(&self, configuration: &Configuration, facts: &Facts, step: &str) -> Outcome {
        self.of(configuration, facts, step).values.outcome
    }
}

#[test]
fn each_node_has_every_step_of_the_guide_in_its_order() {
    for kind in ["standby-cascading", "takeover-cascading", "mutual-cascading"] {
        for dfs in [true, false] {
            let configuration = configuration(kind, dfs);
            for ask in [STANDBY, OWNER] {
                let all = ask.all(&configuration, &standby(&configuration));
                let mut numbers: Vec<Option<u8>> =
                    all.iter().map(|finding| finding.as_ref().unwrap().values.number).collect();
                numbers.dedup();
                let steps: Vec<Option<u8>> = (1..=11).map(Some).chain([None]).collect();
                assert_eq!(numbers, steps, "{kind} {dfs}");
            }
        }
    }
}

#[test]
fn a_standby_on_which_everything_is_done_has_nothing_that_failed_or_could_be_applied() {
    let configuration = configuration("standby-cascading", true);
    for finding in STANDBY.all(&configuration, &standby(&configuration)) {
        let finding = finding.unwrap();
        assert_ne!(finding.values.outcome, Outcome::Failed, "{finding:?}");
        assert!(finding.acts.is_empty() && !finding.values.apply, "{finding:?}");
    }
}

#[test]
fn mutual_takeover_has_no_shared_file_systems_and_clients_on_both_nodes() {
    let configuration = configuration("mutual-cascading", true);
    let facts = standby(&configuration);
    for step in ["shared-disks", "mounted", "released"] {
        for ask in [STANDBY, OWNER] {
            assert_eq!(ask.outcome(&configuration, &facts, step), Outcome::NotApplicable, "{step}");
        }
    }
    for ask in [STANDBY, OWNER] {
        assert_eq!(ask.outcome(&configuration, &facts, "dce-configuration"), Outcome::Failed);
    }
    let mut facts = facts;
    facts.dce = content("/opt/dcelocal/dce_cf.db", Some("cellname abc.com\n"));
    let found = OWNER.of(&configuration, &facts, "dce-configuration").values.found.unwrap();
    // What the file does not say is not claimed.
    assert!(found.contains("DCE is configured") && !found.contains("client"), "{found}");
}

#[test]
fn without_dfs_its_steps_are_none() {
    let configuration = configuration("standby-cascading", false);
    let facts = standby(&configuration);
    for (ask, step) in [(STANDBY, "dfs-cache"), (STANDBY, "dfs-root"), (OWNER, "dfs-data")] {
        assert_eq!(ask.outcome(&configuration, &facts, step), Outcome::NotApplicable, "{step}");
    }
}

#[test]
fn whether_the_shared_file_systems_shall_be_mounted_is_for_a_person_unless_it_is_told() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let ask = |facts: &Facts, expect: Option<Expect>| {
        let ask = Ask { node: Node::Standby, expect };
        ["mounted", "unmounted"].map(|step| ask.outcome(&configuration, facts, step))
    };
    use Outcome::{Failed, NotApplicable, Ok as Good, Person};
    assert_eq!(ask(&facts, None), [Person, Good]);
    assert_eq!(ask(&facts, Some(Expect::Mounted)), [Failed, Good]);
    assert_eq!(ask(&facts, Some(Expect::Unmounted)), [NotApplicable, Good]);
    facts.shared_mounts[0] = seen("/krb5", Entry::Directory, true);
    assert_eq!(ask(&facts, None), [Good, Person]);
    assert_eq!(ask(&facts, Some(Expect::Mounted)), [Good, NotApplicable]);
    assert_eq!(ask(&facts, Some(Expect::Unmounted)), [Good, Failed]);
}

#[test]
fn the_cache_is_a_file_system_of_its_own_in_the_shared_one() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let cache = |facts: &Facts| STANDBY.of(&configuration, facts, "dfs-cache").values;
    assert_eq!(cache(&facts).outcome, Outcome::Person);
    facts.shared_mounts[1] = seen("/var/dce", Entry::Directory, true);
    let found = cache(&facts);
    assert_eq!(found.outcome, Outcome::Failed);
    assert!(found.fix.unwrap().contains("after /var/dce"));
    facts.cache = seen("/var/dce/adm/dfs/cache", Entry::Directory, true);
    assert_eq!(cache(&facts).outcome, Outcome::Ok);
    for (device, kind, outcome) in [
        ("8:9", Some("ext4"), Outcome::Ok),
        ("/var/dce", Some("jfs2"), Outcome::Failed),
        ("0:9", Some("nfs4"), Outcome::Failed),
        ("0:9", Some("tmpfs"), Outcome::Person),
        ("9", None, Outcome::Person),
    ] {
        let mut own = seen("/var/dce/adm/dfs/cache", Entry::Directory, true).unwrap();
        own.mounted = Some(on(device, kind));
        facts.cache = Ok(own);
        assert_eq!(cache(&facts).outcome, outcome, "{device} {kind:?}");
    }
    facts.cache = seen("/var/dce", Entry::Directory, true);
    assert_eq!(cache(&facts).outcome, Outcome::Failed);
    facts.cache = seen("/var/dcecache", Entry::Directory, false);
    assert_eq!(cache(&facts).outcome, Outcome::Failed);
}

#[test]
fn dce_is_configured_on_the_shared_disks_by_the_owner_and_nowhere_by_the_standby() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let both = |facts: &Facts| {
        [OWNER, STANDBY].map(|ask| ask.outcome(&configuration, facts, "dce-configuration"))
    };
    assert_eq!(both(&facts), [Outcome::Person, Outcome::Ok]);
    facts.dce = content("/etc/dce/dce_cf.db", Some("cellname /.../abc.com\n"));
    assert_eq!(both(&facts), [Outcome::Person, Outcome::Failed]);
    for (at, path) in ["/krb5", "/var/dce", "/etc/dce"].into_iter().enumerate() {
        facts.shared_mounts[at] = seen(path, Entry::Directory, true);
    }
    assert_eq!(both(&facts), [Outcome::Ok, Outcome::Person]);
    facts.dce = content("/etc/dce/dce_cf.db", None);
    assert_eq!(both(&facts)[0], Outcome::Failed);
}

#[test]
fn haenv_is_asked_by_where_the_service_addresses_are() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    facts.environment = Some(content("/etc/environment", None));
    let found = |facts: &Facts| STANDBY.of(&configuration, facts, "excluded-addresses");
    let argv = |facts: &Facts| match &found(facts).acts[..] {
        [Act::Run { argv, .. }] => argv.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(argv(&facts), "haenv --before-takeover 9.3.240.2 --write /etc/environment");
    facts.addresses = Some(Ok(vec![Ipv4Addr::new(9, 3, 240, 1), Ipv4Addr::new(9, 3, 240, 2)]));
    assert_eq!(argv(&facts), "haenv --exclude-all-but 9.3.240.2 --write /etc/environment");
    facts.addresses = None;
    let in_an_image = found(&facts);
    assert_eq!(in_an_image.values.outcome, Outcome::Failed);
    assert!(in_an_image.acts.is_empty());
    facts.environment = None;
    assert_eq!(found(&facts).values.outcome, Outcome::NotApplicable);
}

#[test]
fn in_mutual_takeover_the_variable_can_be_set_before_the_addresses_are_swapped() {
    let configuration = configuration("mutual-cascading", false);
    let mut facts = standby(&configuration);
    facts.environment = Some(content("/etc/environment", None));
    for ask in [STANDBY, OWNER] {
        let found = ask.of(&configuration, &facts, "excluded-addresses");
        let fix = found.values.fix.as_deref().unwrap();
        assert!(fix.starts_with("haenv --before-takeover 9.3.240.2 --write /etc/environment;"));
        assert!(found.values.apply);
    }
}

#[test]
fn the_value_of_a_takeover_is_left_to_a_person_and_never_applied() {
    let mut facts = standby(&configuration("mutual-cascading", false));
    let all = "RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.2:9.3.240.66\n";
    facts.environment = Some(content("/etc/environment", Some(all)));
    let here =
        |lasts: &[u8]| Some(Ok(lasts.iter().map(|last| Ipv4Addr::new(9, 3, 240, *last)).collect()));
    for (kind, lasts, outcome, apply) in [
        ("mutual-cascading", &[1, 2, 66][..], Outcome::Person, false),
        ("mutual-cascading", &[1, 2, 3, 66], Outcome::Failed, false),
        ("standby-cascading", &[1, 2, 66], Outcome::Failed, true),
    ] {
        facts.addresses = here(lasts);
        let found = OWNER.of(&configuration(kind, false), &facts, "excluded-addresses");
        assert_eq!((found.values.outcome, found.values.apply), (outcome, apply), "{found:?}");
        assert_eq!(found.acts.is_empty(), !apply);
        assert!(found.values.fix.unwrap().contains("haenv --exclude-all-but 9.3.240.2 --write"));
    }
}

#[test]
fn the_standby_sees_the_file_systems_of_dfs_mounted_too() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    facts.dfs_mounts = vec![seen("/dfs", Entry::Directory, true)];
    let of_dfs = |ask: Ask| {
        let all = ask.all(&configuration, &facts).into_iter().map(Result::unwrap);
        let found = all.filter(|finding| finding.key.item.as_deref() == Some("/dfs"));
        found.map(|finding| finding.key.step).collect::<Vec<_>>()
    };
    assert_eq!(of_dfs(STANDBY), ["mounted", "unmounted"]);
    assert_eq!(of_dfs(OWNER), ["unmounted"]);
}

#[test]
fn a_directory_beneath_a_file_is_not_promised() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let mut point = seen("/krb5/a", Entry::Missing, false).unwrap();
    point.in_the_way = Some("/krb5".into());
    facts.shared_mounts[0] = Ok(point);
    let found = STANDBY.of(&configuration, &facts, "mount-point");
    assert_eq!((found.values.outcome, found.values.apply), (Outcome::Failed, false));
    assert!(found.values.fix.unwrap().contains("look what /krb5 is"));
}

#[test]
fn commands_name_the_paths_of_the_image_with_quotes_where_a_shell_needs_them() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let in_image = |path: &str| {
        let mut seen = seen(path, Entry::Missing, false).unwrap();
        seen.here = format!("/srv/the node{path}");
        Ok(seen)
    };
    facts.shared_mounts[0] = in_image("/krb5");
    facts.file_space = in_image("/:");
    let fix = |step: &str| STANDBY.of(&configuration, &facts, step).values.fix.unwrap();
    assert_eq!(fix("mount-point"), "mkdir -p '/srv/the node/krb5'");
    assert_eq!(fix("dfs-link"), "ln -s /.../abc.com/fs '/srv/the node/:'");
}

#[test]
fn what_stands_in_the_way_is_told_and_never_touched() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    let link = |target: &str| Entry::Link { target: target.to_owned() };
    facts.file_space = seen("/:", link("/.../abc.com/dfs"), false);
    facts.cell_root = seen("/.:", Entry::Directory, false);
    facts.global_root = seen(GLOBAL_ROOT, Entry::File { executable: false }, false);
    facts.services = content("/etc/services", Some("kerberos5 750/udp\n"));
    facts.shared_mounts[0] = seen("/krb5", Entry::Other, false);
    let failed: Vec<Finding> = STANDBY
        .all(&configuration, &facts)
        .into_iter()
        .map(Result::unwrap)
        .filter(|finding| finding.values.outcome == Outcome::Failed)
        .collect();
    let steps: Vec<&str> = failed.iter().map(|finding| finding.key.step).collect();
    assert_eq!(steps, ["mount-point", "dfs-root", "dfs-link", "dfs-link", "services-kerberos5"]);
    assert!(failed.iter().all(|finding| finding.acts.is_empty()));
}

#[test]
fn what_could_not_be_looked_at_is_no_finding() {
    let configuration = configuration("standby-cascading", true);
    let mut facts = standby(&configuration);
    facts.services = Err(Error::failed("/etc/services", "permission denied"));
    let all = STANDBY.all(&configuration, &facts);
    let unknown: Vec<&Error> = all.iter().filter_map(|finding| finding.as_ref().err()).collect();
    assert_eq!(unknown, [&Error::failed("/etc/services", "permission denied")]);
}
