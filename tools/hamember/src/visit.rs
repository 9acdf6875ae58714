//! A host's directory of keys, looked at and mended in one session.

use crate::configuration::Host;
use crate::key_directory::KeyDirectory;
use crate::public_key::Algorithm;
use crate::repair::{Change, Naming, Repair, Trust};
use crate::session::{Answer, Session};
use ha_json::Error;
use ha_plan::Interrupt;
use ha_remote::{Machine, quoted};
use std::sync::Arc;
use std::time::Duration;

/// As many removals get time of their own.
const MOST_DROPS: usize = 60;

/// A host, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) machine: Machine,
    pub(crate) shell: Vec<String>,
    pub(crate) patience: Duration,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Place {
    /// Its directory of keys.
    pub(crate) fn keys(&self) -> String {
        format!("{}/ppkeys", self.host.work_directory)
    }

    /// A shell there, which finds the tools of cfengine.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) fn open(&self) -> Result<Session, Error> {
        let mut session = Session::open(
            &self.host.name,
            &self.machine,
            &self.shell,
            self.patience,
            &self.interrupt,
        )?;
        session.order(&format!("work_in {}", quoted(&self.host.work_directory)), None)?;
        Ok(session)
    }

    /// What it has.
    ///
    /// # Errors
    /// As [`Session::order`].
    pub(crate) fn look(&self, session: &mut Session) -> Result<KeyDirectory, Error> {
        let answer = session.order(&format!("look {} 2>&1", quoted(&self.keys())), None)?;
        Ok(KeyDirectory::parse(&answer.lines))
    }

    /// Gives an order whose failure is an error.
    ///
    /// # Errors
    /// As [`Session::order`]; failed, with its last words, where the order failed.
    pub(crate) fn must(
        &self,
        session: &mut Session,
        order: &str,
        text: Option<&str>,
    ) -> Result<Answer, Error> {
        let answer = session.order(&format!("{order} 2>&1"), text)?;
        match answer.status {
            0 => Ok(answer),
            status => {
                let words = match answer.last_words() {
                    words if words.is_empty() => format!("status {status}"),
                    words => words,
                };
                Err(Error::failed(&self.host.name, words))
            }
        }
    }

    /// Puts a text into a file of a directory, whole or not at all.
    ///
    /// # Errors
    /// As [`Place::must`].
    pub(crate) fn put(
        &self,
        session: &mut Session,
        directory: &str,
        name: &str,
        text: &str,
    ) -> Result<(), Error> {
        let order = format!("put {} {} {}", quoted(directory), quoted(name), text.len());
        self.must(session, &order, Some(text)).map(|_| ())
    }
}

/// What is to be so at the hosts that are visited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty<'a> {
    pub(crate) trust: Trust<'a>,
    /// `None` for names by address.
    pub(crate) algorithm: Option<Algorithm>,
    /// Nothing is changed.
    pub(crate) only_look: bool,
}

/// What a visit found and left.
#[derive(Clone, Debug)]
pub(crate) struct Visited {
    /// The directory at the end.
    pub(crate) directory: KeyDirectory,
    pub(crate) naming: Naming,
    pub(crate) found: Repair,
    /// What is still wrong at the end.
    pub(crate) left: Repair,
    pub(crate) changed: u64,
    /// Why not all was mended.
    pub(crate) trouble: Option<String>,
}

/// Looks, mends, and looks again.
///
/// # Errors
/// Busy, where the host gave no answer; failed, where it takes nobody in, or its directory of keys is
/// not one that cfengine would take.
pub(crate) fn visit(place: &Place, duty: &Duty<'_>) -> Result<Visited, Error> {
    let mut session = place.open()?;
    let directory = place.look(&mut session)?;
    let keys = place.keys();
    let refused = |why: String| Error::failed(&place.host.name, why);
    if !directory.present {
        return Err(refused(format!("{keys} is no directory: cfengine was never set up there")));
    }
    directory.usable(&keys).map_err(refused)?;
    let naming = match duty.algorithm {
        None => Naming::Address,
        Some(usual) => {
            let own = directory.algorithm().map_err(refused)?;
            Naming::Digest(own.unwrap_or(usual))
        }
    };
    let found = Repair::of(&directory, naming, &duty.trust);
    let left_over: Vec<String> = directory.left_over().map(str::to_owned).collect();
    let mut visited =
        Visited { left: found.clone(), directory, naming, found, changed: 0, trouble: None };
    if visited.directory.is_half_installed() {
        let why =
            "half of a new key pair stands in its place: MEMBER_ADDED or --new-key finishes it";
        visited.trouble = Some(why.to_owned());
    }
    if duty.only_look || visited.found.changes.is_empty() && left_over.is_empty() {
        return Ok(visited);
    }
    match mend(place, &mut session, &visited.found, &left_over, &mut visited.changed) {
        Ok(()) => {}
        // The host was reached, and answers no more.
        Err(error) if error.kind == ha_json::Kind::Busy => return Err(error),
        Err(error) => visited.trouble = Some(error.why),
    }
    visited.directory = place.look(&mut session)?;
    visited.left = Repair::of(&visited.directory, naming, &duty.trust);
    Ok(visited)
}

fn mend(
    place: &Place,
    session: &mut Session,
    repair: &Repair,
    left_over: &[String],
    changed: &mut u64,
) -> Result<(), Error> {
    let keys = place.keys();
    session.allow(time_for(&repair.changes));
    let mut trouble = Ok(());
    for change in &repair.changes {
        let done = match change {
            Change::Put(name, text) => place.put(session, &keys, name, text),
            Change::Drop(name, sum) => {
                let order = format!("drop {} {} {}", quoted(&keys), quoted(name), quoted(sum));
                place.must(session, &order, None).map(|_| ())
            }
        };
        match done {
            Ok(()) => *changed += 1,
            Err(error) if error.kind == ha_json::Kind::Busy => return Err(error),
            // What can be mended is.
            Err(error) => trouble = Err(error),
        }
    }
    place.must(session, &format!("flush {}", quoted(&keys)), None)?;
    // Who is seen connecting is remembered, and nothing more follows from it.
    for digest in &repair.forgotten {
        place.must(session, &format!("forget {}", quoted(digest)), None)?;
    }
    // What cannot be cleaned away is in nobody's way.
    for name in left_over {
        session.order(&format!("clean {} {} 2>&1", quoted(&keys), quoted(name)), None)?;
    }
    trouble
}

/// A second for each change, but a host that tells of more and more to be removed gets no more and more
/// time.
fn time_for(changes: &[Change]) -> Duration {
    let puts = changes.iter().filter(|change| matches!(change, Change::Put(..))).count();
    Duration::from_secs((puts + (changes.len() - puts).min(MOST_DROPS)) as u64)
}
