//! Directories to fuzz in: a root, and beside it what nobody may touch.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the large file in the root holds.
pub(super) fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| {
        let mut state = 1u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..300_000).map(|_| next()).collect()
    })
}

/// A fresh directory, which goes when it is dropped. Put it on a file system in memory (`TMPDIR`).
#[derive(Debug)]
pub(crate) struct Scene {
    top: PathBuf,
}

/// What is seen of one thing: all that stat(2) tells but access times, and what it holds.
type Seen = (PathBuf, [i64; 9], Vec<u8>);

impl Scene {
    pub(crate) fn empty() -> Scene {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hasync-fuzz-{}-{number}", std::process::id());
        let top = std::env::temp_dir().join(name);
        must(fs::create_dir(&top));
        Scene { top }
    }

    /// With a root that has files, directories and links that lead out, and what they lead to.
    pub(super) fn furnished() -> Scene {
        let scene = Scene::empty();
        for directory in ["root", "root/d", "root/d/e", "outside", "outside/in"] {
            must(fs::create_dir(scene.top.join(directory)));
        }
        for file in ["root/a", "root/d/x", "root/d/e/y", "outside/file", "outside/in/z"] {
            scene.write(file, file.as_bytes());
        }
        scene.write("root/big", large());
        must(symlink("../outside", scene.top.join("root/out")));
        must(symlink("../outside/file", scene.top.join("root/to-file")));
        must(symlink("../../outside/in", scene.top.join("root/d/in")));
        scene
    }

    pub(crate) fn path(&self) -> &Path {
        &self.top
    }

    pub(super) fn root(&self) -> PathBuf {
        self.top.join("root")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        must(fs::write(self.top.join(name), content));
    }

    /// What there is beside the root.
    pub(super) fn beside(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for entry in must(fs::read_dir(&self.top)) {
            let path = must(entry).path();
            if path != self.root() {
                look(&path, &mut seen);
            }
        }
        seen.sort();
        seen
    }

    /// What there is in the root.
    pub(super) fn inside(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        look(&self.root(), &mut seen);
        seen.sort();
        seen
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.top).is_err() {
            // Something in it has a mode that not even its owner gets through.
            unlock(&self.top);
            let _ = fs::remove_dir_all(&self.top);
        }
    }
}

fn must<T>(result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| unreachable!("the scene: {error}"))
}

fn unlock(path: &Path) {
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            unlock(&entry.path());
        }
    }
}

fn look(path: &Path, seen: &mut Vec<Seen>) {
    let metadata = must(path.symlink_metadata());
    let of = |number: u64| number as i64;
    let facts = [
        i64::from(metadata.mode()),
        i64::from(metadata.uid()),
        i64::from(metadata.gid()),
        of(metadata.nlink()),
        of(metadata.len()),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ];
    let content = if metadata.is_file() { must(fs::read(path)) } else { Vec::new() };
    seen.push((path.to_owned(), facts, content));
    if metadata.is_dir() {
        for entry in must(fs::read_dir(path)) {
            look(&must(entry).path(), seen);
        }
    }
}
