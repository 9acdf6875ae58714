//! What of the primary looks like a loss, and is not brought.

use super::{Facts, Plan, beneath};
use crate::entry::Kind;
use crate::set::manifest::Known;

/// Fewer entries, or bytes, are not judged by how many are gone.
const FEW_ENTRIES: u64 = 10;
const FEW_BYTES: u64 = 4096;

/// What of the primary looks like a fault there is left as it is here.
pub(super) fn hold_back(facts: &Facts<'_>, plan: &mut Plan) {
    for top in facts.tops() {
        let (mut entries, mut bytes) = (0u64, 0u64);
        for (_, listed) in beneath(facts.listed, top) {
            entries += 1;
            bytes += listed.size;
        }
        let (old_entries, old_bytes) =
            facts.manifest.map_or((0, 0), |manifest| manifest.amount(top));
        let mut hold = |reason, message| plan.hold(top, reason, message);
        let is_directory =
            facts.listed.get(top).is_some_and(|listed| listed.kind == Kind::Directory);
        if entries == 0 {
            if old_entries > 0 {
                hold("missing", "is not on the primary any more".to_owned());
            }
        } else if is_directory && entries == 1 && old_entries > 1 {
            hold("empty", format!("is empty on the primary, and had {} entries", old_entries - 1));
        } else {
            let limit = u64::from(facts.group.max_shrink_percent);
            let shrank =
                |old: u64, new: u64| old.saturating_sub(new) * 100 > old.saturating_mul(limit);
            if old_entries >= FEW_ENTRIES && shrank(old_entries, entries) {
                hold(
                    "shrank",
                    format!("has {entries} entries on the primary, and had {old_entries}"),
                );
            } else if bytes > 0 && old_bytes >= FEW_BYTES && shrank(old_bytes, bytes) {
                hold("shrank", format!("has {bytes} bytes on the primary, and had {old_bytes}"));
            }
        }
    }
    let Some(manifest) = facts.manifest else { return };
    for (path, listed) in facts.listed {
        let was = manifest.get(path).filter(|known| known.mark.kind == Kind::File);
        // What waits may have been cut since it was listed.
        let size = facts.staged.get(path).map_or(listed.size, |staged| staged.mark.size);
        let emptied = listed.kind == Kind::File
            && size.min(listed.size) == 0
            && was.is_some_and(|known| known.size() > 0);
        let allowed =
            || facts.group.allow_empty.iter().any(|file| file.as_bytes().get(1..) == Some(path));
        if emptied && !plan.holds(path) && !allowed() {
            let size = was.map_or(0, Known::size);
            let message = format!("is empty on the primary, and had {size} bytes");
            plan.hold(path, "empty", message);
        }
    }
}
