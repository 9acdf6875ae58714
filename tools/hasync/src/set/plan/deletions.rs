//! What goes because the primary does not have it any more.

use super::{DELETIONS, Facts, Op, Plan, above, is_beneath, is_within};
use crate::set::document::Delete;
use std::collections::BTreeSet;

/// What the primary does not have any more, the deepest first.
pub(super) fn deletions<E>(
    facts: &Facts<'_>,
    plan: &mut Plan,
    removed: &BTreeSet<Vec<u8>>,
    digest: &mut impl FnMut(&[u8]) -> Result<String, E>,
) -> Result<Vec<Op>, E> {
    if facts.group.delete == Delete::Never || !facts.complete {
        return Ok(Vec::new());
    }
    let mark = format!(".conflict-{}-", facts.group.name);
    let is_conflict =
        |path: &[u8]| path.windows(mark.len()).any(|window| window == mark.as_bytes());
    let goes = |path: &&Vec<u8>| {
        !facts.listed.contains_key(*path)
            && !facts.staged.contains_key(*path)
            && !plan.holds(path)
            && !is_conflict(path)
            && !is_beneath(path, removed)
            // A path that is missing and never was there says nothing.
            && !plan.skipped.iter().any(|top| is_within(path, top))
    };
    let paths: Vec<&Vec<u8>> = facts.deletable.iter().rev().filter(goes).collect();
    // A directory stays with what stays in it.
    let mut stay: BTreeSet<&[u8]> = BTreeSet::new();
    let others = facts.deletable.iter().filter(|path| !goes(path)).map(|path| above(path));
    for path in others.chain(facts.foreign.iter().map(Vec::as_slice)) {
        stays(&mut stay, path);
    }
    let goes = |path: &&&Vec<u8>| !stay.contains(&path[..]);
    let paths: Vec<&Vec<u8>> = paths.iter().filter(goes).copied().collect();
    let limit = facts.group.max_delete;
    let (count, of) = (paths.len() as u64, facts.deletable.len() as u64);
    let too_many = count > limit.count || count * 100 > of * u64::from(limit.percent);
    if too_many && !facts.accept_loss {
        let message =
            format!("{count} of {of} entries would be deleted, more than max_delete lets");
        for top in facts.tops() {
            if paths.iter().any(|path| is_within(path, top)) {
                plan.hold(top, DELETIONS, message.clone());
            }
        }
        return Ok(Vec::new());
    }
    let mut ops = Vec::new();
    for path in paths {
        let Some(live) = facts.live.get(path) else { continue };
        if live.is_directory() {
            if !stay.contains(&path[..]) {
                ops.push(Op::Drop { path: path.clone(), had: live.clone() });
            }
            continue;
        }
        // What was never brought is no conflict: the group says that it is to go.
        let known = facts.manifest.is_some_and(|manifest| manifest.get(path).is_some());
        let conflict = known && facts.judge(path, live, None, plan, digest)?;
        if let Some(keep) = facts.kept_beside(path).filter(|_| conflict) {
            ops.push(keep);
            stays(&mut stay, above(path));
        }
        ops.push(Op::Remove { path: path.clone() });
    }
    Ok(ops)
}

/// A directory stays, and so do those that it is in.
fn stays<'a>(stay: &mut BTreeSet<&'a [u8]>, mut path: &'a [u8]) {
    while !path.is_empty() && stay.insert(path) {
        path = above(path);
    }
}
