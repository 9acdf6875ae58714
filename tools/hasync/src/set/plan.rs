//! What a transaction does, worked out from what is known of both sides: nothing is touched here.

mod deletions;
mod held;

use super::bytes;
use super::document::{Group, OnConflict, is_within};
use super::manifest::Manifest;
use super::tree::Mark;
use crate::entry::{Kind, Moment};
use deletions::deletions;
use held::hold_back;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An entry that the primary has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    #[serde(with = "bytes")]
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// In bytes; 0 for all but files.
    pub(crate) size: u64,
    pub(crate) modified: Moment,
}

impl Listed {
    /// True where `mark` is what this is brought as; its size may be another where it is rewritten.
    pub(super) fn is(&self, mark: &Mark, rewritten: bool) -> bool {
        let sized = self.kind != Kind::File || rewritten || self.size == mark.size;
        let timed = self.kind == Kind::Symlink || self.modified == mark.modified;
        self.kind == mark.kind && sized && timed
    }
}

/// What waits to be put in place.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) mark: Mark,
    /// Of a file: the digest of what will be in place.
    pub(super) digest: Option<String>,
    /// Of one that was rewritten: the digest of what the primary has.
    pub(super) source: Option<String>,
}

/// One thing to be done; it can be done again, and undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Op {
    /// Takes away, with all that is in it, and keeps it.
    Remove {
        #[serde(with = "bytes")]
        path: Vec<u8>,
    },
    /// Takes an empty directory away.
    Drop {
        #[serde(with = "bytes")]
        path: Vec<u8>,
        had: Mark,
    },
    /// Makes a directory.
    Make {
        #[serde(with = "bytes")]
        path: Vec<u8>,
    },
    /// Gives what is there a second name beside it.
    Keep {
        #[serde(with = "bytes")]
        path: Vec<u8>,
        #[serde(with = "bytes")]
        beside: Vec<u8>,
    },
    /// Puts what waits in place; something may be there.
    Put {
        #[serde(with = "bytes")]
        path: Vec<u8>,
        had: bool,
    },
    /// Sets what belongs to a directory.
    Set {
        #[serde(with = "bytes")]
        path: Vec<u8>,
        want: Mark,
        had: Option<Mark>,
    },
}

impl Op {
    /// True where it sets nothing but the time of a directory that is there.
    pub(super) fn is_time(&self) -> bool {
        matches!(self, Op::Set { want, had: Some(had), .. } if had.same_attributes(want))
    }

    /// True where it only keeps something, or a directory's time, as it is.
    pub(super) fn is_silent(&self) -> bool {
        match self {
            Op::Keep { .. } => true,
            Op::Set { had: Some(_), .. } => self.is_time(),
            // It is told of what is made.
            Op::Set { had: None, .. } => true,
            _ => false,
        }
    }

    /// What it changes.
    pub(super) fn path(&self) -> &[u8] {
        match self {
            Op::Remove { path }
            | Op::Drop { path, .. }
            | Op::Make { path }
            | Op::Keep { path, .. }
            | Op::Put { path, .. }
            | Op::Set { path, .. } => path,
        }
    }
}

/// A file that was changed on the standby, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) path: Vec<u8>,
    pub(super) what: &'static str,
}

/// Why only deletions are held back, and all else beneath a path is done.
const DELETIONS: &str = "deletions";

/// What is left as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) path: Vec<u8>,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) ops: Vec<Op>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) held: Vec<Held>,
    /// The paths at and beneath which nothing is done.
    left: BTreeSet<Vec<u8>>,
    /// Paths that are missing and never were there.
    pub(super) skipped: Vec<Vec<u8>>,
}

impl Plan {
    /// True for a path of which nothing is done.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        is_beneath(path, &self.left)
    }

    fn hold(&mut self, path: &[u8], reason: &'static str, message: String) {
        let path = path.to_vec();
        if reason != DELETIONS {
            self.left.insert(path.clone());
        }
        self.held.push(Held { path, reason, message });
    }
}

