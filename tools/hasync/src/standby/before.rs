//! `--delete-before`: the source is heard to its end, what it does not have is deleted, and then it
//! tells all of it once more, to be brought.

use super::Site;
use super::compare::Compare;
use super::directory::Directory;
use super::root::Opened;
use crate::fs;
use crate::options::DeleteWhen;
use crate::wire::ToStandby;
use ha_json::Error;
use nix::errno::Errno;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

impl Compare<'_> {
    /// True where the source tells all twice.
    pub(super) fn looks_first(site: &Site, opened: &Opened) -> bool {
        let there = opened.fd.is_some() && !opened.is_new && opened.rename.is_none();
        site.options.delete == Some(DeleteWhen::Before) && there
    }

    /// Deletes before anything is brought, unless something of the source could not be read.
    pub(super) fn delete_before(
        site: &Arc<Site>,
        opened: &Opened,
        told: &Receiver<ToStandby>,
    ) -> Result<(), Error> {
        let fd_error = |error: Errno| Error::failed("destination", fs::words(error));
        let looks = Compare::looks_first(site, opened);
        let Some(fd) = opened.fd.as_ref().filter(|_| looks) else { return Ok(()) };
        let root = fs::open_directory(fd, b".").and_then(|fd| Directory::root_to_look(site, fd));
        let mut looking = Compare::new(site, root.map_err(fd_error)?, None, Vec::new());
        looking.looks = true;
        looking.listen(told)?;
        // Whoever is not root is let in until all is deleted; of the rest nothing is held any more.
        let let_in = std::mem::take(&mut looking.let_in);
        drop(looking);
        if !site.ledger.is_stopped() && !site.is_late() {
            let troubled = site.ledger.troubled.load(Ordering::Relaxed);
            site.deletions.carry_out(site, fd, troubled);
            drop(let_in);
            site.ask_to_walk(opened);
        }
        Ok(())
    }
}
