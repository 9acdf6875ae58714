//! File systems on the alternate, for what replication brings.

use super::{holds, or_holds, refused, unknown, warning};
use crate::amount::amount;
use crate::disks::{self, FileSystem, Location, Place};
use crate::facts::Pair;
use crate::names::some;
use ha_nim::finding::Finding;
use std::collections::BTreeMap;

/// Row 5: what has a file system of its own here must not fill the alternate's root.
pub(super) fn mounts(pair: &Pair) -> Vec<Finding> {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let places = match &pair.places {
        None => return vec![holds("mounts", "nothing is brought without --replicate")],
        Some(Err(error)) => {
            return vec![unknown(
                "mounts",
                format!("the file systems of {a} cannot be told: {error}"),
            )];
        }
        Some(Ok(places)) => places,
    };
    let mut all: Vec<Finding> =
        disks::not_plain(&pair.here.master.listing).iter().map(odd).collect();
    let mut groups: BTreeMap<(&str, &str), Vec<&Place>> = BTreeMap::new();
    for place in places {
        let (resource, path) = (&place.location.resource, &place.location.path);
        match (&place.here, &place.there) {
            (None, _) => all.push(
                warning("mounts", format!("{path}, where {resource} should be, is not on {a}"))
                    .about(resource)
                    .fix("restore it, or remove the resource"),
            ),
            (_, None) => all.push(
                unknown("mounts", format!("{b} does not tell the file system of {path}"))
                    .about(resource),
            ),
            (Some(here), Some(there)) if here.point != there.point => {
                groups.entry((&here.point, &there.point)).or_default().push(place);
            }
            _ => {}
        }
    }
    for ((here, there), places) in groups {
        let (present, absent): (Vec<&Place>, Vec<&Place>) =
            places.into_iter().partition(|place| !place.is_to_come());
        let tell = |places: &[&Place]| some(&resources(places));
        let free = |places: &[&Place]| {
            let free = places.first().and_then(|place| place.there.as_ref()?.free_kib);
            free.map_or_else(|| "an unknown amount".to_owned(), amount)
        };
        if !absent.is_empty() && there == "/" {
            let found = format!(
                "{here} is a file system on {a} but on {b} it is part of / ({} free); {} {}",
                free(&absent),
                needs(&resources(&absent)),
                needed(&absent)
            );
            let mut fix = format!("make and mount {here} on {b} first");
            if let Some(place) = absent.iter().find(|place| !lies_beneath(place, here)) {
                fix.push_str(&format!(
                    ", with the link by which {} leads there",
                    place.location.path
                ));
            }
            all.push(refused("mounts", found).about(here).fix(fix));
        } else if !absent.is_empty() {
            let found = format!(
                "{} will be on the file system {there} of {b} ({} free), and is on {here} of {a}",
                tell(&absent),
                free(&absent)
            );
            let finding = warning("mounts", found).about(here);
            all.push(match here {
                "/" => finding,
                _ => finding.fix(format!("make and mount {here} on {b}")),
            });
        }
        if !present.is_empty() {
            let found = format!(
                "{} is on the file system {there} of {b}, and on {here} of {a}",
                tell(&present)
            );
            all.push(warning("mounts", found).about(here));
        }
    }
    let count = places.len();
    or_holds(
        all,
        "mounts",
        format!("{count} resources are on the same file systems on {a} and {b}"),
    )
}

/// It is neither looked for on the alternate nor compared.
fn odd(location: &Location) -> Finding {
    let (resource, path) = (&location.resource, &location.path);
    warning(
        "mounts",
        format!("the location of {resource}, {path:?}, is no plain path: it is not looked at"),
    )
    .about(resource)
    .fix("compare it yourself, or define the resource again at an absolute path")
}

