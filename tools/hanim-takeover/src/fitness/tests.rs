use super::*;
use crate::{check, client, own, pair};

const A: &str = "nima.example.com";
const B: &str = "nimb.example.com";

fn fit() -> Seen {
    Seen {
        own: own::sample(A, &[A, B]),
        address: Address::Is("192.0.2.57".parse().unwrap()),
        port: Some(Ok(())),
        resolves_this: Some(true),
        nimsh_inoperative: false,
    }
}

fn says(name: &str) -> Database {
    Database::Says(Some(name.to_owned()))
}

fn all(client: &Client, seen: &Seen, there: &Database) -> Vec<Finding> {
    let pair = pair::sample();
    Look { client, seen, there, pair: &pair }.findings()
}

fn one(client: &Client, seen: &Seen, there: &Database, check: &str) -> Finding {
    let mut of: Vec<Finding> =
        all(client, seen, there).into_iter().filter(|finding| finding.check == check).collect();
    assert_eq!(of.len(), 1, "{check}");
    assert_eq!(of[0].item.as_deref(), Some("lpar07"));
    of.remove(0)
}

#[test]
fn a_client_that_is_fit_has_one_finding_of_each_check_and_all_hold() {
    let findings = all(&client::sample(), &fit(), &says(A));
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    let wanted: Vec<&str> =
        check::ALL.into_iter().filter(|check| !check::OF_THE_WHOLE.contains(check)).collect();
    assert_eq!(checks, wanted);
    for finding in findings {
        assert_eq!(finding.outcome, Outcome::Holds, "{finding:?}");
    }
}

#[test]
fn a_client_that_does_not_list_this_master_is_refused_with_the_code_and_the_command() {
    let seen = Seen { own: own::sample(A, &[A]), ..fit() };
    let finding = one(&client::sample(), &seen, &says(A), check::LISTED);
    assert_eq!((finding.outcome, finding.code), (Outcome::Refused, Some("0042-372")));
    assert_eq!(finding.found, "lpar07 does not list nimb in NIM_MASTER_HOSTNAME_LIST");
    assert!(finding.fix.unwrap().contains("niminit -a name=lpar07 -a master=nima.example.com"));
    let seen = Seen { own: Own::Missing, ..fit() };
    let finding = one(&client::sample(), &seen, &Database::NotSeen, check::LISTED);
    assert!(finding.fix.unwrap().contains("-a master=nimb.example.com"));
}

#[test]
fn a_closed_port_is_refused_and_says_whether_nimsh_runs() {
    let seen =
        Seen { port: Some(Err("connection refused".into())), nimsh_inoperative: true, ..fit() };
    let finding = one(&client::sample(), &seen, &says(A), check::PORT);
    assert_eq!((finding.outcome, finding.code), (Outcome::Refused, Some("0042-006")));
    let told = "lpar07.example.com does not answer for nimsh on port 3901: connection refused; nimsh \
                is inoperative there";
    assert_eq!(finding.found, told);
    let unresolved = Seen { address: Address::None, port: None, ..fit() };
    let outcome = |check| one(&client::sample(), &unresolved, &says(A), check).outcome;
    assert_eq!((outcome(check::PORT), outcome(check::NAMES)), (Outcome::Unknown, Outcome::Refused));
}

#[test]
fn two_protocols_are_a_warning() {
    let shell = Client { connect: Some("shell".into()), ..client::sample() };
    let finding = one(&shell, &fit(), &says(A), check::PROTOCOL);
    assert_eq!(finding.outcome, Outcome::Warning);
    let step = "nim -o change -a connect=nimsh lpar07, on nima, or here after the takeover";
    assert_eq!(finding.fix.as_deref(), Some(step));
}

#[test]
fn a_busy_client_is_a_warning_and_a_third_master_is_refused() {
    let busy = Client { busy: Some("installing".into()), ..client::sample() };
    assert_eq!(one(&busy, &fit(), &says(A), check::BUSY).outcome, Outcome::Warning);
    let third = Client { current_master: Some("nimc".into()), ..client::sample() };
    let finding = one(&third, &fit(), &says(A), check::CURRENT_MASTER);
    assert_eq!((finding.outcome, finding.code), (Outcome::Refused, Some("0042-378")));
    let none = Client { current_master: None, ..client::sample() };
    assert_eq!(one(&none, &fit(), &says(A), check::CURRENT_MASTER).outcome, Outcome::Warning);
}

#[test]
fn sync_required_refuses_where_the_client_does_not_list_this_master() {
    let client = Client { sync_required: true, ..client::sample() };
    let warned = one(&client, &fit(), &says(A), check::SYNC_REQUIRED);
    assert_eq!(warned.outcome, Outcome::Warning);
    assert!(!warned.fix.unwrap().contains("niminit"));
    let unseen = Seen { own: Own::NotSeen("gone".into()), ..fit() };
    assert_eq!(one(&client, &unseen, &says(A), check::SYNC_REQUIRED).outcome, Outcome::Unknown);
    let seen = Seen { own: own::sample(A, &[A]), ..fit() };
    assert_eq!(one(&client, &seen, &says(A), check::SYNC_REQUIRED).outcome, Outcome::Refused);
}

#[test]
fn who_disagrees_is_told_in_words() {
    let ours = Client { current_master: Some(B.into()), ..client::sample() };
    let seen = Seen { own: own::sample(B, &[B, A]), ..fit() };
    assert_eq!(one(&ours, &seen, &says(B), check::AGREEMENT).outcome, Outcome::Holds);
    let both = one(&ours, &seen, &says(A), check::AGREEMENT);
    assert_eq!(both.found, "nima says nima, nimb says nimb, the client's file says nimb");
    assert_eq!(both.outcome, Outcome::Warning);
    assert!(both.fix.unwrap().contains("hanim-sync --replicate nima"));
    // It went back while this master was down: what is stale is the database here.
    let stale = one(&ours, &fit(), &says(A), check::AGREEMENT);
    assert!(stale.fix.unwrap().contains("on nima, hanim-sync --replicate nimb"));
    let nobody_knows = Seen { own: Own::NotSeen("gone".into()), ..fit() };
    let nobody_knows = one(&ours, &nobody_knows, &says(A), check::AGREEMENT).fix.unwrap();
    assert!(!nobody_knows.contains("hanim-sync"), "{nobody_knows}");
    let half = one(&ours, &fit(), &says(B), check::AGREEMENT);
    assert_eq!(half.outcome, Outcome::Warning);
    assert!(half.fix.unwrap().contains("niminit -a name=lpar07 -a master=nimb.example.com"));
    let neither = Client { current_master: Some(A.into()), ..client::sample() };
    let neither = one(&neither, &fit(), &says(B), check::AGREEMENT);
    assert_eq!(neither.fix.as_deref(), Some("the takeover brings them together"));
    let unseen = Seen { own: Own::NotSeen("gone".into()), ..fit() };
    assert_eq!(one(&ours, &unseen, &says(B), check::AGREEMENT).outcome, Outcome::Warning);
}
