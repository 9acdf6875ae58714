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
use std::fs::{self, DirBuilder, File};
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
    /// Members that an event deleted, whatever the configuration says, and the keys that went with them.
    pub(crate) deleted: BTreeMap<String, Vec<String>>,
    /// Members whose addition is not finished.
    #[serde(default)]
    pub(crate) unfinished: BTreeSet<String>,
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
    /// The one that it will have, brought to others before.
    #[serde(default)]
    pub(crate) next: Option<String>,
    /// Those that it had before.
    pub(crate) previous: Vec<String>,
    /// It was brought to others by us, and did not stand there before.
    #[serde(default)]
    pub(crate) brought: bool,
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

    /// The one that it will have.
    pub(crate) fn next(&self) -> Option<PublicKey> {
        PublicKey::parse(self.next.as_ref()?.as_bytes())
    }

    /// All that it has, had or will have.
    pub(crate) fn all(&self) -> Vec<PublicKey> {
        self.key().into_iter().chain(self.next()).chain(self.previous()).collect()
    }

    /// It has this key now; the one before is one that it had, where `ours`.
    fn now_has(&mut self, key: &PublicKey, ours: bool) {
        if self.next().as_ref() == Some(key) {
            self.next = None;
        }
        if let Some(old) = self.key().filter(|old| old != key) {
            if ours {
                self.no_longer_has(&old);
            }
            self.brought = false;
        }
        self.previous
            .retain(|text| PublicKey::parse(text.as_bytes()).is_some_and(|old| old != *key));
        self.key = Some(key.pem().to_owned());
    }

    fn no_longer_has(&mut self, key: &PublicKey) {
        self.previous
            .retain(|text| PublicKey::parse(text.as_bytes()).is_some_and(|old| old != *key));
        self.previous.push(key.pem().to_owned());
        // A host that lies about its key every time fills nobody's disk.
        let more = self.previous.len().saturating_sub(MOST_PREVIOUS);
        self.previous.drain(..more);
    }

    /// It will have this one. Another that it was to have goes.
    pub(crate) fn will_have(&mut self, key: &PublicKey) {
        if let Some(other) = self.next().filter(|other| other != key) {
            self.no_longer_has(&other);
        }
        self.next = Some(key.pem().to_owned());
    }
}

impl Default for State {
    fn default() -> State {
        State {
            schema: SCHEMA.to_owned(),
            added: BTreeSet::new(),
            deleted: BTreeMap::new(),
            unfinished: BTreeSet::new(),
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
            let next = "bring it back from a copy, or move it away and delete again the members that \
                        were deleted: nothing else remembers them";
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

    /// This member has this key, as itself says. What it had before is no longer its own.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(crate) fn learn_member(&mut self, member: &str, key: &PublicKey) -> Result<(), String> {
        self.not_deleted(key)?;
        self.hosts.entry(member.to_owned()).or_default().now_has(key, true);
        Ok(())
    }

    /// This client has this key, as itself says, and it is brought to members where `brought`. What it
    /// said before goes only where that was brought: any client could say what is somebody else's. True
    /// where it is news.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(crate) fn learn_client(
        &mut self,
        client: &str,
        key: &PublicKey,
        brought: bool,
    ) -> Result<bool, String> {
        self.not_deleted(key)?;
        let known = self.hosts.entry(client.to_owned()).or_default();
        let is_new = known.key().as_ref() != Some(key);
        let ours = known.brought;
        known.now_has(key, ours);
        known.brought |= is_new && brought;
        Ok(is_new)
    }

    fn not_deleted(&self, key: &PublicKey) -> Result<(), String> {
        let has = |keys: &Vec<String>| {
            keys.iter().any(|text| PublicKey::parse(text.as_bytes()).as_ref() == Some(key))
        };
        match self.deleted.iter().find(|(_, keys)| has(keys)) {
            Some((member, _)) => Err(format!(
                "has the key of {member}, which was deleted: have a new pair made there (move \
                 localhost.priv and localhost.pub away first)"
            )),
            None => Ok(()),
        }
    }