/// Whether its path says in which file system it is; a link in it leads elsewhere.
fn lies_beneath(place: &Place, point: &str) -> bool {
    let rest = place.location.path.strip_prefix(point);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The names, and the verb behind them.
fn needs<S: AsRef<str>>(names: &[S]) -> String {
    format!("{} {}", some(names), if names.len() == 1 { "needs" } else { "need" })
}

fn resources<'a>(places: &[&'a Place]) -> Vec<&'a str> {
    places.iter().map(|place| place.location.resource.as_str()).collect()
}

/// All that is known to be needed, and that it is more, where it is not known of all.
fn needed(places: &[&Place]) -> String {
    let known: u64 = places.iter().filter_map(|place| place.size_kib).sum();
    let all = places.iter().all(|place| place.size_kib.is_some());
    if all { amount(known) } else { format!("{} and more", amount(known)) }
}

/// Row 6.
pub(super) fn room(pair: &Pair) -> Vec<Finding> {
    let b = &pair.alternate;
    let places = match &pair.places {
        None => return vec![holds("room", "nothing is brought without --replicate")],
        Some(Err(error)) => {
            return vec![unknown(
                "room",
                format!("the sizes of resources cannot be told: {error}"),
            )];
        }
        Some(Ok(places)) => places,
    };
    let absent: Vec<&Place> =
        places.iter().filter(|place| place.is_to_come() && place.here.is_some()).collect();
    let mut all = Vec::new();
    let mut groups: BTreeMap<&str, (&FileSystem, Vec<&Place>)> = BTreeMap::new();
    for place in absent.iter().filter(|place| !lies_in_another(place, &absent)) {
        if place.size_kib.is_none() {
            let resource = &place.location.resource;
            all.push(
                unknown("room", format!("the size of {resource} is not known"))
                    .about(resource)
                    .fix("du -sk gave none, or not in time: --ask-timeout waits longer"),
            );
        }
        if let Some(there) = &place.there {
            groups.entry(&there.point).or_insert((there, Vec::new())).1.push(place);
        }
    }
    for (point, (there, places)) in groups {
        let wanted: u64 = places.iter().filter_map(|place| place.size_kib).sum();
        let names = needs(&resources(&places));
        let Some(free) = there.free_kib else {
            let found = format!("{b} does not tell what is free in {point}");
            all.push(unknown("room", found).about(point));
            continue;
        };
        let found = format!("{names} {}, {} free on {b}:{point}", amount(wanted), amount(free));
        all.push(
            match wanted > free {
                true => refused("room", found).fix(more_room(point, b, &places)),
                false => holds("room", found),
            }
            .about(point),
        );
    }
    or_holds(all, "room", format!("{b} has all resources already"))
}

/// What helps where a file system is too small: it is the wrong one, perhaps.
fn more_room(point: &str, alternate: &str, places: &[&Place]) -> String {
    let own = places.iter().filter_map(|place| place.here.as_ref()).find(|own| own.point != point);
    match own {
        Some(own) if point == "/" => format!("make and mount {} on {alternate} first", own.point),
        _ => format!("enlarge {point} on {alternate}: chfs -a size=... {point}"),
    }
}

