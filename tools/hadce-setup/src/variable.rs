//! RPC_UNSUPPORTED_NETADDRS: the addresses that DCE shall not use.

use crate::checklist::{Chapter, Findings};
use crate::facts::{Content, Look};
use crate::finding::{Finding, Step};
use crate::words::quoted;
use ha_environment::EnvironmentFile;
use ha_environment::excluded::{Excluded, VARIABLE};
use ha_plan::Act;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Steps 3.
pub(crate) fn excluded_addresses(chapter: &Chapter<'_>) -> Findings {
    let what = format!("{VARIABLE} excludes every address but the service addresses");
    let step = chapter.step(3, "excluded-addresses", what);
    let Some(content) = chapter.facts.environment.clone() else {
        let why = "environment_file of the configuration is null";
        return vec![Ok(step.not_applicable(why))];
    };
    let find = || -> Look<Finding> {
        let here = chapter.facts.addresses.clone().transpose()?;
        let content = content?;
        Ok(variable(chapter, step.of(&content.seen.path), &content, here.as_deref()))
    };
    vec![find()]
}

/// What a value is.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Right(String),
    /// It excludes nothing, and nobody knows what there would be.
    Empty,
    Wrong(String),
    /// As haenv leaves it before a node of mutual takeover takes the other's services over.
    BeforeTakeover,
    /// The same, but for these, which may be the other node's services.
    InTakeover(Vec<Ipv4Addr>),
}

/// `here` are the addresses of this machine, `None` where nobody knows them.
fn judge(
    value: Result<Option<Excluded>, String>,
    services: &[Ipv4Addr],
    here: Option<&[Ipv4Addr]>,
    is_mutual: bool,
) -> Judged {
    let excluded = match value {
        Ok(Some(excluded)) => excluded,
        Ok(None) => return Judged::Wrong(format!("{VARIABLE} is not set")),
        Err(why) => return Judged::Wrong(why),
    };
    if is_mutual && excluded.has_all(services) {
        let is_used = |address: &&Ipv4Addr| !excluded.addresses().contains(address);
        let used: Vec<Ipv4Addr> =
            here.unwrap_or_default().iter().filter(is_used).copied().collect();
        return match used.is_empty() {
            true => Judged::BeforeTakeover,
            false => Judged::InTakeover(used),
        };
    }
    if let Err(why) = excluded.leaves_only(services, here.unwrap_or_default()) {
        return Judged::Wrong(why);
    }
    match (excluded.addresses().is_empty(), here) {
        (false, _) => Judged::Right(format!("{VARIABLE}={excluded}")),
        (true, Some(_)) => {
            Judged::Right(format!("{VARIABLE} is empty, and there is nothing to exclude"))
        }
        (true, None) => Judged::Empty,
    }
}

fn variable(
    chapter: &Chapter<'_>,
    step: Step,
    content: &Content,
    here: Option<&[Ipv4Addr]>,
) -> Finding {
    let file = EnvironmentFile::parse(content.bytes.as_deref().unwrap_or_default());
    let services = &chapter.configuration.service_addresses;
    let is_mutual = !chapter.takes_over();
    let why = match judge(Excluded::of(&file), services, here, is_mutual) {
        Judged::Right(found) => return step.ok(found),
        Judged::Empty => {
            let fix = "look on the machine that the image is for whether it has other addresses";
            return step.undecided(format!("{VARIABLE} is empty"), fix);
        }
        Judged::BeforeTakeover => {
            let found = "the own service addresses are excluded, too, as before a takeover";
            let fix = again(chapter, content);
            return step
                .undecided(found, format!("when the other node has its services back, {fix}"));
        }
        Judged::InTakeover(used) => {
            let used = listed(&used, ", ");
            let found = format!("the own service addresses are excluded, and {used} not");
            let fix = again(chapter, content);
            return step.failed(
                found,
                format!("unless {used} was taken over from the other node, and runs here, {fix}"),
            );
        }
        Judged::Wrong(why) => why,
    };
    let Some(here) = here else {
        return step.failed(why, "run haenv on the machine that the image is for");
    };
    // Before a takeover the service addresses are on the other node's adapters, and before the
    // cluster manager has swapped addresses on none.
    let option = match services.iter().all(|service| here.contains(service)) {
        true => AT_HOME,
        false => "--before-takeover",
    };
    let fix = format!("{}; log in again before DCE is configured", haenv(chapter, option, content));
    let act = content.seen.place.real.to_str().map(|file| Act::Run {
        argv: [&chapter.facts.haenv, option, &listed(services, ","), "--write", file]
            .map(str::to_owned)
            .to_vec(),
        environment: BTreeMap::new(),
    });
    step.failed(why, fix).mended_by(act.into_iter().collect())
}

