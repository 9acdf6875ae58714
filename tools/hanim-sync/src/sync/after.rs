//! Both masters, once more.

use crate::Arguments;
use crate::disks::{Location, is_empty};
use crate::evidence::{self, Compared, Content};
use crate::facts::{GiveUp, Pair};
use ha_json::Error;
use ha_nim::master::{self, Master};
use ha_remote::{Machine, Reply};
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
    pub(super) fn look(
        arguments: &Arguments,
        pair: &Pair,
        give_up: GiveUp,
    ) -> Result<After, Error> {
        let carrier = &arguments.carrier;
        let ask = |machine: &Machine, questions: &[Vec<String>]| {
            machine.ask_unless(questions, carrier.patience(), give_up)
        };
        let here = Master::read(&ask(&Machine::Here, &master::questions())?);
        let places = match arguments.replicate {
            true => evidence::questions(&here.listing),
            false => Vec::new(),
        };
        let mut questions = master::questions();
        let of_master = questions.len();
        questions.extend(places.iter().map(|(_, question)| question.clone()));
        let replies = ask(&carrier.to(&pair.host)?, &questions)?;
        let (first, rest) = replies.split_at(of_master.min(replies.len()));
        let there = Master::read(first);
        for (name, master) in [(pair.here.name(), &here), (pair.alternate.as_str(), &there)] {
            if let Some(why) = &master.not_listed {
                let why = format!("the NIM database cannot be listed: {why}");
                return Err(Error::failed(name, why));
            }
        }
        let content = |reply: &Reply| match (reply.status, is_empty(reply)) {
            (0, false) => Content::There,
            (0, true) => Content::Empty,
            _ => Content::Missing,
        };
        let mut present: BTreeMap<String, Content> = places
            .iter()
            .zip(rest)
            .map(|((path, _), reply)| (path.clone(), content(reply)))
            .collect();
        let empty = |(path, _): &&(String, _)| present.get(path) == Some(&Content::Empty);
        let (paths, questions): (Vec<String>, Vec<Vec<String>>) =
            places.iter().filter(empty).cloned().unzip();
        for (path, reply) in paths.into_iter().zip(ask(&Machine::Here, &questions)?) {
            if is_empty(&reply) {
                present.insert(path, Content::There);
            }
        }
        let (a, b) = (&here.listing, &there.listing);
        let objects = evidence::compare(a, b, &pair.alternate, arguments.replicate, &present);
        Ok(After { objects })
    }

    /// Whether the alternate has that object.
    pub(super) fn has(&self, name: &str) -> bool {
        self.objects.iter().any(|object| object.there && object.name == name)
    }

    /// The resources whose place is on both masters, without those that are `failed`.
    pub(super) fn present(&self, failed: &[String]) -> Vec<Location> {
        let of = |object: &Compared| {
            let is_there =
                object.there && matches!(object.content, Some(Content::There | Content::Empty));
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
