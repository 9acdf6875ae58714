//! A transaction on disk: it is made whole or not at all, whoever is killed and when.
//!
//! What is to be done is written and on disk before the first of it is done, and each part of it can
//! be done again: a run that finds it begun goes on with it. It keeps what was there.

use super::document::Hook;
use super::plan::Op;
use super::tree::Tree;
use crate::sys;
use ha_file::{Durability, replace};
use ha_json::{Error, Kind, reason};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "hasync-journal/1";
/// Where in the data the new entries wait.
pub(super) const NEW: &str = "new";
/// What is to be done: once it is there, all of it will be.
const PLAN: &str = "plan";
/// All is done.
const DONE: &str = "done";
/// The hooks have run, with what came of them.
const HOOKED: &str = "hooked";
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
        // What is to be put in place is on disk before it is said that it will be.
        let data = open(&plan.data)?;
        sync(&data)?;
        let text =
            serde_json::to_vec(&plan).map_err(|error| Error::failed(PLAN, error.to_string()))?;
        replace(&directory.join(PLAN), &text, 0o600, Durability::Synced)?;
        Ok(Transaction { directory, plan })
    }

    /// `None` where it was never begun.
    pub(super) fn read(directory: &Path) -> Result<Option<Transaction>, Error> {
        let file = directory.join(PLAN);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::failed(file.display().to_string(), reason(&error))),
        };
        let plan: Plan = serde_json::from_slice(&text).map_err(|error| {
            Error::new(Kind::Input, file.display().to_string(), error.to_string())
        })?;
        Ok(Some(Transaction { directory: directory.to_owned(), plan }))
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

    /// What came of the hooks; `None` where they have not run.
    pub(super) fn hooked(&self) -> Option<String> {
        fs::read_to_string(self.directory.join(HOOKED)).ok().map(|text| text.trim().to_owned())
    }

    pub(super) fn set_hooked(&self, outcome: &str) -> Result<(), Error> {
        self.mark(HOOKED, outcome)
    }

    fn mark(&self, name: &str, text: &str) -> Result<(), Error> {
        replace(
            &self.directory.join(name),
            format!("{text}\n").as_bytes(),
            0o600,
            Durability::Synced,
        )
    }

    /// Does what is left to be done.
    pub(super) fn make_whole(&self) -> Result<(), Error> {
        let place = Place::of(&self.plan)?;
        for op in &self.plan.ops {
            place.make(op)?;
        }
        sync(&place.live)
    }

    /// It is whole, and what depends on that is written.
    pub(super) fn set_done(&self) -> Result<(), Error> {
        self.mark(DONE, "")?;
        // The directories in which it waited; nothing is in them.
        remove_all(&self.plan.data.join(NEW))
    }

    /// Puts back what was there.
    pub(super) fn undo(&self) -> Result<(), Error> {
        self.mark(UNDO, "")?;
        let place = Place::of(&self.plan)?;
        for op in self.plan.ops.iter().rev() {
            place.undo(op)?;
        }
        // What was put back in a directory changed its time.
        for op in self.plan.ops.iter().filter(|op| matches!(op, Op::Set { .. } | Op::Drop { .. })) {
            place.undo(op)?;
        }
        sync(&place.live)
    }

    pub(super) fn set_undone(&self) -> Result<(), Error> {
        self.mark(UNDONE, "")
    }

    /// Forgets it, and what it kept.
    pub(super) fn forget(self) -> Result<(), Error> {
        remove_all(&self.plan.data)?;
        remove_all(&self.directory)
    }
}

/// The trees that a transaction moves things between.
struct Place {
    live: Tree,
    new: Tree,
    old: Tree,
    undone: Tree,
}

impl Place {
    fn of(plan: &Plan) -> Result<Place, Error> {
        let beneath = |name: &str| {
            let path = plan.data.join(name);
            make_directory(&path)?;
            open(&path)
        };
        Ok(Place {
            live: open(&plan.root)?,
            new: beneath(NEW)?,
            old: beneath("old")?,
            undone: beneath("undone")?,
        })
    }

    fn make(&self, op: &Op) -> Result<(), Error> {
        match op {
            Op::Remove { path } => self.keep_old(path, false),
            Op::Drop { path, .. } => unless(self.live.remove_directory(path), GONE),
            Op::Make { path } => self.live.make_directory(path),
            Op::Keep { path, beside } => {
                unless(self.live.link_to(path, &self.live, beside), &[Errno::ENOENT])
            }
            Op::Put { path, had } => self.put(path, *had),
            Op::Set { path, want, .. } => self.live.set(path, want),
        }
        .map_err(|error| failed(op, error))
    }

    fn keep_old(&self, path: &[u8], stays: bool) -> nix::Result<()> {
        if self.old.mark(path)?.is_some() {
            return Ok(());
        }
        self.old.make_way(path)?;
        let kept = match stays {
            true => self.live.link_to(path, &self.old, path),
            false => self.live.move_to(path, &self.old, path),
        };
        unless(kept, &[Errno::ENOENT])
    }

    fn put(&self, path: &[u8], had: bool) -> nix::Result<()> {
        if self.new.mark(path)?.is_none() {
            return Ok(());
        }
        if had {
            self.keep_old(path, true)?;
        }
        self.new.move_to(path, &self.live, path)
    }

    fn undo(&self, op: &Op) -> Result<(), Error> {
        match op {
            Op::Remove { path } => self.restore(path),
            Op::Drop { path, had } => {
                self.live.make_directory(path).and_then(|()| self.live.set(path, had))
            }
            Op::Make { path } => unless(self.live.remove_directory(path), GONE),
            Op::Keep { beside, .. } => unless(self.live.remove(beside), &[Errno::ENOENT]),
            Op::Put { path, had: true } => self.restore(path),
            Op::Put { path, had: false } => self.set_aside(path),
            Op::Set { path, had: Some(had), .. } => unless(self.live.set(path, had), GONE),
            Op::Set { .. } => Ok(()),
        }
        .map_err(|error| failed(op, error))
    }

    fn restore(&self, path: &[u8]) -> nix::Result<()> {
        match self.old.mark(path)? {
            None => Ok(()),
            Some(old) if old.is_directory() => self.old.move_to(path, &self.live, path),
            Some(_) => {
                self.undone.make_way(path)?;
                unless(self.live.link_to(path, &self.undone, path), &[Errno::ENOENT])?;
                self.old.move_to(path, &self.live, path)
            }
        }
    }

    fn set_aside(&self, path: &[u8]) -> nix::Result<()> {
        // It never came to that, or it was done: what is there now is what was put back.
        if self.new.mark(path)?.is_some() || self.undone.mark(path)?.is_some() {
            return Ok(());
        }
        self.undone.make_way(path)?;
        unless(self.live.move_to(path, &self.undone, path), &[Errno::ENOENT])
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
    let above = path.parent().map_or(Ok(()), fs::create_dir_all);
    above
        .and_then(|()| fs::DirBuilder::new().recursive(true).mode(0o700).create(path))
        .map_err(|error| Error::failed(path.display().to_string(), reason(&error)))
}

pub(super) fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::failed(path.display().to_string(), reason(&error)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