    /// Whatever was to be done at this host is, but for the next keys of members other than `renewing`,
    /// which are only brought on purpose, and for keys that nobody knows yet.
    pub(crate) fn done(&mut self, host: &str, renewing: Option<&str>) {
        let (hosts, deleted) = (&self.hosts, &self.deleted);
        let is_known = |name: &String| {
            deleted.contains_key(name) || hosts.get(name).is_some_and(|known| known.key.is_some())
        };
        if let Some(members) = self.pending.get_mut(host) {
            members.retain(|member| {
                let is_renewed =
                    self.renewing.contains(member) && renewing != Some(member.as_str());
                is_renewed || !is_known(member)
            });
            if members.is_empty() {
                self.pending.remove(host);
            }
        }
    }

    /// A member that was deleted is a client from now on; the keys that went with it stay gone.
    pub(crate) fn is_client_again(&mut self, client: &str) {
        let member = self.deleted.keys().find(|member| is_same(member, client)).cloned();
        if let Some(member) = member {
            let keys = self.deleted.remove(&member).unwrap_or_default();
            self.deleted.entry(format!("{member} (as a member)")).or_default().extend(keys);
        }
    }

    /// The name by which a host of an event is known here: a name with a domain stands for the one
    /// without, and the other way round.
    ///
    /// # Errors
    /// Usage, where it could be more than one.
    pub(crate) fn known_as(&self, name: &str, members: &[Host]) -> Result<String, Error> {
        let configured = members.iter().map(|host| &host.name);
        let events = self.added.iter().chain(self.deleted.keys());
        let known: BTreeSet<&String> = configured.chain(events).chain(self.hosts.keys()).collect();
        let same: Vec<&str> =
            known.iter().filter(|other| is_same(other, name)).map(|other| other.as_str()).collect();
        match same.as_slice() {
            [] => Ok(name.to_owned()),
            _ if same.contains(&name) => Ok(name.to_owned()),
            [one] => Ok((*one).to_owned()),
            more => {
                let why = format!("could be any of {}: say which", more.join(", "));
                Err(Error::usage(name, why))
            }
        }
    }

