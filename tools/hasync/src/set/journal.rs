//! A transaction on disk: it is made whole or not at all, whoever is killed and when.
//!
//! What is to be done is written and on disk before the first of it is done, and each part of it can
//! be done again: a run that finds it begun goes on with it. It keeps what was there.

use super::document::{Hook, is_within};
use super::plan::Op;
use super::state::read_json;
use super::tree::Tree;
use crate::sys;
use ha_file::{Durability, replace};
use ha_json::{Error, reason};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "hasync-journal/1";
/// What is being forgotten has this behind its number.
pub(super) const GONE_NAME: &str = "gone";
/// Where in the data the old entries are kept, and those that were put in place and taken back.
const OLD: &str = "old";
const UNDONE_DATA: &str = "undone";
/// What of these has a name that is taken has this behind it.
const AGAIN: &[u8] = b".again";
/// Where in the data the new entries wait.
pub(super) const NEW: &str = "new";
/// What is to be done: once it is there, all of it will be.
const PLAN: &str = "plan";
/// All is done.
const DONE: &str = "done";
/// The hooks have run, with what came of them.
pub(super) const HOOKED: &str = "hooked";
/// It is to be undone.
const UNDO: &str = "undo";
/// It is undone.
const UNDONE: &str = "undone";

/// What a transaction is, and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    schema: String,
    pub(super) group: String,
    pub(super) number: u64,
    pub(super) primary: String,
    pub(super) generation: u64,
    pub(super) time: String,
    /// The tree that it changes.
    pub(super) root: PathBuf,
    /// The group's paths, as the tree has them.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Where the new entries wait and the old ones are kept.
    pub(super) data: PathBuf,
    pub(super) hooks: Vec<Hook>,
    pub(super) ops: Vec<Op>,
}

impl Plan {
    pub(super) fn new(group: &str, number: u64, root: &Path, data: &Path) -> Plan {
        Plan {
            schema: SCHEMA.to_owned(),
            group: group.to_owned(),
            number,
            primary: String::new(),
            generation: 0,
            time: ha_json::now(),
            root: root.to_owned(),
            paths: Vec::new(),
            data: data.to_owned(),
            hooks: Vec::new(),
            ops: Vec::new(),
        }
    }

    /// The name that people call it by.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.group, self.number)
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It will be made whole by whoever comes.
    Begun,
    Done,
    /// It will be undone by whoever comes.
    Undoing,
    Undone,
}

impl Stage {
    pub(super) fn word(self) -> &'static str {
        match self {
            Stage::Begun => "begun",
            Stage::Done => "committed",
            Stage::Undoing => "rolling_back",
            Stage::Undone => "rolled_back",
        }
    }
}

/// A transaction that was begun.
#[derive(Debug)]
pub(super) struct Transaction {
    directory: PathBuf,
    pub(super) plan: Plan,
}

impl Transaction {
    /// Begins it: from here on it will be made whole.
    pub(super) fn begin(directory: PathBuf, plan: Plan) -> Result<Transaction, Error> {
        make_directory(&directory)?;
        for name in [OLD, UNDONE_DATA] {
            make_directory(&plan.data.join(name))?;
        }
        // What is to be put in place is on disk before it is said that it will be, and so is the way to
        // where that is said.
        sync(&open(&plan.data)?)?;
        sync(&open(&directory)?)?;
        let text =
            serde_json::to_vec(&plan).map_err(|error| Error::failed(PLAN, error.to_string()))?;
        replace(&directory.join(PLAN), &text, 0o600, Durability::Synced)?;
        Ok(Transaction { directory, plan })
    }

