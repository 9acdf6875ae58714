//! Both databases compared after a synchronisation.

use crate::disks::{content, is_brought, is_plain};
use crate::progress::Progress;
use ha_json::{Value, json};
use ha_nim::Object;
use ha_nim::lsnim::Listing;
use std::collections::{BTreeMap, BTreeSet};

/// What must be the same on both masters. All else is the state of an object, or is reset by a
/// synchronisation: Cstate, alloc_count, current_master, what is allocated.
const SAME: [&str; 19] = [
    "class",
    "type",
    "location",
    "server",
    "arch",
    "version",
    "release",
    "mod",
    "oslevel_r",
    "simages",
    "connect",
    "platform",
    "netboot_kernel",
    "net_addr",
    "snm",
    "cpuid",
    "member",
    "if",
    "routing",
];

/// An object of one of both databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) kind: String,
    pub(crate) here: bool,
    pub(crate) there: bool,
    /// It has to be on the alternate after this synchronisation.
    pub(crate) wanted: bool,
    pub(crate) differences: Vec<Difference>,
    /// Of a resource that this master serves.
    pub(crate) location: Option<String>,
    /// What is at that place on the alternate; `None` where that was not asked.
    pub(crate) content: Option<Content>,
}

/// What is found at a resource's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Something, or nothing where here is nothing, either.
    There,
    /// The place, with nothing in it.
    Empty,
    Missing,
}

/// An attribute with another value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Difference {
    pub(crate) attribute: String,
    pub(crate) here: Option<String>,
    pub(crate) on_alternate: Option<String>,
}

/// Why an object is not as it should be: one word for programs, and a sentence.
pub(crate) type Fault = (&'static str, String);

/// Compares the databases: objects sorted by name. `present` are the locations that were asked for
/// on the alternate, and what is there.
pub(crate) fn compare(
    here: &Listing,
    there: &Listing,
    alternate: &str,
    replicate: bool,
    present: &BTreeMap<String, Content>,
) -> Vec<Compared> {
    let of = |listing: &'_ Listing| -> BTreeMap<String, Object> {
        listing.objects.iter().map(|object| (object.name.clone(), object.clone())).collect()
    };
    let (here, there) = (of(here), of(there));
    let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (ours, theirs) = (here.get(name), there.get(name));
            let object = ours.or(theirs)?;
            let brought = ours.is_some_and(is_brought);
            let location = object.get("location").filter(|_| brought).map(str::to_owned);
            Some(Compared {
                name: name.clone(),
                class: object.class().to_owned(),
                kind: object.kind().to_owned(),
                here: ours.is_some(),
                there: theirs.is_some(),
                // The alternate is its own master object there.
                wanted: ours.is_some() && name != alternate && (replicate || !brought),
                differences: match (ours, theirs) {
                    (Some(ours), Some(theirs)) => differences(ours, theirs),
                    _ => Vec::new(),
                },
                content: location.as_ref().and_then(|path| present.get(path)).copied(),
                location,
            })
        })
        .collect()
}

fn differences(ours: &Object, theirs: &Object) -> Vec<Difference> {
    let is_own = ours.kind() == "master" || ours.get("reserved") == Some("yes");
    let names: BTreeSet<&str> = ours
        .attributes
        .iter()
        .chain(&theirs.attributes)
        .map(|(name, _)| name.as_str())
        .filter(|name| match is_own {
            // What each master has of its own.
            true => matches!(*name, "class" | "type"),
            false => SAME.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit())),
        })
        .collect();
    let value = |object: &Object, name: &str| object.get(name).map(str::to_owned);
    names
        .into_iter()
        .map(|name| Difference {
            attribute: name.to_owned(),
            here: value(ours, name),
            on_alternate: value(theirs, name),
        })
        .filter(|difference| difference.here != difference.on_alternate)
        .collect()
}

impl Compared {
    /// Key and values of its record.
    pub(crate) fn record(&self) -> Value {
        json!({
            "key": {"name": self.name},
            "values": {
                "class": self.class,
                "type": self.kind,
                "here": self.here,
                "on_alternate": self.there,
                "wanted": self.wanted,
                "different": self.differences,
                "location": self.location,
                "at_location": self.content.map(|content| content == Content::There),
            },
        })
    }

    /// What is wrong with it, with what NIM said of it.
    pub(crate) fn fault(&self, alternate: &str, progress: &Progress) -> Option<Fault> {
        if !self.wanted {
            return None;
        }
        let mut replications = progress.replications.iter().rev();
        let lost = replications.find(|one| one.resource == self.name && !one.replicated);
        let said = |listed: &[String], words: &str| {
            listed.contains(&self.name).then(|| format!("; nim said {words} {}", self.name))
        };
        let said = said(&progress.removed_clients, "Removing NIM client")
            .or_else(|| said(&progress.removed_resources, "Removing"))
            .unwrap_or_default();
        if let Some(lost) = lost {
            let why = lost.why().map(|why| format!(": {why}")).unwrap_or_default();
            let missing = if self.there { "" } else { "; it is missing there" };
            let text =
                format!("its replication to {alternate} was begun and not ended{why}{missing}");
            return Some(("not_replicated", text));
        }
        if !self.there {
            let text = format!("is missing in the database of {alternate}{said}");
            return Some(("missing", text));
        }
        let path = self.location.as_deref().unwrap_or_default();
        let no_content = match self.content {
            Some(Content::Missing) => Some(format!("{path} is not there")),
            Some(Content::Empty) => Some(format!(
                "{path} is empty there: replication passes over a place that is there; --refresh brings it"
            )),
            _ => None,
        };
        if let Some(what) = no_content {
            let text = format!("is in the database of {alternate}, but {what}");
            return Some(("no_content", text));
        }
        let first = self.differences.first()?;
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let text = format!(
            "{} is {} here and {} on {alternate}",
            first.attribute,
            shown(&first.here),
            shown(&first.on_alternate)
        );
        Some(("different", text))
    }
}

