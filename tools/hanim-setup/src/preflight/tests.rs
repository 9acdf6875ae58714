use super::*;
use crate::adapter::Adapter;
use crate::check;
use crate::side::{self, Resolved};
use clap::Parser;
use ha_json::Error;

const HEAD: &str = "export NIM_NAME=master\nexport NIM_CONFIGURATION=master\nexport \
                    NIM_MASTER_PORT=1058\nexport NIM_REGISTRATION_PORT=1059\n";
const A: &str = "export NIM_MASTER_HOSTNAME=nima.example.com\n";
const A_OF_B: &str = "export NIM_MASTER_HOSTNAME=nima\nexport NIM_ALTERNATE_MASTER=\"nimb\"\n";
const B: &str =
    "export NIM_MASTER_HOSTNAME=nimb\nexport NIM_ALTERNATE_MASTER=\"nima.example.com\"\n";
const PLAIN_B: &str = "export NIM_MASTER_HOSTNAME=nimb\n";
const MASTER: &str = "master:\n   class = machines\n   type  = master\n";
const KNOWS_B: &str =
    "nimb:\n   class   = machines\n   type    = alternate_master\n   connect = nimsh\n";
const KNOWS_A: &str =
    "nima:\n   class   = machines\n   type    = alternate_master\n   connect = nimsh\n";

/// A master with that in its file; one that is nothing to NIM has none.
fn sample(host: &str, own: &str, listing: &str) -> Side {
    let niminfo = if own.is_empty() { String::new() } else { format!("{HEAD}{own}") };
    side::sample(host, &niminfo, listing)
}

pub(crate) fn options(words: &[&str]) -> Options {
    Options::parse_from(["hanim-setup"].iter().chain(words).chain(&["nima"]))
}

/// Names that resolve, and an interface with the machine's address.
fn placed(mut side: Side, own: &str, other: &str) -> Side {
    let own = own.parse().unwrap();
    side.own_address = Resolved::To(own);
    side.other_address = Resolved::To(other.parse().unwrap());
    side.adapters = Some(vec![Adapter { name: "en0".into(), addresses: vec![own] }]);
    side
}

fn seen(this: Side, that: Side) -> Seen {
    let this = placed(this, "192.0.2.11", "192.0.2.10");
    let that = placed(that, "192.0.2.10", "192.0.2.11");
    let pair = Pair { this, that: Ok(that), master: "nima".into() };
    Seen { pair, clients: Vec::new(), closed: Vec::new() }
}

pub(crate) fn fresh() -> Seen {
    seen(sample("nimb", "", ""), sample("nima", A, MASTER))
}

fn worst(seen: &Seen, words: &[&str]) -> Vec<(&'static str, Outcome, String)> {
    let findings = seen.findings(&options(words)).into_iter();
    findings
        .filter(|finding| finding.outcome >= Outcome::Unknown)
        .map(|finding| (finding.check, finding.outcome, finding.found))
        .collect()
}

