//! `--delay-updates`: files that are whole lie in the directory for partial files, beside their place,
//! until all are; then all are put in place. What is known of them goes to a file without a name once
//! it is much, so that memory is bounded however many they are.

use super::Site;
use super::directory::Directory;
use super::pending::told;
use super::store::{Finished, rename_over};
use crate::entry::{Stamp, components};
use crate::fs;
use crate::wire::{Decoder, Encoder, Why, damaged, read_frame, write_frame};
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// So much of what is known of them is held in memory, in bytes.
const MOST_HELD: usize = 1 << 20;

/// The files that wait for the end of the run.
#[derive(Debug, Default)]
pub(super) struct Delayed(Mutex<Spool>);

/// What is known of them, in the order in which they came.
#[derive(Debug, Default)]
struct Spool {
    /// The last of it, as frames.
    held: Vec<u8>,
    /// What was before.
    file: Option<File>,
    /// The directory of the last file: it is not said again.
    directory: Vec<u8>,
}

/// A file that waits.
#[derive(Debug, PartialEq)]
struct Waits {
    name: Vec<u8>,
    stamp: Stamp,
    why: Why,
    sent: u64,
    /// A file stood under its name.
    updates: bool,
    /// All that was to be kept of it is.
    whole: bool,
    inode: (u64, u64),
}

impl Delayed {
    /// Takes files that are written and on disk: they get their own names, but not their places.
    pub(super) fn add(&self, site: &Site, mut files: Vec<Finished>) {
        // The directory that they wait in is opened once for those of one directory.
        files.sort_by_key(|finished| Arc::as_ptr(&finished.place.directory).addr());
        let mut last: Option<(Arc<Directory>, nix::Result<OwnedFd>)> = None;
        for finished in files {
            let directory = &finished.place.directory;
            if !last.as_ref().is_some_and(|(last, _)| Arc::ptr_eq(last, directory)) {
                let place = directory.touch().and_then(|fd| site.partials.place_to_wait(fd));
                last = Some((Arc::clone(directory), place));
            }
            let Some((_, place)) = &last else { continue };
            let moved = place.as_ref().map_err(|error| *error);
            let moved = moved.and_then(|place| wait(place, &finished));
            match moved {
                Ok(inode) => self.know(site, finished, inode),
                Err(error) => {
                    site.failed(finished.pending.path(), error, "cannot wait for the end");
                }
            }
        }
    }

    fn know(&self, site: &Site, finished: Finished, inode: (u64, u64)) {
        let Finished { mut place, pending, stamp } = finished;
        place.keep(site);
        let waits = Waits {
            updates: pending.updates(),
            whole: !pending.flawed,
            why: pending.why,
            sent: pending.sent,
            name: pending.name,
            stamp,
            inode,
        };
        let mut spool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = spool.add(&pending.directory.path(), &waits);
        let told = told.and_then(|()| match spool.held.len() < MOST_HELD {
            true => Ok(()),
            false => spool.spill(site, &pending.directory),
        });
        if let Err(error) = told {
            site.stop(error);
        }
    }

    /// Puts all of them in place, beneath `root`.
    pub(super) fn carry_out(&self, site: &Arc<Site>, root: &OwnedFd) {
        let spool = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = spool.carry_out(site, root) {
            site.stop(error);
        }
    }
}

/// Moves a file to where it waits, and tells what it is there.
fn wait(place: &OwnedFd, finished: &Finished) -> nix::Result<(u64, u64)> {
    let (fd, temporary) = finished.place.at()?;
    let name = &finished.pending.name[..];
    renameat(fd, temporary, place, name)?;
    let stat = fs::stat(place, name)?;
    Ok((stat.st_dev, stat.st_ino))
}

impl Spool {
    fn add(&mut self, directory: &[u8], waits: &Waits) -> Result<(), Error> {
        let mut e = Encoder::default();
        let same = self.directory == directory;
        e.flag(same);
        if !same {
            e.string(directory);
            self.directory = directory.to_vec();
        }
        waits.encode(&mut e);
        write_frame(&mut self.held, &e.0)
    }

    /// Moves what is held to the file, which lies where the files do and has no name.
    fn spill(&mut self, site: &Site, directory: &Directory) -> Result<(), Error> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless(site, directory).map_err(not_noted)?),
        };
        let written = file.write_all(&self.held);
        self.held.clear();
        written.map_err(|error| not_noted(crate::sys::errno(&error)))
    }

    fn carry_out(self, site: &Arc<Site>, root: &OwnedFd) -> Result<(), Error> {
        let Spool { held, file, .. } = self;
        let file = match file {
            Some(mut file) => {
                let wound = file.seek(SeekFrom::Start(0));
                wound.map_err(|error| not_noted(crate::sys::errno(&error)))?;
                Some(file)
            }
            None => None,
        };
        let before: Box<dyn Read> = match file {
            Some(file) => Box::new(BufReader::with_capacity(64 << 10, file)),
            None => Box::new(std::io::empty()),
        };
        let mut all = before.chain(&held[..]);
        let mut frame = Vec::new();
        let mut places: Option<Places> = None;
        while read_frame(&mut all, &mut frame)? {
            if site.ledger.is_stopped() {
                break;
            }
            let mut d = Decoder::new(&frame);
            let directory = if d.flag()? { None } else { Some(d.string()?) };
            let waits = Waits::decode(&mut d)?;
            let places = match &mut places {
                Some(places) => places,
                none => none.insert(Places::new(site, root).map_err(not_noted)?),
            };
            if let Some(path) = directory {
                places.enter(path);
            }
            places.put(waits);
        }
        Ok(())
    }
}

