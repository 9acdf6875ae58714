//! The only directory that a forced command lets in, opened once: no path and no link leads out of it.

use crate::entry::components;
use crate::fs;
use ha_json::Error;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Symbolic links on one way, as Linux counts them.
const MOST_LINKS: u32 = 40;

/// The directory, and the path by which it was named.
#[derive(Debug)]
pub(crate) struct Beneath {
    pub(crate) fd: OwnedFd,
    pub(crate) path: PathBuf,
}

impl Beneath {
    /// Opens it; links in its own path are followed.
    ///
    /// # Errors
    /// The system's own, naming it.
    pub(crate) fn open(path: OsString) -> Result<Beneath, Error> {
        let path = PathBuf::from(path);
        match fs::open_named_directory(&path) {
            Ok(fd) => Ok(Beneath { fd, path }),
            Err(error) => Err(Error::failed(path.to_string_lossy().into_owned(), fs::words(error))),
        }
    }

    /// What a path is from this directory on: one that is absolute must begin with its path.
    ///
    /// # Errors
    /// `EXDEV` for one that leads elsewhere.
    pub(crate) fn inside<'a>(&self, path: &'a [u8]) -> nix::Result<&'a [u8]> {
        inside(self.path.as_os_str().as_bytes(), path).ok_or(Errno::EXDEV)
    }
}

fn inside<'a>(top: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let end = top.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    match path.strip_prefix(&top[..end]) {
        _ if !path.starts_with(b"/") => Some(path),
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => Some(rest),
        _ => None,
    }
}

/// Why a path was not taken, for people.
pub(crate) fn words(error: Errno) -> String {
    match error {
        Errno::EXDEV => "leads out of the directory that --root lets in".to_owned(),
        error => fs::words(error),
    }
}

/// An open directory beneath it, and the way back: what is above it was opened on the way there, and
/// is not asked of the system.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) fd: Arc<OwnedFd>,
    above: Option<Arc<Level>>,
    /// The path by which the topmost was named.
    top: Arc<[u8]>,
    /// How many links were followed from there to here.
    links: u32,
}

/// Where a path leads: a name that is no link, in a directory; `.` for the directory itself.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) level: Arc<Level>,
    pub(crate) name: Vec<u8>,
    links: u32,
}

