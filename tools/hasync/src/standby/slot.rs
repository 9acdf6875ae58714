//! A directory that is being compared.

use super::Site;
use super::directory::Directory;
use super::pending::Hold;
use crate::entry::{Entry, Kind, join};
use crate::options::DeleteWhen;
use crate::wire::Head;
use std::sync::Arc;

/// A directory under way: told by its head, and not yet compared to its end.
pub(super) struct Slot {
    pub(super) directory: Arc<Directory>,
    pub(super) head: Head,
    /// Directories in it whose heads have not come.
    pub(super) awaited: u32,
    /// It is compared to its end.
    pub(super) settled: bool,
    /// What is here and has not been passed in the list, sorted by name, where it was read.
    pub(super) have: Option<std::vec::IntoIter<Entry>>,
    /// Names here that the source does not have.
    pub(super) gone: Vec<Vec<u8>>,
    /// The last name of the list so far: names come in order, each once.
    pub(super) last_name: Vec<u8>,
    pub(super) next_index: u32,
    /// Let go as soon as it is settled: the source may wait for room before it tells more.
    pub(super) hold: Option<Arc<Hold>>,
}

impl Slot {
    /// True where it can be said now what the rules keep. What files in the directories say is
    /// asked when all that the source has, and with it those files, are in place; or, where it is
    /// deleted at once, as it was before. Where they cannot be read, that is told in the end.
    pub(super) fn rules_are_known(&self, site: &Site) -> bool {
        !site.filters.protect.has_merges()
            || site.options.delete == Some(DeleteWhen::During)
                && !self.directory.scope().is_unknown()
    }

    /// The list has come to this name: what is here before it, the source does not have. Gives what
    /// is here of it.
    pub(super) fn pass(&mut self, site: &Site, name: &[u8]) -> Option<Entry> {
        let have = self.have.as_mut()?;
        let passed = have.as_slice().partition_point(|here| &here.name[..] < name);
        let gone: Vec<_> = have.by_ref().take(passed).collect();
        let found = match have.as_slice().first() {
            Some(here) if here.name == name => have.next(),
            _ => None,
        };
        if !gone.is_empty() {
            self.doom(site, gone.into_iter());
        }
        found
    }

    /// What the source does not have is to go, but for what the rules keep.
    pub(super) fn doom(&mut self, site: &Site, entries: impl Iterator<Item = Entry>) {
        let filter = &site.filters.protect;
        let scope = (!filter.is_empty() && self.rules_are_known(site))
            .then(|| (self.directory.scope(), self.directory.path()));
        for entry in entries {
            let is_directory = entry.stamp.kind == Kind::Directory;
            let kept = scope.as_ref().is_some_and(|(scope, path)| {
                filter.excludes(scope, &join(path, &entry.name), is_directory)
            });
            if !kept {
                self.gone.push(entry.name);
            }
        }
    }
}

/// What is here in a directory, sorted by name.
pub(super) struct Here {
    /// What takes part.
    pub(super) open: Vec<Entry>,
    /// What the rules keep, and the source may have all the same.
    pub(super) kept: Vec<Entry>,
}

impl Here {
    /// What is here in a directory, as it is compared with its digest.
    pub(super) fn read(site: &Site, directory: &Directory) -> Option<Here> {
        let fd = directory.fd()?;
        let mut names = match directory.names() {
            Ok(names) => names,
            Err(error) => {
                site.failed(directory.path(), error, "cannot be listed");
                return None;
            }
        };
        names.sort_unstable();
        let filter = &site.filters.protect;
        let (path, scope) = match filter.is_empty() {
            true => (Vec::new(), site.top()),
            false => (directory.path(), directory.scope()),
        };
        let mut open = Vec::with_capacity(names.len());
        let mut kept = Vec::new();
        for name in names {
            match site.attributes.look(fd, name) {
                Ok(Some(entry)) => {
                    let is_directory = entry.stamp.kind == Kind::Directory;
                    let path = || join(&path, &entry.name);
                    match filter.is_empty() || !filter.excludes(&scope, &path(), is_directory) {
                        true => open.push(entry),
                        false => kept.push(entry),
                    }
                }
                // It went just now.
                Ok(None) => {}
                Err(error) => {
                    site.failed(directory.path(), error, "cannot be looked at");
                    return None;
                }
            }
        }
        Some(Here { open, kept })
    }

    pub(super) fn all(self) -> std::vec::IntoIter<Entry> {
        let Here { open: mut all, kept } = self;
        if !kept.is_empty() {
            all.extend(kept);
            all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        all.into_iter()
    }
}
