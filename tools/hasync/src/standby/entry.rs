//! What becomes of one entry of a list.

use super::choice;
use super::compare::Compare;
use super::create;
use super::delete;
use super::links;
use super::slot::Slot;
use crate::entry::{Entry, Kind, Stamp};
use crate::fs;
use crate::leftover;
use crate::symlink;
use crate::wire::damaged;
use ha_json::Error;
use nix::errno::Errno;
use std::sync::atomic::Ordering;

impl Compare<'_> {
    /// Refuses what was not asked for: the source is not the one to say what may come.
    pub(super) fn check(&self, slot: &Slot, entry: &Entry) -> Result<(), Error> {
        let options = &self.site.options;
        let wanted = match entry.stamp.kind {
            Kind::Directory => {
                (options.recursive || options.dirs || options.listed || options.relative)
                    && self.rename.is_none()
            }
            Kind::Symlink => !options.copy_links,
            // What the options do not take holds its name and no more.
            _ => true,
        };
        if !self.site.attributes.keeps_all_of(entry) {
            return Err(damaged("attributes that were not asked for"));
        }
        let first = entry.extra.as_ref().and_then(|extra| extra.first.as_ref());
        if first.is_some_and(|first| {
            entry.stamp.kind == Kind::Directory || links::is_left_out(self.site, first)
        }) {
            return Err(damaged("a link to what was not asked for"));
        }
        if !wanted || leftover::is_temporary(&entry.name) {
            return Err(damaged("an entry that was not asked for"));
        }
        let filter = &self.site.filters.hide;
        if !filter.is_empty() {
            let path = slot.directory.path_of(&entry.name);
            let is_directory = entry.stamp.kind == Kind::Directory;
            if !(is_directory && options.names_paths()) && filter.forbids(&path, is_directory) {
                return Err(damaged("an entry that is excluded"));
            }
        }
        Ok(())
    }

    pub(super) fn entry(&mut self, slot: &mut Slot, index: u32, mut entry: Entry) {
        if let Some(name) = self.rename.as_ref().filter(|_| slot.head.id == 0) {
            entry.name = name.clone();
        }
        let told = entry.stamp;
        self.site.attributes.settle_in(&mut entry);
        let have = match (&slot.have, slot.directory.fd()) {
            (Some(_), _) if self.rename.is_none() => Ok(slot.pass(self.site, &entry.name)),
            (_, Some(fd)) if !slot.directory.is_new.load(Ordering::Relaxed) => {
                self.site.attributes.look(fd, entry.name.clone())
            }
            _ => Ok(None),
        };
        let have = match have {
            Ok(have) => have,
            Err(error) => {
                let path = slot.directory.path_of(&entry.name);
                return self.site.failed(path, error, "cannot be looked at");
            }
        };
        if choice::is_left(&self.site.options, &entry, have.as_ref()) {
            let is_directory = |stamp: &Stamp| stamp.kind == Kind::Directory;
            if is_directory(&entry.stamp) && !have.is_some_and(|have| is_directory(&have.stamp)) {
                slot.directory.leave(entry.name.clone());
            }
            self.pass(slot, &entry);
            self.site.ledger.unchanged(1);
            self.site.ledger.done(1, entry.stamp.size);
            return;
        }
        let options = &self.site.options;
        let path = || slot.directory.path_of(&entry.name);
        let is_link = entry.stamp.kind == Kind::Symlink && options.links;
        if is_link && options.safe_links && symlink::leads_out(&path(), &entry.target) {
            let target = String::from_utf8_lossy(&entry.target);
            self.site.ledger.skipped(path(), format!("leads out of the tree: {target}"));
            self.pass(slot, &entry);
            return;
        }
        if self.site.options.takes(entry.stamp.kind)
            && let Some(first) = entry.extra.as_mut().and_then(|extra| extra.first.take())
            && let Some(first) = self.passed.first(first, path)
        {
            return self.further_name(slot, entry, first, have);
        }
        if entry.stamp.kind != Kind::Directory
            && options.takes(entry.stamp.kind)
            && have.as_ref().is_some_and(|have| self.bars(slot, have))
        {
            self.site.failed(path(), Errno::ENOTEMPTY, "cannot be put in place");
            self.site.ledger.done(1, entry.stamp.size);
            self.pass(slot, &entry);
            return;
        }
        match entry.stamp.kind {
            kind if !options.takes(kind) => {}
            Kind::File => self.file(slot, index, entry, told, have),
            Kind::Directory => create::directory(self.site, &slot.directory, entry, have),
            _ => create::other(self.site, &slot.directory, entry, have),
        }
    }

    /// True for a directory that holds something and does not give way: what is not to be put in place
    /// need not be brought.
    fn bars(&self, slot: &Slot, have: &Entry) -> bool {
        let options = &self.site.options;
        let gives_way = options.delete.is_some() || options.force || options.verify;
        if have.stamp.kind != Kind::Directory || gives_way {
            return false;
        }
        let Some(fd) = slot.directory.fd() else { return false };
        let names = fs::open_directory(fd, &have.name).and_then(|directory| fs::names(&directory));
        names.is_ok_and(|names| !names.is_empty())
    }

    /// Leaves an entry as it is here: no further name of it is to be made a link to that.
    fn pass(&mut self, slot: &Slot, entry: &Entry) {
        let is_first = entry.extra.as_ref().is_none_or(|extra| extra.first.is_none());
        if self.site.options.hard_links && is_first && entry.stamp.kind != Kind::Directory {
            self.passed.add(&slot.directory.path_of(&entry.name));
        }
    }

    /// A further name of a file is made when that is in place. Where it is one already, and the file
    /// is sure to stay, there is nothing to do.
    fn further_name(&self, slot: &Slot, entry: Entry, first: Vec<u8>, have: Option<Entry>) {
        self.site.ledger.done(1, entry.stamp.size);
        let inode = have.as_ref().and_then(|have| have.extra.as_ref()?.inode);
        let linked = || self.root.fd().and_then(|root| links::inode_of(root, &first).ok());
        let options = &self.site.options;
        // Its first name may be brought all the same: then this one is another file than that.
        let stays = |have: &Entry| {
            self.site.attributes.differences(&entry, have).is_empty()
                && choice::is_same(options, &entry.stamp, &have.stamp)
                && !options.checksum
                && self.site.bases.get().is_none()
        };
        // That a source may go is told when its first name is in place.
        let goes = options.remove_source_files;
        if !goes && inode.is_some() && have.as_ref().is_some_and(stays) && linked() == inode {
            return self.site.ledger.unchanged(1);
        }
        if have.is_some_and(|have| have.stamp.kind == Kind::Directory) && !self.site.options.dry_run
        {
            let directory = &slot.directory;
            let gone = directory
                .touch()
                .and_then(|fd| delete::make_way(self.site, directory, fd, &entry.name));
            if let Err(error) = gone {
                let path = directory.path_of(&entry.name);
                return self.site.failed(path, error, "cannot be put in place");
            }
        }
        self.site.links.add(slot.directory.path(), entry, first);
    }
}
