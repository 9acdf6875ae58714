use super::*;
use crate::public_key::tests::key;
use proptest::prelude::*;

const MD5: Naming = Naming::Digest(Algorithm::Md5);

fn wanted(host: &str, seed: u8, address: &str) -> Wanted {
    Wanted {
        host: host.to_owned(),
        key: key(seed),
        addresses: vec![address.to_owned()],
        previous: Vec::new(),
    }
}

fn file(key: Option<PublicKey>, mode: &str) -> KeyFile {
    KeyFile { mode: mode.to_owned(), owner: Some(0), sum: "1 2".to_owned(), text: Vec::new(), key }
}

fn directory(files: &[(&str, Option<u8>)]) -> KeyDirectory {
    let one =
        |(name, seed): &(&str, Option<u8>)| ((*name).to_owned(), file(seed.map(key), "-rw-------"));
    KeyDirectory {
        present: true,
        mode: "drwx------".to_owned(),
        user: Some(0),
        files: files.iter().map(one).collect(),
        printed: None,
    }
}

fn digest_name(seed: u8) -> String {
    format!("root-{}.pub", key(seed).digest(Algorithm::Md5))
}

fn repair(
    directory: &KeyDirectory,
    naming: Naming,
    wanted: &[Wanted],
    unwanted: &[Unwanted],
) -> Repair {
    Repair::of(directory, naming, &Trust { user: "root", wanted, unwanted })
}

fn faults(repair: &Repair) -> Vec<(&str, Fault)> {
    repair.findings.iter().map(|finding| (finding.file.as_str(), finding.fault)).collect()
}

/// What the directory is after the changes.
fn changed(mut directory: KeyDirectory, repair: &Repair) -> KeyDirectory {
    for change in &repair.changes {
        match change {
            Change::Put(name, text) => {
                let key = PublicKey::parse(text.as_bytes());
                directory.files.insert(name.clone(), file(key, "-rw-------"));
            }
            Change::Drop(name, _) => {
                directory.files.remove(name);
            }
        }
    }
    directory
}

#[test]
fn a_key_that_is_missing_gets_the_name_of_its_digest() {
    let repair =
        repair(&directory(&[("localhost.pub", Some(9))]), MD5, &[wanted("m3", 3, "10.0.0.3")], &[]);
    assert_eq!(faults(&repair), [(digest_name(3).as_str(), Fault::Missing)]);
    assert_eq!(repair.changes, [Change::Put(digest_name(3), key(3).pem().to_owned())]);
}

#[test]
fn a_right_key_is_left_alone() {
    let there = directory(&[(&digest_name(3), Some(3)), ("root-10.0.0.7.pub", Some(7))]);
    assert_eq!(repair(&there, MD5, &[wanted("m3", 3, "10.0.0.3")], &[]), Repair::default());
}

#[test]
fn a_poisoned_name_is_overwritten() {
    let there = directory(&[(&digest_name(3), Some(1)), (&digest_name(1), Some(1))]);
    let members = [wanted("m1", 1, "10.0.0.1"), wanted("m3", 3, "10.0.0.3")];
    let repair = repair(&there, MD5, &members, &[]);
    // One change, so that there is no moment without a file.
    assert_eq!(faults(&repair), [(digest_name(3).as_str(), Fault::Poisoned)]);
    assert_eq!(repair.changes.len(), 1);
    let after = changed(there, &repair);
    assert_eq!(after.files[&digest_name(3)].key, Some(key(3)));
    assert_eq!(after.files[&digest_name(1)].key, Some(key(1)));
}

#[test]
fn the_wrong_copy_of_the_guide_is_found_before_it_poisons() {
    let there = directory(&[(&digest_name(1), Some(1)), ("root-10.0.0.3.pub", Some(1))]);
    let members = [wanted("m1", 1, "10.0.0.1"), wanted("m3", 3, "10.0.0.3")];
    let repair = repair(&there, MD5, &members, &[]);
    let after = changed(there, &repair);
    let names: Vec<&String> = after.files.keys().collect();
    let mut right = [digest_name(1), digest_name(3)];
    right.sort();
    assert_eq!(names, right.iter().collect::<Vec<_>>());
}

