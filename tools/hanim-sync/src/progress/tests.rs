use super::*;
use proptest::prelude::*;

const SEED: &str = include_str!("../../../../tests/fixtures/nim/sync/seed");

fn read(text: &str) -> (Progress, Vec<(Phase, Option<String>, String)>) {
    let mut progress = Progress::default();
    let mut all = Vec::new();
    for line in text.lines() {
        if let Some(said) = progress.line(line) {
            all.push((said.phase, said.resource.map(str::to_owned), said.text.to_owned()));
        }
    }
    (progress, all)
}

#[test]
fn the_run_of_the_document_is_a_good_one() {
    let (progress, said) = read(SEED);
    assert!(progress.is_complete() && progress.levels_agree && progress.restored);
    assert_eq!(progress.backup.as_deref(), Some("/export/nim/backups/nimb.10073807242010.backup"));
    let brought: Vec<_> = progress.replications.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(brought, ["lpar07_sysb", "lpar07_spot", "lpar07_im"]);
    assert!(progress.replications.iter().all(|one| one.replicated));
    assert_eq!(progress.removed_clients, ["lpar07"]);
    assert_eq!(progress.messages(), []);
    assert!(progress.removed_resources.is_empty());
    assert_eq!(said.len(), SEED.lines().filter(|line| !line.trim().is_empty()).count());
    assert!(said.is_sorted_by_key(|(phase, _, _)| *phase));
    let of_spot: Vec<_> =
        said.iter().filter(|(_, resource, _)| resource.as_deref() == Some("lpar07_spot")).collect();
    assert_eq!(of_spot.len(), 4);
    assert_eq!(of_spot[3].0, Phase::Check);
}

#[test]
fn a_resource_that_was_begun_and_not_ended_is_known_with_what_was_said() {
    let text = SEED.replace("Replicated resource lpar07_im\n", "/nim: no room\n");
    let (progress, _) = read(&text);
    let lost: Vec<_> = progress.replications.iter().filter(|one| !one.replicated).collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(
        (lost[0].resource.as_str(), lost[0].why().as_deref()),
        ("lpar07_im", Some("/nim: no room"))
    );
    assert!(progress.is_complete());
}

#[test]
fn a_message_belongs_to_the_resource_that_was_being_brought() {
    let message = "0042-001 nim: processing error encountered on \"master\":\n   0042-154 m_sync: it is\n        gone\n\n";
    let lost = SEED.replace("Replicated resource lpar07_im\n", message);
    let (progress, _) = read(&lost);
    assert_eq!(progress.messages(), []);
    assert_eq!(progress.replications[2].why().as_deref(), Some("0042-154 m_sync: it is gone"));
    let outside = SEED.replace("Finished resetting machines\n", message);
    let (progress, _) = read(&outside);
    assert_eq!(progress.messages().len(), 2);
    assert_eq!(told(&progress.messages()[1]), "0042-154 m_sync: it is gone");
}

#[test]
fn a_run_that_goes_on_behind_its_last_line_is_not_complete() {
    assert!(!read(&format!("{SEED}0042-001 nim: x\n")).0.is_complete());
    assert!(!read("").0.is_complete());
}

#[test]
fn every_beginning_of_a_good_run_is_told_as_what_it_is() {
    for cut in 0..SEED.lines().count() {
        let text: Vec<&str> = SEED.lines().take(cut).collect();
        let (progress, _) = read(&text.join("\n"));
        assert!(!progress.is_complete(), "{cut}");
        assert!(!progress.restored || progress.levels_agree, "{cut}");
        assert!(progress.phase() == Phase::Backup || progress.backup.is_some(), "{cut}");
    }
}

proptest! {
    #[test]
    fn any_lines_are_no_panic_and_every_one_is_told(
        lines in prop::collection::vec(
            prop_oneof![
                any::<String>().prop_map(|text| text.replace(['\n', '\r'], " ")),
                "(Replicating|Replicated) resource [a-c]?",
                "Removing (NIM client )?[a-c]{0,2}",
                "(   )?0042-[0-9]{3} [a-z]{0,3}:? ?x?",
                " {0,9}\"?/x\"?",
                prop::sample::select(SEED.lines().map(str::to_owned).collect::<Vec<_>>()),
            ],
            0..40,
        )
    ) {
        let mut progress = Progress::default();
        for line in &lines {
            let said = progress.line(line);
            prop_assert_eq!(said.is_none(), line.trim().is_empty());
        }
        let begun = lines.iter().filter(|line| line.trim().starts_with("Replicating resource ")).count();
        prop_assert!(progress.replications.len() == begun);
        let _ = (progress.messages(), progress.replications.iter().filter_map(Replication::why).count());
    }
}
