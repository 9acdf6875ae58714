//! The content that is about to be replaced, kept beside it.

use ha_json::{Error, now, reason};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Runs of one second, one after the other, have names of their own.
const MOST_IN_A_SECOND: u32 = 1000;
const FOR_OTHERS: u32 = 0o077;

/// Puts `content`, which `path` has, into `path.hatools-YYYYMMDDhhmmss`; never over another one.
pub(crate) fn keep(path: &Path, content: &[u8]) -> Result<PathBuf, Error> {
    let failed = |error: &io::Error| {
        let why = format!("no backup can be made beside it: {}", reason(error));
        Error::failed(path.display().to_string(), why)
    };
    let (mut file, backup) = made(path).map_err(|error| failed(&error))?;
    let written = file
        .write_all(content)
        .and_then(|()| as_the_old_one(path, &file))
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is cut is no backup.
        let _ = fs::remove_file(&backup);
        return Err(failed(&error));
    }
    Ok(backup)
}

/// Takes a backup away whose file was not replaced after all.
pub(crate) fn discard(backup: &Path, path: &Path, content: Option<&[u8]>) {
    if fs::read(path).ok().as_deref() == content {
        let _ = fs::remove_file(backup);
    }
}

fn made(path: &Path) -> io::Result<(File, PathBuf)> {
    let moment: String = now().chars().filter(char::is_ascii_digit).take(14).collect();
    for number in 1..=MOST_IN_A_SECOND {
        let mut name = OsString::from(path);
        name.push(format!(".hatools-{moment}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        // Nobody else may read it until its mode is known.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return Ok((opened?, name.into())),
        }
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
