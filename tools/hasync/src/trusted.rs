//! Files that an operator names and root opens: nobody else may have laid the way to them.

use crate::entry::components;
use crate::fs;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::geteuid;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Symbolic links on the way to a file.
const MOST_LINKS: usize = 40;
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Opens a file to write at its end; makes it where it is missing. Every component of the path is
/// root's or our own, links too, or it is refused.
///
/// # Errors
/// In words: what is in the way.
pub(crate) fn open_log(path: &Path) -> Result<File, String> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NONBLOCK;
    let file = walk(path.as_os_str().as_bytes(), flags)?;
    let stat = fstat(&file).map_err(fs::words)?;
    if stat.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFREG.bits() {
        return Err("is no regular file".to_owned());
    }
    check_owner(b"it", &stat)?;
    if stat.st_nlink > 1 {
        return Err("has another name, too: a hard link".to_owned());
    }
    Ok(file)
}

fn walk(path: &[u8], flags: OFlag) -> Result<File, String> {
    let start = |absolute: bool| {
        let from = if absolute { &b"/"[..] } else { b"." };
        open(from, DIRECTORY, Mode::empty()).map_err(fs::words)
    };
    let mut directory = start(path.starts_with(b"/"))?;
    // The components still to go, the next one last.
    let mut left: Vec<_> = components(path).rev().map(<[u8]>::to_vec).collect();
    let mut links = 0;
    while let Some(name) = left.pop() {
        let last = left.is_empty();
        let stat = match fs::stat(&directory, &name) {
            Ok(stat) => Some(stat),
            Err(Errno::ENOENT) if last => None,
            Err(error) => return Err(format!("{}: {}", shown(&name), fs::words(error))),
        };
        if let Some(stat) = &stat {
            check_owner(&name, stat)?;
        }
        let kind = stat.map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
        if kind == Some(SFlag::S_IFLNK) {
            links += 1;
            if links > MOST_LINKS {
                return Err("leads through too many symbolic links".to_owned());
            }
            let target = fs::link_target(&directory, &name).map_err(fs::words)?;
            if target.starts_with(b"/") {
                directory = start(true)?;
            }
            left.extend(components(&target).rev().map(<[u8]>::to_vec));
            continue;
        }
        if last {
            let mode = Mode::from_bits_truncate(0o644);
            let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            return openat(&directory, &name[..], flags, mode).map(File::from).map_err(fs::words);
        }
        directory = enter(&directory, &name)?;
    }
    Err("is a directory".to_owned())
}

/// What was looked at may be another by now: it is looked at again once it is open.
fn enter(directory: &OwnedFd, name: &[u8]) -> Result<OwnedFd, String> {
    let inner = openat(directory, name, DIRECTORY, Mode::empty())
        .map_err(|error| format!("{}: {}", shown(name), fs::words(error)))?;
    let stat = fstat(&inner).map_err(fs::words)?;
    check_owner(name, &stat)?;
    let open_to_all = stat.st_mode & 0o002 != 0 && stat.st_mode & Mode::S_ISVTX.bits() == 0;
    if open_to_all {
        return Err(format!("{}: anyone may change names in it", shown(name)));
    }
    Ok(inner)
}

fn check_owner(name: &[u8], stat: &FileStat) -> Result<(), String> {
    let (owner, own) = (stat.st_uid, geteuid().as_raw());
    if owner == 0 || owner == own {
        return Ok(());
    }
    Err(format!(
        "{}: belongs to user {owner}, and only root's or one's own are trusted",
        shown(name)
    ))
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    #[test]
    fn a_log_is_made_and_written_at_its_end_also_through_a_link_of_ones_own() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir(at("logs")).unwrap();
        symlink("logs", at("link")).unwrap();
        for path in ["logs/a", "link/a", "link/../logs/./a"] {
            open_log(&at(path)).unwrap().write_all(b"x").unwrap();
        }
        assert_eq!(std::fs::read(at("logs/a")).unwrap(), b"xxx");
        assert!(open_log(&at("logs")).is_err());
        assert!(open_log(&at("none/a")).is_err());
        symlink("loop", at("loop")).unwrap();
        assert!(open_log(&at("loop")).unwrap_err().contains("too many"));
    }

    #[test]
    fn what_others_laid_in_the_way_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("file"), b"").unwrap();
        std::fs::hard_link(at("file"), at("twin")).unwrap();
        assert!(open_log(&at("twin")).unwrap_err().contains("hard link"));
        std::fs::create_dir(at("open")).unwrap();
        std::fs::set_permissions(at("open"), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(open_log(&at("open/log")).unwrap_err().contains("anyone"));
        if !geteuid().is_root() {
            return;
        }
        std::fs::create_dir(at("theirs")).unwrap();
        chown(at("theirs"), Some(12345), None).unwrap();
        assert!(open_log(&at("theirs/log")).unwrap_err().contains("user 12345"));
        symlink("file", at("link")).unwrap();
        std::os::unix::fs::lchown(at("link"), Some(12345), None).unwrap();
        assert!(open_log(&at("link")).unwrap_err().contains("user 12345"));
    }
}
