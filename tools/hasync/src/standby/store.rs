//! New files: written beside, made durable, put in place. Under its final name a file is always
//! whole: the old one or the new one, also after the power failed.

use super::Site;
use super::attributes::bits;
use super::delete;
use super::directory::Directory;
use super::output::Output;
use super::pending::{self, Pending};
use super::place::Place;
use super::room::Room;
use crate::entry::{Kind, Stamp};
use crate::fs;
use crate::leftover::Temporaries;
use crate::sys;
use crate::wire::ToSource;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::fsync;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A commit comes when so many files wait for it, or so many bytes, or in so many directories.
const MOST_FILES: usize = 2048;
const MOST_BYTES: u64 = 128 << 20;
const MOST_DIRECTORIES: usize = 128;
/// Up to so many files are made durable one by one; more, by their whole file system.
const FEW: usize = 64;

/// A file being written under a temporary name, which goes when it is dropped unfinished.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) output: Output,
    pub(crate) place: Place,
    /// It was made with the owner, group and mode that it shall have.
    right: bool,
}

/// A file that waits to be put in place.
pub(super) struct Finished {
    pub(super) place: Place,
    pub(super) pending: Pending,
    pub(super) stamp: Stamp,
}

#[derive(Default)]
struct Waiting {
    files: Vec<Finished>,
    bytes: u64,
    directories: usize,
}

/// The files of this run that are not in place yet.
pub(crate) struct Store {
    temporaries: Temporaries,
    number: AtomicU64,
    waiting: Mutex<Waiting>,
    /// How many were put in place in commits before.
    committed: AtomicU64,
    /// How many directories were changed.
    touched: AtomicU64,
    unsynced: AtomicBool,
    pub(super) room: Room,
    /// What is in place and not known to be durable, where the source is to remove it then.
    placed: Mutex<Vec<(Vec<u8>, Stamp)>>,
    /// A directory of each file system that was written to, by device.
    file_systems: Mutex<BTreeMap<u64, OwnedFd>>,
}

impl Store {
    pub(crate) fn new() -> Store {
        Store {
            temporaries: Temporaries::of_this_run(),
            number: AtomicU64::new(0),
            waiting: Mutex::default(),
            committed: AtomicU64::new(0),
            touched: AtomicU64::new(0),
            unsynced: AtomicBool::new(false),
            room: Room::default(),
            placed: Mutex::default(),
            file_systems: Mutex::default(),
        }
    }

    /// A temporary name that nothing has.
    pub(crate) fn name(&self) -> Vec<u8> {
        self.temporaries.name(self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// Begins a new file, which shall get what the stamp tells.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn begin(
        &self,
        site: &Site,
        pending: &mut Pending,
        stamp: &Stamp,
    ) -> nix::Result<Temporary> {
        if site.options.inplace && pending.have.is_none_or(|have| have.kind == Kind::File) {
            return self.begin_in_place(site, pending, stamp.size);
        }
        let directory = &pending.directory;
        let fd = directory.touch()?;
        let want = site.attributes.here(stamp);
        let elsewhere = site.elsewhere.get();
        let right = match elsewhere {
            Some(_) => None,
            None => site.attributes.made_right(
                directory,
                &want,
                pending.have.as_ref(),
                pending.extra.as_deref(),
            ),
        };
        let mode = right.map_or(Mode::S_IRUSR | Mode::S_IWUSR, bits);
        let path = || directory.path_of(&pending.name);
        let fd = elsewhere.map_or(fd, |elsewhere| &elsewhere.fd);
        let share = self.room.take(site, path, fd, stamp.size)?;
        let apart = elsewhere.is_some();
        let (file, place) = Place::make(self.name(), directory, fd, mode, apart)?;
        site.partials.begin(place.name(), directory, &pending.name, stamp.size, apart);
        let output = Output::new(file, site.options.sparse).with(share);
        Ok(Temporary { output, place, right: right.is_some() })
    }

    /// Opens the file that is there, or makes it, to be written where it stands.
    fn begin_in_place(
        &self,
        site: &Site,
        pending: &mut Pending,
        size: u64,
    ) -> nix::Result<Temporary> {
        let fd = pending.directory.touch()?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        if let Some(backups) = site.backups.get().filter(|_| !pending.backed_up) {
            backups.keep(site, &pending.directory.path(), fd, &pending.name, true)?;
            pending.backed_up = true;
        }
        // A fifo that took its place must not hold us up.
        let file =
            openat(fd, &pending.name[..], flags | OFlag::O_NONBLOCK, mode).map(File::from)?;
        let have = Stamp::of(&fstat(&file)?);
        if have.kind != Kind::File {
            return Err(Errno::EEXIST);
        }
        let share = self.room.take(site, || pending.path(), fd, size.saturating_sub(have.size))?;
        let directory = Arc::clone(&pending.directory);
        let place = Place::of_its_own(directory, pending.name.clone());
        Ok(Temporary {
            output: Output::over(file, site.options.sparse, have.size).with(share),
            place,
            right: false,
        })
    }

    /// Gives a file that is written its attributes and puts it among those that wait.
    ///
    /// # Errors
    /// When the attributes cannot be set. An error of the commit ends the run by itself.
    pub(crate) fn finish(
        &self,
        site: &Site,
        temporary: Temporary,
        stamp: &Stamp,
        mut pending: Pending,
    ) -> nix::Result<()> {
        let Temporary { output, place, right } = temporary;
        let mut written = (output.finish()?, place);
        if written.1.is_apart() {
            let (file, place) = written;
            written = self.bring(site, file, place, &pending, stamp.size)?;
        }
        let (file, place) = written;
        let want = site.attributes.here(stamp);
        let (have, extra) = (pending.have.as_ref(), pending.extra.as_deref());
        let is_right =
            || site.attributes.made_right(&pending.directory, &want, have, extra).is_some();
        if right && is_right() {
            site.attributes.set_time(&file, &want, extra)?;
        } else {
            let missed = site.attributes.set(&pending.directory, &file, &want, have, extra)?;
            pending.flawed = missed.is_some();
            site.missed(|| pending.path(), missed);
        }
        if place.is_final() {
            self.stands(site, &file, &pending, stamp);
            return Ok(());
        }
        drop(file);
        // It is written: neither the source nor the memory that is bounded is needed while it waits.
        // The credit goes last, because the run's end waits for all of them.
        pending.hold = None;
        let _credit = pending.credit.take();
        let due = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let same = waiting
                .files
                .last()
                .is_some_and(|last| Arc::ptr_eq(&last.place.directory, &place.directory));
            waiting.directories += usize::from(!same);
            waiting.bytes += stamp.size;
            waiting.files.push(Finished { place, pending, stamp: *stamp });
            let full = waiting.files.len() >= MOST_FILES
                || waiting.bytes >= MOST_BYTES
                || waiting.directories >= MOST_DIRECTORIES;
            full.then(|| std::mem::take(&mut *waiting))
        };
        if let Some(due) = due {
            self.put_in_place(site, due.files, false);
        }
        Ok(())
    }

