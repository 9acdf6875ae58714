//! The key pair of a member: kept, made, or taken from this one.

use crate::cluster::Cluster;
use crate::configuration::{KeyPair, Layout};
use crate::key_directory::KeyDirectory;
use crate::public_key::{Algorithm, PublicKey};
use crate::session::Session;
use crate::visit::Place;
use ha_json::Error;
use ha_remote::quoted;
use std::path::PathBuf;

/// A pair of some thousand bits is shorter.
const MOST_BYTES: u64 = 64 << 10;

/// The names of a pair that is not yet the host's own.
pub(crate) const NEXT: &str = ".hatools-next";

/// What is to become of the pair of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// It has one.
    Keep(PublicKey),
    /// It gets one of its own.
    Make,
    /// A killed run had made it, or brought it.
    GoOn(PublicKey),
    /// It gets this machine's.
    Take(Box<Pair>),
}

/// A pair that is brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    private: String,
    /// What cksum(1) says of the private key: it tells whether two hosts have the same.
    private_sum: String,
    public: PublicKey,
    public_text: String,
}

impl Plan {
    /// The word for records.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Plan::Keep(_) => "kept",
            Plan::Make | Plan::GoOn(_) => "made",
            Plan::Take(_) => "taken",
        }
    }

    /// The key that it ends with, where that is known before.
    pub(crate) fn key(&self) -> Option<&PublicKey> {
        match self {
            Plan::Keep(key) | Plan::GoOn(key) => Some(key),
            Plan::Take(pair) => Some(&pair.public),
            Plan::Make => None,
        }
    }

    /// What is to be done at the member whose directory this is.
    ///
    /// # Errors
    /// Failed, where it has half a pair, or this machine has none to give.
    pub(crate) fn of(
        cluster: &Cluster,
        pair: KeyPair,
        place: &Place,
        session: &mut Session,
        directory: &KeyDirectory,
    ) -> Result<Plan, Error> {
        let private = directory.files.get("localhost.priv");
        if let Some(next) = directory.next().filter(|_| directory.is_half_installed()) {
            return Ok(Plan::GoOn(next.clone()));
        }
        if pair == KeyPair::Shared && !cluster.is_here(&place.host) {
            let pair = Pair::of_this_machine(cluster)?;
            let same = directory.own() == Some(&pair.public)
                && private.is_some()
                && pair.is_there(place, session)?;
            return Ok(match same {
                true => Plan::Keep(pair.public),
                false => Plan::Take(Box::new(pair)),
            });
        }
        match (private, directory.own(), directory.next()) {
            (None, None, Some(next)) => Ok(Plan::GoOn(next.clone())),
            (Some(_), Some(own), _) => Ok(Plan::Keep(own.clone())),
            (None, None, _) if !directory.files.contains_key("localhost.pub") => Ok(Plan::Make),
            (private, _, _) => {
                let (has, lacks) = match private {
                    Some(_) => ("localhost.priv", "no localhost.pub that is a key"),
                    None => ("localhost.pub", "no localhost.priv"),
                };
                let next = format!(
                    "bring the other half back, or move {has} away to have a new pair made"
                );
                let why = format!("has {has} in {}, and {lacks}: {next}", place.keys());
                Err(Error::failed(&place.host.name, why))
            }
        }
    }

    /// Does it, and gives the key that the member has then.
    ///
    /// # Errors
    /// As [`Place::must`].
    pub(crate) fn carry_out(
        &self,
        cluster: &Cluster,
        place: &Place,
        session: &mut Session,
    ) -> Result<PublicKey, Error> {
        match self {
            Plan::Keep(key) => return Ok(key.clone()),
            Plan::Make => make(cluster, place, session)?,
            Plan::GoOn(_) => {}
            Plan::Take(pair) => {
                let keys = place.keys();
                place.put(session, &keys, &format!("{NEXT}.priv"), &pair.private)?;
                place.put(session, &keys, &format!("{NEXT}.pub"), &pair.public_text)?;
            }
        }
        install(place, session)
    }
}

/// Makes a pair that is not yet the host's own.
///
/// # Errors
/// As [`Place::must`].
pub(crate) fn make(cluster: &Cluster, place: &Place, session: &mut Session) -> Result<(), Error> {
    let program = match cluster.configuration.layout {
        Layout::Cfengine2 => "cfkey",
        Layout::Cfengine3 => "cf-key",
    };
    place.must(session, &format!("make_pair {} {program}", quoted(&place.keys())), None).map(|_| ())
}

/// Makes that pair the host's own, and gives its key. The one before it is kept beside.
///
/// # Errors
/// As [`Place::must`]; failed, where the host has no key then.
pub(crate) fn install(place: &Place, session: &mut Session) -> Result<PublicKey, Error> {
    let before = place.look(session)?;
    let old = before.own().map(|key| format!("before-{}", key.digest(Algorithm::Md5)));
    let order =
        format!("install_pair {} {}", quoted(&place.keys()), quoted(&old.unwrap_or_default()));
    place.must(session, &order, None)?;
    let after = place.look(session)?;
    let own = after.own().cloned();
    own.ok_or_else(|| Error::failed(&place.host.name, "has no localhost.pub that is a key"))
}

impl Pair {
    /// This machine's own.
    fn of_this_machine(cluster: &Cluster) -> Result<Pair, Error> {
        let here = cluster.place(cluster.here());
        let directory = PathBuf::from(here.keys());
        let read = |name: &str| {
            let path = directory.join(name);
            let what = path.display().to_string();
            match ha_file::read(&path, MOST_BYTES)? {
                Some(text) => String::from_utf8(text).map_err(|_| Error::failed(what, "is no key")),
                None => Err(Error::failed(what, "is not there, so that no pair can be shared")),
            }
        };
        let (private, public_text) = (read("localhost.priv")?, read("localhost.pub")?);
        let what = directory.display().to_string();
        if !private.ends_with('\n') || !public_text.ends_with('\n') {
            return Err(Error::failed(what, "has half a key pair: its last line is cut"));
        }
        let public = PublicKey::parse(public_text.as_bytes())
            .ok_or_else(|| Error::failed(what, "has a localhost.pub that is no key"))?;
        let private_sum = sum(&here, &mut here.open()?)?;
        Ok(Pair { private, private_sum, public, public_text })
    }

    /// Whether that host has just this private key.
    fn is_there(&self, place: &Place, session: &mut Session) -> Result<bool, Error> {
        Ok(sum(place, session)? == self.private_sum)
    }
}

fn sum(place: &Place, session: &mut Session) -> Result<String, Error> {
    let file = format!("{}/localhost.priv", place.keys());
    Ok(place.must(session, &format!("sum_of {}", quoted(&file)), None)?.last_words())
}
