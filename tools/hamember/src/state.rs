//! What is known from earlier runs: whose key is which, and which hosts are still to be visited.
//!
//! It stands beside the master's data, so that the member to which the package fails over goes on.

use crate::cluster::is_same;
use crate::configuration::Host;
use crate::public_key::PublicKey;
use ha_command::{Lock, lock_unless};
use ha_file::Durability;
use ha_json::Error;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &str = "hamember-state/1";
const MAX_BYTES: u64 = 64 << 20;
/// As many former keys of a host are remembered.
const MOST_PREVIOUS: usize = 16;

/// All that is kept.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct State {
    schema: String,
    /// Members that an event added, besides those of the configuration.
    pub(crate) added: BTreeSet<String>,
    /// Members that an event deleted, whatever the configuration says.
    pub(crate) deleted: BTreeSet<String>,
    /// Members that are to have a new key pair, and do not have it yet.
    #[serde(default)]
    pub(crate) renewing: BTreeSet<String>,
    /// Members that got a pair of their own, whatever the others share.
    #[serde(default)]
    pub(crate) renewed: BTreeSet<String>,
    /// Whose keys are known, by host.
    pub(crate) hosts: BTreeMap<String, Known>,
    /// Hosts that are still to be visited, and for which members.
    pub(crate) pending: BTreeMap<String, BTreeSet<String>>,
}

/// The keys of a host.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Known {
    /// The text of its public key.
    pub(crate) key: Option<String>,
    /// Those that it had before.
    pub(crate) previous: Vec<String>,
}

impl Known {
    /// Its key.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        PublicKey::parse(self.key.as_ref()?.as_bytes())
    }

    /// Those that it had before.
    pub(crate) fn previous(&self) -> Vec<PublicKey> {
        self.previous.iter().filter_map(|text| PublicKey::parse(text.as_bytes())).collect()
    }

    /// It has this key now.
    pub(crate) fn has(&mut self, key: &PublicKey) {
        if let Some(old) = self.key().filter(|old| old != key) {
            self.previous.push(old.pem().to_owned());
        }
        self.previous
            .retain(|text| PublicKey::parse(text.as_bytes()).is_some_and(|old| old != *key));
        self.previous.dedup();
        // A host that lies about its key every time fills nobody's disk.
        let more = self.previous.len().saturating_sub(MOST_PREVIOUS);
        self.previous.drain(..more);
        self.key = Some(key.pem().to_owned());
    }
}

impl Default for State {
    fn default() -> State {
        State {
            schema: SCHEMA.to_owned(),
            added: BTreeSet::new(),
            deleted: BTreeSet::new(),
            renewing: BTreeSet::new(),
            renewed: BTreeSet::new(),
            hosts: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }
}

impl State {
    /// Reads the file; nothing is known where there is none.
    ///
    /// # Errors
    /// Failed, where it cannot be read or is not what a run of ours wrote.
    pub(crate) fn read(path: &Path) -> Result<State, Error> {
        let Some(text) = ha_file::read(path, MAX_BYTES)? else { return Ok(State::default()) };
        let bad = |why: String| {
            let next = "move it away, and run with --check";
            Error::failed(path.display().to_string(), format!("{why}: {next}"))
        };
        let state: State = serde_json::from_slice(&text)
            .map_err(|error| bad(format!("is not what a run of ours wrote ({error})")))?;
        match state.schema.as_str() {
            SCHEMA => Ok(state),
            other => Err(bad(format!("is of another version ({other:?})"))),
        }
    }

    /// Writes it, on disk when this comes back.
    ///
    /// # Errors
    /// Failed, with the file as it was.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::failed(path.display().to_string(), error.to_string()))?;
        ha_file::replace(path, format!("{text}\n").as_bytes(), 0o600, Durability::Synced)
    }

    /// The name by which a host of an event is known here: a name with a domain stands for the one
    /// without, and the other way round.
    pub(crate) fn known_as(&self, name: &str, members: &[Host]) -> String {
        let configured = members.iter().map(|host| &host.name);
        let mut known = configured.chain(&self.added).chain(&self.deleted).chain(self.hosts.keys());
        let exact = known.clone().find(|other| *other == name);
        exact
            .or_else(|| known.find(|other| is_same(other, name)))
            .map_or(name, String::as_str)
            .to_owned()
    }

    /// It is to be done.
    pub(crate) fn pend(&mut self, host: &str, member: &str) {
        self.pending.entry(host.to_owned()).or_default().insert(member.to_owned());
    }

    /// The hosts that are still to be visited for this member.
    pub(crate) fn pending_for(&self, member: &str) -> BTreeSet<String> {
        let waits = |(host, members): (&String, &BTreeSet<String>)| {
            members.contains(member).then(|| host.clone())
        };
        self.pending.iter().filter_map(waits).collect()
    }
}

/// Locks the directory of the state, which is made where it is not there.
///
/// # Errors
/// Busy, where another run holds it; failed, where it cannot be made.
pub(crate) fn lock(path: &Path, wait: Duration) -> Result<Lock, Error> {
    let directory = directory(path);
    let name = directory.display().to_string();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .and_then(|()| File::open(&directory))
        .map_err(|error| Error::io(&name, &error))
        .and_then(|file| lock_unless(file.into(), &name, wait, &|| false))
}

fn directory(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_key::tests::key;

    #[test]
    fn a_host_that_has_another_key_had_the_one_before() {
        let mut known = Known::default();
        known.has(&key(1));
        known.has(&key(1));
        assert_eq!((known.key(), known.previous()), (Some(key(1)), vec![]));
        known.has(&key(2));
        assert_eq!((known.key(), known.previous()), (Some(key(2)), vec![key(1)]));
        known.has(&key(1));
        assert_eq!((known.key(), known.previous()), (Some(key(1)), vec![key(2)]));
        (3..100).for_each(|seed| known.has(&key(seed)));
        assert_eq!((known.key(), known.previous.len()), (Some(key(99)), MOST_PREVIOUS));
    }

    #[test]
    fn a_name_with_a_domain_stands_for_the_one_without() {
        let mut state = State::default();
        state.added.insert("m3".to_owned());
        state.deleted.insert("m4.example.com".to_owned());
        assert_eq!(state.known_as("m3.example.com", &[]), "m3");
        assert_eq!(state.known_as("m4", &[]), "m4.example.com");
        assert_eq!(state.known_as("m5", &[]), "m5");
    }

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/state.json");
        assert_eq!(State::read(&path).unwrap(), State::default());
        let _held = lock(&path, Duration::ZERO).unwrap();
        assert_eq!(lock(&path, Duration::ZERO).unwrap_err().kind, ha_json::Kind::Busy);
        let mut state = State::default();
        state.pend("c1", "m3");
        state.pend("c1", "m2");
        state.pend("c2", "m3");
        state.hosts.entry("c1".to_owned()).or_default().has(&key(1));
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state);
        assert_eq!(state.pending_for("m3").len(), 2);
        assert_eq!(state.pending_for("m2").len(), 1);
        std::fs::write(&path, "{\"schema\":").unwrap();
        assert_eq!(State::read(&path).unwrap_err().kind, ha_json::Kind::Failed);
    }
}
