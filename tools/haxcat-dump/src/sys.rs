//! Directories exchanged: in one step where the system can, else in two.

use nix::errno::Errno;
use std::path::Path;

/// Puts `new` in the place of `old`, and `old` where `new` was. Where the system has no call for
/// that, `old` stands as `aside` for a moment, or stays there, and nothing stands in its place.
///
/// # Errors
/// Those of rename(2); then both are where they were.
pub(crate) fn exchange(new: &Path, old: &Path, aside: &Path) -> nix::Result<()> {
    match exchange_at_once(new, old) {
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP) => {
            exchange_in_steps(new, old, aside)
        }
        done => done,
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn exchange_at_once(new: &Path, old: &Path) -> nix::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    renameat2(AT_FDCWD, new, AT_FDCWD, old, RenameFlags::RENAME_EXCHANGE)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn exchange_at_once(_: &Path, _: &Path) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

fn exchange_in_steps(new: &Path, old: &Path, aside: &Path) -> nix::Result<()> {
    rename(old, aside)?;
    if let Err(error) = rename(new, old) {
        // The first error is the one to tell; the next run puts back what could not be put back.
        let _ = rename(aside, old);
        return Err(error);
    }
    // The new one is in place. What stands aside, its owner removes now, or the next run.
    let _ = rename(aside, new);
    Ok(())
}

fn rename(from: &Path, to: &Path) -> nix::Result<()> {
    std::fs::rename(from, to)
        .map_err(|error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn two() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in ["new", "old"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("file"), name).unwrap();
        }
        root
    }

    fn content(root: &tempfile::TempDir, name: &str) -> String {
        fs::read_to_string(root.path().join(name).join("file")).unwrap()
    }

    #[test]
    fn both_ways_exchange_and_leave_nothing_aside() {
        for way in [exchange, exchange_in_steps] {
            let root = two();
            let path = |name: &str| root.path().join(name);
            way(&path("new"), &path("old"), &path("aside")).unwrap();
            assert_eq!(
                (content(&root, "new"), content(&root, "old")),
                ("old".into(), "new".into())
            );
            assert!(!path("aside").exists());
        }
    }

    #[test]
    fn a_new_directory_that_is_not_there_leaves_the_old_one() {
        for way in [exchange, exchange_in_steps] {
            let root = two();
            let path = |name: &str| root.path().join(name);
            assert!(way(&path("gone"), &path("old"), &path("aside")).is_err());
            assert_eq!(content(&root, "old"), "old");
            assert!(!path("aside").exists());
        }
    }
}
