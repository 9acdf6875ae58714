//! A key pair of its own for a member: the way out where members share one.
//!
//! The new key is trusted everywhere before the member has it, so that it is never refused; only then
//! goes the old one, where no other member has it.

use crate::Arguments;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, Host, Layout};
use crate::distribution::{Manner, Round, distribute};
use crate::key_pair;
use crate::public_key::PublicKey;
use crate::repair::Wanted;
use crate::report::{Report, Subject};
use crate::state::Known;
use crate::visit::Place;
use crate::work::{Access, Work};
use ha_json::{Error, Kind, Status, Tool};
use std::collections::BTreeSet;

/// Gives it one.
///
/// # Errors
/// What ended the work: busy, where the package does not run here, or the member gives no answer.
pub(crate) fn new_key(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
    name: &str,
) -> Result<Status, Error> {
    let mut member = None;
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |_, _| Ok(()))
        .and_then(|work| work.member(name).map(|host| (work, host)))
        .map(|(work, host)| {
            member = Some(host);
            work
        });
    let (mut work, mut report) = Work::told(begun, tool, arguments, "NEW_KEY", Some(name))?;
    let member = member.unwrap_or_else(|| work.cluster.here().clone());
    let done = renew(&mut work, &mut report, &member, arguments.dry_run);
    work.end(report, done)
}

/// Gives it one, or goes on where an earlier run could not reach every host.
///
/// # Errors
/// As [`new_key`].
pub(crate) fn renew(
    work: &mut Work,
    report: &mut Report,
    member: &Host,
    dry_run: bool,
) -> Result<(), Error> {
    let name = member.name.as_str();
    let names = [name.to_owned()];
    let others: Vec<Host> =
        work.cluster.members.iter().filter(|host| host.name != name).cloned().collect();
    let place = work.cluster.place(member);
    let directory = place.look(&mut place.open()?)?;
    let own = directory.own().cloned().ok_or_else(|| {
        let why = format!("has no key in {}: MEMBER_ADDED: {name} makes one", place.keys());
        Error::failed(name, why)
    })?;
    let was_to_have = work.state.hosts.get(name).and_then(Known::next);
    work.state.learn_member(name, &own).map_err(|why| Error::failed(name, why))?;
    let subject = Subject { name, key: Some(&own) };
    let silent = work.learn(&others, report, std::slice::from_ref(&subject));
    let all = work.hosts_but(&[]);
    if dry_run {
        report.identity(name, work.identity(name, Some(&own), "kept"));
        let round = Round {
            hosts: &all,
            silent: &silent,
            about: Some(&names),
            manner: Manner::DryRun,
            next: None,
        };
        distribute(work, report, &round)?;
        return Ok(());
    }
    if was_to_have.as_ref() == Some(&own) {
        // A run was killed when the member had it.
        return has_it(work, report, name, &own, &all, &silent);
    }
    let goes_on = !work.state.renewing.insert(name.to_owned());
    let known = work.state.hosts.get(name).and_then(Known::next);
    let next = match directory.next().filter(|_| directory.is_half_installed()) {
        // A run was killed between the two renames.
        Some(next) => next.clone(),
        None => next(&work.cluster, &place, known.as_ref())?,
    };
    // What an earlier run brought it to has it.
    let goes_on = goes_on && known.as_ref() == Some(&next);
    let targets = if goes_on { work.state.pending_for(name) } else { all.clone() };
    // Whom it is brought to is known before: the one who has its private half may be deleted meanwhile.
    work.state.hosts.entry(name.to_owned()).or_default().will_have(&next);
    pend(work, &targets, name)?;
    if work.cluster.configuration.layout == Layout::Cfengine3 {
        bring(work, report, name, &next, &targets, &silent)?;
        if !work.state.pending_for(name).is_empty() {
            // It would be refused where its new key is not trusted yet.
            let why = "keeps its key until the new one is trusted everywhere: run it again, or --pending; \
                       take a host that is gone for good out of the configuration";
            report.failed(Kind::Busy, "new_key", name, why);
            report.identity(name, work.identity(name, Some(&own), "kept"));
            return work.keep();
        }
    }
    key_pair::install(&place, &mut place.open()?)?;
    work.state.learn_member(name, &next).map_err(|why| Error::failed(name, why))?;
    has_it(work, report, name, &next, &all, &silent)
}

/// The member has its new key: the old one goes everywhere.
fn has_it(
    work: &mut Work,
    report: &mut Report,
    name: &str,
    key: &PublicKey,
    hosts: &BTreeSet<String>,
    silent: &BTreeSet<String>,
) -> Result<(), Error> {
    work.state.renewing.remove(name);
    work.state.renewed.insert(name.to_owned());
    pend(work, hosts, name)?;
    report.identity(name, work.identity(name, Some(key), "made"));
    let round =
        Round { hosts, silent, about: Some(&[name.to_owned()]), manner: Manner::Mend, next: None };
    distribute(work, report, &round)?;
    work.keep()
}

fn pend(work: &mut Work, hosts: &BTreeSet<String>, name: &str) -> Result<(), Error> {
    for host in hosts {
        work.state.pend(host, name);
    }
    work.keep()
}

/// The pair that it will have: the one that is known from before, where it is still there, else a new
/// one.
fn next(cluster: &Cluster, place: &Place, known: Option<&PublicKey>) -> Result<PublicKey, Error> {
    let mut session = place.open()?;
    if let Some(next) = place.look(&mut session)?.next().filter(|next| Some(*next) == known) {
        return Ok(next.clone());
    }
    key_pair::make(cluster, place, &mut session)?;
    let made = place.look(&mut session)?.next().cloned();
    made.ok_or_else(|| Error::failed(&place.host.name, "has no new pair of keys"))
}

/// Has it trusted besides the one that the member has.
fn bring(
    work: &mut Work,
    report: &mut Report,
    name: &str,
    next: &PublicKey,
    targets: &BTreeSet<String>,
    silent: &BTreeSet<String>,
) -> Result<(), Error> {
    let next = Wanted {
        host: name.to_owned(),
        key: next.clone(),
        addresses: Vec::new(),
        previous: Vec::new(),
    };
    let names = [name.to_owned()];
    let round = Round {
        hosts: targets,
        silent,
        about: Some(&names),
        manner: Manner::Mend,
        next: Some(&next),
    };
    report.be_quiet(true);
    let done = distribute(work, report, &round);
    report.be_quiet(false);
    done
}