/// Its size is counted with that of the other.
fn lies_in_another(place: &Place, absent: &[&Place]) -> bool {
    absent.iter().any(|other| {
        let rest = place.location.path.strip_prefix(&other.location.path);
        rest.is_some_and(|rest| rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::ground::pair;
    use super::*;
    use ha_nim::finding::Outcome;

    fn system(point: &str, free_kib: u64) -> Option<FileSystem> {
        Some(FileSystem { point: point.into(), free_kib: Some(free_kib) })
    }

    fn place(path: &str, there: Option<FileSystem>, size_kib: u64) -> Place {
        Place {
            location: Location {
                resource: path.rsplit('/').next().unwrap().into(),
                kind: "mksysb".into(),
                path: path.into(),
            },
            here: system("/nim", 1 << 20),
            there,
            is_there: false,
            is_empty: false,
            size_kib: Some(size_kib),
        }
    }

    fn with(places: Vec<Place>) -> Pair {
        Pair { places: Some(Ok(places)), ..pair() }
    }

    #[test]
    fn a_resource_that_would_go_to_the_root_is_refused_with_the_figures() {
        let pair = with(vec![place("/nim/a", system("/", 1_275_336), 34 << 20)]);
        let all = mounts(&pair);
        assert_eq!(
            all[0].found,
            "/nim is a file system on nima but on nimb it is part of / (1.2 GiB free); a needs 34.0 GiB"
        );
        assert_eq!(all[0].outcome, Outcome::Refused);
        assert_eq!(room(&pair)[0].outcome, Outcome::Refused);
        assert_eq!(room(&pair)[0].fix.as_deref(), Some("make and mount /nim on nimb first"));
    }

    #[test]
    fn a_place_that_is_empty_needs_room_as_one_that_is_missing() {
        let mut empty = place("/nim/a", system("/nim", 10), 11);
        (empty.is_there, empty.is_empty) = (true, true);
        assert_eq!(room(&with(vec![empty]))[0].outcome, Outcome::Refused);
    }

    #[test]
    fn a_link_that_leads_to_the_file_system_is_part_of_the_next_step() {
        let of = |path: &str| {
            let all = mounts(&with(vec![place(path, system("/", 9), 0)]));
            all[0].fix.clone().unwrap()
        };
        assert_eq!(of("/nim/a"), "make and mount /nim on nimb first");
        assert_eq!(
            of("/nimble/a"),
            "make and mount /nim on nimb first, with the link by which /nimble/a leads there"
        );
    }

    #[test]
    fn a_place_that_cannot_be_asked_for_is_named() {
        let mut pair = with(Vec::new());
        assert_eq!(mounts(&pair)[0].outcome, Outcome::Holds);
        pair.here.master.listing = ha_nim::lsnim::parse_long(
            b"odd:\n   class = resources\n   type = mksysb\n   server = master\n   location = /nim/a/\n",
        );
        let all = mounts(&pair);
        assert_eq!((all[0].outcome, all[0].item.as_deref()), (Outcome::Warning, Some("odd")));
    }

    #[test]
    fn another_mount_point_is_a_warning_and_so_is_one_that_is_in_use() {
        let mut there = place("/nim/a", system("/", 9), 0);
        there.is_there = true;
        let pair = with(vec![there, place("/nim/b", system("/export", 99), 1)]);
        let all = mounts(&pair);
        assert_eq!(all.iter().map(|one| one.outcome).collect::<Vec<_>>(), [Outcome::Warning; 2]);
        assert!(all[1].found.starts_with("b will be on the file system /export"), "{all:?}");
    }

    #[test]
    fn room_is_summed_for_each_file_system_and_nothing_is_counted_twice() {
        let pair = with(vec![
            place("/nim/a", system("/nim", 100), 60),
            place("/nim/a/b", system("/nim", 100), 50),
            place("/nim/c", system("/nim", 100), 40),
            place("/export/d", system("/export", 10), 11),
        ]);
        let all = room(&pair);
        assert_eq!(all[0].found, "d needs 11 KiB, 10 KiB free on nimb:/export");
        assert_eq!(all[0].outcome, Outcome::Refused);
        assert_eq!(all[1].found, "a, c need 100 KiB, 100 KiB free on nimb:/nim");
        assert_eq!(all[1].outcome, Outcome::Holds);
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        let mut unsized_ = place("/nim/a", system("/nim", 100), 0);
        unsized_.size_kib = None;
        assert_eq!(room(&with(vec![unsized_]))[0].outcome, Outcome::Unknown);
        assert_eq!(mounts(&with(vec![place("/nim/a", None, 1)]))[0].outcome, Outcome::Unknown);
        let mut gone = place("/nim/a", system("/nim", 100), 0);
        gone.here = None;
        let pair = with(vec![gone]);
        assert_eq!(mounts(&pair)[0].outcome, Outcome::Warning);
        assert_eq!(room(&pair)[0].outcome, Outcome::Holds);
    }
}
