//! Levels of AIX and NIM, and the protocol between the masters.

use super::{holds, refused, unknown, warning};
use crate::facts::Pair;
use ha_nim::client::Protocol;
use ha_nim::finding::Finding;
use ha_nim::master::{MASTER_FILESET, SPOT_FILESET};
use ha_nim::{Level, NIMSH_FROM};

/// Row 7.
pub(super) fn levels(pair: &Pair) -> Vec<Finding> {
    let (a, b) = (pair.here.name(), pair.alternate.as_str());
    let (here, there) = (&pair.here.master, &pair.there);
    let mut all = vec![
        equal("oslevel -s", [a, b], [&here.oslevel, &there.oslevel]),
        equal(MASTER_FILESET, [a, b], [&here.master_fileset, &there.master_fileset]),
    ];
    // What the alternate itself compares with the level of its fileset.
    if let (Some(file), Some(level)) = (&pair.here.level, &there.master_fileset)
        && file != level
    {
        let found = format!("/etc/NIM.level on {a} is {file}, {MASTER_FILESET} on {b} is {level}");
        all.push(refused("levels", found).about("/etc/NIM.level").fix(UPDATE));
    }
    if here.spot_fileset.is_none() {
        let found = format!("{SPOT_FILESET} is not installed on {a}");
        all.push(warning("levels", found).about(SPOT_FILESET).fix("install it"));
    }
    all
}

const UPDATE: &str = "levels must match: update the lower one first";

fn equal(what: &str, names: [&str; 2], levels: [&Option<String>; 2]) -> Finding {
    let [a, b] = names;
    match levels {
        [Some(here), Some(there)] if here == there => {
            holds("levels", format!("{what} is {here} on {a} and {b}"))
        }
        [Some(here), Some(there)] => {
            refused("levels", format!("{what}: {a} {here}, {b} {there}")).fix(UPDATE)
        }
        [Some(_), None] => unknown("levels", format!("{b} does not tell its level of {what}")),
        _ => unknown("levels", format!("{a} does not tell its level of {what}")),
    }
    .about(what)
}

/// Row 17: IV63407 (6.1), IV63406 and IV63483.
///
/// Source: "Force sync of alternate master puts errors in errpt" (IBM fix pack information).
pub(super) fn known_bug(pair: &Pair) -> Finding {
    let all = [(pair.here.name(), &pair.here.master), (pair.alternate.as_str(), &pair.there)];
    let old: Vec<String> = all
        .into_iter()
        .filter_map(|(name, master)| {
            let level = master.master_fileset.as_deref()?;
            has_known_bug(level).then(|| format!("{name} has {level}"))
        })
        .collect();
    match old.is_empty() {
        true => holds("known-bug", format!("{MASTER_FILESET} has the fix of IV63407 and IV63406")),
        false => warning(
            "known-bug",
            format!(
                "a forced synchronisation logs false errors (IV63407, IV63406): {}",
                old.join(", ")
            ),
        )
        .fix(format!("update {MASTER_FILESET} to 6.1.9.30, 7.1.3.30 or later")),
    }
}

fn has_known_bug(level: &str) -> bool {
    let parts: Option<Vec<u64>> = level.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([7, 1, rest @ ..]) => rest < [3, 30].as_slice(),
        Some(level) => level < [6, 1, 9, 30].as_slice(),
        None => false,
    }
}

/// Row 8.
pub(super) fn protocol(pair: &Pair) -> Finding {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let of = |connect: Option<&str>| Protocol::of(connect);
    let forth = of(pair.here.master.listing.object(b).and_then(|object| object.get("connect")));
    let back = pair.this_master_there().map(|object| of(object.get("connect")));
    if let Some(back) = back.filter(|back| *back != forth) {
        let found = format!("{a} uses {} for {b}, {b} uses {} for {a}", forth.word(), back.word());
        return refused("protocol", found)
            .fix(format!("make them equal: nim -o change -a connect=nimsh {b}"));
    }
    let oslevel = pair.here.master.oslevel.as_deref();
    if forth == Protocol::Shell
        && oslevel.and_then(Level::parse).is_some_and(|level| level > NIMSH_FROM)
    {
        let found = format!(
            "{a} uses shell for {b}; beyond AIX 6100-04 alternate masters need nimsh ({a} has {})",
            oslevel.unwrap_or_default()
        );
        return refused("protocol", found)
            .fix(format!("nim -o change -a connect=nimsh {b}, and the same the other way on {b}"));
    }
    holds("protocol", format!("{a} and {b} use {}", forth.word()))
}

#[cfg(test)]
mod tests {
    use super::super::ground::pair;
    use super::*;
    use ha_nim::finding::Outcome;

    #[test]
    fn levels_that_differ_are_refused_and_unknown_ones_are_unknown() {
        let mut pair = pair();
        assert!(levels(&pair).iter().all(|one| one.outcome == Outcome::Holds));
        pair.there.master_fileset = Some("7.3.1.0".into());
        let all = levels(&pair);
        assert_eq!(all[1].found, "bos.sysmgt.nim.master: nima 7.3.2.0, nimb 7.3.1.0");
        assert_eq!(all[1].outcome, Outcome::Refused);
        assert_eq!(all[2].item.as_deref(), Some("/etc/NIM.level"));
        pair.there.oslevel = None;
        pair.here.master.spot_fileset = None;
        let all = levels(&pair);
        assert_eq!(all[0].outcome, Outcome::Unknown);
        assert!(all.iter().any(|one| one.item.as_deref() == Some(SPOT_FILESET)));
    }

    #[test]
    fn the_levels_with_the_known_bug_are_those_before_its_fix() {
        for old in ["6.1.9.29", "5.3.9.0", "6.1.0.0", "7.1.3.29", "7.1.0.0"] {
            assert!(has_known_bug(old), "{old}");
        }
        for new in ["6.1.9.30", "6.1.9.100", "7.1.3.30", "7.1.4.0", "7.2.0.0", "7.3.2.0", "x", ""] {
            assert!(!has_known_bug(new), "{new}");
        }
    }

    #[test]
    fn shell_is_refused_where_nimsh_is_needed() {
        let mut pair = pair();
        let set = |pair: &mut Pair, forth: &str, back: &str| {
            let connect = |object: &mut ha_nim::Object, to: &str| {
                object.attributes.push(("connect".into(), to.into()));
            };
            for object in &mut pair.here.master.listing.objects {
                connect(object, forth);
            }
            for object in &mut pair.there.listing.objects {
                connect(object, back);
            }
        };
        assert_eq!(protocol(&pair).outcome, Outcome::Holds);
        set(&mut pair, "nimsh", "shell");
        assert_eq!(protocol(&pair).found, "nima uses nimsh for nimb, nimb uses shell for nima");
        set(&mut pair, "shell", "shell");
        assert_eq!(protocol(&pair).outcome, Outcome::Refused);
        pair.here.master.oslevel = Some("6100-04-01-0944".into());
        assert_eq!(protocol(&pair).outcome, Outcome::Holds);
        set(&mut pair, "nimsh (secure)", "nimsh");
        assert_eq!(protocol(&pair).outcome, Outcome::Holds);
    }
}