impl Level {
    /// The topmost, which is the directory itself.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn top(beneath: &Beneath) -> nix::Result<Arc<Level>> {
        let fd = Arc::new(fs::open_directory(&beneath.fd, b".")?);
        let top = beneath.path.as_os_str().as_bytes().into();
        Ok(Arc::new(Level { fd, above: None, top, links: 0 }))
    }

    /// Where a path from here leads, over all links.
    ///
    /// # Errors
    /// `EXDEV` where it leads out, `ELOOP` for too many links, and the system's own.
    pub(crate) fn resolve(self: &Arc<Level>, path: &[u8]) -> nix::Result<End> {
        let mut level = Arc::clone(self);
        let mut links = self.links;
        // The components still to go, the next one last.
        let mut left: Vec<_> = components(path).rev().map(<[u8]>::to_vec).collect();
        while let Some(name) = left.pop() {
            if name == b".." {
                level = level.above.clone().ok_or(Errno::EXDEV)?;
                continue;
            }
            let stat = fs::stat(&level.fd, &name)?;
            if stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFLNK.bits() {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::ELOOP);
                }
                let target = fs::link_target(&level.fd, &name)?;
                let rest = inside(&level.top, &target).ok_or(Errno::EXDEV)?;
                if target.starts_with(b"/") {
                    while let Some(above) = level.above.clone() {
                        level = above;
                    }
                }
                left.extend(components(rest).rev().map(<[u8]>::to_vec));
            } else if left.is_empty() {
                return Ok(End { level, name, links });
            } else {
                level = level.enter(&name, links)?;
            }
        }
        Ok(End { level, name: b".".to_vec(), links })
    }

    /// Opens a directory in this one, over links or not.
    ///
    /// # Errors
    /// As [`Level::resolve`].
    pub(crate) fn open(self: &Arc<Level>, path: &[u8], follow: bool) -> nix::Result<Arc<Level>> {
        if !follow {
            return self.enter(path, self.links);
        }
        let End { level, name, links } = self.resolve(path)?;
        if name != b"." {
            return level.enter(&name, links);
        }
        // The way to it counts, or a link to itself would lead on for ever.
        let (fd, top) = (Arc::clone(&level.fd), Arc::clone(&level.top));
        Ok(Arc::new(Level { fd, above: level.above.clone(), top, links }))
    }

    fn enter(self: &Arc<Level>, name: &[u8], links: u32) -> nix::Result<Arc<Level>> {
        let fd = Arc::new(fs::open_directory(&self.fd, name)?);
        let (above, top) = (Some(Arc::clone(self)), Arc::clone(&self.top));
        Ok(Arc::new(Level { fd, above, top, links }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn top(path: &Path) -> Arc<Level> {
        Level::top(&Beneath::open(path.as_os_str().to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn a_path_is_beneath_it_or_refused() {
        for (top, path, rest) in [
            ("/srv/a", "/srv/a", Some("")),
            ("/srv/a/", "/srv/a/b", Some("/b")),
            ("/srv/a", "b", Some("b")),
            ("/srv/a", "/srv/ab", None),
            ("/srv/a", "/etc", None),
            ("/", "/etc", Some("/etc")),
        ] {
            let found = inside(top.as_bytes(), path.as_bytes());
            assert_eq!(found, rest.map(str::as_bytes), "{path} beneath {top}");
        }
    }

    #[test]
    fn links_are_followed_as_far_as_they_stay_beneath() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("in/a/b")).unwrap();
        for file in ["secret", "in/file", "in/a/b/deep"] {
            std::fs::write(at(file), file).unwrap();
        }
        for (target, link) in [
            ("../file", "in/a/up"),
            ("a/b", "in/down"),
            ("../../secret", "in/a/out"),
            ("..", "in/above"),
            ("../in/file", "in/around"),
            ("/etc/hostname", "in/absolute"),
            ("round", "in/round"),
            ("a/..", "in/itself"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        symlink(at("in/a/b/deep"), at("in/by-its-path")).unwrap();
        symlink(at("in/../secret"), at("in/by-a-detour")).unwrap();
        let top = top(&at("in"));
        let inode = |path: &str| {
            let end = top.resolve(path.as_bytes())?;
            fs::stat(&end.level.fd, &end.name).map(|stat| stat.st_ino)
        };
        let real = |path: &str| {
            use std::os::unix::fs::MetadataExt;
            std::fs::metadata(at(path)).unwrap().ino()
        };
        for (path, leads_to) in [
            ("a/up", "in/file"),
            ("down/deep", "in/a/b/deep"),
            ("down/..", "in/a"),
            ("down/../up", "in/file"),
            ("by-its-path", "in/a/b/deep"),
            ("itself", "in"),
            ("", "in"),
        ] {
            assert_eq!(inode(path), Ok(real(leads_to)), "{path}");
        }
        for path in ["a/out", "above", "around", "absolute", "by-a-detour", "..", "a/../../secret"]
        {
            assert_eq!(inode(path), Err(Errno::EXDEV), "{path}");
        }
        assert_eq!(inode("round"), Err(Errno::ELOOP));
        assert_eq!(inode("none"), Err(Errno::ENOENT));
    }

    #[test]
    fn links_are_counted_over_the_whole_way() {
        let place = tempfile::tempdir().unwrap();
        symlink(".", place.path().join("here")).unwrap();
        std::fs::create_dir(place.path().join("d")).unwrap();
        symlink("../d", place.path().join("d/again")).unwrap();
        for (start, link) in [("d", "again"), (".", "here")] {
            let mut level = top(place.path()).open(start.as_bytes(), true).unwrap();
            let mut count = 0;
            let error = loop {
                match level.open(link.as_bytes(), true) {
                    Ok(next) => level = next,
                    Err(error) => break error,
                }
                count += 1;
            };
            assert_eq!((count, error), (MOST_LINKS, Errno::ELOOP), "{link}");
        }
    }
}
