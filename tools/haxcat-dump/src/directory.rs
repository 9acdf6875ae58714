//! The directory of a dump: written beside, brought to disk, put in place in one step. What is not
//! part of a dump is never removed.

use crate::sys;
use ha_command::{Lock, lock_directory};
use ha_json::{Error, reason};
use ha_xcat::Table;
use ha_xcat::dump::{Entry, entry};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the dump is to stand.
#[derive(Debug)]
pub(crate) struct Target {
    /// Absolute and without symbolic links.
    parent: PathBuf,
    name: OsString,
}

/// A dump in the making, beside the target; it is removed unless it is put in place.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    target: &'a Target,
    in_place: bool,
}

impl Target {
    /// Finds the place that `path` names, following symbolic links. With `make` the directories
    /// above it are made.
    ///
    /// # Errors
    /// `failed`, where it cannot be reached, is no directory, or is a mount point.
    pub(crate) fn resolve(path: &Path, make: bool) -> Result<Target, Error> {
        let absolute = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
        match absolute.canonicalize() {
            Ok(real) => Target::existing(&real),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(&absolute, &error)),
            Err(_) if absolute.symlink_metadata().is_ok() => Target::dangling(&absolute),
            Err(_) => Target::missing(&absolute, make),
        }
    }

    fn existing(real: &Path) -> Result<Target, Error> {
        let metadata = real.metadata().map_err(|error| io_error(real, &error))?;
        if !metadata.is_dir() {
            return Err(failed(real, "is not a directory"));
        }
        let mount =
            || failed(real, "is a mount point, which cannot be exchanged: name a directory in it");
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(mount());
        };
        if parent.metadata().is_ok_and(|above| above.dev() != metadata.dev()) {
            return Err(mount());
        }
        Ok(Target { parent: parent.to_owned(), name: name.to_owned() })
    }

    /// A link to nothing is a target only where a run was killed between two renames.
    fn dangling(link: &Path) -> Result<Target, Error> {
        let nothing = || failed(link, "is a symbolic link to nothing");
        let to = fs::read_link(link).map_err(|error| io_error(link, &error))?;
        let to = link.parent().map_or_else(|| to.clone(), |parent| parent.join(&to));
        let target = Target::missing(&to, false).map_err(|_| nothing())?;
        if target.aside().symlink_metadata().is_ok() { Ok(target) } else { Err(nothing()) }
    }

    fn missing(absolute: &Path, make: bool) -> Result<Target, Error> {
        let (Some(above), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(failed(absolute, "names no directory"));
        };
        if make {
            make_above(above).map_err(|error| io_error(above, &error))?;
        }
        let parent = match above.canonicalize() {
            Ok(parent) => parent,
            Err(error) if error.kind() == ErrorKind::NotFound && !make => {
                Target::missing(above, false)?.path()
            }
            Err(error) => return Err(io_error(above, &error)),
        };
        Ok(Target { parent, name: name.to_owned() })
    }

    /// The directory of the dump, absolute and without symbolic links.
    pub(crate) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Keeps other runs from dumping into the same parent directory.
    ///
    /// # Errors
    /// `busy`, where another run does so for longer than `wait`.
    pub(crate) fn lock(&self, wait: Duration) -> Result<Lock, Error> {
        let parent = File::open(&self.parent).map_err(|error| io_error(&self.parent, &error))?;
        let name = format!("{} (the lock of its dumps)", self.parent.display());
        lock_directory(parent.into(), &name, wait)
    }

    /// Puts right what a run that was killed left behind. Only with the lock held.
    ///
    /// # Errors
    /// `failed`, where something there is not part of a dump.
    pub(crate) fn recover(&self) -> Result<(), Error> {
        let (aside, path) = (self.aside(), self.path());
        if path.symlink_metadata().is_err() && own_directory(&aside)?.is_some() {
            fs::rename(&aside, &path).map_err(|error| io_error(&path, &error))?;
        }
        remove_dump(&aside)?;
        remove_dump(&self.staged())
    }

    /// Makes sure that what stands in the target may be replaced: nothing, or a dump of no more
    /// tables than the new one will hold, where that holds only the tables `named`.
    ///
    /// # Errors
    /// `failed`, naming what is in the way.
    pub(crate) fn check(&self, named: Option<&Vec<&'static Table>>) -> Result<(), Error> {
        let path = self.path();
        for (name, is_file) in entries(&path)? {
            let Some(found) = entry(&name).filter(|_| is_file) else {
                let name = name.display();
                return Err(failed(
                    &path,
                    format!("holds {name}, which is no part of a dump: name another directory"),
                ));
            };
            if let (Entry::Table(table), Some(named)) = (found, named)
                && !named.contains(&table)
            {
                let name = table.name;
                return Err(failed(
                    &path,
                    format!("holds a dump of other tables, too ({name}): name another directory"),
                ));
            }
        }
        Ok(())
    }

    /// Makes the directory that the new dump is written to.
    ///
    /// # Errors
    /// `failed`, where it cannot be made.
    pub(crate) fn stage(&self) -> Result<Stage<'_>, Error> {
        self.refuse_others()?;
        let path = self.staged();
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| io_error(&path, &error))?;
        let stage = Stage { target: self, in_place: false };
        let made = own_directory(&path)?
            .ok_or_else(|| failed(&path, "vanished as soon as it was made"))?;
        // A umask may take from the mode; it may not make a dump that its owner cannot read.
        made.set_permissions(Permissions::from_mode(0o700))
            .map_err(|error| io_error(&path, &error))?;
        Ok(stage)
    }

    /// Where somebody else may rename what is in the parent, a dump with passwords has no place.
    fn refuse_others(&self) -> Result<(), Error> {
        let parent = self.parent.metadata().map_err(|error| io_error(&self.parent, &error))?;
        let owner = parent.uid();
        let open_to_all = parent.mode() & 0o1002 == 0o0002;
        if open_to_all || (owner != 0 && owner != geteuid().as_raw()) {
            let why = "belongs to another user, or all may write to it: name another directory";
            return Err(failed(&self.parent, why));
        }
        Ok(())
    }

    fn staged(&self) -> PathBuf {
        self.beside(".haxcat-new")
    }

    fn aside(&self) -> PathBuf {
        self.beside(".haxcat-old")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(suffix);
        self.parent.join(name)
    }
}

