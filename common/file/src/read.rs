//! A file, whole.

use ha_json::Error;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The content of the regular file `path`; `None` where there is no such file.
///
/// # Errors
/// Failed, when something else than a regular file is there, it is longer than `limit_bytes`, or it
/// cannot be read.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(file) = open_regular(path, path)? else {
        return Ok(None);
    };
    let mut content = Vec::new();
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| Error::io(path.display().to_string(), &error))?;
    if content.len() as u64 > limit_bytes {
        return Err(Error::failed(
            path.display().to_string(),
            format!("is longer than {limit_bytes} bytes"),
        ));
    }
    Ok(Some(content))
}

/// Opens `target`, which messages call `path`; `None` where it is not there.
pub(crate) fn open_regular(path: &Path, target: &Path) -> Result<Option<File>, Error> {
    let what = || path.display().to_string();
    // Without O_NONBLOCK a FIFO would wait for its writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(target);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(what(), &error)),
    };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(file)),
        Ok(_) => Err(Error::failed(what(), "is no regular file")),
        Err(error) => Err(Error::io(what(), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_an_absent_one_is_none() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        assert_eq!(read(&path, 3).unwrap(), None);
        fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap().unwrap(), b"abc");
        assert_eq!(read(&path, 2).unwrap_err().why, "is longer than 2 bytes");
    }

    #[test]
    fn what_is_no_file_is_refused_and_a_fifo_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let fifo = root.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [root.path(), &fifo, Path::new("/dev/null")] {
            assert_eq!(read(path, 3).unwrap_err().why, "is no regular file");
        }
    }
}
