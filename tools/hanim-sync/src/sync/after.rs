//! Both masters, once more.

use crate::Arguments;
use crate::disks::Location;
use crate::evidence::{self, Compared};
use crate::facts::Pair;
use ha_json::Error;
use ha_nim::master::{self, Master};
use ha_remote::Machine;
use std::collections::BTreeMap;

/// What is there after a synchronisation.
pub(super) struct After {
    pub(super) objects: Vec<Compared>,
}

impl After {
    /// Lists both databases anew, and looks for the resources on the alternate.
    ///
    /// # Errors
    /// When a master gives no answer, or cannot list its database.
    pub(super) fn look(arguments: &Arguments, pair: &Pair) -> Result<After, Error> {
        let carrier = &arguments.carrier;
        let here = Master::look(&Machine::Here, carrier.patience())?;
        let places = match arguments.replicate {
            true => evidence::questions(&here.listing),
            false => Vec::new(),
        };
        let mut questions = master::questions();
        let of_master = questions.len();
        questions.extend(places.iter().map(|(_, question)| question.clone()));
        let replies = carrier.to(&pair.host)?.ask(&questions, carrier.patience())?;
        let (first, rest) = replies.split_at(of_master.min(replies.len()));
        let there = Master::read(first);
        for (name, master) in [(pair.here.name(), &here), (pair.alternate.as_str(), &there)] {
            if let Some(why) = &master.not_listed {
                let why = format!("the NIM database cannot be listed: {why}");
                return Err(Error::failed(name, why));
            }
        }
        let present: BTreeMap<String, bool> = places
            .into_iter()
            .zip(rest)
            .map(|((path, _), reply)| (path, reply.status == 0))
            .collect();
        let (a, b) = (&here.listing, &there.listing);
        let objects = evidence::compare(a, b, &pair.alternate, arguments.replicate, &present);
        Ok(After { objects })
    }

    /// Whether the alternate has that object.
    pub(super) fn has(&self, name: &str) -> bool {
        self.objects.iter().any(|object| object.there && object.name == name)
    }

    /// The resources whose content is on both masters, without those that are `failed`.
    pub(super) fn present(&self, failed: &[String]) -> Vec<Location> {
        let of = |object: &Compared| {
            let is_there = object.there && object.at_location == Some(true);
            let path = object.location.clone()?;
            (is_there && !failed.contains(&object.name)).then(|| Location {
                resource: object.name.clone(),
                kind: object.kind.clone(),
                path,
            })
        };
        self.objects.iter().filter_map(of).collect()
    }
}
