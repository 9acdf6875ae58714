use super::*;
use ha_pair::Manager;

fn pair(more: &str) -> Pair {
    let text = format!(
        r#"{{"schema":"hapair-config/1","nodes":[{{"name":"n1","address":"10.0.0.1"}},{{"name":"n2","address":"10.0.0.2"}}],
        "vip":{{"name":"mn","address":"10.0.0.10","prefix":24,"adapter":"eth0"}},"shared_mounts":["/etc/xcat","/install"],
        "services":["named","dhcpd",{{"name":"gpfs","activate":false}}]{more}}}"#
    );
    Pair::parse(text.as_bytes()).unwrap()
}

fn facts() -> Facts {
    Facts {
        peer_down: false,
        has_role: false,
        arping: true,
        config: Some("/etc/hatools/pair.json".to_owned()),
        haxcat_dump: "haxcat-dump".to_owned(),
        hastandby: "hastandby".to_owned(),
        aix: false,
    }
}

fn made(pair: &Pair, facts: &Facts) -> Plan {
    plan(pair, &Parts::of(pair, Manager::Systemd), facts)
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

const POSTGRES: &str = r#","database":{"engine":"postgresql","service":"postgresql"},"conserver":"goconserver","host_name":"mn""#;
const SQLITE: &str = r#","database":{"engine":"sqlite"}"#;

#[test]
fn the_order_is_that_of_xcats_documents() {
    let pair = pair(POSTGRES);
    let plan = made(&pair, &facts());
    assert_eq!(plan.check(), Ok(()));
    let looks = ["vip", "mount-1", "mount-2", "database", "xcatd", "named", "dhcpd", "answer"];
    let mut wanted: Vec<String> = [
        "xcat-begin",
        "vip-free",
        "vip-up",
        "vip-announce",
        "mount-1",
        "mount-2",
        "database-engine",
        "start-database",
        "site-table",
        "host-name",
        "stop-deaf-xcatd",
        "start-xcatd",
        "xcat-dns",
        "xcat-dhcp",
        "xcat-dhcp-nodes",
        "xcat-consoles",
        "start-named",
        "start-dhcpd",
        "export",
    ]
    .map(str::to_owned)
    .to_vec();
    wanted.extend(looks.map(|name| format!("xcat-look-{name}")));
    wanted.extend(["xcat-active", "proof"].map(str::to_owned));
    assert_eq!(ids(&plan), wanted);
}

#[test]
fn every_step_knows_when_it_is_needless_and_none_is_undone() {
    for more in [POSTGRES, SQLITE] {
        let pair = pair(more);
        for step in made(&pair, &facts()).steps {
            assert!(!step.unless.is_empty() || !step.only_if.is_empty(), "{}", step.id);
            assert!(step.undo.is_none(), "{}", step.id);
        }
    }
}

#[test]
fn without_a_proof_that_the_other_node_is_down_nothing_is_taken() {
    let condition = |more: &str, facts: &Facts| {
        let pair = pair(more);
        let plan = made(&pair, facts);
        plan.conditions.into_iter().find(|one| one.id == "needs-peer-down").map(|one| one.check)
    };
    assert_eq!(condition(SQLITE, &facts()), Some(Check::Unproven {}));
    let asked = format!("{SQLITE},\"peer_down\":[\"/bin/fenced\"]");
    assert!(
        matches!(condition(&asked, &facts()), Some(Check::Probe { probe }) if probe.argv == ["/bin/fenced"])
    );
    assert_eq!(condition(SQLITE, &Facts { peer_down: true, ..facts() }), None);
    // A second run, which has taken it already.
    assert_eq!(condition(SQLITE, &Facts { has_role: true, ..facts() }), None);
}

#[test]
fn what_the_cluster_manager_brings_is_a_condition_and_no_step() {
    let mut pair = pair(SQLITE);
    pair.mount = false;
    pair.vip.manage = false;
    let plan = made(&pair, &facts());
    assert!(ids(&plan).iter().all(|id| !id.starts_with("vip") && !id.starts_with("mount")));
    let conditions: Vec<&str> = plan.conditions.iter().map(|one| one.id.as_str()).collect();
    for id in ["needs-vip", "needs-mount-1", "needs-mount-2"] {
        assert!(conditions.contains(&id), "{id}");
    }
}

#[test]
fn aix_makes_its_nim_nodes_and_takes_the_address_as_an_alias() {
    let pair = pair(&format!(
        "{SQLITE},\"dns\":false,\"dhcp\":false,\"nim\":{{\"standalone\":\"lpars\",\"diskless\":\"compute\"}}"
    ));
    let facts = Facts { arping: false, aix: true, ..facts() };
    let plan = plan(&pair, &Parts::of(&pair, Manager::Src), &facts);
    let argv = |id: &str| {
        let step = plan.steps.iter().find(|step| step.id == id).unwrap();
        match &step.r#do {
            Act::Run { argv, .. } => argv.join(" "),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(argv("vip-up"), "ifconfig eth0 alias 10.0.0.10/24");
    assert_eq!(argv("xcat-nim-standalone"), "nimnodeset lpars");
    assert_eq!(argv("xcat-nim-diskless"), "mkdsklsnode compute");
    assert_eq!(argv("start-xcatd"), "startsrc -s xcatd");
    assert!(!ids(&plan).contains(&"xcat-dns") && !ids(&plan).contains(&"vip-announce"));
}