    /// Members of which something is begun and not done, and what.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let added = self.unfinished.iter().map(|member| (member.as_str(), "addition"));
        added.chain(self.renewing.iter().map(|member| (member.as_str(), "new_key")))
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

/// Takes away what runs that were killed while they wrote the state left beside it. Only who holds the lock
/// may.
pub(crate) fn clean(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let begin = format!(".{name}.hatools-");
    let beside = path.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in beside.into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&begin) {
            // What cannot be taken away is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Locks out other runs by the file of the configuration, which is this machine's own: an open file of
/// the package would keep it from being unmounted. Where there is none, by the directory of the state,
/// which is made.
///
/// # Errors
/// Busy, where another run holds it; failed, where it cannot be opened or made.
pub(crate) fn lock(file: Option<&str>, state: &Path, wait: Duration) -> Result<Lock, Error> {
    let directory = state.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let name = file.map_or_else(|| directory.display().to_string(), str::to_owned);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| Error::io(directory.display().to_string(), &error))?;
    let opened = File::open(&name).map_err(|error| Error::io(&name, &error))?;
    lock_unless(opened.into(), &name, wait, &|| false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_key::tests::key;

    #[test]
    fn a_host_that_has_another_key_had_the_one_before() {
        let mut known = Known::default();
        known.now_has(&key(1), true);
        known.now_has(&key(1), true);
        assert_eq!((known.key(), known.previous()), (Some(key(1)), vec![]));
        known.now_has(&key(2), true);
        assert_eq!((known.key(), known.previous()), (Some(key(2)), vec![key(1)]));
        known.now_has(&key(1), true);
        assert_eq!((known.key(), known.previous()), (Some(key(1)), vec![key(2)]));
        (3..100).for_each(|seed| known.now_has(&key(seed), true));
        assert_eq!((known.key(), known.previous.len()), (Some(key(99)), MOST_PREVIOUS));
    }

    #[test]
    fn a_host_waits_for_a_next_key_until_that_is_brought() {
        let mut state = State::default();
        state.renewing.insert("m2".to_owned());
        state.learn_member("m2", &key(2)).unwrap();
        state.pend("c1", "m4");
        state.done("c1", None);
        assert_eq!(state.pending_for("m4").len(), 1, "nobody knows its key");
        state.learn_member("m4", &key(4)).unwrap();
        state.learn_member("m3", &key(3)).unwrap();
        state.pend("c1", "m2");
        state.pend("c1", "m3");
        state.done("c1", None);
        assert_eq!(state.pending_for("m2").len(), 1);
        assert!(state.pending_for("m3").is_empty());
        state.done("c1", Some("m2"));
        assert!(state.pending.is_empty());
    }

    #[test]
    fn a_name_with_a_domain_stands_for_the_one_without() {
        let mut state = State::default();
        state.added.insert("m3".to_owned());
        state.deleted.insert("m4.example.com".to_owned(), Vec::new());
        let known_as = |state: &State, name: &str| state.known_as(name, &[]);
        assert_eq!(known_as(&state, "M3.example.com").unwrap(), "m3");
        assert_eq!(known_as(&state, "m4").unwrap(), "m4.example.com");
        assert_eq!(known_as(&state, "m5").unwrap(), "m5");
        state.added.insert("m4.else.com".to_owned());
        assert_eq!(known_as(&state, "m4").unwrap_err().kind, ha_json::Kind::Usage);
        assert_eq!(known_as(&state, "m4.else.com").unwrap(), "m4.else.com");
    }

    #[test]
    fn a_key_that_went_with_a_deleted_member_is_believed_of_nobody() {
        let mut state = State::default();
        state.deleted.insert("m4".to_owned(), vec![key(4).pem().to_owned()]);
        assert!(state.learn_client("c1", &key(4), true).unwrap_err().contains("m4"));
        assert!(state.learn_member("m1", &key(4)).is_err());
        assert!(state.hosts.is_empty());
    }

    #[test]
    fn a_deleted_member_that_is_a_client_again_does_not_get_its_old_key_back() {
        let mut state = State::default();
        state.deleted.insert("m4".to_owned(), vec![key(4).pem().to_owned()]);
        state.is_client_again("m4.example.com");
        assert_eq!(state.known_as("m4", &[]).unwrap(), "m4");
        assert!(!state.deleted.contains_key("m4"));
        assert!(state.learn_client("m4", &key(4), true).is_err());
    }

    #[test]
    fn what_a_client_only_said_is_not_taken_away_from_anybody() {
        let mut state = State::default();
        assert_eq!(state.learn_client("c1", &key(9), false), Ok(true));
        assert_eq!(state.learn_client("c1", &key(1), true), Ok(true));
        // It stands here by now, because it was brought.
        assert_eq!(state.learn_client("c1", &key(1), false), Ok(false));
        assert!(state.hosts["c1"].previous.is_empty());
        assert_eq!(state.learn_client("c1", &key(2), false), Ok(true));
        assert_eq!(state.hosts["c1"].previous(), [key(1)]);
        assert!(!state.hosts["c1"].brought);
    }

    #[test]
    fn a_next_key_is_remembered_until_it_is_the_key_or_another_is_made() {
        let mut known = Known::default();
        known.now_has(&key(1), true);
        known.will_have(&key(2));
        known.will_have(&key(3));
        assert_eq!(known.all(), [key(1), key(3), key(2)]);
        known.now_has(&key(3), true);
        assert_eq!((known.next(), known.previous()), (None, vec![key(2), key(1)]));
    }

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/state.json");
        assert_eq!(State::read(&path).unwrap(), State::default());
        let file = directory.path().join("member.json");
        std::fs::write(&file, "{}").unwrap();
        for file in [None, file.to_str()] {
            let _held = lock(file, &path, Duration::ZERO).unwrap();
            assert_eq!(lock(file, &path, Duration::ZERO).unwrap_err().kind, ha_json::Kind::Busy);
        }
        let left = path.with_file_name(".state.json.hatools-x");
        std::fs::write(&left, "{").unwrap();
        clean(&path);
        assert!(!left.exists());
        let mut state = State::default();
        state.pend("c1", "m3");
        state.pend("c1", "m2");
        state.pend("c2", "m3");
        state.learn_client("c1", &key(1), true).unwrap();
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state);
        assert_eq!(state.pending_for("m3").len(), 2);
        assert_eq!(state.pending_for("m2").len(), 1);
        std::fs::write(&path, "{\"schema\":").unwrap();
        assert_eq!(State::read(&path).unwrap_err().kind, ha_json::Kind::Failed);
    }
}
