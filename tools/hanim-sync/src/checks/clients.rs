//! The machines and networks that the database is about.

use super::{holds, or_holds, refused, unknown, warning};
use crate::facts::{Pair, Resolved};
use crate::names::some;
use ha_nim::Object;
use ha_nim::finding::Finding;
use std::collections::BTreeMap;

/// How the state of a machine begins that nothing is done with.
const READY: &str = "ready for a NIM operation";

/// Row 15. What is going on here is only reset on the alternate; what is going on there is lost.
pub(super) fn busy(pair: &Pair) -> Vec<Finding> {
    let b = &pair.alternate;
    let machines = |objects: &'_ [Object]| -> Vec<(String, String)> {
        objects.iter().filter_map(|object| Some((object.name.clone(), at_work(object)?))).collect()
    };
    let mut all = Vec::new();
    for (name, work) in machines(&pair.here.master.listing.objects) {
        let found = format!("{name}: {work}; a synchronisation resets its state on {b}");
        all.push(warning("busy", found).about(name));
    }
    for (name, work) in machines(&pair.there.listing.objects) {
        let found = format!("{b} is at work on {name}: {work}; a synchronisation would reset that");
        let fix = format!("wait until it has ended, or reset it on {b}: nim -Fo reset {name}");
        all.push(refused("busy", found).about(name).fix(fix));
    }
    or_holds(all, "busy", "no machine is busy, and no resource is allocated")
}

fn at_work(object: &Object) -> Option<String> {
    if object.class() != "machines" {
        return None;
    }
    let mut work = Vec::new();
    if let Some(state) = object.get("Cstate").filter(|state| !state.starts_with(READY)) {
        work.push(state.lines().next().unwrap_or_default().to_owned());
    }
    let allocated: Vec<&str> = object.allocations().into_values().flatten().collect();
    if !allocated.is_empty() {
        work.push(format!("{} is allocated to it", some(&allocated)));
    }
    (!work.is_empty()).then(|| work.join(", "))
}

/// Row 4.
pub(super) fn sync_required(pair: &Pair) -> Finding {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let objects = &pair.here.master.listing.objects;
    let names: Vec<&str> = objects
        .iter()
        .filter(|object| object.get("sync_required") == Some("yes"))
        .map(|object| object.name.as_str())
        .collect();
    match names.len() {
        0 => holds("sync-required", "no client has sync_required=yes"),
        count => warning(
            "sync-required",
            match count {
                1 => format!("1 client has sync_required=yes: {}", names.join(", ")),
                _ => format!("{count} clients have sync_required=yes: {}", names.join(", ")),
            },
        )
        .fix(format!(
            "they do not know {b} yet: on each, remove /etc/niminfo and run niminit -a name=CLIENT -a \
             master={a}; or say --reset-clients"
        )),
    }
}

/// Row 19.
pub(super) fn names(pair: &Pair) -> Vec<Finding> {
    let sides = [pair.here.name(), pair.alternate.as_str()];
    let mut all = Vec::new();
    for (side, resolved) in sides.iter().zip(&pair.names) {
        match resolved {
            Err(error) => all.push(
                unknown("names", format!("{side} does not tell how names resolve: {error}"))
                    .about(*side),
            ),
            Ok(resolved) => {
                all.extend(resolved.iter().filter(|one| one.address.is_none()).map(|one| {
                    let make = if one.is_master { refused } else { warning };
                    make("names", format!("{side} cannot resolve {}", one.hostname))
                        .about(&one.object)
                        .fix(format!("put it into /etc/hosts on {side}, or into DNS"))
                }));
            }
        }
    }
    if let [Ok(here), Ok(there)] = &pair.names {
        all.extend(that_differ(sides, here, there));
    }
    or_holds(all, "names", "both masters resolve the names of each other and of all clients")
}

fn that_differ(sides: [&str; 2], here: &[Resolved], there: &[Resolved]) -> Vec<Finding> {
    let [a, b] = sides;
    let there: BTreeMap<&str, &Resolved> =
        there.iter().map(|one| (one.hostname.as_str(), one)).collect();
    let differs = |one: &Resolved| {
        let (here, there) = (one.address?, there.get(one.hostname.as_str())?.address?);
        // A machine may call itself by its loopback.
        let differ = here != there && !here.is_loopback() && !there.is_loopback();
        differ.then(|| {
            let found = format!("{} is {here} on {a} and {there} on {b}", one.hostname);
            warning("names", found).about(&one.object)
        })
    };
    here.iter().filter_map(differs).collect()
}

