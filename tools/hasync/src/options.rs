//! What both ends have to know of what was asked: it travels in the job frame.

use crate::entry::Kind;
use crate::mode::Changes;
use serde::{Deserialize, Serialize};

/// The options that change what is done; the letters are rsync's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    pub(crate) recursive: bool,
    /// Directories without what is in them.
    pub(crate) dirs: bool,
    pub(crate) links: bool,
    pub(crate) copy_links: bool,
    pub(crate) copy_unsafe_links: bool,
    pub(crate) safe_links: bool,
    pub(crate) copy_dirlinks: bool,
    pub(crate) hard_links: bool,
    pub(crate) perms: bool,
    pub(crate) executability: bool,
    pub(crate) chmod: Changes,
    pub(crate) acls: bool,
    pub(crate) xattrs: bool,
    pub(crate) times: bool,
    pub(crate) atimes: bool,
    pub(crate) omit_dir_times: bool,
    pub(crate) omit_link_times: bool,
    pub(crate) group: bool,
    pub(crate) owner: bool,
    /// `FROM:TO,...`; a `--chown` is in it.
    pub(crate) usermap: Option<String>,
    pub(crate) groupmap: Option<String>,
    pub(crate) numeric_ids: bool,
    pub(crate) devices: bool,
    pub(crate) specials: bool,
    pub(crate) sparse: bool,
    pub(crate) compress: bool,
    pub(crate) checksum: bool,
    /// Nothing is brought: both ends digest all content, at once.
    pub(crate) verify: bool,
    pub(crate) size_only: bool,
    pub(crate) ignore_times: bool,
    /// In seconds; negative compares nanoseconds, which is the default.
    pub(crate) modify_window: Option<i64>,
    pub(crate) update: bool,
    pub(crate) existing: bool,
    pub(crate) ignore_existing: bool,
    /// In bytes.
    pub(crate) max_size: Option<u64>,
    /// In bytes.
    pub(crate) min_size: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) itemize: bool,
    pub(crate) whole_file: bool,
    pub(crate) inplace: bool,
    pub(crate) append_verify: bool,
    pub(crate) partial: bool,
    pub(crate) partial_dir: Option<Vec<u8>>,
    /// Nothing is put in place before all is there; it waits in `partial_dir`.
    pub(crate) delay_updates: bool,
    pub(crate) temp_dir: Option<Vec<u8>>,
    pub(crate) backup: bool,
    pub(crate) backup_dir: Option<Vec<u8>>,
    pub(crate) suffix: Option<Vec<u8>>,
    pub(crate) basis: Option<Basis>,
    pub(crate) remove_source_files: bool,
    pub(crate) relative: bool,
    pub(crate) implied_dirs: bool,
    pub(crate) mkpath: bool,
    pub(crate) one_file_system: bool,
    pub(crate) delete: Option<DeleteWhen>,
    pub(crate) delete_excluded: bool,
    pub(crate) ignore_errors: bool,
    /// Negative, as with rsync, is the same as 0.
    pub(crate) max_delete: Option<i64>,
    pub(crate) force: bool,
    pub(crate) prune_empty_dirs: bool,
    /// The paths that take part are named one by one.
    pub(crate) listed: bool,
    pub(crate) progress: bool,
    /// Bytes a second; 0 for no limit.
    pub(crate) bandwidth_limit: u64,
    pub(crate) stop_after_seconds: Option<u64>,
    /// How long to wait for another run's lock, in seconds.
    pub(crate) lock_wait_seconds: u64,
    /// How long the far side may be silent, in seconds.
    pub(crate) timeout_seconds: u64,
    pub(crate) rules: Vec<Rule>,
}

impl Options {
    /// True where directories that lead to what was named are no part of what is brought.
    pub(crate) fn leaves_implied(&self) -> bool {
        self.names_paths() && !self.implied_dirs
    }

    /// True where paths are named, and a directory that the rules leave out may lead to one of them.
    pub(crate) fn names_paths(&self) -> bool {
        self.relative || self.listed
    }

    /// True where a symbolic link of the source may be followed.
    pub(crate) fn follows_links(&self) -> bool {
        self.copy_links || self.copy_unsafe_links || self.copy_dirlinks
    }

    /// True for the kinds of which more takes part than the name.
    pub(crate) fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::File | Kind::Directory => true,
            Kind::Symlink => self.links,
            Kind::CharacterDevice | Kind::BlockDevice => self.devices,
            Kind::Fifo | Kind::Socket => self.specials,
        }
    }
}

/// A filter rule, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rule {
    /// What matches takes part; else it is left out.
    pub(crate) include: bool,
    /// What it matches, or the name of the files that `merge` reads.
    pub(crate) pattern: Vec<u8>,
    pub(crate) modifiers: Modifiers,
    /// It stands for the rules in a file of each directory.
    pub(crate) merge: Option<Merge>,
}

/// What a rule's letters say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Modifiers {
    /// It says what is sent. Where neither side is named, a rule is for both.
    pub(crate) source: bool,
    /// It says what may be deleted.
    pub(crate) standby: bool,
    /// It is for what does not match.
    pub(crate) negated: bool,
    /// Its pattern is for the path from the root of the file system.
    pub(crate) absolute: bool,
    /// It keeps nothing in a directory that is deleted.
    pub(crate) perishable: bool,
}

/// How the files of a per-directory rule are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Merge {
    /// They hold patterns without prefixes, all of the rule's own kind.
    pub(crate) plain: bool,
    /// Blanks part the patterns, not the ends of lines.
    pub(crate) words: bool,
    /// `!` forgets the rules so far, even where there are no prefixes.
    pub(crate) clears: bool,
    /// What they say is not for the directories beneath.
    pub(crate) alone: bool,
    /// Null bytes part them.
    pub(crate) null: bool,
}

/// When what the source does not have is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeleteWhen {
    Before,
    During,
    Delay,
    After,
}

/// Directories beside the destination that may hold what is to be brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// What stands there is left out.
    Compare(Vec<Vec<u8>>),
    /// What stands there is copied.
    Copy(Vec<Vec<u8>>),
    /// What stands there is linked.
    Link(Vec<Vec<u8>>),
}