/// What is known of both sides.
pub(super) struct Facts<'a> {
    pub(super) group: &'a Group,
    /// How a file is named that is kept beside the primary's.
    pub(super) suffix: &'a str,
    pub(super) listed: &'a BTreeMap<Vec<u8>, Listed>,
    /// False where the primary could not read all.
    pub(super) complete: bool,
    /// What looks like a loss on the primary is meant.
    pub(super) accept_loss: bool,
    pub(super) staged: &'a BTreeMap<Vec<u8>, Staged>,
    /// What the standby has of what waits, of what is known, and of what may be deleted.
    pub(super) live: &'a BTreeMap<Vec<u8>, Mark>,
    /// Those beneath the group's paths that its rules do not leave out, where it deletes.
    pub(super) deletable: &'a BTreeSet<Vec<u8>>,
    /// The directories among them that hold something which its rules leave out.
    pub(super) foreign: &'a BTreeSet<Vec<u8>>,
    /// What was brought last; `None` before the first time.
    pub(super) manifest: Option<&'a Manifest>,
}

/// Works it out. `digest` reads a file of the standby.
///
/// # Errors
/// What `digest` says.
pub(super) fn plan<E>(
    facts: &Facts<'_>,
    mut digest: impl FnMut(&[u8]) -> Result<String, E>,
) -> Result<Plan, E> {
    let mut plan = Plan::default();
    for top in facts.tops() {
        if !facts.listed.contains_key(top) && !facts.has_known(top) {
            plan.skipped.push(top.to_vec());
        }
    }
    if !facts.accept_loss {
        hold_back(facts, &mut plan);
    }
    let mut removed = BTreeSet::new();
    let mut kept = Vec::new();
    let (mut made, mut put, mut set) = (Vec::new(), Vec::new(), Vec::new());
    // Directories that are there: what is done in one changes its time.
    let mut there = Vec::new();
    for (path, staged) in facts.staged {
        let own = facts.group_holds(path);
        // What came after the list was made is brought next time.
        if plan.holds(path) || own && !facts.listed.contains_key(path) {
            continue;
        }
        let live = facts.live.get(path);
        if staged.mark.is_directory() {
            match live {
                Some(live) if live.is_directory() => {
                    if own {
                        there.push((path, staged, live));
                    }
                    continue;
                }
                Some(_) if !own => {
                    // It leads to the group's paths, and is another's: a link, as it may be.
                    let message = "is no directory on the standby, and leads to the group's paths";
                    plan.hold(path, "in_the_way", message.to_owned());
                    continue;
                }
                Some(live) => {
                    if facts.judge(path, live, None, &mut plan, &mut digest)? {
                        kept.extend(facts.kept_beside(path));
                    }
                    removed.insert(path.clone());
                }
                None => {}
            }
            made.push(Op::Make { path: path.clone() });
            set.push((path, staged, None));
            continue;
        }
        if !own {
            // A link or file that leads to a path of the group: it is not the group's.
            continue;
        }
        match live {
            None => put.push(Op::Put { path: path.clone(), had: false }),
            Some(_) if live.is_some_and(Mark::is_directory) => {
                if let Some(other) = facts.strange_beneath(path, &mut digest)?
                    && !facts.accept_loss
                {
                    let other = String::from_utf8_lossy(&other).into_owned();
                    let message = format!(
                        "is a directory on the standby, with /{other}, which is not the primary's"
                    );
                    plan.hold(path, "in_the_way", message);
                    continue;
                }
                removed.insert(path.clone());
                put.push(Op::Put { path: path.clone(), had: false });
            }
            Some(live) => {
                let same = live.same_attributes(&staged.mark)
                    && live.size == staged.mark.size
                    && match &staged.digest {
                        Some(new) => digest(path)? == *new,
                        None => true,
                    };
                // Of what is beside the content, only who brought it knows.
                let beside = (facts.group.acls || facts.group.xattrs) && staged.source.is_none();
                if same && live.looks_like(&staged.mark) && !beside {
                    continue;
                }
                // With the same content only its time is another.
                let conflict = !same
                    && facts.judge(path, live, staged.digest.as_deref(), &mut plan, &mut digest)?;
                if conflict {
                    kept.extend(facts.kept_beside(path));
                }
                put.push(Op::Put { path: path.clone(), had: true });
            }
        }
    }
    let dropped = deletions(facts, &mut plan, &removed, &mut digest)?;
    let touched: BTreeSet<&[u8]> = [&made, &put, &dropped]
        .into_iter()
        .flatten()
        .map(Op::path)
        .chain(removed.iter().map(Vec::as_slice))
        .map(above)
        .collect();
    for (path, staged, live) in there {
        let same = live.same_attributes(&staged.mark) && live.modified == staged.mark.modified;
        if !same || touched.contains(&path[..]) {
            set.push((path, staged, Some(live.clone())));
        }
    }
    set.sort_by_key(|(path, _, _)| *path);
    plan.ops.extend(kept);
    for path in removed {
        plan.ops.push(Op::Remove { path });
    }
    plan.ops.extend(dropped);
    plan.ops.extend(made);
    plan.ops.extend(put);
    // What is in a directory is done before its time is set.
    for (path, staged, had) in set.into_iter().rev() {
        plan.ops.push(Op::Set { path: path.clone(), want: staged.mark.clone(), had });
    }
    Ok(plan)
}

