//! Making it work: host keys pinned where they are proven, keys let in, in both directions.

use crate::direction::{self, Fault, Values};
use crate::far::Far;
use crate::mend;
use crate::orders::{Change, Changed, Manner, OwnKey, Request};
use crate::serve::public;
use crate::{Arguments, password};
use ha_json::{Error, one_line};
use ha_ssh::{HostKey, Means, Peer, Settings};
use ssh_key::{Fingerprint, HashAlg, PublicKey};
use std::time::Duration;

/// What a person vouches for, and what gets in for this time.
pub(crate) struct Brought {
    fingerprints: Vec<Fingerprint>,
    keys: Vec<PublicKey>,
    means: Means,
}

impl Brought {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// Usage, where one cannot be used.
    pub(crate) fn read(arguments: &Arguments, settings: &Settings) -> Result<Brought, Error> {
        let mut keys = Vec::new();
        for file in &arguments.host_key {
            let name = file.display().to_string();
            let read = mend::public_keys(file).map_err(|error| Error::usage(&name, error.why))?;
            if read.is_empty() {
                return Err(Error::usage(name, "has no public key"));
            }
            keys.extend(read);
        }
        if let Some(identity) = &arguments.identity
            && !identity.is_file()
        {
            return Err(Error::usage(identity.display().to_string(), "is no file"));
        }
        let prompt = format!("password of {}@{}:", settings.user, settings.hostname);
        let from = arguments.password_file.as_deref();
        let password = from.map(|file| password::read(file, &prompt)).transpose()?;
        let means = Means { identity: arguments.identity.clone(), password };
        Ok(Brought { fingerprints: arguments.fingerprint.clone(), keys, means })
    }

    fn is_given(&self) -> bool {
        !self.fingerprints.is_empty() || !self.keys.is_empty()
    }

    fn vouches_for(&self, key: &PublicKey) -> bool {
        self.fingerprints.contains(&key.fingerprint(HashAlg::Sha256))
            || self.keys.iter().any(|other| other.key_data() == key.key_data())
    }
}

/// What a set-up works on.
pub(crate) struct Work<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) peer: &'a Peer,
    pub(crate) back: &'a Peer,
    pub(crate) settings: &'a Settings,
    pub(crate) here: &'a str,
}

/// How far a set-up came.
pub(crate) enum Done {
    /// It could not go on: the direction to the peer.
    Stopped(Box<Values>),
    /// All was done; what sshd on the peer refuses or ignores of our key all the same.
    All(Vec<Fault>),
}

