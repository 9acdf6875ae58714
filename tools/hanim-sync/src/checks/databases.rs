//! What a synchronisation would put over the alternate's database.

use super::{holds, or_holds, refused, unknown, warning};
use crate::disks::is_brought;
use crate::facts::{Pair, owner_of};
use crate::names::some;
use ha_nim::finding::Finding;
use ha_nim::{Object, same_host};
use std::collections::BTreeSet;

/// A client that the alternate has taken over: this master's database must not be put over the one
/// that knows. Where the databases contradict each other the client's own file decides: after a
/// takeover from a master that was down, that one's database still says what was before.
pub(super) fn owner(pair: &Pair) -> Vec<Finding> {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let is_theirs =
        |object: &&Object| object.is_client() && same_host(owner_of(object), &pair.host);
    let disputed = |name: &&str| pair.disputed.iter().any(|one| one.client == **name);
    let name = |object: &'_ Object| object.name.clone();
    let (here, there) = (&pair.here.master.listing.objects, &pair.there.listing.objects);
    let mut taken: BTreeSet<String> = here.iter().filter(is_theirs).map(name).collect();
    let of_theirs = there.iter().filter(is_theirs);
    taken.extend(of_theirs.filter(|object| !disputed(&object.name.as_str())).map(name));
    let (mut stale, mut all) = (Vec::new(), Vec::new());
    for one in &pair.disputed {
        match &one.follows_alternate {
            Ok(true) => {
                taken.insert(one.client.clone());
            }
            Ok(false) => stale.push(one.client.as_str()),
            Err(error) => all.push(
                unknown(
                    "owner",
                    format!(
                        "{a} and {b} both say that {} is theirs, and its own file was not seen: \
                         {error}",
                        one.client
                    ),
                )
                .about(&one.client)
                .fix("see NIM_MASTER_HOSTNAME in /etc/niminfo there"),
            ),
        }
    }
    if !taken.is_empty() {
        let names: Vec<&String> = taken.iter().collect();
        let found = format!(
            "{b} has taken over {}; a synchronisation would make it forget that",
            some(&names)
        );
        let fix = format!("take them back first (hanim-takeover {b}), or synchronise {a} from {b}");
        all.push(refused("owner", found).fix(fix));
    }
    if !stale.is_empty() {
        let found = format!(
            "{b} still says that it has {}, whose own files name another master",
            some(&stale)
        );
        all.push(warning("owner", found).fix("the synchronisation puts that right"));
    }
    or_holds(all, "owner", format!("{b} has taken over no client"))
}

/// Row 9. An earlier synchronisation is seen by clients or resources of this master in the
/// alternate's database; before the first one it has only what niminit made.
pub(super) fn first_sync(pair: &Pair, force: bool) -> Vec<Finding> {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let here = made_by_hand(&pair.here.master.listing.objects);
    let there = made_by_hand(&pair.there.listing.objects);
    let known = |names: &[&str], name: &&str| names.contains(name);
    let common = here.iter().filter(|name| known(&there, name)).count();
    let own: Vec<&str> = there.iter().filter(|name| !known(&here, name)).copied().collect();
    let saved = "its old database is saved there first, in /export/nim/backups";
    if common == 0 && !(here.is_empty() && own.is_empty()) {
        let found = match own.as_slice() {
            [] => format!("{b} knows nothing of {a} yet: this is the first synchronisation"),
            names => format!("{b} holds a database of its own ({}), and none of {a}", some(names)),
        };
        let finding = match force {
            true => warning("first-sync", format!("{found}; it will be overwritten")).fix(saved),
            false => refused("first-sync", found)
                .fix(format!("say --force to have it overwritten; {saved}")),
        };
        return vec![finding];
    }
    let mut all = Vec::new();
    if !own.is_empty() {
        let found = format!("{} of {b} are not on {a} and will be gone there", some(&own));
        all.push(warning("first-sync", found).fix(saved));
    }
    let number = here.len();
    let found = format!("{b} knows {common} of the {number} clients and resources of {a}");
    all.push(match (number, force) {
        (0, false) => warning(
            "first-sync",
            format!(
                "neither {a} nor {b} has clients or resources: it may be the first synchronisation"
            ),
        )
        .fix("say --force if NIM refuses it"),
        _ => holds("first-sync", found),
    });
    all
}

/// Names of what neither niminit nor nimconfig makes, in their order.
fn made_by_hand(objects: &[Object]) -> Vec<&str> {
    let by_hand = |object: &&Object| match object.class() {
        "machines" => !matches!(object.kind(), "master" | "alternate_master"),
        "resources" => {
            object.get("reserved") != Some("yes")
                && !matches!(object.name.as_str(), "boot" | "nim_script")
        }
        "networks" => false,
        _ => true,
    };
    objects.iter().filter(by_hand).map(|object| object.name.as_str()).collect()
}

