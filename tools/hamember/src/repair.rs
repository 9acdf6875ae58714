//! What a directory of keys has, beside what it should have: faults, and the changes that mend them.

use crate::key_directory::{KeyDirectory, KeyFile};
use crate::public_key::{Algorithm, PublicKey};
use serde::Serialize;

/// How files are named after whose key is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// cfengine 3: by the digest of the key.
    Digest(Algorithm),
    /// cfengine 2: by the address, or the name, of the host.
    Address,
}

/// A host whose key is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) host: String,
    pub(crate) key: PublicKey,
    /// What cfengine 2 names its key by; what cfengine 3 would take for its old name.
    pub(crate) addresses: Vec<String>,
    /// Keys that it had.
    pub(crate) previous: Vec<PublicKey>,
}

/// A key that is not to be trusted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unwanted {
    pub(crate) host: String,
    pub(crate) key: PublicKey,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It should be there, and no file has the key.
    Missing,
    /// The right key, readable or writable by others, or another user's.
    Mode,
    /// The right key under a wrong name.
    Misnamed,
    /// The right name, and another key: its host is refused until it is overwritten.
    Poisoned,
    /// The right name, and no key.
    NotAKey,
    /// A key that is no longer its host's, or of a host that is no member any more.
    Stale,
}

/// A fault, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) file: String,
    pub(crate) fault: Fault,
    /// The digest of the key that is in the file.
    pub(crate) holds: Option<String>,
    /// The host whose key it is about.
    pub(crate) of: String,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It gets this text.
    Put(String, String),
    /// It goes, where it still has this sum.
    Drop(String, String),
}

/// What is to be done in one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repair {
    pub(crate) findings: Vec<Finding>,
    pub(crate) changes: Vec<Change>,
    /// Digests of keys that nobody has any more.
    pub(crate) forgotten: Vec<String>,
}

/// Who is to be trusted, and who not, and how their keys are named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust<'a> {
    /// The user whose name stands before the dash.
    pub(crate) user: &'a str,
    pub(crate) wanted: &'a [Wanted],
    pub(crate) unwanted: &'a [Unwanted],
}

impl Trust<'_> {
    /// Whether somebody who is to be trusted has this key.
    fn has(&self, key: &PublicKey) -> bool {
        self.wanted.iter().any(|wanted| wanted.key == *key)
    }
}

impl Repair {
    /// What is wrong in `directory`, and what mends it. Only files that are about the wanted and the
    /// unwanted are touched.
    pub(crate) fn of(directory: &KeyDirectory, naming: Naming, trust: &Trust<'_>) -> Repair {
        let mut repair = Repair::default();
        for wanted in trust.wanted {
            for name in names(naming, trust.user, wanted) {
                repair.right_name(directory, &name, naming, trust, wanted);
            }
        }
        for wanted in trust.wanted {
            let names = names(naming, trust.user, wanted);
            for (name, file) in others(directory, &names) {
                if let Some(fault) = wrong_name(name, file, naming, trust, wanted) {
                    repair.drop(name, file, fault, naming, &wanted.host);
                }
            }
        }
        for unwanted in trust.unwanted {
            // Shared with who stays: it is theirs.
            if trust.has(&unwanted.key) {
                continue;
            }
            for (name, file) in others(directory, &[]) {
                if file.key.as_ref() == Some(&unwanted.key) {
                    repair.drop(name, file, Fault::Stale, naming, &unwanted.host);
                }
            }
        }
        repair
    }