    /// `None` where it was never begun.
    pub(super) fn read(directory: &Path) -> Result<Option<Transaction>, Error> {
        let plan = read_json(&directory.join(PLAN))?;
        Ok(plan.map(|plan| Transaction { directory: directory.to_owned(), plan }))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn stage(&self) -> Stage {
        let is = |name| self.directory.join(name).exists();
        match (is(UNDONE), is(UNDO), is(DONE)) {
            (true, _, _) => Stage::Undone,
            (_, true, _) => Stage::Undoing,
            (_, _, true) => Stage::Done,
            _ => Stage::Begun,
        }
    }

    /// Keeps that something was done, in words.
    pub(super) fn mark(&self, what: &str, text: &str) -> Result<(), Error> {
        let file = self.directory.join(what);
        replace(&file, format!("{text}\n").as_bytes(), 0o600, Durability::Synced)
    }

    /// What was kept of it.
    pub(super) fn told(&self, what: &str) -> Option<String> {
        fs::read_to_string(self.directory.join(what)).ok().map(|text| text.trim().to_owned())
    }

    /// Does what is left to be done.
    pub(super) fn make_whole(&self) -> Result<(), Error> {
        let place = Place::of(&self.plan)?;
        for op in &self.plan.ops {
            place.make(op)?;
        }
        // All that is renamed is on the file system of what is kept.
        sync(&place.old)
    }

    /// It is whole, and what depends on that is written.
    pub(super) fn set_done(&self) -> Result<(), Error> {
        self.mark(DONE, "")?;
        // The directories in which it waited; nothing is in them. Who finds it begun needs them no more.
        remove_all(&self.plan.data.join(NEW))
    }

    /// Puts back what was there.
    pub(super) fn undo(&self) -> Result<(), Error> {
        let place = Place::of(&self.plan)?;
        self.mark(UNDO, "")?;
        for op in self.plan.ops.iter().rev() {
            place.undo(op)?;
        }
        // What was put back in a directory changed its time.
        for op in self.plan.ops.iter().filter(|op| matches!(op, Op::Set { .. } | Op::Drop { .. })) {
            place.undo(op)?;
        }
        sync(&place.old)
    }

    pub(super) fn set_undone(&self) -> Result<(), Error> {
        self.mark(UNDONE, "")
    }

    /// Forgets it, and what it kept. Once that is begun, nobody can come back to it.
    pub(super) fn forget(self) -> Result<(), Error> {
        let gone = self.directory.with_extension(GONE_NAME);
        fs::rename(&self.directory, &gone)
            .map_err(|error| Error::failed(gone.display().to_string(), reason(&error)))?;
        if let Some(above) = gone.parent() {
            sync(&open(above)?)?;
        }
        remove_all(&self.plan.data)?;
        remove_all(&gone)
    }
}

/// The trees that a transaction moves things between.
struct Place {
    live: Tree,
    /// It goes when all of it is in place.
    new: Option<Tree>,
    old: Tree,
    undone: Tree,
    /// The group's paths.
    paths: Vec<String>,
}

impl Place {
    fn of(plan: &Plan) -> Result<Place, Error> {
        // It was made before anything was begun: where it is missing, its disk is not mounted.
        let beneath = |name: &str| {
            open(&plan.data.join(name)).map_err(|error| {
                let why =
                    format!("{} (is its file system mounted? then run this again)", error.why);
                Error::failed(error.what, why)
            })
        };
        let (old, undone) = (beneath(OLD)?, beneath(UNDONE_DATA)?);
        let new = plan.data.join(NEW);
        let new = if new.exists() { Some(open(&new)?) } else { None };
        Ok(Place { live: open(&plan.root)?, new, old, undone, paths: plan.paths.clone() })
    }

    fn make(&self, op: &Op) -> Result<(), Error> {
        match op {
            Op::Remove { path } => self.keep_old(path, false),
            Op::Drop { path, .. } => unless(self.live.remove_directory(path), GONE),
            Op::Make { path } => self.live.make_directory(path),
            Op::Keep { path, beside } => self.keep_beside(path, beside),
            Op::Put { path, .. } => self.put(path),
            Op::Set { path, want, .. } => self.live.set(path, want),
        }
        .map_err(|error| failed(op, error))
    }

    fn keep_old(&self, path: &[u8], stays: bool) -> nix::Result<()> {
        if self.old.mark(path)?.is_some() || self.live.mark(path)?.is_none() {
            return Ok(());
        }
        self.old.make_way(path)?;
        let kept = match stays {
            true => self.live.link_to(path, &self.old, path),
            false => self.live.move_to(path, &self.old, path),
        };
        unless(kept, &[Errno::ENOENT])
    }

    /// A file of its own: who edits it changes nothing that is kept.
    fn keep_beside(&self, path: &[u8], beside: &[u8]) -> nix::Result<()> {
        if self.live.mark(beside)?.is_some() {
            return Ok(());
        }
        self.undone.make_way(beside)?;
        unless(self.live.copy_to(path, &self.undone, beside), &[Errno::ENOENT])?;
        unless(self.undone.move_to(beside, &self.live, beside), &[Errno::ENOENT])
    }

    fn waits(&self, path: &[u8]) -> nix::Result<Option<&Tree>> {
        match &self.new {
            Some(new) => Ok(new.mark(path)?.map(|_| new)),
            None => Ok(None),
        }
    }

