//! Where a path of the node's leads, on this machine or below the root of an image.

use ha_file::Mounts;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, geteuid};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// The directory that is the node's `/`.
#[derive(Debug)]
pub(crate) struct Root(PathBuf);

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As the node names it.
    pub(crate) inside: PathBuf,
    /// As this machine names it.
    pub(crate) real: PathBuf,
}

/// What stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Missing,
    Directory,
    File { executable: bool },
    Link { target: String },
    Other,
}

/// What is done with a link at the end of a path. Links before it are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLink {
    Followed,
    Kept,
}

impl Root {
    /// # Errors
    /// When it is not a directory that can be looked at.
    pub(crate) fn new(path: &Path) -> io::Result<Root> {
        let real = fs::canonicalize(path)?;
        match fs::metadata(&real)?.is_dir() {
            true => Ok(Root(real)),
            false => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// It is the root of this very machine.
    pub(crate) fn is_this_machine(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Follows the links of `path`, which the node's `/` holds in: none leads out of an image. What the
    /// table of `mounts` has is no link, and is not looked at.
    ///
    /// # Errors
    /// When a directory cannot be looked into, or links go round in a circle.
    pub(crate) fn place(
        &self,
        path: &Path,
        last_link: LastLink,
        mounts: &Mounts,
    ) -> io::Result<Place> {
        let mut inside = PathBuf::from("/");
        let mut left: VecDeque<OsString> = names(path).collect();
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                inside.pop();
                continue;
            }
            inside.push(&name);
            if left.is_empty() && last_link == LastLink::Kept {
                break;
            }
            let real = self.real(&inside);
            if mounts.listed(&real).is_none()
                && let Some(target) = link(&real)?
            {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::ELOOP.into());
                }
                match target.is_absolute() {
                    true => inside = PathBuf::from("/"),
                    false => _ = inside.pop(),
                }
                names(&target).rev().for_each(|name| left.push_front(name));
            }
        }
        let real = self.real(&inside);
        Ok(Place { inside, real })
    }

    fn real(&self, inside: &Path) -> PathBuf {
        let below = inside.strip_prefix("/").unwrap_or(inside);
        match below.as_os_str().is_empty() {
            true => self.0.clone(),
            false => self.0.join(below),
        }
    }
}

impl Place {
    /// # Errors
    /// When it cannot be looked at.
    pub(crate) fn entry(&self) -> io::Result<Entry> {
        let metadata = match fs::symlink_metadata(&self.real) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(Entry::Missing),
            Err(error) => return Err(error),
        };
        Ok(if metadata.is_symlink() {
            let target = fs::read_link(&self.real)?;
            Entry::Link { target: target.to_string_lossy().into_owned() }
        } else if metadata.is_dir() {
            Entry::Directory
        } else if metadata.is_file() {
            let some = metadata.permissions().mode() & 0o111 != 0;
            Entry::File { executable: some && self.root_can_run_it() }
        } else {
            Entry::Other
        })
    }
}

impl Place {
    /// The cluster manager runs as root, whom a file system can forbid it, too; another user cannot
    /// tell, and of an image only the modes count.
    fn root_can_run_it(&self) -> bool {
        let is_image = self.inside != self.real;
        is_image || !geteuid().is_root() || access(&self.real, AccessFlags::X_OK).is_ok()
    }
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn link(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::read_link(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    fn image() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path()).unwrap();
        for path in ["etc/dce", "opt/dcelocal", "..."] {
            fs::create_dir_all(root.0.join(path)).unwrap();
        }
        (directory, root)
    }

    fn inside(root: &Root, path: &str) -> String {
        let place = root.place(Path::new(path), LastLink::Followed, &Mounts::ByDevice).unwrap();
        assert!(place.real.starts_with(&root.0));
        place.inside.to_str().unwrap().to_owned()
    }

    #[test]
    fn links_are_followed_and_none_leads_out_of_the_image() {
        let (_directory, root) = image();
        symlink("/etc/dce", root.0.join("opt/dcelocal/etc")).unwrap();
        symlink("../../../../../../etc", root.0.join("opt/up")).unwrap();
        assert_eq!(inside(&root, "/opt/dcelocal/etc/x"), "/etc/dce/x");
        assert_eq!(inside(&root, "/opt/up"), "/etc");
        assert_eq!(inside(&root, "/.."), "/");
        assert_eq!(inside(&root, "/not/there/../x"), "/not/x");
        assert_eq!(inside(&root, "/.../cell"), "/.../cell");
    }

    #[test]
    fn the_last_link_is_kept_where_it_is_what_is_asked_for() {
        let (_directory, root) = image();
        symlink("/.../c/fs", root.0.join(":")).unwrap();
        let kept = root.place(Path::new("/:"), LastLink::Kept, &Mounts::ByDevice).unwrap();
        assert_eq!(kept.entry().unwrap(), Entry::Link { target: "/.../c/fs".into() });
        let followed = root.place(Path::new("/:"), LastLink::Followed, &Mounts::ByDevice).unwrap();
        assert_eq!(followed.inside, Path::new("/.../c/fs"));
        assert_eq!(followed.entry().unwrap(), Entry::Missing);
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let (_directory, root) = image();
        symlink("b", root.0.join("a")).unwrap();
        symlink("a", root.0.join("b")).unwrap();
        assert!(root.place(Path::new("/a"), LastLink::Followed, &Mounts::ByDevice).is_err());
    }

    #[test]
    fn a_mount_point_of_the_table_is_not_looked_at() {
        let (_directory, root) = image();
        // Whoever looked at it would go round for ever, as at a server that is gone.
        symlink("dead", root.0.join("dead")).unwrap();
        let table = format!("9 8 0:7 / {}/dead rw - nfs s:/ rw\n", root.0.display());
        let mounts = Mounts::of_table(table.as_bytes());
        let at = |mounts| root.place(Path::new("/dead"), LastLink::Followed, mounts);
        assert!(at(&mounts).is_ok() && at(&Mounts::ByDevice).is_err());
    }

    #[test]
    fn a_mode_with_any_bit_to_run_it_is_enough_for_root() {
        let (_directory, root) = image();
        let place = |mode: u32| {
            let file = root.0.join("script");
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            Place { inside: file.clone(), real: file }.entry().unwrap()
        };
        assert_eq!(place(0o644), Entry::File { executable: false });
        for mode in [0o001, 0o010, 0o100] {
            assert_eq!(place(mode), Entry::File { executable: true }, "{mode:o}");
        }
    }

    #[test]
    fn the_root_of_this_machine_is_one_like_any_other() {
        let root = Root::new(Path::new("/")).unwrap();
        assert!(root.is_this_machine());
        let place = root.place(Path::new("/"), LastLink::Followed, &Mounts::ByDevice).unwrap();
        assert_eq!(
            (place.real.as_path(), place.entry().unwrap()),
            (Path::new("/"), Entry::Directory)
        );
        let file =
            root.place(Path::new("/etc/passwd/x"), LastLink::Followed, &Mounts::ByDevice).unwrap();
        assert_eq!(file.entry().unwrap(), Entry::Missing);
    }

    proptest! {
        #[test]
        fn no_path_leads_out(path in "(/?(\\.{1,3}|etc|up|x)){0,8}") {
            let (_directory, root) = image();
            symlink("../../..", root.0.join("up")).unwrap();
            inside(&root, &path);
        }
    }
}
