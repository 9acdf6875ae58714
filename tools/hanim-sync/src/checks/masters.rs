//! Two masters that know each other.

use super::{holds, or_holds, refused, unknown, warning};
use crate::facts::{Here, Pair};
use ha_json::{Error, Kind};
use ha_nim::finding::Finding;
use ha_nim::master::{MASTER_FILESET, Master, NIMINFO};
use ha_nim::{Severity, same_host};

/// Row 18: the tool runs on a client, or NIM is not there.
pub(super) fn is_master(here: &Here) -> Finding {
    let master = &here.master;
    let no = |found: String, fix: &str| refused("master", found).fix(fix);
    if master.niminfo.is_none() {
        let found = format!("this machine is not a NIM master: {NIMINFO} is not there");
        return no(found, "run this on the master");
    }
    if !master.is_master() {
        let configuration =
            master.niminfo.as_ref().and_then(|niminfo| niminfo.value("NIM_CONFIGURATION"));
        let found = format!(
            "this machine is not a NIM master: NIM_CONFIGURATION is {} in {NIMINFO}",
            configuration.unwrap_or("missing")
        );
        return no(found, "run this on the master");
    }
    if let Some(why) = &master.not_listed {
        let found = format!("the NIM database here cannot be listed: {why}");
        let fix = match &master.master_fileset {
            None => "install bos.sysmgt.nim.master here",
            Some(_) => "see what lsnim -l says",
        };
        return no(found, fix);
    }
    if master.master_fileset.is_none() {
        let found = format!("this machine is not a NIM master: {MASTER_FILESET} is not installed");
        return no(found, "install it, or run this on the master");
    }
    if master.listing.is_damaged() {
        return no(
            "the listing of the NIM database here is damaged".to_owned(),
            "see what lsnim -l says",
        );
    }
    holds("master", format!("{} is a NIM master", here.name()))
}

/// Whether the database here has that alternate.
pub(super) fn alternate(here: &Here, name: &str) -> Finding {
    let listing = &here.master.listing;
    let known: Vec<&str> = listing
        .objects
        .iter()
        .filter(|object| object.is_alternate_master())
        .map(|object| object.name.as_str())
        .collect();
    let others = match known.as_slice() {
        [] => "it has none: run niminit -a is_alternate=yes on the other machine".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    let a = here.name();
    match listing.object(name) {
        Some(object) if object.is_alternate_master() => {
            holds("alternate", format!("{name} is an alternate master of {a}"))
        }
        Some(object) => {
            let kind = object.kind();
            refused(
                "alternate",
                format!("{name} is no alternate master of {a}: its type is {kind}"),
            )
            .fix(others)
        }
        None => refused("alternate", format!("{a} knows no NIM object {name}"))
            .code("0042-053")
            .fix(others),
    }
    .about(name)
}

pub(super) fn no_answer(alternate: &str, error: &Error) -> Finding {
    let make = if error.kind == Kind::Busy { unknown } else { refused };
    make("answers", format!("{alternate} gives no answer: {}", error.why))
        .about(alternate)
        .fix("see that it is up, and that -e COMMAND reaches it")
}

/// Whether the alternate is a master, and shows its database.
pub(super) fn answers(pair: &Pair) -> Finding {
    let (b, there) = (&pair.alternate, &pair.there);
    let finding = if !there.is_master() {
        refused("answers", format!("{b} is not a NIM master: its {NIMINFO} does not say so"))
            .fix(format!("run niminit -a is_alternate=yes on {b}"))
    } else if let Some(why) = &there.not_listed {
        refused("answers", format!("{b} cannot list its NIM database: {why}"))
            .fix(format!("see what lsnim -l says on {b}"))
    } else if there.listing.is_damaged() {
        refused("answers", format!("the listing of {b}'s NIM database is damaged"))
            .fix(format!("see what lsnim -l says on {b}"))
    } else {
        holds("answers", format!("{b} answers, and is a NIM master"))
    };
    finding.about(b)
}

/// Row 12: a quote that is not closed, and the like.
pub(super) fn niminfo(pair: &Pair) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, master) in [(pair.here.name(), &pair.here.master), (&pair.alternate, &pair.there)] {
        let problems = master.niminfo.iter().flat_map(|niminfo| niminfo.problems());
        for problem in problems {
            let found = format!("line {} of {NIMINFO} on {name}: {}", problem.line, problem.what);
            let finding = match problem.severity {
                Severity::Error => refused("niminfo", found)
                    .fix("correct that line; nimconfig -r writes the file anew"),
                Severity::Warning => warning("niminfo", found),
            };
            all.push(finding.about(name));
        }
    }
    or_holds(all, "niminfo", "both masters' niminfo can be read")
}

