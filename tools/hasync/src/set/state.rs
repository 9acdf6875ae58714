//! Where a node keeps what it knows of sets, and of whom it waits for.

use super::document::Group;
use super::journal::{GONE_NAME, Transaction, make_directory};
use super::talk::worked;
use crate::sys;
use ha_command::{Lock, lock_unless};
use ha_json::{Error, Kind, reason};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Beneath the root of the tree.
pub(super) const USUAL: &str = "var/lib/hatools/hasync";
const HOLDER: &str = "holder.json";
/// What is kept of a group that takes nothing until it is released.
const HELD: &str = "held";
/// For what a group was when it was brought, what waits of it.
const STAGED: &str = "staged.json";

/// Nobody holds the lock of the role for so long.
const A_MOMENT: Duration = Duration::from_secs(10);

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct State(PathBuf);

/// Who holds a group's lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    host: String,
    process: u32,
    boot: String,
    since: String,
}

impl State {
    /// The usual one of a tree, or another.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn open(root: &Path, other: Option<&Path>) -> Result<State, Error> {
        let path = other.map_or_else(|| root.join(USUAL), Path::to_owned);
        make_directory(&path)?;
        make_directory(&path.join("groups"))?;
        Ok(State(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// While this lock is held, the role of the node stays as it is.
    ///
    /// # Errors
    /// Busy, where somebody else holds it for longer.
    pub(super) fn lock_role(&self, wait: Duration) -> Result<Lock, Error> {
        lock(&self.0, "role", wait.max(A_MOMENT))
    }

    pub(super) fn group(&self, name: &str) -> Place {
        Place { directory: self.0.join("groups").join(name), name: name.to_owned() }
    }

    /// The groups that something is known of, in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn groups(&self) -> Result<Vec<Place>, Error> {
        let names = names(&self.0.join("groups"))?;
        Ok(names.iter().map(|name| self.group(name)).collect())
    }

    /// An empty directory.
    pub(super) fn empty(&self) -> Result<PathBuf, Error> {
        let path = self.0.join("empty");
        make_directory(&path)?;
        Ok(path)
    }
}

fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let failed =
        |error: &std::io::Error| Error::failed(directory.display().to_string(), reason(error));
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
        let name = entry.map_err(|error| failed(&error))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Where a group's own is kept.
#[derive(Clone, Debug)]
pub(super) struct Place {
    directory: PathBuf,
    name: String,
}

impl Place {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_there(&self) -> bool {
        self.directory.is_dir()
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.directory.join("manifest")
    }

    /// Of the transactions, the one of this number.
    pub(super) fn transaction(&self, number: u64) -> PathBuf {
        self.directory.join("transactions").join(number.to_string())
    }

    /// The numbers of all that were begun, the oldest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, Error> {
        let directory = self.directory.join("transactions");
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let mut numbers: Vec<u64> =
            names(&directory)?.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Those that somebody was killed while forgetting.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn half_forgotten(&self) -> Result<Vec<PathBuf>, Error> {
        let directory = self.directory.join("transactions");
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let all = names(&directory)?.into_iter().map(|name| directory.join(name));
        Ok(all.filter(|path| path.extension().is_some_and(|end| end == GONE_NAME)).collect())
    }

    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn transactions(&self) -> Result<Vec<Transaction>, Error> {
        let numbers = self.numbers()?;
        let read = |number| Transaction::read(&self.transaction(number)).transpose();
        numbers.into_iter().filter_map(read).collect()
    }

    /// True where what waits was brought for a group that is all the same.
    pub(super) fn is_staged_for(&self, group: &Group) -> bool {
        read_json(&self.directory.join(STAGED)).is_ok_and(|old| old.as_ref() == Some(group))
    }

    /// From now on what waits is brought for this group.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn stage_for(&self, group: &Group) -> Result<(), Error> {
        let text =
            serde_json::to_vec(group).map_err(|error| Error::failed(STAGED, error.to_string()))?;
        ha_file::replace(&self.directory.join(STAGED), &text, 0o600, ha_file::Durability::Synced)
    }

