//! Hosts visited without any news: what is still pending, and whether all is right.

use crate::Arguments;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, Host};
use crate::distribution::{About, Distribution, Manner, trusted_here};
use crate::report::Report;
use crate::work::{Access, Work};
use ha_json::{Error, Status, Tool};
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
    let mut report = Report::begin(tool, "PENDING", None, arguments.dry_run, arguments.verbose);
    let mut left = 0;
    let run = || {
        let mut work = Work::begin(arguments, configuration, Access::of(arguments), |_, _| {})?;
        let known = work.hosts_but(&[]);
        // Hosts that are no longer any of ours.
        work.state.pending.retain(|host, _| known.contains(host));
        let targets: BTreeSet<String> = work.state.pending.keys().cloned().collect();
        let manner = if arguments.dry_run { Manner::DryRun } else { Manner::Mend };
        if !targets.is_empty() {
            let members = work.cluster.members.clone();
            let due: Vec<Host> =
                members.into_iter().filter(|host| targets.contains(&host.name)).collect();
            let silent = work.learn(&due, &mut report, &[]);
            visit(&mut work, &mut report, None, &targets, &silent, manner);
        }
        left = work.state.pending.len();
        work.keep()
    };
    match run() {
        Ok(()) => report.end(left),
        Err(error) => Err(report.end_failed(left, error)),
    }
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
    let mut report = Report::begin(tool, "CHECK", None, false, arguments.verbose);
    let mut left = 0;
    let run = || {
        let mut work = Work::begin(arguments, configuration, Access::Look, |_, _| {})?;
        left = work.state.pending.len();
        let members = work.cluster.members.clone();
        let silent = work.learn(&members, &mut report, &[]);
        let names: Vec<String> = members.iter().map(|host| host.name.clone()).collect();
        for name in &names {
            report.identity(name, work.identity(name, "known"));
        }
        let targets = work.hosts_but(&[]);
        visit(&mut work, &mut report, Some(&names), &targets, &silent, Manner::Check);
        Ok(())
    };
    match run() {
        Ok(()) => report.end(left),
        Err(error) => Err(report.end_failed(left, error)),
    }
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
    let mut report = Report::begin(tool, "LIST", None, false, arguments.verbose);
    let mut left = 0;
    let run = || {
        let work = Work::begin(arguments, configuration, Access::Look, |_, _| {})?;
        left = work.state.pending.len();
        for member in &work.cluster.members {
            report.identity(&member.name, work.identity(&member.name, "known"));
        }
        for (host, members) in &work.state.pending {
            let key = ha_json::json!({"host": host});
            report.record("pending", key, ha_json::json!({"members": members}));
        }
        Ok(())
    };
    match run() {
        Ok(()) => report.end(left),
        Err(error) => Err(report.end_failed(left, error)),
    }
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
    let from = arguments.from.as_deref();
    let mut report = Report::begin(tool, "VERIFY", from, false, arguments.verbose);
    let mut left = 0;
    let run = || {
        let work = Work::begin(arguments, configuration, Access::Look, |_, _| {})?;
        left = work.state.pending.len();
        let member = match from {
            None => work.cluster.here().clone(),
            Some(name) => work
                .cluster
                .member(name)
                .cloned()
                .ok_or_else(|| Error::usage(name, "is none of the members"))?,
        };
        crate::verify::verify(&work.cluster, &member, &work.cluster.clients, &mut report);
        Ok(())
    };
    match run() {
        Ok(()) => report.end(left),
        Err(error) => Err(report.end_failed(left, error)),
    }
}
