//! Hosts visited without any news: what is still pending, and whether all is right.

use crate::Arguments;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, Host};
use crate::distribution::{About, Distribution, Manner, trusted_here};
use crate::new_key;
use crate::report::Report;
use crate::work::{Access, Work};
use ha_json::{Error, Status, Tool, json};
use std::collections::BTreeSet;

/// Visits these hosts, clients first: what their keys are is brought to the members then. The records
/// are about these members, or about the pending ones of each host.
pub(crate) fn visit(
    work: &mut Work,
    report: &mut Report,
    names: Option<&[String]>,
    targets: &BTreeSet<String>,
    silent: &BTreeSet<String>,
    manner: Manner,
) {
    let of = |hosts: &[Host]| -> Vec<Host> {
        let due = |host: &&Host| targets.contains(&host.name) && !silent.contains(&host.name);
        hosts.iter().filter(due).cloned().collect()
    };
    let (clients, mut members) = (of(&work.cluster.clients), of(&work.cluster.members));
    // A member that waits for itself was added, and not yet finished.
    let newcomers: BTreeSet<String> = members
        .iter()
        .filter(|host| work.state.pending_for(&host.name).contains(&host.name))
        .map(|host| host.name.clone())
        .collect();
    let about = names.map_or(About::Pending, About::These);
    let mut distribution = Distribution {
        cluster: &work.cluster,
        state: &mut work.state,
        report,
        algorithm: work.algorithm,
        manner,
        learnt: Vec::new(),
    };
    distribution.clients(&clients, about, &[]);
    if !distribution.learnt.is_empty() && manner == Manner::Mend {
        // What was learnt now is news to every member.
        members = work.cluster.members.clone();
        members.retain(|host| !silent.contains(&host.name));
    }
    let all: Vec<Host> =
        work.cluster.members.iter().chain(&work.cluster.clients).cloned().collect();
    let known = work.cluster.wanted(&all, distribution.state);
    let unwanted = Cluster::unwanted(distribution.state);
    let more = trusted_here(&work.cluster, &work.own, &known, &unwanted);
    let own = |host: &Host| if newcomers.contains(&host.name) { more.clone() } else { Vec::new() };
    distribution.members(&members, about, &[], &own);
}

/// Finishes what earlier runs could not.
///
/// # Errors
/// As [`Work::begin`].
pub(crate) fn pending(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
) -> Result<Status, Error> {
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |_, _| {});
    let (mut work, mut report) = Work::told(begun, tool, arguments, "PENDING", None)?;
    let done = finish(&mut work, &mut report, arguments.dry_run);
    work.end(report, done)
}

fn finish(work: &mut Work, report: &mut Report, dry_run: bool) -> Result<(), Error> {
    let known = work.hosts_but(&[]);
    // Hosts that are no longer any of ours.
    work.state.pending.retain(|host, _| known.contains(host));
    let renewing: Vec<String> = work.state.renewing.iter().cloned().collect();
    for name in renewing {
        if let Some(member) = work.cluster.member(&name).cloned() {
            new_key::renew(work, report, &member, dry_run)?;
        }
    }
    let targets: BTreeSet<String> = work.state.pending.keys().cloned().collect();
    // A host of which more is still to come was visited just now.
    if !targets.is_empty() && work.state.renewing.is_empty() {
        let members = work.cluster.members.clone();
        let due: Vec<Host> =
            members.into_iter().filter(|host| targets.contains(&host.name)).collect();
        let silent = work.learn(&due, report, &[]);
        let manner = if dry_run { Manner::DryRun } else { Manner::Mend };
        visit(work, report, None, &targets, &silent, manner);
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
    let begun = Work::begin(arguments, configuration, Access::Look, |_, _| {});
    let (mut work, mut report) = Work::told(begun, tool, arguments, "CHECK", None)?;
    let members = work.cluster.members.clone();
    let silent = work.learn(&members, &mut report, &[]);
    let names: Vec<String> = members.iter().map(|host| host.name.clone()).collect();
    for name in &names {
        report.identity(name, work.identity(name, "known"));
    }
    let targets = work.hosts_but(&[]);
    visit(&mut work, &mut report, Some(&names), &targets, &silent, Manner::Check);
    work.end(report, Ok(()))
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
    let begun = Work::begin(arguments, configuration, Access::Look, |_, _| {});
    let (work, mut report) = Work::told(begun, tool, arguments, "LIST", None)?;
    for member in &work.cluster.members {
        report.identity(&member.name, work.identity(&member.name, "known"));
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
    let begun = Work::begin(arguments, configuration, Access::Look, |_, _| {}).and_then(|work| {
        from = arguments.from.as_deref().map(|name| work.member(name)).transpose()?;
        Ok(work)
    });
    let told = arguments.from.as_deref();
    let (work, mut report) = Work::told(begun, tool, arguments, "VERIFY", told)?;
    let member = from.unwrap_or_else(|| work.cluster.here().clone());
    crate::verify::verify(&work.cluster, &member, &work.cluster.clients, &mut report);
    work.end(report, Ok(()))
}