    /// Why it takes nothing, where it does not.
    pub(super) fn held(&self) -> Option<String> {
        fs::read_to_string(self.directory.join(HELD)).ok().map(|text| text.trim().to_owned())
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) fn hold(&self, why: &str) -> Result<(), Error> {
        let (file, text) = (self.directory.join(HELD), format!("{why}\n"));
        ha_file::replace(&file, text.as_bytes(), 0o600, ha_file::Durability::Synced)
    }

    /// It takes what comes again; false where it did.
    ///
    /// # Errors
    /// When the file stays.
    pub(super) fn release(&self) -> Result<bool, Error> {
        let file = self.directory.join(HELD);
        let failed =
            |error: &std::io::Error| Error::failed(file.display().to_string(), reason(error));
        match fs::remove_file(&file) {
            Ok(()) => {
                // A loss of power does not hold it again.
                let synced =
                    fs::File::open(&self.directory).and_then(|directory| directory.sync_all());
                synced.map(|()| true).map_err(|error| failed(&error))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Nobody else changes the group meanwhile.
    ///
    /// # Errors
    /// Busy, naming who holds it.
    pub(super) fn lock(&self, wait: Duration) -> Result<Lock, Error> {
        hold(&self.directory, &format!("group {}", self.name), wait)
    }

    /// Nobody else brings the group to a target meanwhile; to others they may.
    ///
    /// # Errors
    /// Busy, naming who does.
    pub(super) fn lock_target(&self, target: &str, wait: Duration) -> Result<Lock, Error> {
        // Whatever is in its name.
        let name = blake3::hash(target.as_bytes()).to_hex();
        let directory = self.directory.join("targets").join(&name[..16]);
        hold(&directory, &format!("group {} to {target}", self.name), wait)
    }
}

fn lock(directory: &Path, name: &str, wait: Duration) -> Result<Lock, Error> {
    let open = fs::File::open(directory)
        .map_err(|error| Error::failed(directory.display().to_string(), reason(&error)))?;
    // Who waits does what it can: the other end of a line goes on waiting, too.
    let waits = || {
        worked();
        false
    };
    lock_unless(open.into(), name, wait, &waits)
}

/// Locks a directory, and says in it who does.
fn hold(directory: &Path, name: &str, wait: Duration) -> Result<Lock, Error> {
    make_directory(directory)?;
    let holder = directory.join(HOLDER);
    let lock = lock(directory, name, wait).map_err(|error| {
        let held = fs::read(&holder).ok();
        let held = held.and_then(|text| serde_json::from_slice::<Holder>(&text).ok());
        match held.filter(|_| error.kind == Kind::Busy) {
            Some(Holder { host, process, since, .. }) => Error::busy(
                name,
                format!(
                    "process {process} of {host} holds it since {since} (--lock-wait waits longer)"
                ),
            ),
            None => error,
        }
    })?;
    let own = Holder {
        host: node(),
        process: std::process::id(),
        boot: sys::boot(),
        since: ha_json::now(),
    };
    let text =
        serde_json::to_vec(&own).map_err(|error| Error::failed(HOLDER, error.to_string()))?;
    // It only says who; a full disk is told by what follows.
    let _ = ha_file::replace(&holder, &text, 0o600, ha_file::Durability::Unsynced);
    Ok(lock)
}

/// What a file holds; `None` where there is none.
///
/// # Errors
/// Input, where `parse` does not take it.
pub(super) fn read<T>(
    file: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<Option<T>, Error> {
    let name = || file.display().to_string();
    match fs::read(file) {
        Ok(text) => parse(&text).map(Some).map_err(|why| Error::new(Kind::Input, name(), why)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::failed(name(), reason(&error))),
    }
}

/// The same of a file of JSON.
///
/// # Errors
/// Input, where it is none, or holds something else.
pub(super) fn read_json<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Error> {
    read(file, |text| serde_json::from_slice(text).map_err(|error| error.to_string()))
}

/// What this node is called.
pub(super) fn node() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
