//! Files that an operator names and root opens: nobody else may have laid the way to them.

use crate::entry::components;
use crate::fs;
use crate::sys;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::geteuid;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Symbolic links on the way to a file.
const MOST_LINKS: usize = 40;
const DIRECTORY: OFlag =
    sys::SEARCH.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// What must be root's or our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Every component of the path.
    Whole,
    /// The symbolic links in it: others may own what is read, and not choose which file that is.
    Links,
}

/// All that is in a file that a command line names. A symbolic link of somebody else on the way to it
/// is refused: its words would be told as names, or kept as rules.
///
/// # Errors
/// In words: what is in the way.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut file = walk(path.as_os_str().as_bytes(), OFlag::O_RDONLY, Trust::Links)?;
    let mut text = Vec::new();
    match file.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(fs::words(sys::errno(&error))),
    }
}

/// Opens a file to write at its end; makes it where it is missing. Every component of the path is
/// root's or our own, links too, or it is refused.
///
/// # Errors
/// In words: what is in the way.
pub(crate) fn open_log(path: &Path) -> Result<File, String> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NONBLOCK;
    let file = walk(path.as_os_str().as_bytes(), flags, Trust::Whole)?;
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

/// Looks at a directory that root keeps something in: nobody else may change what its path leads to,
/// or what is in it.
///
/// # Errors
/// In words: what is in the way.
pub(crate) fn check_directory(path: &Path) -> Result<(), String> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let directory = walk(path.as_os_str().as_bytes(), flags, Trust::Whole)?;
    let stat = fstat(&directory).map_err(fs::words)?;
    check_owner(b"it", &stat)?;
    if stat.st_mode & 0o022 != 0 {
        return Err("others may change names in it".to_owned());
    }
    Ok(())
}

fn walk(path: &[u8], flags: OFlag, trust: Trust) -> Result<File, String> {
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
        let kind = stat.map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
        let is_link = kind == Some(SFlag::S_IFLNK);
        if let Some(stat) = stat.filter(|_| is_link || trust == Trust::Whole) {
            check_owner(&name, &stat)?;
        }
        // What stands there is an open file of ours, such as a pipe, and no path.
        if is_link && last && trust == Trust::Links && sys::is_proc(&directory) {
            let flags = flags | OFlag::O_CLOEXEC;
            return openat(&directory, &name[..], flags, Mode::empty())
                .map(File::from)
                .map_err(fs::words);
        }
        if is_link {
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
        directory = enter(&directory, &name, trust)?;
    }
    Err("is a directory".to_owned())
}

/// What was looked at may be another by now: it is looked at again once it is open.
fn enter(directory: &OwnedFd, name: &[u8], trust: Trust) -> Result<OwnedFd, String> {
    let inner = openat(directory, name, DIRECTORY, Mode::empty())
        .map_err(|error| format!("{}: {}", shown(name), fs::words(error)))?;
    if trust == Trust::Links {
        return Ok(inner);
    }
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
    fn what_is_open_already_is_read_though_it_has_no_path() {
        let (from, mut to) = std::io::pipe().unwrap();
        to.write_all(b"- x").unwrap();
        drop(to);
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&from));
        if !Path::new("/proc/self/fd").exists() {
            return;
        }
        assert_eq!(read(Path::new(&path)).unwrap(), b"- x");
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
        std::fs::write(at("theirs/rules"), b"- x").unwrap();
        chown(at("theirs"), Some(12345), None).unwrap();
        assert!(open_log(&at("theirs/log")).unwrap_err().contains("user 12345"));
        symlink("file", at("link")).unwrap();
        std::os::unix::fs::lchown(at("link"), Some(12345), None).unwrap();
        assert!(open_log(&at("link")).unwrap_err().contains("user 12345"));
        assert!(read(&at("link")).unwrap_err().contains("user 12345"));
        symlink("theirs", at("way")).unwrap();
        assert_eq!(read(&at("way/rules")).unwrap(), b"- x", "only links are asked for");
        std::os::unix::fs::lchown(at("way"), Some(12345), None).unwrap();
        assert!(read(&at("way/rules")).unwrap_err().contains("user 12345"));
    }
}
