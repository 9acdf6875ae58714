//! A place that a served hasync may change, and one beside it that it must not.

use crate::peer::{Ended, Peer};
use crate::words::{READY, job, start};
use serde_json::Value;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the old file holds: long enough that its difference is asked for.
pub(crate) fn old_data() -> Vec<u8> {
    (0..300_000u32).map(|i| (i % 251) as u8).collect()
}

pub(crate) struct Place {
    _directory: tempfile::TempDir,
    pub(crate) destination: PathBuf,
    pub(crate) outside: PathBuf,
}

impl Place {
    /// A destination with `old` (large) and `small` in it, and a file outside.
    pub(crate) fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let destination = directory.path().join("destination");
        let outside = directory.path().join("outside");
        fs::create_dir(&destination).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "outside").unwrap();
        fs::write(destination.join("old"), old_data()).unwrap();
        fs::write(destination.join("small"), "small").unwrap();
        Place { _directory: directory, destination, outside }
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.destination.as_os_str().as_bytes()
    }

    /// Serves this place to a source that has said where it begins and heard that it is ready.
    pub(crate) fn standby(&self, options: &Value) -> Peer {
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("standby", options, &[self.path()]));
        peer.send(&start(false));
        assert!(peer.until(READY).is_some(), "{:?}", peer.told);
        peer
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.destination)
    }

    /// Nothing has changed, and nothing was left.
    pub(crate) fn is_untouched(&self, why: &str) {
        assert_eq!(self.names(), ["old", "small"], "{why}");
        assert!(fs::read(self.destination.join("old")).unwrap() == old_data(), "{why}");
        assert_eq!(fs::read(self.destination.join("small")).unwrap(), b"small", "{why}");
        self.outside_is_untouched(why);
    }

    pub(crate) fn outside_is_untouched(&self, why: &str) {
        assert_eq!(names(&self.outside), ["file"], "{why}");
        assert_eq!(fs::read(self.outside.join("file")).unwrap(), b"outside", "{why}");
    }
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// It failed, and its one line on stderr says so in these words.
pub(crate) fn refused(ended: &Ended, words: &str, why: &str) {
    assert_eq!(ended.status, Some(6), "{why}: {ended:?}");
    assert!(ended.stderr.contains(words), "{why}: not {words:?} but {ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{why}: {ended:?}");
}
