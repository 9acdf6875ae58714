//! What is in place at the standby, removed here: `--remove-source-files`.

use super::Source;
use super::file::Loss;
use super::roots::Which;
use super::selection::Node;
use crate::entry::{Kind, Stamp, components};
use crate::fs;
use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_128;

/// What was told to the standby and may be said to be in place: a digest for each path.
#[derive(Debug, Default)]
pub(crate) struct Due(Mutex<HashSet<u128>>);

impl Due {
    /// The standby was told of this path.
    pub(super) fn add(&self, path: &[u8]) {
        self.lock().insert(xxh3_128(path));
    }

    /// True when the standby was told of this path and has not said before that it is in place.
    pub(super) fn take(&self, path: &[u8]) -> bool {
        self.lock().remove(&xxh3_128(path))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<u128>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what the standby has in place under this path of the transfer, if it still is what was
/// brought.
///
/// # Errors
/// Why it stays.
pub(super) fn remove(source: &Source, path: &[u8], stamp: &Stamp) -> Result<(), Loss> {
    let options = &source.options;
    let linked = options.follows_links();
    // A directory over a link is entered only where a list names what is in it: what -L, -k and -R
    // find over one may lie outside the source, and be there for others.
    let ways = Ways {
        enter: options.listed && !linked,
        follow: linked || options.listed || options.relative,
    };
    let mut barred = false;
    for part in &source.roots.parts {
        let within = match &part.names {
            Which::All => path,
            Which::One(name) if source.roots.single => &name[..],
            Which::One(name) if components(path).next() == Some(name) => path,
            Which::Selected(node) if is_selected(node, path) => path,
            _ => continue,
        };
        let fd = &part.spot.fd;
        match remove_beneath(fd, within, stamp, ways) {
            // Another source has it.
            Err(Errno::ENOENT) => {}
            Err(Errno::ENOTDIR | Errno::ELOOP) => barred = true,
            Err(Errno::ESTALE) => return Err(changed()),
            Err(error) => {
                let why = format!("cannot be removed: {}", fs::words(error));
                return Err(Loss::new("write_error", why));
            }
            Ok(()) => return Ok(()),
        }
    }
    // Else it is gone already.
    match barred {
        true if linked || options.relative => {
            let why = "lies over a symbolic link that was followed: it stays at the source";
            Err(Loss::new("over_a_link", why))
        }
        true => Err(changed()),
        false => Ok(()),
    }
}

/// Which symbolic links count.
#[derive(Clone, Copy, Debug)]
struct Ways {
    /// Those in place of a directory above the file.
    enter: bool,
    /// The file's own.
    follow: bool,
}

fn changed() -> Loss {
    Loss::new(
        "changed_since",
        "changed since it was brought: it stays; the next run brings it again",
    )
}

/// True for a path that the list names, or one beneath it.
fn is_selected(node: &Node, path: &[u8]) -> bool {
    let mut node = node;
    // What is named beneath a named directory takes nothing from what else is in that.
    let mut covered = node.named;
    for name in components(path) {
        match node.children.get(name) {
            Some(next) => node = next,
            None => return covered,
        }
        covered |= node.named;
    }
    true
}

fn remove_beneath(root: &OwnedFd, path: &[u8], stamp: &Stamp, ways: Ways) -> nix::Result<()> {
    let follow = ways.follow;
    let mut names: Vec<&[u8]> = components(path).collect();
    let name = names.pop().ok_or(Errno::EISDIR)?;
    if name == b".." || names.contains(&&b".."[..]) {
        return Err(Errno::EXDEV);
    }
    let mut fd = fs::open_directory(root, b".")?;
    for name in names {
        fd = match ways.enter {
            true => fs::open_directory_through(&fd, name)?,
            false => fs::open_directory(&fd, name)?,
        };
    }
    // A link that was followed goes, as with rsync; what it leads to stays.
    let stat = if follow { fs::stat_through(&fd, name) } else { fs::stat(&fd, name) };
    let stat = match stat {
        // It leads nowhere, or to more than a path can be.
        Err(_) if follow => fs::stat(&fd, name),
        stat => stat,
    }?;
    let now = Stamp::of(&stat);
    let now = match now.kind == stamp.kind {
        true => now,
        false => Stamp::of(&fs::stat(&fd, name)?),
    };
    if now.kind != stamp.kind || now.kind == Kind::Directory || !now.same_content(stamp) {
        return Err(Errno::ESTALE);
    }
    unlinkat(&fd, name, UnlinkatFlags::NoRemoveDir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    const NONE: Ways = Ways { enter: false, follow: false };

    #[test]
    fn what_lies_over_a_link_is_not_removed_and_a_link_to_a_file_goes_itself() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("in")).unwrap();
        std::fs::create_dir_all(root.path().join("outside")).unwrap();
        std::fs::write(root.path().join("outside/file"), "text").unwrap();
        std::os::unix::fs::symlink("../outside", root.path().join("in/link")).unwrap();
        std::os::unix::fs::symlink("../outside/file", root.path().join("in/name")).unwrap();
        let fd = directory(&root.path().join("in"));
        let stamp = Stamp::of(&fs::stat_through(&fd, b"name").unwrap());
        let ways = Ways { enter: false, follow: true };
        let over = remove_beneath(&fd, b"link/file", &stamp, ways);
        assert!(matches!(over, Err(Errno::ELOOP | Errno::ENOTDIR)), "{over:?}");
        assert_eq!(remove_beneath(&fd, b"name", &stamp, ways), Ok(()));
        assert!(root.path().join("outside/file").exists());
        assert!(fs::stat(&fd, b"name").is_err());
    }

    fn directory(path: &std::path::Path) -> OwnedFd {
        fs::open_named_directory(path).unwrap()
    }

    #[test]
    fn only_what_is_still_the_same_is_removed_and_nothing_outside() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("in/side")).unwrap();
        for name in ["in/file", "in/side/file", "file"] {
            std::fs::write(root.path().join(name), "text").unwrap();
        }
        let fd = directory(&root.path().join("in"));
        let stamp = Stamp::of(&fs::stat(&fd, b"file").unwrap());
        let other = Stamp { size: 5, ..stamp };
        assert_eq!(remove_beneath(&fd, b"file", &other, NONE), Err(Errno::ESTALE));
        assert_eq!(remove_beneath(&fd, b"../file", &stamp, NONE), Err(Errno::EXDEV));
        assert_eq!(remove_beneath(&fd, b"", &stamp, NONE), Err(Errno::EISDIR));
        let of_directory = Stamp::of(&fs::stat(&fd, b"side").unwrap());
        assert_eq!(remove_beneath(&fd, b"side", &of_directory, NONE), Err(Errno::ESTALE));
        assert_eq!(remove_beneath(&fd, b"file", &stamp, NONE), Ok(()));
        assert!(root.path().join("file").exists() && !root.path().join("in/file").exists());
    }

    #[test]
    fn a_list_covers_what_it_names_and_what_lies_beneath() {
        let mut node = Node::default();
        for path in ["etc/hosts", "usr/lib", "usr/lib/x/z"] {
            assert!(node.add(path.as_bytes(), None));
        }
        for (path, covered) in [
            (&b"etc/hosts"[..], true),
            (b"etc/motd", false),
            (b"usr/lib/x/y", true),
            (b"usr/x", false),
        ] {
            assert_eq!(is_selected(&node, path), covered);
        }
    }
}