    /// A file that was written where it stands is done.
    fn stands(&self, site: &Site, file: &File, pending: &Pending, stamp: &Stamp) {
        let few = self.committed.fetch_add(1, Ordering::Relaxed) < FEW as u64;
        let durable = match pending.directory.fd() {
            Some(fd) if !few => self.remember(fd).map(|()| self.needs_sync()),
            _ => fsync(file),
        };
        match durable {
            Ok(()) => {
                pending::placed(site, pending, stamp);
                self.placed_file(site, pending, stamp);
            }
            Err(error) => site.stop(not_durable(error)),
        }
    }

    /// Puts in place what waits; the run's last commit also makes the names durable.
    pub(crate) fn commit_all(&self, site: &Site) {
        let waiting = self.take_waiting();
        let few = self.committed.load(Ordering::Relaxed) == 0;
        self.put_in_place(site, waiting.files, few);
    }

    fn put_in_place(&self, site: &Site, files: Vec<Finished>, may_be_few: bool) {
        if files.is_empty() || site.ledger.is_stopped() {
            return;
        }
        let few = may_be_few && files.len() <= FEW;
        let made = if few { sync_each(&files) } else { self.sync_file_systems(&files) };
        if let Err(error) = made {
            site.stop(not_durable(error));
            return;
        }
        self.committed.fetch_add(files.len() as u64, Ordering::Relaxed);
        if !few {
            self.needs_sync();
        }
        if site.options.delay_updates {
            return site.delayed.add(site, files);
        }
        for finished in files {
            rename(site, finished);
        }
    }

    fn placed_file(&self, site: &Site, pending: &Pending, stamp: &Stamp) {
        if !pending.flawed {
            self.placed(site, &pending.directory, &pending.name, stamp);
        }
    }

    /// A thing that is no directory is in place: with `--remove-source-files` its source goes once it
    /// is durable here.
    pub(crate) fn placed(&self, site: &Site, directory: &Directory, name: &[u8], stamp: &Stamp) {
        if let Some(fd) = directory.fd() {
            self.placed_at(site, fd, || directory.path_of(name), stamp);
        }
    }

    /// What is in place so far and its source has not been told of: with `-H`, all.
    pub(crate) fn placed_paths(&self, site: &Site) -> HashSet<Vec<u8>> {
        if !site.options.hard_links {
            return HashSet::new();
        }
        let placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        placed.iter().map(|(path, _)| path.clone()).collect()
    }

    /// [`Store::placed`], by the open directory and the path of the whole.
    pub(crate) fn placed_at(
        &self,
        site: &Site,
        fd: &OwnedFd,
        path: impl FnOnce() -> Vec<u8>,
        stamp: &Stamp,
    ) {
        if !site.options.remove_source_files || site.options.dry_run || self.remember(fd).is_err() {
            return;
        }
        // A name that goes makes one of two names of a file the only one, and that may not be told yet.
        let full = {
            let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
            placed.push((path(), *stamp));
            placed.len() >= MOST_FILES && !site.options.hard_links
        };
        if full {
            self.hand_over(site);
        }
    }