/// Row 10: the way back.
pub(super) fn directions(pair: &Pair) -> Vec<Finding> {
    let (a, b) = (pair.here.name(), &pair.alternate);
    let back =
        format!("takeover back will not be possible: run niminit -a is_alternate=yes on {a}");
    let mut all = Vec::new();
    if pair.this_master_there().is_none() {
        let found = format!("{b} does not know {a} as an alternate master");
        all.push(warning("directions", found).about(b).fix(&back));
    }
    let own = pair.here.master.hostname().unwrap_or_default();
    let sides =
        [(a, &pair.here.master, b.as_str(), pair.host.as_str()), (b.as_str(), &pair.there, a, own)];
    for (name, master, other, host) in sides {
        if !names_as_alternate(master, host) {
            let found = format!("NIM_ALTERNATE_MASTER on {name} does not name {other}");
            all.push(warning("directions", found).about(name).fix(&back));
        }
    }
    or_holds(all, "directions", format!("{a} and {b} are alternate masters of each other"))
}

fn names_as_alternate(master: &Master, host: &str) -> bool {
    let niminfo = master.niminfo.as_ref();
    niminfo.is_some_and(|niminfo| {
        niminfo.words("NIM_ALTERNATE_MASTER").iter().any(|name| same_host(name, host))
    })
}

#[cfg(test)]
mod tests {
    use super::super::ground::{NIMA, NIMB, pair, pair_of};
    use super::*;
    use ha_nim::finding::Outcome;

    #[test]
    fn two_masters_that_know_each_other_hold() {
        let pair = pair();
        assert_eq!(is_master(&pair.here).outcome, Outcome::Holds);
        assert_eq!(alternate(&pair.here, "nimb").outcome, Outcome::Holds);
        assert_eq!(answers(&pair).outcome, Outcome::Holds);
        for finding in niminfo(&pair).into_iter().chain(directions(&pair)) {
            assert_eq!(finding.outcome, Outcome::Holds, "{finding:?}");
        }
    }

    #[test]
    fn a_client_is_told_from_a_master() {
        let mut pair =
            pair_of(&NIMA.replace("CONFIGURATION=master", "CONFIGURATION=standalone"), NIMB);
        let finding = is_master(&pair.here);
        assert_eq!(finding.outcome, Outcome::Refused);
        assert!(finding.found.contains("NIM_CONFIGURATION is standalone"), "{}", finding.found);
        pair.here.master.niminfo = None;
        assert!(is_master(&pair.here).found.contains("is not there"));
    }

    #[test]
    fn an_object_that_is_no_alternate_is_refused_and_the_alternates_are_named() {
        let pair = pair();
        let client = alternate(&pair.here, "lpar07");
        assert!(client.sentence().contains("its type is standalone: it has nimb"), "{client:?}");
        let nobody = alternate(&pair.here, "nimc");
        assert_eq!((nobody.outcome, nobody.code), (Outcome::Refused, Some("0042-053")));
    }

    #[test]
    fn an_unclosed_quote_is_told_with_its_line() {
        let file = NIMA.replace("\"nimb.example.com\"", "\"nimb.example.com\u{201d}");
        let all = niminfo(&pair_of(&file, NIMB));
        let refused: Vec<_> = all.iter().filter(|one| one.outcome == Outcome::Refused).collect();
        assert!(refused[0].found.starts_with("line 6 of /etc/niminfo on nima: "), "{refused:?}");
    }

    #[test]
    fn each_direction_that_is_missing_is_told() {
        let one_way = NIMA.replace("export NIM_ALTERNATE_MASTER=\"nimb.example.com\"\n", "");
        let all = directions(&pair_of(&one_way, NIMB));
        assert_eq!(all.len(), 1);
        assert!(all[0].sentence().contains("takeover back will not be possible"));
        let mut pair = pair();
        pair.there.listing.objects.retain(|object| !object.is_alternate_master());
        assert_eq!(directions(&pair)[0].found, "nimb does not know nima as an alternate master");
    }
}
