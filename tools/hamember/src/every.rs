//! Hosts visited without any news: what is still pending, and whether all is right.

use crate::Arguments;
use crate::added;
use crate::configuration::{Configuration, Host};
use crate::distribution::{Manner, Round, distribute};
use crate::new_key;
use crate::report::Report;
use crate::work::{Access, Work};
use ha_json::{Error, Status, Tool, json};
use std::collections::BTreeSet;

/// Finishes what earlier runs could not.
///
/// # Errors
/// As [`Work::begin`].
pub(crate) fn pending(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
) -> Result<Status, Error> {
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |_, _| Ok(()));
    let (mut work, mut report) = Work::told(begun, tool, arguments, "PENDING", None)?;
    let done = finish(&mut work, &mut report, arguments.dry_run);
    work.end(report, done)
}

fn finish(work: &mut Work, report: &mut Report, dry_run: bool) -> Result<(), Error> {
    let manner = if dry_run { Manner::DryRun } else { Manner::Mend };
    let known = work.hosts_but(&[]);
    // Hosts that are no longer any of ours.
    work.state.pending.retain(|host, _| known.contains(host));
    let unfinished: Vec<String> = work.state.unfinished.iter().cloned().collect();
    for name in &unfinished {
        // Who does not answer holds up nobody else.
        if let Err(error) = added::add(work, report, name, manner, false) {
            report.failed(error.kind, "addition", name, &error.why);
        }
    }
    let renewing: Vec<String> = work.state.renewing.iter().cloned().collect();
    for name in &renewing {
        let Some(member) = work.cluster.member(name).cloned() else { continue };
        if let Err(error) = new_key::renew(work, report, &member, dry_run) {
            report.failed(error.kind, "new_key", name, &error.why);
        }
    }
    // A host that waits only for a new key that is not everywhere yet was visited just now.
    let waits_for_more = |members: &BTreeSet<String>| {
        members.iter().any(|member| !work.state.renewing.contains(member))
    };
    let targets: BTreeSet<String> = work
        .state
        .pending
        .iter()
        .filter(|(_, members)| waits_for_more(members))
        .map(|(host, _)| host.clone())
        .collect();
    if !targets.is_empty() {
        let members = work.cluster.members.clone();
        let due: Vec<Host> =
            members.into_iter().filter(|host| targets.contains(&host.name)).collect();
        let silent = work.learn(&due, report, &[]);
        let round = Round { hosts: &targets, silent: &silent, about: None, manner, next: None };
        distribute(work, report, &round)?;
    }
    work.keep()
}

/// Looks at every host, and changes nothing.
///
/// # Errors
/// As [`Work::begin`].
pub(crate) fn check(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
) -> Result<Status, Error> {
    let begun = Work::begin(arguments, configuration, Access::Look, |_, _| Ok(()));
    let (mut work, mut report) = Work::told(begun, tool, arguments, "CHECK", None)?;
    let members = work.cluster.members.clone();
    let silent = work.learn(&members, &mut report, &[]);
    let names: Vec<String> = members.iter().map(|host| host.name.clone()).collect();
    for name in &names {
        if work.state.hosts.get(name).is_none_or(|known| known.key.is_none()) {
            report.no();
        }
        report.identity(name, work.known_identity(name));
    }
    let targets = work.hosts_but(&[]);
    let round = Round {
        hosts: &targets,
        silent: &silent,
        about: Some(&names),
        manner: Manner::Check,
        next: None,
    };
    let done = distribute(&mut work, &mut report, &round);
    work.end(report, done)
}

/// Tells what is known, and looks at nothing.
///
/// # Errors
/// As [`Work::begin`].
pub(crate) fn list(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
) -> Result<Status, Error> {
    let begun = Work::begin(arguments, configuration, Access::Look, |_, _| Ok(()));
    let (work, mut report) = Work::told(begun, tool, arguments, "LIST", None)?;
    for member in &work.cluster.members {
        report.identity(&member.name, work.known_identity(&member.name));
    }
    for (member, what) in work.state.unfinished() {
        report.record("unfinished", json!({"member": member, "what": what}), json!({}));
    }
    for (host, members) in &work.state.pending {
        report.record("pending", json!({"host": host}), json!({"members": members}));
    }
    work.end(report, Ok(()))
}

/// Runs cf-runagent (cfrun) from a member to every client.
///
/// # Errors
/// As [`Work::begin`]; usage, for a member that is none.
pub(crate) fn verify(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
) -> Result<Status, Error> {
    let mut from = None;
    let begun =
        Work::begin(arguments, configuration, Access::Look, |_, _| Ok(())).and_then(|work| {
            from = arguments.from.as_deref().map(|name| work.member(name)).transpose()?;
            Ok(work)
        });
    let told = arguments.from.as_deref();
    let (work, mut report) = Work::told(begun, tool, arguments, "VERIFY", told)?;
    let member = from.unwrap_or_else(|| work.cluster.here().clone());
    crate::verify::verify(&work.cluster, &member, &work.cluster.clients, &mut report);
    work.end(report, Ok(()))
}