#[test]
fn an_old_name_is_not_kept_beside_the_digest() {
    let there = directory(&[("root-10.0.0.3.pub", Some(3))]);
    let repair = repair(&there, MD5, &[wanted("m3", 3, "10.0.0.3")], &[]);
    assert_eq!(
        faults(&repair),
        [(digest_name(3).as_str(), Fault::Missing), ("root-10.0.0.3.pub", Fault::Misnamed)]
    );
    assert_eq!(present_as(&changed(there, &repair), &key(3)), [digest_name(3)]);
}

#[test]
fn members_that_share_a_key_share_its_file() {
    let there = directory(&[(&digest_name(1), Some(1))]);
    let members = [wanted("m1", 1, "10.0.0.1"), wanted("m2", 1, "10.0.0.2")];
    assert_eq!(repair(&there, MD5, &members, &[]), Repair::default());
}

#[test]
fn a_key_that_its_host_no_longer_has_goes() {
    let mut member = wanted("m3", 3, "10.0.0.3");
    member.previous = vec![key(5), key(1)];
    let there = directory(&[
        (&digest_name(5), Some(5)),
        (&digest_name(3), Some(3)),
        (&digest_name(1), Some(1)),
    ]);
    // It had m1's key once, as DSAU has it; m1 still has.
    let repair = repair(&there, MD5, &[wanted("m1", 1, "10.0.0.1"), member], &[]);
    assert_eq!(faults(&repair), [(digest_name(5).as_str(), Fault::Stale)]);
}

#[test]
fn every_file_of_a_removed_key_goes_but_the_hosts_own() {
    let there = directory(&[
        ("localhost.pub", Some(4)),
        (&digest_name(4), Some(4)),
        ("root-10.0.0.4.pub", Some(4)),
        ("root-any.pub", Some(4)),
        ("nobody-MD5=x.pub", Some(4)),
        (&digest_name(1), Some(1)),
    ]);
    let unwanted = [Unwanted { host: "m4".to_owned(), key: key(4) }];
    for naming in [MD5, Naming::Address] {
        let repair = repair(&there, naming, &[], &unwanted);
        assert_eq!(repair.changes.len(), 4);
        assert!(repair.findings.iter().all(|finding| finding.fault == Fault::Stale));
        let after = changed(there.clone(), &repair);
        assert_eq!(after.files.len(), 2);
    }
}

#[test]
fn a_removed_key_that_another_has_too_stays() {
    let there = directory(&[(&digest_name(1), Some(1))]);
    let unwanted = [Unwanted { host: "m2".to_owned(), key: key(1) }];
    assert_eq!(repair(&there, MD5, &[wanted("m1", 1, "10.0.0.1")], &unwanted), Repair::default());
}

#[test]
fn cfengine_2_names_keys_by_address_and_other_names_are_left_alone() {
    let there = directory(&[
        ("root-10.0.0.100.pub", Some(1)),
        ("root-10.0.0.3.pub", Some(1)),
        ("root-10.0.0.1.pub", Some(1)),
    ]);
    let members = [wanted("m1", 1, "10.0.0.1"), wanted("m3", 3, "10.0.0.3")];
    let repair = repair(&there, Naming::Address, &members, &[]);
    assert_eq!(faults(&repair), [("root-10.0.0.3.pub", Fault::Poisoned)]);
    let after = changed(there, &repair);
    assert_eq!(after.files["root-10.0.0.100.pub"].key, Some(key(1)));
    assert_eq!(after.files["root-10.0.0.3.pub"].key, Some(key(3)));
}

