//! Which addresses DCE's RPC runtime shall not use.
//!
//! The runtime itself passes over adapters that are down, loopback, and all that is not IPv4: they
//! need no place in a list that takes ten.

use crate::adapters::Adapter;
use crate::service::Service;
use ha_environment::excluded::{Excluded, MOST, VARIABLE};
use ha_json::{Error, Map, Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The variable of other runtimes that lists what is used.
const WHITE_LIST: &str = "RPC_SUPPORTED_NETADDRS";

pub(crate) const FIELDS: [&str; 10] = [
    "name",
    "value",
    "excluded",
    "services",
    "supported_name",
    "supported_value",
    "file",
    "dry_run",
    "changed",
    "changes",
];

/// Where the services are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Each is configured here.
    AtHome,
    /// They are another node's, or came from there already.
    BeforeTakeover,
}

/// What was worked out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exclusion {
    /// In the order of the addresses, which stays when adapters come and go, each with its adapter;
    /// without one where it is excluded only because it was before.
    pub(crate) excluded: BTreeMap<Ipv4Addr, Option<String>>,
    /// Each with whether it is here.
    services: Vec<(Service, bool)>,
    used: Vec<Ipv4Addr>,
}

/// Works out what is left when the services are taken away from what is here and from what was
/// excluded `before`: a boot address whose place a service address has now comes back.
///
/// # Errors
/// Failed: a service that is not here, though it should be; nothing here that could be excluded
/// before a takeover; more to exclude than the runtime takes.
pub(crate) fn work_out(
    adapters: &[Adapter],
    services: &[Service],
    moment: Moment,
    before: &Excluded,
) -> Result<Exclusion, Error> {
    let mut all = BTreeMap::new();
    for adapter in adapters.iter().filter(|adapter| adapter.up && !adapter.loopback) {
        for address in &adapter.addresses {
            if !address.is_loopback() && !address.is_unspecified() {
                all.entry(*address).or_insert_with(|| Some(adapter.name.clone()));
            }
        }
    }
    let mut used = Vec::new();
    let mut told = Vec::new();
    for service in services {
        let present: Vec<Ipv4Addr> = service
            .addresses
            .iter()
            .filter(|address| all.contains_key(*address))
            .copied()
            .collect();
        told.push((service.clone(), !present.is_empty()));
        match moment {
            Moment::AtHome if present.is_empty() => return Err(not_here(service)),
            Moment::AtHome => used.extend(present),
            Moment::BeforeTakeover => used.extend(&service.addresses),
        }
    }
    used.sort_unstable();
    used.dedup();
    all.retain(|address, _| !used.contains(address));
    if all.is_empty() && moment == Moment::BeforeTakeover {
        let why = "no adapter here is up with another address: the own service address should be";
        return Err(Error::failed(VARIABLE, why));
    }
    let kept = before.addresses().iter().filter(|address| !used.contains(address));
    for address in kept {
        all.entry(*address).or_insert(None);
    }
    let exclusion = Exclusion { excluded: all, services: told, used };
    match exclusion.excluded.len() {
        0..=MOST => Ok(exclusion),
        many => Err(Error::failed(VARIABLE, exclusion.too_many(many))),
    }
}

fn not_here(service: &Service) -> Error {
    let addresses = joined(&service.addresses, ", ");
    let why = "is not configured on an adapter that is up here, and DCE would be left without it";
    match service.given == addresses {
        true => Error::failed(&service.given, why),
        false => Error::failed(&service.given, format!("{addresses} {why}")),
    }
}

fn joined<'a>(addresses: impl IntoIterator<Item = &'a Ipv4Addr>, between: &str) -> String {
    let texts: Vec<String> = addresses.into_iter().map(Ipv4Addr::to_string).collect();
    texts.join(between)
}

impl Exclusion {
    /// The value of [`VARIABLE`], empty where nothing is to be excluded.
    pub(crate) fn value(&self) -> String {
        joined(self.excluded.keys(), ":")
    }

