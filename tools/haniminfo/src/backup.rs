//! The content that is about to be replaced, kept beside it.

use ha_json::{Error, now, reason};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Runs of one second, one after the other, have names of their own.
const MOST_IN_A_SECOND: u32 = 1000;
const FOR_OTHERS: u32 = 0o077;

/// Puts `content`, which `path` has, into `path.hatools-YYYYMMDDhhmmss`; never over another one. It
/// has that name only once it is whole.
pub(crate) fn keep(path: &Path, content: &[u8]) -> Result<PathBuf, Error> {
    kept(path, content).map_err(|error| {
        let why = format!("no backup can be made beside it: {}", reason(&error));
        Error::failed(path.display().to_string(), why)
    })
}

/// Takes a backup away whose file was not replaced after all.
pub(crate) fn discard(backup: &Path, path: &Path, content: Option<&[u8]>) {
    if fs::read(path).ok().as_deref() == content {
        let _ = fs::remove_file(backup);
    }
}

fn kept(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".hatools-");
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Nobody else may read it until its mode is known.
    let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
    file.write_all(content)?;
    as_the_old_one(path, file.as_file())?;
    file.as_file().sync_all()?;
    let moment: String = now().chars().filter(char::is_ascii_digit).take(14).collect();
    for number in 1..=MOST_IN_A_SECOND {
        let mut name = OsString::from(path);
        name.push(format!(".hatools-{moment}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        file = match file.persist_noclobber(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => error.file,
            Err(error) => return Err(error.error),
        };
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The mode of the file, unless it would open the backup to others than the file.
fn as_the_old_one(path: &Path, backup: &File) -> io::Result<()> {
    let (old, new) = (fs::metadata(path)?, backup.metadata()?);
    let mut mode = old.mode() & 0o777;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        mode &= !FOR_OTHERS;
    }
    backup.set_permissions(Permissions::from_mode(mode))
}
