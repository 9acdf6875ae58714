//! Which symbolic links stay within what is transferred, told by their words alone.

use crate::entry::{Kind, Stamp};
use crate::options::Options;
use nix::errno::Errno;
use nix::sys::stat::FileStat;

/// True when the link at `path` (relative to the root of the transfer) may lead out of it: its target
/// is absolute or empty, climbs above the root, or climbs after it went down, where another link
/// decides what is above.
pub(crate) fn leads_out(path: &[u8], target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") {
        return true;
    }
    let parts = |path| <[u8]>::split(path, |&byte| byte == b'/').filter(|part| !part.is_empty());
    let above = parts(path).filter(|part| *part != b".").count().saturating_sub(1);
    let mut climbed = 0;
    let mut went_down = false;
    for part in parts(target) {
        match part {
            b".." if went_down => return true,
            b".." => climbed += 1,
            // What stands here may be taken for a way down that is none.
            _ => went_down = true,
        }
    }
    climbed > above
}

/// True when the options ask for what a link points to in its place. `path` is the link's own,
/// relative to the root of the transfer; `look` looks at what it leads to.
pub(crate) fn is_followed(
    path: impl FnOnce() -> Vec<u8>,
    target: &[u8],
    look: impl FnOnce() -> nix::Result<FileStat>,
    options: &Options,
) -> bool {
    let may_be_directory = || match look() {
        Ok(stat) => Stamp::of(&stat).kind == Kind::Directory,
        // It leads to where nobody may look: that is told, not passed over.
        Err(error) => error == Errno::EXDEV,
    };
    options.copy_links
        || options.copy_unsafe_links && leads_out(&path(), target)
        || options.copy_dirlinks && may_be_directory()
}

#[cfg(test)]
mod tests {
    use super::leads_out;

    #[test]
    fn a_link_within_the_transfer_does_not_lead_out() {
        for (path, target) in
            [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b"), ("d/a", "x/y"), ("d/a", "..")]
        {
            assert!(!leads_out(path.as_bytes(), target.as_bytes()), "{path} -> {target}");
        }
    }

    #[test]
    fn a_link_that_climbs_too_far_or_by_detours_leads_out() {
        for (path, target) in [
            ("a", "/etc"),
            ("a", ""),
            ("a", ".."),
            ("a", "../b"),
            ("d/a", "../../b"),
            ("d/a", "..//..//b"),
            ("d/a", "x/../b"),
            ("d/a", "x/.."),
            ("d/e/a", "../x/../../b"),
        ] {
            assert!(leads_out(path.as_bytes(), target.as_bytes()), "{path} -> {target}");
        }
    }
}