impl Facts<'_> {
    fn group_holds(&self, path: &[u8]) -> bool {
        self.group.holds(&[b"/", path].concat())
    }

    /// The group's paths, as the trees have them.
    fn tops(&self) -> impl Iterator<Item = &[u8]> {
        self.group.paths.iter().map(|top| &top.as_bytes()[1..])
    }

    /// True where something at or beneath a path was brought before.
    fn has_known(&self, top: &[u8]) -> bool {
        self.manifest.is_some_and(|manifest| manifest.has_beneath(top))
    }

    /// With `keep_both`: what stands there is kept beside what takes its place.
    fn kept_beside(&self, path: &[u8]) -> Option<Op> {
        let beside = [path, self.suffix.as_bytes()].concat();
        let keeps = self.group.on_conflict == OnConflict::KeepBoth;
        keeps.then(|| Op::Keep { path: path.to_vec(), beside })
    }

    /// The first thing in a directory that was never brought, or was changed since.
    fn strange_beneath<E>(
        &self,
        path: &[u8],
        digest: &mut impl FnMut(&[u8]) -> Result<String, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        for (inner, live) in beneath(self.live, path).filter(|(inner, _)| *inner != path) {
            let known = self.manifest.and_then(|manifest| manifest.get(inner));
            match known {
                Some(known) if !known.is_changed(live, || digest(inner))? => {}
                _ => return Ok(Some(inner.clone())),
            }
        }
        Ok(None)
    }

    /// True where what stands there was changed since it was brought; then the plan says so.
    fn judge<E>(
        &self,
        path: &[u8],
        live: &Mark,
        new: Option<&str>,
        plan: &mut Plan,
        digest: &mut impl FnMut(&[u8]) -> Result<String, E>,
    ) -> Result<bool, E> {
        let Some(manifest) = self.manifest else { return Ok(false) };
        // What is there when a path is brought for the first time gives way to it.
        if !self.tops().any(|top| is_within(path, top) && manifest.has_beneath(top)) {
            return Ok(false);
        }
        let what = match manifest.get(path) {
            None => "created_on_both",
            Some(known) if known.mark == *live => return Ok(false),
            Some(known) if known.mark.kind != live.kind => "kind_changed",
            Some(_) if live.is_directory() => return Ok(false),
            Some(known) => {
                let same = !known.is_changed(live, || digest(path))?;
                match (same, new) {
                    (true, _) => return Ok(false),
                    (false, Some(_)) => "changed_on_standby",
                    (false, None) if self.listed.contains_key(path) => "changed_on_standby",
                    (false, None) => "deleted_on_primary_changed_on_standby",
                }
            }
        };
        plan.conflicts.push(Conflict { path: path.to_vec(), what });
        Ok(true)
    }
}

/// True where a path is one of these, or beneath one.
fn is_beneath(mut path: &[u8], tops: &BTreeSet<Vec<u8>>) -> bool {
    while !path.is_empty() && !tops.contains(path) {
        path = above(path);
    }
    !path.is_empty()
}

/// The directory that a path is in.
pub(super) fn above(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]
}

/// What is at and beneath a path.
pub(super) fn beneath<'a, T>(
    map: &'a BTreeMap<Vec<u8>, T>,
    top: &'a [u8],
) -> impl Iterator<Item = (&'a Vec<u8>, &'a T)> {
    let from = map.range(top.to_vec()..).take_while(move |(path, _)| path.starts_with(top));
    from.filter(move |(path, _)| is_within(path, top))
}
