//! How many descriptors may be open: as many as the system lets us.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit on open files as far as it goes, and tells how many directories of the source
/// may be held open at once.
pub(crate) fn directories() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 64 };
    let wanted = hard.min(16_384);
    let now = match soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() {
        true => wanted,
        false => soft,
    };
    // The standby's end of a local run has as many, and both walk.
    usize::try_from(now.saturating_sub(200) / 8).unwrap_or(64).clamp(16, 512)
}