#[test]
fn a_key_that_was_one_members_and_is_anothers_poisons_and_is_not_forgotten() {
    let mut member = wanted("m2", 2, "10.0.0.2");
    member.previous = vec![key(1)];
    let there = directory(&[(&digest_name(2), Some(1)), (&digest_name(1), Some(1))]);
    let repair = repair(&there, MD5, &[wanted("m1", 1, "10.0.0.1"), member], &[]);
    assert_eq!(faults(&repair), [(digest_name(2).as_str(), Fault::Poisoned)]);
    assert!(repair.forgotten.is_empty());
}

#[test]
fn by_address_a_former_key_stays_under_names_that_are_not_its_hosts() {
    let mut member = wanted("m2", 2, "10.0.0.2");
    member.previous = vec![key(1)];
    let there = directory(&[("root-10.0.0.100.pub", Some(1)), ("root-10.0.0.2.pub", Some(1))]);
    let repair = repair(&there, Naming::Address, &[member], &[]);
    assert_eq!(faults(&repair), [("root-10.0.0.2.pub", Fault::Stale)]);
}

#[test]
fn what_others_may_read_or_is_not_roots_is_written_anew() {
    let mut there = directory(&[(&digest_name(3), Some(3))]);
    let entry = there.files.get_mut(&digest_name(3)).unwrap();
    entry.mode = "-rw-r--r--".to_owned();
    let members = [wanted("m3", 3, "10.0.0.3")];
    assert_eq!(
        faults(&repair(&there, MD5, &members, &[])),
        [(digest_name(3).as_str(), Fault::Mode)]
    );
    let entry = there.files.get_mut(&digest_name(3)).unwrap();
    (entry.mode, entry.owner) = ("-rw-------".to_owned(), Some(65534));
    assert_eq!(
        faults(&repair(&there, MD5, &members, &[])),
        [(digest_name(3).as_str(), Fault::Mode)]
    );
    there.files.get_mut(&digest_name(3)).unwrap().key = None;
    assert_eq!(
        faults(&repair(&there, MD5, &members, &[])),
        [(digest_name(3).as_str(), Fault::NotAKey)]
    );
}

proptest! {
    /// Whatever is there: after the changes nothing is wrong, no live key is lost, and what is nobody's
    /// stays.
    #[test]
    fn one_repair_mends_all(
        names in proptest::collection::vec((0usize..12, proptest::option::of(1u8..8)), 0..12),
        by_digest: bool,
    ) {
        let pool: Vec<String> = (1..7u8)
            .map(digest_name)
            .chain((1..7).map(|at| format!("root-10.0.0.{at}.pub")))
            .collect();
        let files: Vec<(&str, Option<u8>)> =
            names.iter().map(|(at, seed)| (pool[*at].as_str(), *seed)).collect();
        let there = directory(&files);
        let naming = if by_digest { MD5 } else { Naming::Address };
        let mut members = [wanted("m1", 1, "10.0.0.1"), wanted("m2", 2, "10.0.0.2"), wanted("m3", 1, "10.0.0.3")];
        members[1].previous = vec![key(5), key(1)];
        let unwanted = [Unwanted { host: "m4".to_owned(), key: key(4) }, Unwanted { host: "m5".to_owned(), key: key(2) }];
        let repaired = repair(&there, naming, &members, &unwanted);
        let after = changed(there.clone(), &repaired);
        prop_assert_eq!(repair(&after, naming, &members, &unwanted), Repair::default());
        for member in &members {
            for name in super::names(naming, "root", member) {
                prop_assert_eq!(after.files[&name].key.as_ref(), Some(&member.key));
            }
        }
        prop_assert!(after.files.values().all(|file| file.key != Some(key(4))));
        for (name, file) in &there.files {
            let nobodys = file.key == Some(key(6)) || file.key == Some(key(7));
            let claimed = members.iter().any(|member| {
                super::names(naming, "root", member).contains(name)
                    || member.addresses.iter().any(|address| *name == format!("root-{address}.pub"))
            });
            if nobodys && !claimed {
                prop_assert_eq!(after.files.get(name), Some(file));
            }
        }
    }
}
