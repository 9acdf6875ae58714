use crate::*;
use ha_json::{Map, Value, json};
use ha_plan::OnFailure;
use proptest::prelude::*;
use std::collections::HashSet;

fn parse(value: &Value) -> Result<Configuration, ha_json::Error> {
    Configuration::parse(value.to_string().as_bytes())
}

/// One that is right, with these keys in place of its own.
fn with(changes: Value) -> Value {
    let mut all = json!({
        "schema": SCHEMA,
        "configuration": "standby-cascading",
        "dce_servers": ["security"],
        "service_addresses": ["9.3.240.2"],
        "running_dce": ["running"],
    });
    for (key, value) in changes.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// What is told: the key, and why.
fn refused(changes: Value) -> String {
    let error = parse(&with(changes.clone())).err();
    let error = error.unwrap_or_else(|| panic!("{changes} was taken"));
    assert_eq!(error.kind, ha_json::Kind::Usage);
    error.to_string()
}

fn published() -> Vec<(String, Value)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/hadce-config-1");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), text.parse().unwrap())
    };
    std::fs::read_dir(directory).unwrap().map(read).collect()
}

#[test]
fn the_defaults_are_the_guides() {
    let configuration = parse(&with(json!({}))).unwrap();
    assert_eq!(configuration.kind, Kind::StandbyCascading);
    assert_eq!(configuration.shared_mounts, ["/krb5", "/var/dce", "/etc/dce"]);
    assert_eq!(configuration.dce_local, "/opt/dcelocal");
    assert_eq!(configuration.dce.start, ["/usr/bin/start.dce"]);
    assert_eq!(configuration.dce.stop, ["/usr/bin/stop.dce"]);
    let service = &configuration.dce;
    assert_eq!(
        (service.start_seconds, service.stop_seconds, service.probe_seconds),
        (300, 120, 10)
    );
    assert_eq!(configuration.deadline_seconds, 900);
    assert_eq!(configuration.environment_file.as_deref(), Some("/etc/environment"));
    assert_eq!(configuration.state_directory, "/run/hatools");
    assert_eq!(configuration.hostname_restore, HostnameRestore::AfterStart);
    assert!(configuration.dfs.is_none());
    let mutual =
        json!({"configuration": "mutual-cascading", "dce_servers": [], "clients": ["dce"]});
    assert!(parse(&with(mutual)).unwrap().shared_mounts.is_empty());
}

#[test]
fn every_published_configuration_is_read_and_together_they_have_every_key() {
    let mut keys = HashSet::new();
    let mut kinds = Vec::new();
    for (name, value) in published() {
        let configuration = parse(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        kinds.push(configuration.kind);
        assert!(name.starts_with(configuration.kind.word()));
        keys.extend(value.as_object().unwrap().keys().cloned());
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)));
    let known: HashSet<String> = configuration::KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(keys, known);
}

#[test]
fn a_key_that_nobody_knows_is_named_before_the_one_that_is_missing() {
    let mut value = with(json!({"runing_dce": ["x"]}));
    value.as_object_mut().unwrap().shift_remove("running_dce");
    let error = parse(&value).unwrap_err();
    assert_eq!(error.what, "runing_dce");
    assert!(error.why.contains("no such key") && error.why.contains("running_dce"));
    let told = refused(json!({"timeouts_seconds": {"start_dce": 1, "stopdce": 1}}));
    assert!(told.starts_with("timeouts_seconds.stopdce: "), "{told}");
    let twice = Configuration::parse(b"{\"dfs\": true,\n\"dfs\": false}").unwrap_err();
    assert!(twice.why.contains("\"dfs\" stands there twice at line 2"), "{twice}");
}

#[test]
fn what_the_guides_table_has_not_is_refused_with_its_reason() {
    let mutual = |more: Value| {
        let mut all =
            json!({"configuration": "mutual-cascading", "dce_servers": [], "clients": ["dce"]});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        refused(all)
    };
    assert!(refused(json!({"configuration": "mutual-rotating"})).contains("standby-rotating"));
    assert!(mutual(json!({"dce_servers": ["cds"]})).contains("note 1"));
    assert!(
        mutual(json!({"dfs": true, "dfs_servers": ["file-server"], "running_dfs": ["x"]}))
            .contains("note 1")
    );
    assert!(mutual(json!({"shared_mounts": ["/var/dce"]})).contains("note 2"));
    assert!(mutual(json!({"service_hostname": "x"})).contains("only for standby-rotating"));
    assert!(refused(json!({"dce_servers": ["kdc"]})).contains("security, cds, dts"));
    assert!(refused(json!({"dfs_servers": ["file-server"]})).starts_with("dfs_servers: "));
    assert!(refused(json!({"clients": ["dfs"]})).starts_with("clients: "));
    assert!(refused(json!({"dfs": true, "running_dfs": ["x"]})).starts_with("dfs: "));
    assert!(refused(json!({"dfs_mounts": ["/..."]})).starts_with("dfs_mounts: "));
    assert!(refused(json!({"dce_servers": []})).contains("nothing is there to run"));
    assert!(refused(json!({"shared_mounts": []})).contains("shared disks"));
    assert!(refused(json!({"service_addresses": []})).contains("one is needed"));
    assert!(refused(json!({"hostname_restore": "at-stop"})).contains("host name stays"));
}

