//! One change at a time: who reads a file to replace it holds its lock meanwhile.

use crate::replace::follow;
use ha_command::{Lock, lock_directory};
use ha_json::{Error, Kind};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// Where root's locks are: the first whose directory only root writes.
const OF_ROOT: [&str; 2] = ["/run/hatools.lock", "/var/run/hatools.lock"];

const WRITTEN_BY_OTHERS: u32 = 0o022;

const OPEN_FOR_OTHERS: u32 = 0o077;

/// Names are cut to it: what shares a lock waits, and nothing worse.
const LONGEST_NAME: usize = 200;

/// Locks the file `path` against every other that locks it in this way. Who waited while another file
/// was put in its place (by [`crate::replace`], or a link led elsewhere) begins again with that.
///
/// A file that all may read is one that all may lock, for as long as they like. So root locks a file
/// in the place of it that only root opens; and the file itself only where another user could replace
/// it, too.
///
/// # Errors
/// Kind `busy` when others held it for all of `wait`; `failed` where it cannot be locked.
pub fn lock(path: &Path, wait: Duration) -> Result<Lock, Error> {
    let ends = Instant::now() + wait;
    let name = path.display().to_string();
    let open = || open(path).map_err(|error| Error::io(&name, &error));
    loop {
        let (file, metadata) = open()?;
        let left = ends.saturating_duration_since(Instant::now());
        let lock = lock_directory(file.into(), &name, left).map_err(|error| match error.kind {
            // It knows only what was left of the time.
            Kind::Busy => Error::busy(
                &name,
                format!(
                    "another run holds it since {} s or more (--lock-wait waits longer)",
                    wait.as_secs()
                ),
            ),
            _ => error,
        })?;
        let (_, now) = open()?;
        if (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()) {
            return Ok(lock);
        }
    }
}

/// Opens what stands for the file `path`.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let target = follow(path)?;
    let is_there = match fs::metadata(&target) {
        Ok(metadata) if metadata.is_file() => true,
        Ok(_) => return Err(io::Error::other("is no regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let file = match of_root(&target)? {
        Some(file) => file,
        None => File::open(if is_there { &target } else { parent(&target) })?,
    };
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file of root's own that stands for `target`, whose directory and name stay when it is replaced.
fn of_root(target: &Path) -> io::Result<Option<File>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let above = fs::metadata(parent(target))?;
    if above.uid() != 0 || above.mode() & WRITTEN_BY_OTHERS != 0 {
        return Ok(None);
    }
    let Some(directory) = OF_ROOT.iter().find_map(|path| for_root(Path::new(path))) else {
        return Ok(None);
    };
    let name = target.file_name().ok_or(ErrorKind::IsADirectory)?.as_bytes();
    let name = &name[..name.len().min(LONGEST_NAME)];
    let name = [format!("{:x}-{:x}-", above.dev(), above.ino()).as_bytes(), name].concat();
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let file = openat(directory, OsString::from_vec(name).as_os_str(), flags, mode)?;
    Ok(Some(file.into()))
}

/// Opens the directory, made where it is not there, if nobody but root comes into it.
fn for_root(path: &Path) -> Option<File> {
    let above = fs::metadata(path.parent()?).ok()?;
    if above.uid() != 0 || above.mode() & WRITTEN_BY_OTHERS != 0 {
        return None;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let directory = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let metadata = directory.metadata().ok()?;
    (metadata.uid() == 0 && metadata.mode() & OPEN_FOR_OTHERS == 0).then_some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, replace};
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn a_lock_that_is_held_is_busy() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        for content in [None, Some("there")] {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let held = lock(&path, Duration::ZERO).unwrap();
            assert_eq!(lock(&path, Duration::ZERO).unwrap_err().kind, ha_json::Kind::Busy);
            drop(held);
            lock(&path, Duration::ZERO).unwrap();
        }
    }

    /// Whether root's own locks can be tried here.
    fn as_root() -> bool {
        let can =
            geteuid().is_root() && OF_ROOT.iter().any(|path| for_root(Path::new(path)).is_some());
        if !can {
            eprintln!("SKIPPED: only root has locks that nobody else can take");
        }
        can
    }

    #[test]
    fn who_may_only_read_a_file_of_root_keeps_nobody_from_changing_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "there").unwrap();
        if !as_root() {
            return;
        }
        let read_only = File::open(&path).unwrap();
        let directory = File::open(root.path()).unwrap();
        let _readers: Vec<_> = [read_only, directory]
            .map(|file| lock_directory(file.into(), "reader", Duration::ZERO).unwrap())
            .into();
        let held = lock(&path, Duration::ZERO).unwrap();
        assert_eq!(lock(&path, Duration::ZERO).unwrap_err().kind, Kind::Busy);
        // Another file is another lock.
        lock(&root.path().join("other"), Duration::ZERO).unwrap();
        drop(held);
    }

    #[test]
    fn root_and_the_owner_of_a_directory_wait_for_each_other() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "there").unwrap();
        if !as_root() {
            return;
        }
        std::os::unix::fs::chown(root.path(), Some(12345), None).unwrap();
        let owner = File::open(&path).unwrap();
        let _owner = lock_directory(owner.into(), "owner", Duration::ZERO).unwrap();
        assert_eq!(lock(&path, Duration::ZERO).unwrap_err().kind, Kind::Busy);
    }

    #[test]
    fn a_place_of_roots_locks_that_others_could_write_is_none() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        let path = root.path().join("locks");
        mode(root.path(), 0o1777);
        assert!(for_root(&path).is_none() && !path.exists());
        mode(root.path(), 0o755);
        if geteuid().is_root() {
            assert!(for_root(&path).is_some());
        }
        fs::create_dir_all(&path).unwrap();
        mode(&path, 0o755);
        assert!(for_root(&path).is_none());
    }

    #[test]
    fn the_wait_that_was_asked_for_is_the_one_that_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "there").unwrap();
        let held = lock(&path, Duration::ZERO).unwrap();
        let error = lock(&path, Duration::from_secs(1)).unwrap_err();
        assert!(error.why.contains("since 1 s or more"), "{error}");
        drop(held);
    }

    #[test]
    fn many_that_replace_it_lose_nothing_of_each_other() {
        const MANY: usize = 8;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        let begin = Barrier::new(MANY);
        thread::scope(|scope| {
            for number in 0..MANY {
                let (path, begin) = (&path, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let held = lock(path, Duration::from_secs(60)).unwrap();
                    let mut content = crate::read(path, 1000).unwrap().unwrap_or_default();
                    content.extend(format!("{number}\n").bytes());
                    replace(path, &content, 0o644, Durability::Unsynced).unwrap();
                    drop(held);
                });
            }
        });
        let content = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = content.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }
}