fn one(seen: &Seen, words: &[&str]) -> (&'static str, Outcome, String) {
    let all = worst(seen, words);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn a_fresh_machine_and_a_master_are_well_and_not_set_up() {
    let seen = fresh();
    assert_eq!(worst(&seen, &[]), []);
    assert!(!seen.is_all_set(&options(&[])));
    let checks: Vec<&str> = seen.findings(&options(&[])).iter().map(|one| one.check).collect();
    for check in check::TO_DESPITE {
        let of_client = [check::BUSY, check::CURRENT_MASTER, check::CLIENT_LEVEL].contains(&check);
        assert_eq!(checks.contains(&check), !of_client, "{check}");
    }
}

#[test]
fn a_pair_is_set_up_and_nothing_is_left() {
    let both = format!("{MASTER}{KNOWS_B}");
    let one_way = seen(sample("nimb", B, MASTER), sample("nima", A, &both));
    assert_eq!(worst(&one_way, &["--return"]), []);
    assert!(one_way.is_all_set(&options(&[])) && !one_way.is_all_set(&options(&["--return"])));
    let pair =
        seen(sample("nimb", B, &format!("{MASTER}{KNOWS_A}")), sample("nima", A_OF_B, &both));
    assert_eq!(worst(&pair, &["--return"]), []);
    assert!(pair.is_all_set(&options(&["--return", "--redefine-all"])));
}

#[test]
fn what_a_master_of_its_own_would_lose_is_counted() {
    let own = format!(
        "{MASTER}c1:\n   class = machines\n   type = standalone\nr1:\n   class = resources\n   type = spot\nr2:\n   \
         class = resources\n   type = mksysb\nboot:\n   class = resources\n   type = boot\ng:\n   class = groups\n"
    );
    let seen_with =
        |listing: &str| seen(sample("nimb", PLAIN_B, listing), sample("nima", A, MASTER));
    let (check, outcome, found) = one(&seen_with(&own), &[]);
    assert_eq!((check, outcome), (check::THIS_MACHINE, Outcome::Refused));
    assert!(found.ends_with("with 1 client and 2 resources and 1 other object"), "{found}");
    assert_eq!(worst(&seen_with(MASTER), &[]), []);
    assert_eq!(one(&seen_with(""), &[]).1, Outcome::Unknown);
}

#[test]
fn one_that_only_it_knows_of_is_half_a_pair() {
    let half = seen(sample("nimb", B, MASTER), sample("nima", A, MASTER));
    let (check, outcome, found) = one(&half, &[]);
    assert_eq!((check, outcome), (check::THIS_MACHINE, Outcome::Refused));
    assert_eq!(found, "nimb names nima as its alternate, and nima does not know nimb");
    let other_half = seen(sample("nimb", "", ""), sample("nima", A, &format!("{MASTER}{KNOWS_B}")));
    assert_eq!(worst(&other_half, &[]), []);
}

#[test]
fn a_client_of_a_master_of_that_name_is_not_that_master() {
    let client = HEAD.replace("master\n", "standalone\n")
        + "export NIM_HOSTNAME=nimb\nexport NIM_MASTER_HOSTNAME=nima\n";
    let this = side::sample("nimb", &client.replace("NAME=standalone", "NAME=nimb"), "");
    let seen = seen(this, sample("nima", A, MASTER));
    assert_eq!(one(&seen, &[]).0, check::THIS_MACHINE);
}

#[test]
fn addresses_that_differ_are_told_with_both() {
    let mut seen = fresh();
    seen.pair.this.other_address = Resolved::To("192.0.2.99".parse().unwrap());
    let (check, _, found) = one(&seen, &[]);
    assert_eq!(check, check::NAMES);
    assert_eq!(found, "nima is 192.0.2.10 on nima, and 192.0.2.99 on nimb");
}

#[test]
fn what_cannot_be_seen_is_unknown() {
    let mut seen = fresh();
    seen.pair.this.master.oslevel = None;
    seen.pair.this.own_address = Resolved::NotSeen("host cannot be run".into());
    seen.pair.this.adapters = None;
    let all = worst(&seen, &["--interface", "en0"]);
    assert_eq!(
        all.iter().map(|(check, outcome, _)| (*check, *outcome)).collect::<Vec<_>>(),
        [
            (check::LEVEL, Outcome::Unknown),
            (check::PROTOCOL, Outcome::Unknown),
            (check::NAMES, Outcome::Unknown),
            (check::INTERFACE, Outcome::Unknown)
        ]
    );
    seen.pair.that = Err(Error::busy("nima", "no connection"));
    let all = worst(&seen, &[]);
    assert_eq!((all.len(), all[0].0, all[0].1), (1, check::MASTER, Outcome::Unknown));
}

#[test]
fn an_interface_without_the_machines_address_is_a_warning() {
    let mut seen = fresh();
    let other = Adapter { name: "en1".into(), addresses: vec!["198.51.100.1".parse().unwrap()] };
    seen.pair.this.adapters.as_mut().unwrap().push(other);
    let findings = seen.findings(&options(&["--interface", "en1"]));
    let found = findings.iter().find(|one| one.check == check::INTERFACE).unwrap();
    assert_eq!(found.outcome, Outcome::Warning);
}

/// A client in the database of nima, with this file of its own.
pub(crate) fn asked(kind: &str, attributes: &[(&str, &str)], own: Option<&str>) -> Asked {
    let mut all =
        vec![("class".to_owned(), "machines".to_owned()), ("type".to_owned(), kind.to_owned())];
    all.extend(attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let object = ha_nim::Object { name: "lpar07".into(), attributes: all };
    let client = client::all(std::slice::from_ref(&object)).remove(0);
    let niminfo = |text: &str| ha_nim::niminfo::Niminfo::parse(text.as_bytes());
    let own = own.map(|text| Own::File { niminfo: niminfo(text), about: client::About::default() });
    Asked { client, own }
}

pub(crate) fn with_client(asked: Asked) -> Seen {
    Seen { clients: vec![asked], ..fresh() }
}

#[test]
fn a_client_without_a_disk_is_none_that_niminit_defines_again() {
    let seen = with_client(asked("diskless", &[], Some("NIM_NAME=lpar07\n")));
    assert_eq!(one(&seen, &["--redefine", "lpar07"]).0, check::CLIENTS);
    assert_eq!(worst(&seen, &["--redefine-all"]), []);
    assert!(seen.to_redefine(&options(&["--redefine-all"])).is_empty());
}

#[test]
fn only_clients_that_need_it_are_defined_again_with_all() {
    let list = "NIM_NAME=lpar07\nNIM_MASTER_HOSTNAME_LIST=\"nima nimb\"\n";
    for (text, sync_required, needed) in
        [(list, "no", 0), (list, "yes", 1), ("NIM_NAME=lpar07\n", "no", 1)]
    {
        let attributes = [("sync_required", sync_required), ("current_master", "nima")];
        let seen = with_client(asked("standalone", &attributes, Some(text)));
        assert_eq!(seen.to_redefine(&options(&["--redefine-all"])).len(), needed);
        assert_eq!(seen.to_redefine(&options(&["--redefine", "lpar07"])).len(), 1);
        assert!(seen.to_redefine(&options(&[])).is_empty());
    }
}

#[test]
fn a_client_that_another_master_has_is_not_taken_from_it() {
    for (attributes, text) in [
        (&[("current_master", "nimb.example.com")][..], "NIM_NAME=lpar07\n"),
        (&[], "NIM_NAME=lpar07\nNIM_MASTER_HOSTNAME=nimc\n"),
    ] {
        let seen = with_client(asked("standalone", attributes, Some(text)));
        let (check, outcome, _) = one(&seen, &["--redefine-all"]);
        assert_eq!((check, outcome), (check::CURRENT_MASTER, Outcome::Refused));
    }
}
