use super::*;
use ha_pair::Manager;

fn pair(more: &str) -> Pair {
    let text = format!(
        r#"{{"schema":"hapair-config/1","nodes":[{{"name":"n1","address":"10.0.0.1"}},{{"name":"n2","address":"10.0.0.2"}}],
        "vip":{{"name":"mn","address":"10.0.0.10","prefix":24,"adapter":"eth0"}},"shared_mounts":["/etc/xcat","/install"],
        "database":{{"engine":"postgresql","service":"postgresql"}},"host_name":"mn",
        "services":["named","dhcpd",{{"name":"gpfs","activate":false}}]{more}}}"#
    );
    Pair::parse(text.as_bytes()).unwrap()
}

fn ids(pair: &Pair) -> Vec<String> {
    let plan = plan(pair, &Parts::of(pair, Manager::Systemd), false);
    assert_eq!(plan.check(), Ok(()));
    plan.steps.into_iter().map(|step| step.id).collect()
}

#[test]
fn the_order_is_that_of_a_takeover_backwards() {
    let wanted = [
        "xcat-forget",
        "stop-dhcpd",
        "stop-named",
        "stop-xcatd",
        "xcatd-gone",
        "unexport",
        "stop-database",
        "unmount-2",
        "unmount-1",
        "vip-down",
        "restore-host-name",
    ];
    assert_eq!(ids(&pair("")), wanted);
}

#[test]
fn each_step_has_its_turn_whatever_failed_before_it() {
    let pair = pair("");
    for step in plan(&pair, &Parts::of(&pair, Manager::Src), true).steps {
        assert_eq!(step.on_failure, OnFailure::FailAtEnd, "{}", step.id);
    }
}

#[test]
fn what_the_cluster_manager_brings_is_left_to_it() {
    let mut pair = pair("");
    pair.mount = false;
    pair.vip.manage = false;
    assert!(ids(&pair).iter().all(|id| !id.starts_with("unmount") && id != "vip-down"));
}