const AT_HOME: &str = "--exclude-all-but";

fn again(chapter: &Chapter<'_>, content: &Content) -> String {
    match chapter.facts.addresses {
        Some(_) => haenv(chapter, AT_HOME, content),
        None => "run haenv on the machine that the image is for".to_owned(),
    }
}

/// The command as a person types it.
fn haenv(chapter: &Chapter<'_>, option: &str, content: &Content) -> String {
    let services = listed(&chapter.configuration.service_addresses, ",");
    format!("haenv {option} {services} --write {}", quoted(&content.seen.here))
}

fn listed(addresses: &[Ipv4Addr], between: &str) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(words: &[&str]) -> Vec<Ipv4Addr> {
        words.iter().map(|word| word.parse().unwrap()).collect()
    }

    /// Of a node with a boot, a service and a standby address.
    fn judged(value: Option<&str>, is_mutual: bool) -> Judged {
        let here = list(&["9.3.240.1", "9.3.240.2", "9.3.240.66"]);
        let value = value.map(Excluded::parse).transpose();
        judge(value, &list(&["9.3.240.2"]), Some(&here), is_mutual)
    }

    #[test]
    fn the_example_of_the_guide_is_right() {
        let value = "9.3.240.1:9.3.240.66";
        let told = Judged::Right(format!("{VARIABLE}={value}"));
        assert_eq!(judged(Some(value), false), told);
        assert_eq!(judged(Some(value), true), told);
        // The service address has taken the place of the boot address.
        let swapped = list(&["9.3.240.2", "9.3.240.66"]);
        let services = list(&["9.3.240.2"]);
        let read = || Excluded::parse(value).map(Some);
        assert_eq!(judge(read(), &services, Some(&swapped), false), told);
        assert_eq!(judge(read(), &services, None, false), told);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let why = |value| match judged(value, false) {
            Judged::Wrong(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(
            why(Some("9.3.240.1:9.3.240.2")).contains("excludes the service address 9.3.240.2")
        );
        assert!(why(Some("9.3.240.1")).contains("does not exclude 9.3.240.66"));
        assert!(why(Some("")).contains("does not exclude 9.3.240.1"));
        assert!(why(Some("x")).contains("no IPv4 address"));
        assert!(why(None).contains("is not set"));
    }

    #[test]
    fn nothing_to_exclude_is_an_empty_value_and_no_absent_one() {
        let service = list(&["9.3.240.2"]);
        let judge = |value, here| judge(Ok(value), &service, here, false);
        let empty = || Some(Excluded::default());
        assert!(matches!(judge(empty(), Some(&service)), Judged::Right(_)));
        assert!(matches!(judge(None, Some(&service)), Judged::Wrong(_)));
        assert_eq!(judge(empty(), None), Judged::Empty);
    }

    #[test]
    fn a_value_of_a_takeover_is_one_only_where_nodes_take_each_other_over() {
        let all = Some("9.3.240.1:9.3.240.2:9.3.240.66");
        assert_eq!(judged(all, true), Judged::BeforeTakeover);
        assert!(matches!(judged(all, false), Judged::Wrong(_)));
        let some = Some("9.3.240.1:9.3.240.2");
        assert_eq!(judged(some, true), Judged::InTakeover(list(&["9.3.240.66"])));
    }

    proptest! {
        #[test]
        fn what_is_right_excludes_no_service(lasts in prop::collection::vec(0u8..4, 0..5), mutual: bool) {
            let addresses = lasts.iter().map(|last| Ipv4Addr::new(10, 0, 0, *last)).collect();
            let services = list(&["10.0.0.2"]);
            let value = Excluded::new(addresses).map(Some);
            if let Judged::Right(_) = judge(value, &services, None, mutual) {
                prop_assert!(!lasts.contains(&2));
            }
        }
    }
}
