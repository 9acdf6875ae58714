//! One change at a time: who reads a file to replace it holds its lock meanwhile.

use crate::replace::follow;
use ha_command::{Lock, lock_directory};
use ha_json::Error;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Locks the file `path`, or its directory where the file is not there, against every other that
/// locks it in this way. Each [`crate::replace`] puts another file there: who waited for the old one
/// begins again with the new one.
///
/// # Errors
/// Kind `busy` when others held it for all of `wait`; `failed` where it cannot be locked.
pub fn lock(path: &Path, wait: Duration) -> Result<Lock, Error> {
    let ends = Instant::now() + wait;
    let name = path.display().to_string();
    loop {
        let (file, metadata) = open(path).map_err(|error| Error::io(&name, &error))?;
        let lock =
            lock_directory(file.into(), &name, ends.saturating_duration_since(Instant::now()))?;
        let (_, now) = open(path).map_err(|error| Error::io(&name, &error))?;
        if (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()) {
            return Ok(lock);
        }
    }
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let target = follow(path)?;
    let place = match fs::metadata(&target) {
        Ok(metadata) if metadata.is_file() => &target,
        Ok(_) => return Err(io::Error::other("is no regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        },
        Err(error) => return Err(error),
    };
    let file = File::open(place)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
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
