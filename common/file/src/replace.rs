//! A new content in the place of the old one, in one step.

use crate::attributes::carry_over;
use ha_json::{Error, reason};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// Whether a replaced file must outlive a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The content and its name are on disk when the call comes back.
    Synced,
    /// The system writes it when it likes: after a crash it may be the old one, and on some file
    /// systems an empty one. For what is of no use then.
    Unsynced,
}

/// Puts `content` in the place of the file `path`, or of what the symbolic link `path` leads to.
/// A file that is not there is made with `mode_when_new`, whatever the umask.
///
/// A run that is killed can leave a file `.NAME.hatools-*` beside it, with mode 0600 or the old one's.
///
/// # Errors
/// Failed, with the file as it was: something that is no regular file stands there; it has several
/// names, which would part; its owner, mode or attributes cannot be kept; the system refuses.
pub fn replace(
    path: &Path,
    content: &[u8],
    mode_when_new: u32,
    durability: Durability,
) -> Result<(), Error> {
    let failed = |what: &str, error: &io::Error| {
        Error::failed(path.display().to_string(), format!("{what}: {}", reason(error)))
    };
    let target = follow(path).map_err(|error| failed("cannot be followed", &error))?;
    let old = old_file(path, &target)?;
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut new = beside(&target, directory)
        .map_err(|error| failed("no file can be made beside it", &error))?;
    new.as_file_mut().write_all(content).map_err(|error| failed("cannot be written", &error))?;
    match &old {
        Some(old) => {
            let known = old.metadata().map_err(|error| failed("cannot be read", &error))?;
            carry_over(old, new.as_file(), &known)
                .map_err(|(what, error)| failed(&what, &error))?;
        }
        None => new
            .as_file()
            .set_permissions(Permissions::from_mode(mode_when_new))
            .map_err(|error| failed("its mode cannot be set", &error))?,
    }
    if durability == Durability::Synced {
        new.as_file().sync_all().map_err(|error| failed("cannot be brought to disk", &error))?;
    }
    new.persist(&target).map_err(|error| failed("cannot be replaced", &error.error))?;
    if durability == Durability::Synced {
        sync_directory(directory).map_err(|error| {
            failed("is replaced, but its directory cannot be brought to disk", &error)
        })?;
    }
    Ok(())
}

/// The path that is left when the last component is no symbolic link any more; it may not be there.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => return Ok(path),
        }
    }
    Err(nix::errno::Errno::ELOOP.into())
}

fn old_file(path: &Path, target: &Path) -> Result<Option<File>, Error> {
    let Some(old) = crate::read::open_regular(path, target)? else {
        return Ok(None);
    };
    match old.metadata() {
        Ok(metadata) if metadata.nlink() > 1 => Err(Error::failed(
            path.display().to_string(),
            format!(
                "has {} names (hard links), and replacing it would part them",
                metadata.nlink()
            ),
        )),
        Ok(_) => Ok(Some(old)),
        Err(error) => Err(Error::io(path.display().to_string(), &error)),
    }
}

fn beside(target: &Path, directory: &Path) -> io::Result<NamedTempFile> {
    let Some(name) = target.file_name() else {
        return Err(ErrorKind::IsADirectory.into());
    };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".hatools-");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    // `tempfile_in` would hide the system's own error.
    tempfile::Builder::new()
        .prefix(&prefix)
        .rand_bytes(12)
        .make_in(directory, |path| options.open(path))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Not every system brings directories to disk by way of a descriptor.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests;