    /// Makes durable what is in place, and tells the source of it.
    pub(crate) fn hand_over(&self, site: &Site) {
        let placed =
            std::mem::take(&mut *self.placed.lock().unwrap_or_else(PoisonError::into_inner));
        if placed.is_empty() {
            return;
        }
        match self.sync_remembered() {
            Ok(()) => {
                for (path, stamp) in placed {
                    site.ask(ToSource::Placed { path, stamp });
                }
            }
            Err(error) => site.stop(not_durable(error)),
        }
    }

    /// Something was changed whose durability only its file system can give.
    pub(crate) fn needs_sync(&self) {
        self.unsynced.store(true, Ordering::Relaxed);
    }

    /// Makes the names in a directory durable: at once where few changed, else at the end.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn sync_directory(&self, fd: &OwnedFd) -> nix::Result<()> {
        if self.touched.fetch_add(1, Ordering::Relaxed) < FEW as u64 {
            return fsync(fd);
        }
        self.needs_sync();
        self.remember(fd)
    }

    /// Remembers the file system that a directory lies on.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn remember(&self, fd: &OwnedFd) -> nix::Result<()> {
        let device = fstat(fd)?.st_dev;
        let mut file_systems = self.file_systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let std::collections::btree_map::Entry::Vacant(vacant) = file_systems.entry(device) {
            vacant.insert(fs::open_directory(fd, b".")?);
        }
        Ok(())
    }

    /// The end of the run: what was changed is on its disk when this returns.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn sync_all(&self, root: &OwnedFd) -> nix::Result<()> {
        if !self.unsynced.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.remember(root)?;
        self.sync_remembered()
    }

    fn sync_remembered(&self) -> nix::Result<()> {
        let file_systems = self.file_systems.lock().unwrap_or_else(PoisonError::into_inner);
        file_systems.values().try_for_each(sys::sync_file_system)
    }

    fn take_waiting(&self) -> Waiting {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives up what waits: a run that was stopped puts nothing more in place.
    pub(crate) fn discard(&self) {
        drop(self.take_waiting());
    }

    /// One sync for each file system that the files lie on.
    fn sync_file_systems(&self, files: &[Finished]) -> nix::Result<()> {
        let mut last: Option<&Arc<Directory>> = None;
        for finished in files {
            let directory = &finished.place.directory;
            if !last.is_some_and(|last| Arc::ptr_eq(last, directory))
                && let Some(fd) = directory.fd()
            {
                self.remember(fd)?;
            }
            last = Some(directory);
        }
        self.sync_remembered()
    }
}

fn not_durable(error: Errno) -> Error {
    Error::failed("standby", format!("cannot be made durable: {}", fs::words(error)))
}

fn rename(site: &Site, finished: Finished) {
    let Finished { mut place, pending, stamp } = finished;
    let moved = place.at().and_then(|(from, temporary)| {
        rename_over(site, &place.directory, from, temporary, &pending.name)
    });
    match moved {
        Ok(()) => {
            place.keep(site);
            if pending.partial.is_some() {
                site.partials.remove(&place.directory, &pending.name);
            }
            pending::placed(site, &pending, &stamp);
            site.store.placed_file(site, &pending, &stamp);
        }
        Err(error) => {
            let path = pending.directory.path_of(&pending.name);
            site.failed(path, error, "cannot be put in place");
        }
    }
}

/// Renames what has the name `from` in `from_fd` over whatever is there. A directory in the way goes only when deleting was asked for, or
/// when it is empty.
///
/// # Errors
/// The system's own; `ENOTEMPTY` for a directory that stays.
pub(crate) fn rename_over(
    site: &Site,
    directory: &Directory,
    from_fd: &OwnedFd,
    from: &[u8],
    to: &[u8],
) -> nix::Result<()> {
    let fd = directory.fd().ok_or(Errno::ENOENT)?;
    if site.backups.get().is_some() {
        site.keep(&directory.path(), fd, to)?;
    }
    match renameat(from_fd, from, fd, to) {
        Err(Errno::EISDIR | Errno::ENOTEMPTY | Errno::EEXIST) => {
            delete::make_way(site, directory, fd, to)?;
            renameat(from_fd, from, fd, to)
        }
        result => result,
    }
}

fn sync_each(files: &[Finished]) -> nix::Result<()> {
    for finished in files {
        let Ok((fd, name)) = finished.place.at() else { continue };
        let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(fd, name, flags, Mode::empty()) {
            Ok(file) => fsync(&file)?,
            // Its mode may keep us out; then its file system is synced as a whole.
            Err(Errno::EACCES) => sys::sync_file_system(fd)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
