//! What both ends have to know of what was asked: it travels in the job frame.

use serde::{Deserialize, Serialize};

/// The options that change what is done; the letters are rsync's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    pub(crate) recursive: bool,
    pub(crate) links: bool,
    pub(crate) copy_links: bool,
    pub(crate) perms: bool,
    pub(crate) times: bool,
    pub(crate) group: bool,
    pub(crate) owner: bool,
    pub(crate) devices: bool,
    pub(crate) compress: bool,
    pub(crate) checksum: bool,
    pub(crate) dry_run: bool,
    pub(crate) itemize: bool,
    pub(crate) whole_file: bool,
    pub(crate) one_file_system: bool,
    pub(crate) delete: bool,
    /// The paths that take part are named one by one.
    pub(crate) listed: bool,
    pub(crate) numeric_ids: bool,
    pub(crate) progress: bool,
    /// Bytes a second; 0 for no limit.
    pub(crate) bandwidth_limit: u64,
    /// How long to wait for another run's lock, in seconds.
    pub(crate) lock_wait_seconds: u64,
    /// How long the far side may be silent, in seconds.
    pub(crate) timeout_seconds: u64,
    pub(crate) rules: Vec<Rule>,
}

/// An include or exclude rule, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) include: bool,
    pub(crate) pattern: Vec<u8>,
}