    fn put(&self, path: &[u8]) -> nix::Result<()> {
        let Some(new) = self.waits(path)? else { return Ok(()) };
        // What came there since all was looked at is kept, too.
        self.keep_old(path, true)?;
        new.move_to(path, &self.live, path)
    }

    fn undo(&self, op: &Op) -> Result<(), Error> {
        match op {
            Op::Remove { path } => self.restore(path),
            Op::Drop { path, had } => self
                .clear_way(path)
                .and_then(|()| self.clear(path))
                .and_then(|()| self.live.make_directory(path))
                .and_then(|()| self.live.set(path, had)),
            Op::Make { path } => unless(self.live.remove_directory(path), GONE),
            // Somebody may have worked in it.
            Op::Keep { beside, .. } => self.take_away(beside),
            Op::Put { path, .. } => self.take_back(path),
            Op::Set { path, had: Some(had), .. } => unless(self.live.set(path, had), GONE),
            Op::Set { .. } => Ok(()),
        }
        .map_err(|error| failed(op, error))
    }

    fn restore(&self, path: &[u8]) -> nix::Result<()> {
        if self.old.mark(path)?.is_none() {
            return Ok(());
        }
        // Whatever stands there now.
        self.take_away(path)?;
        self.clear_way(path)?;
        self.old.move_to(path, &self.live, path)
    }

    /// Makes the directories that lead to a path; what of the group has come to stand in their place goes.
    fn clear_way(&self, path: &[u8]) -> nix::Result<()> {
        let ends = (0..path.len()).filter(|&at| path[at] == b'/');
        ends.map(|end| &path[..end]).try_for_each(|above| self.clear(above))?;
        self.live.make_way(path)
    }

    /// What is to be a directory of the group is one, or nothing.
    fn clear(&self, path: &[u8]) -> nix::Result<()> {
        let is_own = self.paths.iter().any(|top| is_within(path, top.as_bytes()));
        if is_own && self.live.mark(path)?.is_some_and(|mark| !mark.is_directory()) {
            // What is in the directory, too, may have to be kept beneath its own name.
            return self.take_away_as(path, [path, AGAIN].concat());
        }
        Ok(())
    }

    /// Moves what is there to where nothing is lost.
    fn take_away(&self, path: &[u8]) -> nix::Result<()> {
        self.take_away_as(path, path.to_vec())
    }

    fn take_away_as(&self, path: &[u8], mut to: Vec<u8>) -> nix::Result<()> {
        self.undone.make_way(path)?;
        while self.undone.mark(&to)?.is_some() {
            to.extend_from_slice(AGAIN);
        }
        unless(self.live.move_to(path, &self.undone, &to), &[Errno::ENOENT, Errno::ENOTDIR])
    }

    /// Puts back what was there before a new one was put in place.
    fn take_back(&self, path: &[u8]) -> nix::Result<()> {
        if self.old.mark(path)?.is_some() {
            return self.restore(path);
        }
        // It never came to that, or it was done: what is there now is what was put back.
        if self.waits(path)?.is_some() || self.undone.mark(path)?.is_some() {
            return Ok(());
        }
        self.take_away(path)
    }
}

/// Of a directory that is to go: it is gone, or never was there, or something that is not the group's
/// is in it.
const GONE: &[Errno] = &[Errno::ENOENT, Errno::ENOTDIR, Errno::ENOTEMPTY, Errno::EEXIST];

fn unless(result: nix::Result<()>, fine: &[Errno]) -> nix::Result<()> {
    match result {
        Err(error) if fine.contains(&error) => Ok(()),
        result => result,
    }
}

fn failed(op: &Op, error: Errno) -> Error {
    Error::failed(format!("/{}", String::from_utf8_lossy(op.path())), crate::fs::words(error))
}

pub(super) fn open(path: &Path) -> Result<Tree, Error> {
    Tree::open(path)
        .map_err(|error| Error::failed(path.display().to_string(), crate::fs::words(error)))
}

fn sync(tree: &Tree) -> Result<(), Error> {
    sys::sync_file_system(tree.top())
        .map_err(|error| Error::failed(tree.path().display().to_string(), crate::fs::words(error)))
}

/// Makes a directory that only its owner enters, and those that lead to it.
pub(super) fn make_directory(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let made = |path: &Path, mode| fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    let above = path.parent().map_or(Ok(()), |above| made(above, 0o755));
    above
        .and_then(|()| made(path, 0o700))
        .map_err(|error| Error::failed(path.display().to_string(), reason(&error)))
}

/// Removes whatever has a path; nothing may.
pub(super) fn remove_all(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::failed(path.display().to_string(), reason(&error)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