/// Row 16: a restored database may have lost them.
pub(super) fn routes(pair: &Pair) -> Vec<Finding> {
    let b = &pair.alternate;
    let objects = &pair.here.master.listing.objects;
    let mut all = Vec::new();
    for network in objects.iter().filter(|object| object.class() == "networks") {
        let is_static = |(name, value): &&(String, String)| {
            name.strip_prefix("routing").is_some_and(|rest| rest.parse::<u64>().is_ok())
                && value.split_whitespace().next() != Some("default")
        };
        let routes: Vec<&str> =
            network.attributes.iter().filter(is_static).map(|(_, value)| value.as_str()).collect();
        if !routes.is_empty() {
            let found = format!("{} has static routes: {}", network.name, routes.join(", "));
            let fix = format!("check them on {b} afterwards: lsnim -lc networks");
            all.push(warning("routes", found).about(&network.name).fix(fix));
        }
    }
    or_holds(all, "routes", "no network has a static route")
}

#[cfg(test)]
mod tests {
    use super::super::ground::{pair, set};
    use super::*;
    use ha_nim::finding::Outcome;

    #[test]
    fn a_busy_client_here_is_a_warning_and_one_of_the_alternate_is_in_the_way() {
        let mut pair = pair();
        assert_eq!(busy(&pair)[0].outcome, Outcome::Holds);
        set(
            &mut pair.here.master.listing,
            "lpar07",
            "Cstate",
            "Base Operating System installation",
        );
        set(&mut pair.here.master.listing, "lpar07", "spot", "spot_73");
        let all = busy(&pair);
        assert_eq!(all[0].outcome, Outcome::Warning);
        assert_eq!(
            all[0].found,
            "lpar07: Base Operating System installation, spot_73 is allocated to it; a \
             synchronisation resets its state on nimb"
        );
        set(&mut pair.there.listing, "lpar07", "Cstate", "being installed");
        assert_eq!(busy(&pair)[1].outcome, Outcome::Refused);
    }

    #[test]
    fn all_clients_that_do_not_know_the_alternate_are_named() {
        let mut pair = pair();
        assert_eq!(sync_required(&pair).outcome, Outcome::Holds);
        set(&mut pair.here.master.listing, "lpar07", "sync_required", "yes");
        let finding = sync_required(&pair);
        assert_eq!(finding.found, "1 client has sync_required=yes: lpar07");
    }

    #[test]
    fn names_that_do_not_resolve_are_told_with_the_machine_that_cannot() {
        let of = |object: &str, address: Option<&str>, is_master| Resolved {
            object: object.into(),
            hostname: format!("{object}.example.com"),
            address: address.map(|text| text.parse().unwrap()),
            is_master,
        };
        let mut pair = pair();
        pair.names = [
            Ok(vec![of("lpar07", Some("192.0.2.57"), false), of("nimb", None, true)]),
            Ok(vec![of("lpar07", None, false), of("nimb", Some("127.0.0.1"), true)]),
        ];
        let all = names(&pair);
        assert_eq!(all[0].found, "nima cannot resolve nimb.example.com");
        assert_eq!(all[0].outcome, Outcome::Refused);
        assert_eq!(all[1].found, "nimb cannot resolve lpar07.example.com");
        assert_eq!(all[1].outcome, Outcome::Warning);
        pair.names[1] = Ok(vec![of("lpar07", Some("192.0.2.75"), false)]);
        assert!(names(&pair)[1].found.contains("is 192.0.2.57 on nima and 192.0.2.75 on nimb"));
    }

    #[test]
    fn only_the_default_route_is_no_static_one() {
        let mut pair = pair();
        assert_eq!(routes(&pair)[0].outcome, Outcome::Holds);
        set(&mut pair.here.master.listing, "master_net", "routing2", "backup_net 192.0.2.254");
        let all = routes(&pair);
        assert_eq!(all[0].found, "master_net has static routes: backup_net 192.0.2.254");
    }
}
