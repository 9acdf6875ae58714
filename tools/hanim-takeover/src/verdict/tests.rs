use super::*;
use crate::own::{self, File};
use crate::{client, pair};
use proptest::prelude::*;

const A: &str = "nima.example.com";
const B: &str = "nimb.example.com";

fn says(name: &str) -> Database {
    Database::Says(Some(name.to_owned()))
}

fn follows(first: &str) -> Own {
    let other = if first == A { B } else { A };
    own::sample(first, &[first, other])
}

fn judged(here: &Database, there: &Database, own: &Own, said: Said) -> Verdict {
    judge(&client::sample(), Voices { here, there, own }, said, &pair::sample())
}

fn result(word: &'static str) -> Said<'static> {
    Said { result: Some(word), ..Said::default() }
}

#[test]
fn what_both_databases_and_the_client_say_is_taken_whatever_the_table_says() {
    let well = judged(&says(B), &says(B), &follows(B), result("SUCCESS"));
    assert_eq!((well.state, well.split_brain, well.cause), (State::Taken, Some(false), None));
    let failed = judged(&says(B), &says(B), &follows(B), result("FAILURE"));
    assert_eq!(failed.state, State::Taken);
    let told = "the table says FAILURE, and what is seen says that it is taken";
    assert_eq!(failed.cause.as_deref(), Some(told));
}

#[test]
fn a_client_that_still_follows_the_other_master_is_not_taken_though_the_table_says_success() {
    let lied = judged(&says(A), &says(A), &follows(A), result("SUCCESS"));
    assert_eq!((lied.state, lied.code), (State::NotTaken, None));
    let told =
        "the table says SUCCESS; nima says nima, nimb says nima, the client's file says nima";
    assert_eq!(lied.cause.as_deref(), Some(told));
    assert!(lied.next_step.unwrap().starts_with("run this again; where it stays so, on lpar07"));
}

#[test]
fn half_taken_is_not_taken_and_the_repair_is_named() {
    let half = judged(&says(B), &says(B), &follows(A), result("SUCCESS"));
    assert_eq!(half.state, State::NotTaken);
    let repair = "on lpar07.example.com: rm /etc/niminfo, then niminit -a name=lpar07 -a \
                  master=nimb.example.com";
    assert_eq!(half.next_step.as_deref(), Some(repair));
    let other_half = judged(&says(A), &says(A), &follows(B), Said::default());
    assert_eq!(other_half.state, State::NotTaken);
}

#[test]
fn both_masters_own_it_and_who_says_what_is_told() {
    let split = judged(&says(B), &says(A), &follows(B), result("SUCCESS"));
    assert_eq!((split.state, split.split_brain), (State::Taken, Some(true)));
    let told = "nima says nima, nimb says nimb, the client's file says nimb";
    assert_eq!(split.cause.as_deref(), Some(told));
    assert!(split.next_step.unwrap().contains("hanim-sync --replicate nima"));
    let neither = judged(&says(A), &says(B), &follows(A), Said::default());
    assert_eq!((neither.state, neither.split_brain), (State::NotTaken, Some(true)));
}

#[test]
fn a_client_that_does_not_list_this_master_has_that_code_and_the_step_of_the_master_that_is_up() {
    let own = own::sample(A, &[A]);
    let up = judged(&says(A), &says(A), &own, result("FAILURE"));
    assert_eq!(up.code.as_deref(), Some("0042-372"));
    assert!(up.next_step.unwrap().contains("-a master=nima.example.com"));
    let down = judged(&says(A), &Database::NotSeen, &own, result("FAILURE"));
    assert_eq!(down.split_brain, None);
    assert!(down.next_step.unwrap().contains("-a master=nimb.example.com"));
}

#[test]
fn a_third_master_is_named() {
    let third =
        judged(&says("nimc"), &says("nimc"), &own::sample("nimc", &["nimc", B]), result("FAILURE"));
    assert_eq!((third.state, third.code.as_deref()), (State::NotTaken, Some("0042-378")));
    assert!(third.next_step.unwrap().contains("hanim-takeover nimc"));
}

#[test]
fn what_cannot_be_seen_is_unknown_and_a_closed_port_is_its_cause() {
    let own = Own::NotSeen("gave no answer within 5 s".into());
    let unseen = judged(&says(B), &says(B), &own, result("SUCCESS"));
    assert_eq!((unseen.state, unseen.code), (State::Unknown, None));
    assert!(unseen.cause.unwrap().starts_with("its own file was not seen: gave no answer"));
    assert!(unseen.next_step.unwrap().contains("c_rsh"));
    let said = Said { result: Some("FAILURE"), port_closed: true, ..Said::default() };
    let closed = judged(&Database::NotSeen, &says(A), &own, said);
    assert_eq!((closed.state, closed.code.as_deref()), (State::Unknown, Some("0042-006")));
    assert!(closed.next_step.unwrap().contains("startsrc -s nimsh"));
}

#[test]
fn a_message_of_nim_counts_for_more_than_what_was_seen_before() {
    let message = Message { code: "0042-175".into(), method: "m_x".into(), text: "y".into() };
    let said = Said { result: Some("FAILURE"), message: Some(&message), port_closed: true };
    let verdict = judged(&says(A), &says(A), &follows(A), said);
    assert_eq!(verdict.code.as_deref(), Some("0042-175"));
    assert!(verdict.next_step.unwrap().contains("err_info lpar07"));
    let message = Message { code: "0042-999".into(), ..message.clone() };
    let said = Said { message: Some(&message), ..said };
    let verdict = judged(&says(A), &says(A), &follows(A), said);
    assert!(verdict.cause.unwrap().starts_with("m_x: y; the table says FAILURE"));
    assert_eq!(verdict.next_step.as_deref(), Some("run this again"));
}

#[test]
fn a_client_without_an_alternate_is_its_only_masters() {
    let file = File { master: Some(B.into()), ..File::default() };
    let alone =
        judged(&Database::Says(None), &Database::Without, &Own::File(file), Said::default());
    assert_eq!((alone.state, alone.split_brain), (State::Taken, None));
}

#[test]
fn a_list_that_begins_with_another_master_than_the_file_names_is_not_taken() {
    let own = own::sample(B, &[A, B]);
    assert_eq!(judged(&says(B), &says(B), &own, Said::default()).state, State::NotTaken);
}

fn database() -> impl Strategy<Value = Database> {
    prop_oneof![
        Just(Database::NotSeen),
        Just(Database::Without),
        prop::option::of(master()).prop_map(Database::Says),
    ]
}

fn master() -> impl Strategy<Value = String> {
    prop_oneof![Just(A.to_owned()), Just(B.to_owned()), Just("nimc".to_owned())]
}

fn own() -> impl Strategy<Value = Own> {
    prop_oneof![
        Just(Own::Missing),
        Just(Own::NotSeen("gone".into())),
        (prop::option::of(master()), prop::collection::vec(master(), 0..3))
            .prop_map(|(master, list)| Own::File(File { master, list, shell: None })),
    ]
}

proptest! {
    /// No word of NIM's makes a client taken, and what is not taken has a cause and a next step.
    #[test]
    fn the_table_decides_nothing(
        here in database(), there in database(), own in own(),
        result in prop::option::of("SUCCESS|FAILURE|OTHER"), port_closed: bool
    ) {
        let said = Said { result: result.as_deref(), message: None, port_closed };
        let with = judged(&here, &there, &own, said);
        let without = judged(&here, &there, &own, Said::default());
        prop_assert_eq!(with.state, without.state);
        prop_assert_eq!(with.split_brain, without.split_brain);
        if with.state != State::Taken {
            prop_assert!(with.cause.is_some() && with.next_step.is_some());
        } else {
            prop_assert!(matches!(own, Own::File(_)));
        }
    }
}