/// What asks for the content of each place that has to be there.
pub(crate) fn questions(listing: &Listing) -> Vec<(String, Vec<String>)> {
    let question = |path: &str| (path.to_owned(), content(path));
    listing
        .objects
        .iter()
        .filter(|object| is_brought(object))
        .filter_map(|object| object.get("location"))
        .filter(|path| is_plain(path))
        .map(question)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Content::{Empty, Missing, There};
    use super::*;
    use ha_nim::lsnim::parse_long;

    const A: &str = "\
master:
   class = machines
   type  = master
   if1   = net nima.example.com 0
nimb:
   class = machines
   type  = alternate_master
lpar07:
   class          = machines
   type           = standalone
   current_master = nima.example.com
   if1            = net lpar07.example.com 8EB2200AA002 ent0
   Cstate         = being installed
   spot           = spot_73
lpp_73:
   class       = resources
   type        = lpp_source
   location    = /nim/lpp/lpp_73
   server      = master
   alloc_count = 1
";

    fn compared(there: &str, replicate: bool, present: Content) -> Vec<Compared> {
        let present = BTreeMap::from([("/nim/lpp/lpp_73".to_owned(), present)]);
        let (here, there) = (parse_long(A.as_bytes()), parse_long(there.as_bytes()));
        compare(&here, &there, "nimb", replicate, &present)
    }

    fn faults(all: &[Compared], said: &str) -> Vec<(String, &'static str)> {
        let mut progress = Progress::default();
        said.lines().for_each(|line| {
            progress.line(line);
        });
        let fault = |one: &Compared| Some((one.name.clone(), one.fault("nimb", &progress)?.0));
        all.iter().filter_map(fault).collect()
    }

    fn there() -> String {
        A.replace("nima.example.com 0", "nimb.example.com 0")
            .replace("nimb:", "nima:")
            .replace("being installed", "ready for a NIM operation")
            .replace("   spot           = spot_73\n", "")
            .replace("alloc_count = 1", "alloc_count = 0")
    }

    #[test]
    fn a_synchronised_alternate_has_all_objects_and_states_of_its_own() {
        let all = compared(&there(), true, There);
        assert_eq!(faults(&all, ""), []);
        let names: Vec<_> =
            all.iter().map(|one| (one.name.as_str(), one.here, one.there)).collect();
        assert_eq!(
            names,
            [
                ("lpar07", true, true),
                ("lpp_73", true, true),
                ("master", true, true),
                ("nima", false, true),
                ("nimb", true, false)
            ]
        );
    }

    #[test]
    fn what_is_missing_or_different_is_a_fault() {
        let of = |text: &str| faults(&compared(text, true, There), "");
        let lost = there().replace("lpar07:", "lpar99:");
        assert_eq!(of(&lost), [("lpar07".to_owned(), "missing")]);
        let moved = there().replace("8EB2200AA002", "8EB2200AA003");
        assert_eq!(of(&moved), [("lpar07".to_owned(), "different")]);
        let moved = there().replace("/nim/lpp/lpp_73", "/export/lpp_73");
        assert_eq!(of(&moved), [("lpp_73".to_owned(), "different")]);
    }

    #[test]
    fn content_that_is_not_there_is_a_fault_and_a_replication_that_did_not_end_is_one() {
        for nothing in [Missing, Empty] {
            let all = compared(&there(), true, nothing);
            assert_eq!(faults(&all, ""), [("lpp_73".to_owned(), "no_content")]);
        }
        let all = compared(&there(), true, There);
        let said =
            "Replicating resource lpp_73\nthere is no room\nFinished Replicating NIM resources";
        assert_eq!(faults(&all, said), [("lpp_73".to_owned(), "not_replicated")]);
    }

    #[test]
    fn without_replication_resources_need_not_be_there() {
        let without = there().split("lpp_73:").next().unwrap().to_owned();
        assert_eq!(faults(&compared(&without, false, Missing), ""), []);
        assert_eq!(
            faults(&compared(&without, true, Missing), ""),
            [("lpp_73".to_owned(), "missing")]
        );
    }

    #[test]
    fn a_client_that_nim_said_to_remove_is_told_with_these_words() {
        let lost = there().replace("lpar07:", "lpar99:");
        let mut progress = Progress::default();
        progress.line("Removing NIM client lpar07");
        let all = compared(&lost, true, There);
        let (_, text) = all[0].fault("nimb", &progress).unwrap();
        assert_eq!(text, "is missing in the database of nimb; nim said Removing NIM client lpar07");
    }
}