#[test]
fn a_rotating_configuration_needs_the_name_of_its_service_address() {
    let rotating =
        |name: Value| json!({"configuration": "standby-rotating", "service_hostname": name});
    assert!(refused(rotating(Value::Null)).starts_with("service_hostname: is missing"));
    for bad in ["", "a b", "9.3.240.2", "-a", "a..b", "a;b", &"a".repeat(65)] {
        assert!(refused(rotating(bad.into())).contains("is no host name"), "{bad}");
    }
    for good in ["dce", "dce.example.com", "dce_svc-1"] {
        let taken = parse(&with(rotating(good.into()))).unwrap();
        assert_eq!(taken.service_hostname.as_deref(), Some(good));
    }
    assert!(refused(json!({"service_hostname": "dce"})).contains("only for standby-rotating"));
}

#[test]
fn nothing_is_started_that_cannot_be_seen_to_run() {
    let mut value = with(json!({}));
    value.as_object_mut().unwrap().shift_remove("running_dce");
    let error = parse(&value).unwrap_err();
    assert!(error.what == "running_dce" && error.why.contains("Ep.db"), "{error}");
    let told = refused(json!({"dfs": true, "dfs_servers": ["file-server"]}));
    assert!(told.starts_with("running_dfs: is missing"), "{told}");
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_key() {
    for (key, value, word) in [
        ("schema", json!("hadce-config/2"), "hadce-config/1"),
        ("dfs", json!("yes"), "true or false"),
        ("start_dce", json!("/usr/bin/start.dce"), "list of words"),
        ("start_dce", json!([]), "list of words"),
        ("stop_dce", json!(["bin/stop.dce"]), "absolute path"),
        ("ready_dce", json!([1]), "list of words"),
        ("running_dce", json!(["a\0"]), "NUL"),
        ("service_addresses", json!(["fe80::1"]), "no IPv4"),
        ("service_addresses", json!(["0.0.0.0"]), "no IPv4"),
        ("service_addresses", json!(["9.3.240.2", "9.3.240.2"]), "twice"),
        ("service_addresses", json!("9.3.240.2"), "must be a list"),
        ("shared_mounts", json!(["var/dce"]), "absolute"),
        ("shared_mounts", json!(["/var/dce/"]), "slash at its end"),
        ("shared_mounts", json!(["/"]), "absolute path below /"),
        ("dce_local", json!("/opt/../x"), "absolute"),
        ("environment_file", json!(1), "path or null"),
        ("state_directory", json!(null), "must be a text"),
        ("deadline_seconds", json!(0), "1 to 86400"),
        ("deadline_seconds", json!(1.5), "1 to 86400"),
        ("timeouts_seconds", json!([]), "an object"),
        ("hostname_restore", json!("never"), "after-start, at-stop"),
        ("before_start", json!({}), "a list"),
    ] {
        let told = refused(json!({key: value}));
        assert!(told.starts_with(&format!("{key}: ")) && told.contains(word), "{told}");
    }
}

fn step(id: &str) -> Value {
    json!({"id": id, "what": "x", "do": {"kind": "run", "argv": ["x"]}, "timeout_seconds": 5})
}

#[test]
fn steps_of_the_site_are_steps_of_a_plan_with_names_of_their_own() {
    let mut typed = step("one");
    typed["type"] = "step".into();
    let taken = parse(&with(json!({
        "before_start": [typed], "after_start": [step("two")], "before_stop": [step("one")],
    })));
    let taken = taken.unwrap();
    assert_eq!(taken.before_start[0].on_failure, OnFailure::Stop);
    assert_eq!(taken.before_stop[0].on_failure, OnFailure::FailAtEnd);

    let mut misspelt = step("one");
    misspelt["redy"] = json!({"argv": ["x"]});
    let mut timeless = step("one");
    timeless["timeout_seconds"] = 0.into();
    let mut unknown = step("one");
    unknown["do"]["kind"] = "shell".into();
    for (steps, word) in [
        (json!([step("one"), misspelt]), "step 2: unknown field `redy`"),
        (json!([timeless]), "timeout_seconds"),
        (json!([unknown]), "shell"),
        (json!([step("a b")]), "a b"),
        (json!([step("start-dce")]), "a step of ours"),
        (json!([step("needs-x")]), "a step of ours"),
        (json!(["x"]), "must be a step"),
        (json!([step("one"), step("one")]), "twice"),
    ] {
        let told = refused(json!({"after_start": steps}));
        assert!(told.starts_with("after_start: ") && told.contains(word), "{told}");
    }
    let told = refused(json!({"before_stop": [step("one")], "after_stop": [step("one")]}));
    assert!(told.starts_with("after_stop: ") && told.contains("twice"), "{told}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = ["/x", "", "dce", "mutual-cascading", "9.3.240.2", "a\0b", "id", "run", "step"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let names = ["id", "what", "do", "kind", "argv", "timeout_seconds", "start_dce", "until"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((proptest::sample::select(names.to_vec()), inner), 0..4)
                .prop_map(
                    |pairs| Map::from_iter(pairs.into_iter().map(|(k, v)| (k.into(), v))).into()
                ),
        ]
    })
}

proptest! {
    #[test]
    fn any_values_give_a_configuration_or_a_usage_error_that_names_a_key(
        soup in prop::collection::vec(
            (proptest::sample::select(configuration::KEYS.to_vec()), any_json()), 0..4)
    ) {
        let changes = Map::from_iter(soup.into_iter().map(|(key, value)| (key.to_owned(), value)));
        if let Err(error) = parse(&with(changes.into())) {
            prop_assert_eq!(error.kind, ha_json::Kind::Usage);
            let key = error.what.split('.').next().unwrap();
            prop_assert!(configuration::KEYS.contains(&key), "{}", error);
        }
    }

    #[test]
    fn any_bytes_give_a_usage_error(soup: Vec<u8>) {
        prop_assert_eq!(Configuration::parse(&soup).unwrap_err().kind, ha_json::Kind::Usage);
    }
}