impl Stage<'_> {
    /// Makes a file of the dump.
    ///
    /// # Errors
    /// `failed`, where it cannot be made.
    pub(crate) fn create(&self, name: &str) -> Result<File, Error> {
        let path = self.target.staged().join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| self.write_error(name, &error))?;
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(|error| self.write_error(name, &error))?;
        Ok(file)
    }

    /// An error of writing, in words that name the file that was to be.
    pub(crate) fn write_error(&self, name: &str, error: &io::Error) -> Error {
        io_error(&self.target.path().join(name), error)
    }

    /// Brings the dump to disk and puts it in place; the dump that stood there is removed.
    ///
    /// # Errors
    /// `failed`; the dump that stood there still stands, unless only its removal failed.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        let (staged, path) = (self.target.staged(), self.target.path());
        sync(&staged).map_err(|error| io_error(&path, &error))?;
        if path.symlink_metadata().is_ok() {
            sys::exchange(&staged, &path, &self.target.aside()).map_err(io::Error::from)
        } else {
            fs::rename(&staged, &path)
        }
        .map_err(|error| io_error(&path, &error))?;
        self.in_place = true;
        let told = |error: Error| {
            Error::failed(error.what, format!("{} (the new dump is in place)", error.why))
        };
        sync(&self.target.parent).map_err(|error| told(io_error(&self.target.parent, &error)))?;
        remove_dump(&staged).and_then(|()| remove_dump(&self.target.aside())).map_err(told)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            // The error that led here is the one to tell; the next run cleans up.
            let _ = remove_dump(&self.target.staged());
        }
    }
}

/// The names in a directory, sorted, and whether each is a plain file; none where it is not there.
fn entries(path: &Path) -> Result<Vec<(OsString, bool)>, Error> {
    match open(path, OFlag::empty()) {
        Ok(directory) => names(&directory).map_err(|error| errno(path, error)),
        Err(Errno::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(errno(path, error)),
    }
}

fn open(path: &Path, flags: OFlag) -> nix::Result<File> {
    let flags = flags | OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty()).map(File::from)
}

fn names(directory: &File) -> nix::Result<Vec<(OsString, bool)>> {
    let again = openat(directory, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::from_fd(again)?.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let mode = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?.st_mode;
        let is_file = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        names.push((OsStr::from_bytes(name.to_bytes()).to_owned(), is_file));
    }
    names.sort();
    Ok(names)
}

/// Opens a directory that this user made, itself and not what a link in its place points to; none
/// where nothing is there.
fn own_directory(path: &Path) -> Result<Option<File>, Error> {
    let directory = match open(path, OFlag::O_NOFOLLOW) {
        Ok(directory) => directory,
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            return Err(failed(
                path,
                "stands where a leftover would, and is no directory: look there",
            ));
        }
        Err(error) => return Err(errno(path, error)),
    };
    let metadata = directory.metadata().map_err(|error| io_error(path, &error))?;
    if metadata.uid() != geteuid().as_raw() {
        return Err(failed(
            path,
            "stands where a leftover would, and is another user's: look there",
        ));
    }
    Ok(Some(directory))
}

/// Removes a directory that holds a dump, or part of one; fine where there is none. Nothing of it
/// goes where anything in it is not ours.
fn remove_dump(path: &Path) -> Result<(), Error> {
    let Some(directory) = own_directory(path)? else { return Ok(()) };
    let names = names(&directory).map_err(|error| errno(path, error))?;
    for (name, is_file) in &names {
        if !is_file || entry(name).is_none() {
            let name = name.display();
            return Err(failed(path, format!("is a dump to remove, and holds {name}: look there")));
        }
    }
    for (name, _) in &names {
        unlinkat(&directory, name.as_os_str(), UnlinkatFlags::NoRemoveDir)
            .map_err(|error| errno(&path.join(name), error))?;
    }
    fs::remove_dir(path).map_err(|error| io_error(path, &error))
}

/// Makes the directories above a dump: for their owner alone, and durable.
fn make_above(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_above(above)?;
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made?,
        }
        sync(above)?;
    }
    Ok(())
}

fn errno(path: &Path, error: Errno) -> Error {
    io_error(path, &error.into())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(path: &Path, why: impl Into<String>) -> Error {
    Error::failed(path.display().to_string(), why)
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    failed(path, reason(error))
}