    fn too_many(&self, many: usize) -> String {
        let absent = self.excluded.values().filter(|adapter| adapter.is_none()).count();
        let kept = match absent {
            0 => String::new(),
            absent => format!(" ({absent} only because the file excludes them already: --unset)"),
        };
        format!(
            "{many} addresses are to be excluded{kept}, and it takes {MOST}; a runtime that knows \
             {WHITE_LIST} needs {WHITE_LIST}={} in its place",
            self.white_list()
        )
    }

    fn white_list(&self) -> String {
        joined(&self.used, ":")
    }

    /// Its fields in the answer.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let excluded = self
            .excluded
            .iter()
            .map(|(address, adapter)| json!({"address": address.to_string(), "adapter": adapter}));
        let services = self.services.iter().map(|(service, here)| {
            let addresses: Vec<String> =
                service.addresses.iter().map(Ipv4Addr::to_string).collect();
            json!({"service": service.given, "addresses": addresses, "here": here})
        });
        Map::from_iter([
            ("name".into(), Value::from(VARIABLE)),
            ("value".into(), Value::from(self.value())),
            ("excluded".into(), excluded.collect()),
            ("services".into(), services.collect()),
            ("supported_name".into(), Value::from(WHITE_LIST)),
            ("supported_value".into(), Value::from(self.white_list())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use proptest::prelude::*;

    fn adapter(name: &str, addresses: &[&str]) -> Adapter {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Adapter { name: name.to_owned(), up: true, loopback: false, addresses }
    }

    fn service(address: &str) -> Service {
        Service { given: address.to_owned(), addresses: vec![address.parse().unwrap()] }
    }

    /// The node of the guide: a boot, a service and a standby adapter.
    fn node() -> Vec<Adapter> {
        let mut loopback = adapter("lo0", &["127.0.0.1", "10.9.9.9"]);
        loopback.loopback = true;
        let mut down = adapter("en3", &["10.8.8.8"]);
        down.up = false;
        vec![
            adapter("en1", &["9.3.240.66", "0.0.0.0"]),
            adapter("en0", &["9.3.240.2", "9.3.240.1"]),
            loopback,
            down,
        ]
    }

    fn value(adapters: &[Adapter], of: &str, moment: Moment) -> String {
        work_out(adapters, &[service(of)], moment, &Excluded::default()).unwrap().value()
    }

    #[test]
    fn the_example_of_the_guide() {
        let exclusion =
            work_out(&node(), &[service("9.3.240.2")], Moment::AtHome, &Excluded::default())
                .unwrap();
        assert_eq!(exclusion.value(), "9.3.240.1:9.3.240.66");
        assert_eq!(exclusion.white_list(), "9.3.240.2");
        assert_eq!(
            exclusion.fields().keys().collect::<Vec<_>>(),
            FIELDS[..6].iter().collect::<Vec<_>>()
        );
    }

    #[test]
    fn before_a_takeover_the_own_service_address_is_excluded_and_afterwards_no_more() {
        let mut adapters = node();
        let own = "9.3.240.2";
        let taken = "9.3.240.3";
        let first = value(&adapters, own, Moment::AtHome);
        let during = "9.3.240.1:9.3.240.2:9.3.240.66";
        assert_eq!(value(&adapters, taken, Moment::BeforeTakeover), during);
        adapters[0].addresses.push(taken.parse().unwrap());
        assert_eq!(value(&adapters, taken, Moment::BeforeTakeover), during);
        adapters[0].addresses.pop();
        assert_eq!(value(&adapters, own, Moment::AtHome), first);
    }

    #[test]
    fn a_service_that_is_not_here_is_an_error() {
        for foreign in ["9.3.240.3", "10.8.8.8", "127.0.0.1", "10.9.9.9"] {
            let error =
                work_out(&node(), &[service(foreign)], Moment::AtHome, &Excluded::default())
                    .unwrap_err();
            assert_eq!((error.kind, error.what.as_str()), (Kind::Failed, foreign));
        }
    }

    #[test]
    fn an_address_that_was_excluded_and_is_not_here_stays() {
        let swapped = [adapter("en0", &["9.3.240.2"]), adapter("en1", &["9.3.240.66"])];
        let before = Excluded::parse("9.3.240.1:9.3.240.2:9.3.240.66").unwrap();
        let own = [service("9.3.240.2")];
        let exclusion = work_out(&swapped, &own, Moment::AtHome, &before).unwrap();
        assert_eq!(exclusion.value(), "9.3.240.1:9.3.240.66");
        let fields = exclusion.fields();
        assert_eq!(fields["excluded"][0], json!({"address": "9.3.240.1", "adapter": null}));
        assert_eq!(fields["excluded"][1]["adapter"], "en1");
        let peer = [service("9.3.240.3")];
        let during = work_out(&swapped, &peer, Moment::BeforeTakeover, &before).unwrap();
        assert_eq!(during.value(), before.to_string());
        let ten = Excluded::new((1..=10).map(|n| Ipv4Addr::new(9, 1, 0, n)).collect()).unwrap();
        let error = work_out(&swapped, &own, Moment::AtHome, &ten).unwrap_err();
        assert!(error.why.contains("11 addresses are to be excluded (10 only"), "{error}");
    }

    #[test]
    fn nothing_here_is_an_error_before_a_takeover() {
        let error =
            work_out(&[], &[service("9.3.240.3")], Moment::BeforeTakeover, &Excluded::default())
                .unwrap_err();
        assert_eq!(error.kind, Kind::Failed);
    }

    #[test]
    fn ten_are_taken_and_eleven_are_refused_with_their_number() {
        let mut adapters = vec![adapter("en0", &["9.0.0.1"])];
        adapters[0].addresses.extend((1..=10).map(|last| Ipv4Addr::new(9, 1, 0, last)));
        assert_eq!(value(&adapters, "9.0.0.1", Moment::AtHome).split(':').count(), 10);
        adapters[0].addresses.push(Ipv4Addr::new(9, 1, 0, 11));
        let error =
            work_out(&adapters, &[service("9.0.0.1")], Moment::AtHome, &Excluded::default())
                .unwrap_err();
        assert!(error.why.starts_with("11 addresses"), "{error}");
        assert!(error.why.contains("RPC_SUPPORTED_NETADDRS=9.0.0.1 "), "{error}");
    }

    #[test]
    fn of_a_name_with_several_addresses_those_that_are_here_are_used() {
        let mut both = service("9.3.240.2");
        both.addresses.push(Ipv4Addr::new(9, 3, 241, 2));
        let exclusion = work_out(&node(), &[both], Moment::AtHome, &Excluded::default()).unwrap();
        assert_eq!(exclusion.white_list(), "9.3.240.2");
    }

    proptest! {
        #[test]
        fn the_order_of_adapters_changes_nothing_and_no_service_is_excluded(
            lasts in prop::collection::vec(1u8..30, 1..9), moved in any::<prop::sample::Index>(),
        ) {
            let addresses: Vec<Ipv4Addr> =
                lasts.iter().map(|last| Ipv4Addr::new(9, 3, 240, *last)).collect();
            let of = |addresses: &[Ipv4Addr]| -> Vec<Adapter> {
                let one = |address: &Ipv4Addr| adapter("en0", &[&address.to_string()]);
                addresses.iter().map(one).collect()
            };
            let own = service(&addresses[0].to_string());
            let mut turned = addresses.clone();
            turned.rotate_left(moved.index(addresses.len()));
            let first = work_out(&of(&addresses), std::slice::from_ref(&own), Moment::AtHome, &Excluded::default()).unwrap();
            let second = work_out(&of(&turned), &[own], Moment::AtHome, &Excluded::default()).unwrap();
            prop_assert_eq!(first.value(), second.value());
            prop_assert!(!first.excluded.contains_key(&addresses[0]));
        }
    }
}