/// Without replication a synchronisation takes the resources of this master out of the alternate's
/// database.
pub(super) fn replicate(pair: &Pair, asked: bool) -> Finding {
    let b = &pair.alternate;
    let brought = pair.here.master.listing.objects.iter().filter(|object| is_brought(object));
    let names: Vec<&str> = brought.map(|object| object.name.as_str()).collect();
    match asked || names.is_empty() {
        true => holds("replicate", format!("{} resources are to be on {b}", names.len())),
        false => warning(
            "replicate",
            format!("without --replicate {b} will not know the resources {}", some(&names)),
        )
        .fix("say --replicate"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ground::{pair, set};
    use super::*;
    use crate::facts::Disputed;
    use ha_json::Error;
    use ha_nim::finding::Outcome;

    fn outcomes(all: &[Finding]) -> Vec<Outcome> {
        all.iter().map(|finding| finding.outcome).collect()
    }

    fn dispute(pair: &mut Pair, follows_alternate: Result<bool, Error>) {
        set(&mut pair.there.listing, "lpar07", "current_master", "nimb.example.com");
        pair.disputed = vec![Disputed { client: "lpar07".into(), follows_alternate }];
    }

    #[test]
    fn a_client_that_was_taken_over_is_in_the_way() {
        let mut pair = pair();
        assert_eq!(outcomes(&owner(&pair)), [Outcome::Holds]);
        dispute(&mut pair, Ok(true));
        let all = owner(&pair);
        assert_eq!(outcomes(&all), [Outcome::Refused]);
        assert!(all[0].found.starts_with("nimb has taken over lpar07;"), "{}", all[0].found);
        pair.disputed.clear();
        assert_eq!(outcomes(&owner(&pair)), [Outcome::Refused]);
        set(&mut pair.there.listing, "lpar07", "current_master", "nima");
        set(&mut pair.here.master.listing, "lpar07", "current_master", "nimb");
        assert_eq!(outcomes(&owner(&pair)), [Outcome::Refused]);
    }

    #[test]
    fn what_the_alternate_only_believes_to_have_is_not_in_the_way() {
        let mut pair = pair();
        dispute(&mut pair, Ok(false));
        let all = owner(&pair);
        assert_eq!(outcomes(&all), [Outcome::Warning]);
        assert!(all[0].found.starts_with("nimb still says that it has lpar07"), "{all:?}");
        dispute(&mut pair, Err(Error::busy("lpar07", "gave no answer within 60 s")));
        let all = owner(&pair);
        assert_eq!(outcomes(&all), [Outcome::Unknown]);
        assert!(all[0].found.ends_with("lpar07: gave no answer within 60 s"), "{all:?}");
    }

    #[test]
    fn the_first_synchronisation_needs_force() {
        let mut pair = pair();
        assert_eq!(outcomes(&first_sync(&pair, false)), [Outcome::Holds]);
        pair.there
            .listing
            .objects
            .retain(|object| object.class() == "machines" && !object.is_client());
        let all = first_sync(&pair, false);
        assert_eq!(outcomes(&all), [Outcome::Refused]);
        assert!(all[0].sentence().contains("say --force"), "{all:?}");
        assert_eq!(outcomes(&first_sync(&pair, true)), [Outcome::Warning]);
    }

    #[test]
    fn a_master_without_anything_is_not_put_over_one_that_has_clients() {
        let mut pair = pair();
        let nothing = |object: &Object| object.class() == "machines" && !object.is_client();
        pair.here.master.listing.objects.retain(nothing);
        assert_eq!(outcomes(&first_sync(&pair, false)), [Outcome::Refused]);
        pair.there.listing.objects.retain(nothing);
        assert_eq!(outcomes(&first_sync(&pair, false)), [Outcome::Warning]);
        assert_eq!(outcomes(&first_sync(&pair, true)), [Outcome::Holds]);
    }

    #[test]
    fn what_only_the_alternate_has_is_named() {
        let mut pair = pair();
        let mut own = pair.there.listing.object("lpar07").unwrap().clone();
        own.name = "lpar99".into();
        pair.there.listing.objects.push(own);
        let all = first_sync(&pair, false);
        assert_eq!(outcomes(&all), [Outcome::Warning, Outcome::Holds]);
        assert!(all[0].found.starts_with("lpar99 of nimb"), "{all:?}");
        pair.there.listing.objects.retain(|object| object.name == "lpar99");
        assert!(first_sync(&pair, false)[0].found.contains("a database of its own (lpar99)"));
    }

    #[test]
    fn resources_that_will_be_forgotten_are_named() {
        let pair = pair();
        assert_eq!(replicate(&pair, true).outcome, Outcome::Holds);
        let finding = replicate(&pair, false);
        assert_eq!(finding.outcome, Outcome::Warning);
        assert!(finding.found.ends_with("lpp_73, spot_73"), "{}", finding.found);
    }
}
