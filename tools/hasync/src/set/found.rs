//! What is found on the standby before a group is put in place: what waits, and what is there.

use super::beside::Kept;
use super::commit::{Stage, at};
use super::document::{Delete, Group, Links};
use super::journal::open;
use super::list::list;
use super::manifest::Manifest;
use super::plan::{Facts, Listed, Staged};
use super::staged::staged;
use super::tree::{Mark, Tree};
use crate::entry::join;
use ha_json::{Error, Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Found {
    /// Where it waits.
    pub(super) waits: Tree,
    pub(super) staged: BTreeMap<Vec<u8>, Staged>,
    /// What was brought last.
    pub(super) manifest: Option<Manifest>,
    /// Of the transaction that would come next.
    pub(super) number: u64,
    /// What the standby has of what waits, and of what may be deleted.
    pub(super) live: BTreeMap<Vec<u8>, Mark>,
    deletable: BTreeSet<Vec<u8>>,
    foreign: BTreeSet<Vec<u8>>,
}

impl Found {
    /// Looks at all of it; what waits is rewritten where the group says so.
    ///
    /// # Errors
    /// When something cannot be read.
    pub(super) fn look(
        stage: &Stage<'_>,
        tell: &impl Fn(&str, Map<String, Value>) -> Result<(), Error>,
    ) -> Result<Found, Error> {
        let Stage { order, live: tree, place, .. } = stage;
        let waits = open(stage.stage)?;
        let mut staged = staged(order, &waits, tell)?;
        let manifest = Manifest::read(&place.manifest())?;
        let last = manifest.as_ref().map_or(0, |manifest| manifest.header.transaction);
        let number = place.numbers()?.last().copied().unwrap_or(0).max(last) + 1;
        let deletable = deletable(stage)?;
        let mut live = BTreeMap::new();
        let mut look = tree.look();
        for path in staged.keys().chain(&deletable) {
            if let Some(mark) = look.mark(path).map_err(at(path))? {
                live.insert(path.clone(), mark);
            }
        }
        let give_way = |path: &&Vec<u8>| {
            live.get(*path).is_some_and(Mark::is_directory) && !staged[*path].mark.is_directory()
        };
        for path in staged.keys().filter(give_way).cloned().collect::<Vec<_>>() {
            tree.walk(&path, &mut |path, mark| drop(live.insert(path.to_vec(), mark)))
                .map_err(at(&path))?;
        }
        let kept = Kept { acls: order.group.acls, xattrs: order.group.xattrs };
        if kept.acls || kept.xattrs {
            let marks = staged.iter_mut().map(|(path, staged)| (path, &mut staged.mark));
            look_beside(&waits, marks, kept)?;
            look_beside(tree, live.iter_mut(), kept)?;
        }
        let foreign = foreign(tree, &deletable, &live, stage.listed)?;
        Ok(Found { waits, staged, manifest, number, live, deletable, foreign })
    }

    /// The name of the transaction that would come next.
    pub(super) fn name(&self, group: &Group) -> String {
        format!("{}-{}", group.name, self.number)
    }

    pub(super) fn facts<'a>(&'a self, stage: &'a Stage<'_>, suffix: &'a str) -> Facts<'a> {
        Facts {
            group: &stage.order.group,
            suffix,
            listed: stage.listed,
            complete: stage.complete,
            accept_loss: stage.order.accept_loss,
            staged: &self.staged,
            live: &self.live,
            deletable: &self.deletable,
            foreign: &self.foreign,
            manifest: self.manifest.as_ref(),
        }
    }
}

fn look_beside<'a>(
    tree: &Tree,
    marks: impl Iterator<Item = (&'a Vec<u8>, &'a mut Mark)>,
    kept: Kept,
) -> Result<(), Error> {
    for (path, mark) in marks.filter(|(_, mark)| mark.is_directory()) {
        mark.beside = Some(tree.beside(path, kept).map_err(at(path))?);
    }
    Ok(())
}

/// What is here of the group and not left out by its rules, where it deletes.
fn deletable(stage: &Stage<'_>) -> Result<BTreeSet<Vec<u8>>, Error> {
    let group = &stage.order.group;
    if group.delete == Delete::Never {
        return Ok(BTreeSet::new());
    }
    // What a link of the standby leads to is none of the group's.
    let links = if group.links == Links::Follow { Links::Keep } else { group.links };
    let group = Group { links, ..group.clone() };
    let here = list(&stage.order.root, &group, &stage.state.empty()?)?;
    Ok(here.entries.into_keys().collect())
}

/// The directories that are to go and hold something that is not.
fn foreign(
    live: &Tree,
    deletable: &BTreeSet<Vec<u8>>,
    marks: &BTreeMap<Vec<u8>, Mark>,
    listed: &BTreeMap<Vec<u8>, Listed>,
) -> Result<BTreeSet<Vec<u8>>, Error> {
    let mut foreign = BTreeSet::new();
    for path in deletable.iter().filter(|path| !listed.contains_key(*path)) {
        if marks.get(path).is_some_and(Mark::is_directory) {
            let names = live.names(path).map_err(at(path))?;
            if !names.iter().all(|name| deletable.contains(&join(path, name))) {
                foreign.insert(path.clone());
            }
        }
    }
    Ok(foreign)
}
