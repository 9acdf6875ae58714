//! The directory of a dump: written beside, brought to disk, put in place in one step. What is not
//! part of a dump is never removed.

use crate::manifest;
use crate::schema;
use crate::sys;
use ha_command::{Lock, lock_directory};
use ha_json::{Error, reason};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
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
            Err(_) if absolute.symlink_metadata().is_ok() => {
                Err(failed(&absolute, "is a symbolic link to nothing"))
            }
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

    fn missing(absolute: &Path, make: bool) -> Result<Target, Error> {
        let (Some(above), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(failed(absolute, "names no directory"));
        };
        if make {
            fs::create_dir_all(above).map_err(|error| io_error(above, &error))?;
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
        if aside.symlink_metadata().is_ok() && path.symlink_metadata().is_err() {
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
    pub(crate) fn check(&self, named: Option<&Vec<&'static schema::Table>>) -> Result<(), Error> {
        let path = self.path();
        for (name, is_file) in entries(&path)? {
            let Some(table) = dumped_table(&name).filter(|_| is_file) else {
                let name = name.display();
                return Err(failed(
                    &path,
                    format!("holds {name}, which is no part of a dump: name another directory"),
                ));
            };
            if let (Dumped::Table(table), Some(named)) = (table, named)
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
        let path = self.staged();
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| io_error(&path, &error))?;
        let stage = Stage { target: self, in_place: false };
        // A umask may take from the mode; it may not make a dump that its owner cannot read.
        fs::set_permissions(&path, Permissions::from_mode(0o700))
            .map_err(|error| io_error(&path, &error))?;
        Ok(stage)
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
        sync(&self.target.parent).map_err(|error| io_error(&self.target.parent, &error))?;
        remove_dump(&staged)
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

enum Dumped {
    Table(&'static schema::Table),
    Manifest,
}

fn dumped_table(name: &OsStr) -> Option<Dumped> {
    let name = name.to_str()?;
    if name == manifest::NAME {
        return Some(Dumped::Manifest);
    }
    name.strip_suffix(".csv").and_then(schema::table).map(Dumped::Table)
}

/// The names in a directory, sorted, and whether each is a plain file; none where it is not there.
fn entries(path: &Path) -> Result<Vec<(OsString, bool)>, Error> {
    let said = |error: io::Error| io_error(path, &error);
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(said)?,
    };
    let mut names = entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), entry.file_type()?.is_file()))
        })
        .collect::<io::Result<Vec<_>>>()
        .map_err(said)?;
    names.sort();
    Ok(names)
}

/// Removes a directory that holds a dump, or part of one; fine where there is none.
fn remove_dump(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    for (name, is_file) in entries(path)? {
        if !is_file || dumped_table(&name).is_none() {
            let name = name.display();
            return Err(failed(path, format!("is a dump to remove, and holds {name}: look there")));
        }
        let file = path.join(name);
        fs::remove_file(&file).map_err(|error| io_error(&file, &error))?;
    }
    fs::remove_dir(path).map_err(|error| io_error(path, &error))
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