/// Does it; `tell` gets the host and each change as it is made.
///
/// # Errors
/// What a change failed with; that there is no hassh on the peer.
pub(crate) fn run(
    work: &Work<'_>,
    brought: &Brought,
    tell: &mut dyn FnMut(&str, Change),
) -> Result<Done, Error> {
    let arguments = work.arguments;
    let timeout = Duration::from_secs(arguments.timeout);
    let manner =
        Manner { dry_run: arguments.dry_run, lock_wait: Duration::from_secs(arguments.lock_wait) };
    let gone = direction::go(work.settings, &brought.means, timeout, &|key, known| {
        if brought.is_given() { brought.vouches_for(key) } else { known }
    });
    let mut values = gone.values;
    let Some(host_key) = gone.host_key else { return Ok(Done::Stopped(Box::new(values))) };
    // Nothing is written, and nobody is let in, on the word of one of two who do not agree.
    if brought.is_given() && !brought.vouches_for(&host_key) {
        let actual = host_key.fingerprint(HashAlg::Sha256);
        values.fail(format!("its host key {actual} is none of those given: nothing is changed"));
        values.fix = Some("find out who answers at that address".to_owned());
        return Ok(Done::Stopped(Box::new(values)));
    }
    if values.host_key == HostKey::Revoked || !brought.is_given() && !is_known(&values) {
        return Ok(Done::Stopped(Box::new(values)));
    }
    if brought.is_given() && values.host_key != HostKey::Ca {
        // A file of host keys is that of this host only where the host proved to have one of them.
        let is_its_file = brought.keys.iter().any(|key| key.key_data() == host_key.key_data());
        if !brought.keys.is_empty() && !is_its_file {
            let actual = host_key.fingerprint(HashAlg::Sha256);
            values.fail(format!("its host key {actual} is none of --host-key: nothing is changed"));
            values.fix = Some("bring the file of host keys of this very host".to_owned());
            return Ok(Done::Stopped(Box::new(values)));
        }
        let mut keys = vec![host_key];
        keys.extend(brought.keys.iter().cloned());
        // Beside the right key ssh itself keeps those of other types that the host proved to have.
        let was_pinned = is_known(&values);
        let right = host_key_type(&keys[0]);
        let keep =
            |key: &PublicKey| brought.vouches_for(key) || was_pinned && host_key_type(key) != right;
        let changes = mend::pin(work.settings, &keys, &keep, manner)?;
        changes.into_iter().for_each(|change| tell(work.here, change));
        if !manner.dry_run {
            values.host_key = HostKey::Pinned;
            values.expected_fingerprint = values.actual_fingerprint.clone();
        }
    }
    let (own, changes) = mend::own_key(work.settings, !arguments.here, manner)?;
    changes.into_iter().for_each(|change| tell(work.here, change));
    let Some(connection) = gone.connection else { return Ok(Done::Stopped(Box::new(values))) };
    let name = work.peer.host.as_str();
    let Some((mut far, _)) = Far::start(&connection, &arguments.hassh_path, name, timeout)? else {
        let why = format!("has no {}: install hatools there (--hassh-path)", arguments.hassh_path);
        return Err(Error::failed(name, why));
    };
    let patience = timeout + manner.lock_wait + Duration::from_secs(30);
    let (dry_run, lock_wait_seconds) = (manner.dry_run, arguments.lock_wait);
    // The key that got in needs not to be let in.
    let is_in = own.is_some()
        && gone.key.as_ref().map(PublicKey::key_data) == own.as_ref().map(PublicKey::key_data);
    let mut faults = Vec::new();
    if let (Some(own), false, false) = (&own, is_in, arguments.here) {
        let (key, comment) = (text(own)?, mend::comment()?);
        let order = Request::Authorize { key, comment, dry_run, lock_wait_seconds };
        let done: Changed = far.ask(&order, patience)?;
        faults = done.faults;
        done.changes.into_iter().for_each(|change| tell(name, clean(change)));
    }
    if arguments.one_way {
        return Ok(Done::All(faults));
    }
    let back = work.back.to_string();
    if !arguments.here {
        let keys: Result<Vec<String>, Error> = mend::host_keys()?.iter().map(text).collect();
        let order = Request::Pin { peer: back.clone(), keys: keys?, dry_run, lock_wait_seconds };
        let done: Changed = far.ask(&order, patience)?;
        done.changes.into_iter().for_each(|change| tell(name, clean(change)));
    }
    let make = !arguments.here;
    let order = Request::PublicKey { peer: back, make, dry_run, lock_wait_seconds };
    let theirs: OwnKey = far.ask(&order, patience)?;
    theirs.changes.into_iter().for_each(|change| tell(name, clean(change)));
    if let Some(key) = theirs.key {
        let key = public(&key).map_err(|error| Error::input(name, error.to_string()))?;
        let comment = format!("{}@{name}", work.settings.user);
        let done = mend::authorize(&key, connection.address().ip(), &comment, manner)?;
        done.changes.into_iter().for_each(|change| tell(work.here, change));
    }
    Ok(Done::All(faults))
}

fn host_key_type(key: &PublicKey) -> String {
    key.algorithm().to_string()
}

fn is_known(values: &Values) -> bool {
    matches!(values.host_key, HostKey::Pinned | HostKey::Ca)
}

fn text(key: &PublicKey) -> Result<String, Error> {
    PublicKey::from(key.key_data().clone())
        .to_openssh()
        .map_err(|error| Error::failed("key", error.to_string()))
}

/// What the peer says of a change, with nothing in it that could forge a line.
fn clean(change: Change) -> Change {
    let short = |text: &str| -> String { one_line(text).chars().take(1000).collect() };
    Change {
        file: short(&change.file),
        what: change.what,
        detail: change.detail.map(|d| short(&d)),
    }
}
