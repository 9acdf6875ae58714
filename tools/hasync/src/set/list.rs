//! What a tree has of a group: what the walk of a run would bring to an empty place.

use super::document::{Group, Links};
use super::plan::Listed;
use super::talk::worked;
use crate::client;
use crate::entry::Moment;
use crate::events::hearing;
use crate::filter::Filters;
use crate::options::{Basis, DeleteWhen, Options, Rule};
use crate::source::{Roots, Source};
use crate::wire::Event;
use ha_json::Error;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory beneath a mount point that holds what waits and what was; it takes no part.
pub(super) const STORE: &str = ".hasync";

/// How a group's files are brought.
pub(super) fn options(group: &Group) -> Options {
    let rule = |pattern: &str| Rule { pattern: pattern.as_bytes().to_vec(), ..Rule::default() };
    let store = format!("{STORE}/");
    let patterns = [store.as_str()].into_iter().chain(group.exclude.iter().map(String::as_str));
    Options {
        recursive: true,
        links: true,
        copy_links: group.links == Links::Follow,
        safe_links: group.links == Links::Safe,
        perms: true,
        times: true,
        group: true,
        owner: true,
        acls: group.acls,
        xattrs: group.xattrs,
        devices: true,
        specials: true,
        relative: true,
        implied_dirs: true,
        itemize: true,
        modify_window: Some(-1),
        timeout_seconds: 60,
        lock_wait_seconds: 60,
        rules: patterns.map(rule).collect(),
        ..Options::default()
    }
}

/// How they are brought to where they wait: only what differs from what the standby has.
pub(super) fn staging(group: &Group, content: bool, live: Option<&Path>) -> Options {
    Options {
        checksum: content,
        compress: group.compress,
        // What waits from a run that was cut is brought up to date.
        delete: Some(DeleteWhen::After),
        force: true,
        basis: live.map(|live| Basis::Compare(vec![live.as_os_str().as_bytes().to_vec()])),
        ..options(group)
    }
}

/// What a walk found, and what it could not read.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) entries: BTreeMap<Vec<u8>, Listed>,
    pub(super) trouble: Vec<Trouble>,
}

/// What of the primary could not be brought.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trouble {
    pub(super) path: Vec<u8>,
    /// As in the records of any run.
    pub(super) reason: String,
    pub(super) message: String,
}

impl Trouble {
    /// It is gone, as it may: the next run sees that.
    pub(super) fn is_gone(&self) -> bool {
        self.reason == "vanished"
    }
}

/// Those of a group's paths that are there, as sources: what is behind `/./` is what the other end sees;
/// and those that are not.
pub(super) fn sources<'a>(
    root: &str,
    paths: impl Iterator<Item = &'a str>,
) -> (Vec<OsString>, Vec<&'a str>) {
    let is_there = |path: &&str| fs::symlink_metadata(beneath(Path::new(root), path)).is_ok();
    let (there, missing): (Vec<_>, Vec<_>) = paths.partition(is_there);
    let root = root.trim_end_matches('/');
    let there = there.into_iter().map(|path| OsString::from(format!("{root}/.{path}"))).collect();
    (there, missing)
}

/// A path of a group in a tree.
pub(super) fn beneath(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// What `root` has of a group, beneath the names that the group has for it. `empty` is an empty
/// directory, and stays so.
///
/// # Errors
/// When rules cannot be read or the walk itself fails.
pub(super) fn list(root: &str, group: &Group, empty: &Path) -> Result<List, Error> {
    let (paths, _) = sources(root, group.paths.iter().map(String::as_str));
    let mut list = List::default();
    if paths.is_empty() {
        return Ok(list);
    }
    let options = Options { dry_run: true, ..options(group) };
    let filters = Arc::new(Filters::new(&options)?);
    let roots = Roots::open(&paths, None, &options, None)?;
    let source = Source::new(roots, filters, options, crate::limits::directories());
    let empty = empty.as_os_str().to_owned();
    let outcome = hearing(
        move |events| client::local(source, empty, events),
        |event| match event {
            Event::Change(change) => {
                worked();
                let path = change.path;
                let (kind, size) = (change.kind, change.size);
                let modified = change.details.map_or_else(Moment::default, |d| d.stamp.mtime);
                if group.holds(&[b"/", &path[..]].concat()) {
                    list.entries.insert(path.clone(), Listed { path, kind, size, modified });
                }
            }
            Event::Failed { path, reason, message } => {
                list.trouble.push(Trouble { path, reason, message });
            }
            Event::Skipped { .. } | Event::Progress { .. } => {}
        },
    )?;
    if let Some(error) = outcome.error {
        return Err(error);
    }
    Ok(list)
}