    fn right_name(
        &mut self,
        directory: &KeyDirectory,
        name: &str,
        naming: Naming,
        trust: &Trust<'_>,
        wanted: &Wanted,
    ) {
        let file = directory.files.get(name);
        let held = file.and_then(|file| file.key.as_ref());
        let fault = match (file, held) {
            (None, _) => Fault::Missing,
            (Some(_), None) => Fault::NotAKey,
            (Some(file), Some(key)) if *key == wanted.key => {
                let own = file.owner == directory.user || directory.user.is_none();
                if !file.is_open() && own {
                    return;
                }
                Fault::Mode
            }
            (Some(_), Some(key)) if wanted.previous.contains(key) && !trust.has(key) => {
                Fault::Stale
            }
            (Some(_), Some(_)) => Fault::Poisoned,
        };
        self.findings.push(Finding {
            file: name.to_owned(),
            fault,
            holds: held.map(|key| shown(key, naming)),
            of: wanted.host.clone(),
        });
        let put = Change::Put(name.to_owned(), wanted.key.pem().to_owned());
        if !self.changes.contains(&put) {
            self.changes.push(put);
        }
    }

    fn drop(&mut self, name: &str, file: &KeyFile, fault: Fault, naming: Naming, of: &str) {
        if fault == Fault::Stale && naming != Naming::Address {
            self.forgotten.extend(file.key.as_ref().map(|key| shown(key, naming)));
        }
        // A name that gets its right key is not to go.
        let is_put = |change: &Change| matches!(change, Change::Put(put, _) if put == name);
        if self.changes.iter().any(is_put) {
            return;
        }
        self.findings.push(Finding {
            file: name.to_owned(),
            fault,
            holds: file.key.as_ref().map(|key| shown(key, naming)),
            of: of.to_owned(),
        });
        let drop = Change::Drop(name.to_owned(), file.sum.clone());
        if !self.changes.contains(&drop) {
            self.changes.push(drop);
        }
    }
}

/// The digest that a message calls a key by.
pub(crate) fn shown(key: &PublicKey, naming: Naming) -> String {
    key.digest(match naming {
        Naming::Digest(algorithm) => algorithm,
        Naming::Address => Algorithm::Md5,
    })
}

/// The names under which the key of a host belongs there.
pub(crate) fn names(naming: Naming, user: &str, wanted: &Wanted) -> Vec<String> {
    match naming {
        Naming::Digest(algorithm) => vec![format!("{user}-{}.pub", wanted.key.digest(algorithm))],
        Naming::Address => {
            wanted.addresses.iter().map(|address| format!("{user}-{address}.pub")).collect()
        }
    }
}

/// The names of the files that hold this key for who looks whom to trust.
pub(crate) fn present_as(directory: &KeyDirectory, key: &PublicKey) -> Vec<String> {
    let holds =
        |(name, file): (&str, &KeyFile)| (file.key.as_ref() == Some(key)).then(|| name.to_owned());
    others(directory, &[]).filter_map(holds).collect()
}

/// The public keys but the host's own, and but these.
fn others<'a>(
    directory: &'a KeyDirectory,
    but: &'a [String],
) -> impl Iterator<Item = (&'a str, &'a KeyFile)> {
    let is_other =
        |name: &str| name.ends_with(".pub") && name != "localhost.pub" && !name.starts_with('.');
    let files = directory.files.iter().map(|(name, file)| (name.as_str(), file));
    files.filter(move |(name, _)| is_other(name) && !but.iter().any(|one| one == name))
}

fn wrong_name(
    name: &str,
    file: &KeyFile,
    naming: Naming,
    trust: &Trust<'_>,
    wanted: &Wanted,
) -> Option<Fault> {
    let ours = name.strip_prefix(trust.user)?.strip_prefix('-')?.strip_suffix(".pub")?;
    let held = file.key.as_ref();
    // By address, other names may be those of the package's address.
    let Naming::Digest(_) = naming else { return None };
    match held {
        Some(key) if *key == wanted.key => Some(Fault::Misnamed),
        Some(key) if wanted.previous.contains(key) && !trust.has(key) => Some(Fault::Stale),
        // At its first connection cf-serverd would rename it, whatever is in it, to the digest of who
        // connects: a wrong key poisons that name, and a right one would come back after a removal.
        _ if wanted.addresses.iter().any(|address| address == ours) => Some(Fault::Poisoned),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