/// Makes a file without a name in a directory.
fn nameless(site: &Site, directory: &Directory) -> nix::Result<File> {
    let fd = directory.touch()?;
    let name = site.store.name();
    let file = fs::create_new(fd, &name, Mode::S_IRUSR | Mode::S_IWUSR)?;
    unlinkat(fd, &name[..], UnlinkatFlags::NoRemoveDir)?;
    Ok(file)
}

fn not_noted(error: Errno) -> Error {
    let why = format!("what waits for the end cannot be noted: {}", fs::words(error));
    Error::failed("--delay-updates", why)
}

impl Waits {
    fn encode(&self, e: &mut Encoder) {
        let Waits { name, stamp, why, sent, updates, whole, inode } = self;
        e.string(name);
        e.stamp(stamp);
        e.number(why.0.into());
        e.number(*sent);
        e.flag(*updates);
        e.flag(*whole);
        e.number(inode.0);
        e.number(inode.1);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Waits, Error> {
        let name = d.string()?;
        let stamp = d.stamp()?;
        let why = u16::try_from(d.small()?).map_err(|_| damaged("a cause that is none"))?;
        Ok(Waits {
            name,
            stamp,
            why: Why(why),
            sent: d.number()?,
            updates: d.flag()?,
            whole: d.flag()?,
            inode: (d.number()?, d.number()?),
        })
    }
}

/// The directories in which files are put in place: the one of the last file, with those above it.
struct Places<'a> {
    site: &'a Arc<Site>,
    /// From the root on.
    above: Vec<(Vec<u8>, Arc<Directory>)>,
    path: Vec<u8>,
    /// The place where the files of the last one wait.
    place: nix::Result<OwnedFd>,
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Places<'_> {
    fn new<'a>(site: &'a Arc<Site>, root: &OwnedFd) -> nix::Result<Places<'a>> {
        let root = Directory::root(site, Some(fs::open_directory(root, b".")?))?;
        let above = vec![(Vec::new(), root)];
        Ok(Places { site, above, path: Vec::new(), place: Err(Errno::ENOENT) })
    }

    fn directory(&self) -> &Arc<Directory> {
        &self.above[self.above.len() - 1].1
    }

    /// The last directory holds nothing more that waits, as far as is known.
    fn leave(&mut self) {
        if self.place.is_ok() {
            self.site.partials.remove_place(self.directory());
        }
    }

    /// The files that follow are those of the directory of this path.
    fn enter(&mut self, path: Vec<u8>) {
        self.leave();
        let names: Vec<_> = components(&path).collect();
        let known = self.above[1..].iter().zip(&names);
        let common = known.take_while(|((known, _), name)| known == *name).count();
        // Children before parents, as their attributes are put right.
        while self.above.len() > common + 1 {
            self.above.pop();
        }
        self.place = names[common..]
            .iter()
            .try_for_each(|name| self.descend(name))
            .and_then(|()| self.directory().touch())
            .and_then(|fd| self.site.partials.place_to_wait(fd));
        self.path = path;
    }

    fn descend(&mut self, name: &[u8]) -> nix::Result<()> {
        let directory = Directory::beneath(self.directory(), name.to_vec()).ok_or(Errno::ELOOP)?;
        directory.enter()?;
        self.above.push((name.to_vec(), directory));
        Ok(())
    }

    fn put(&self, waits: Waits) {
        let (site, directory) = (self.site, self.directory());
        let path = || crate::entry::join(&self.path, &waits.name);
        let placed = self.place.as_ref().map_err(|error| *error).and_then(|place| {
            let stat = fs::stat(place, &waits.name)?;
            if (stat.st_dev, stat.st_ino) != waits.inode {
                return Err(Errno::ESTALE);
            }
            let placed = rename_over(site, directory, place, &waits.name, &waits.name);
            if placed.is_err() && !site.ledger.is_stopped() {
                let _ = unlinkat(place, &waits.name[..], UnlinkatFlags::NoRemoveDir);
            }
            placed
        });
        match placed {
            Ok(()) => {}
            Err(Errno::ESTALE) => {
                let why = "was replaced by somebody while it waited: it was not put in place";
                return site.ledger.failed(path(), "write_error", why);
            }
            Err(error) => return site.failed(path(), error, "cannot be put in place"),
        }
        told(site, path, waits.updates, waits.stamp, waits.why, waits.sent);
        if waits.whole {
            site.store.placed(site, directory, &waits.name, &waits.stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Kind, Moment};

    #[test]
    fn what_is_noted_of_a_file_is_read_as_it_was() {
        let mtime = Moment { seconds: -3, nanoseconds: 999_999_999 };
        let stamp = Stamp {
            kind: Kind::File,
            mode: 0o4755,
            size: u64::MAX >> 1,
            mtime,
            uid: u32::MAX,
            gid: 7,
            device: 0,
        };
        let waits = Waits {
            name: b"a\nname".to_vec(),
            stamp,
            why: Why(4097),
            sent: 12,
            updates: true,
            whole: false,
            inode: (u64::MAX, 3),
        };
        let mut e = Encoder::default();
        waits.encode(&mut e);
        assert_eq!(Waits::decode(&mut Decoder::new(&e.0)).unwrap(), waits);
    }
}
