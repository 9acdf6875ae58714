//! A member that was added: its keys and its configuration, and its key at every host.

use crate::Arguments;
use crate::cluster::find;
use crate::configuration::{Configuration, Host, KeyPair};
use crate::copy::{copies, copy, hasync_there};
use crate::distribution::{Manner, Round, distribute};
use crate::key_pair;
use crate::report::{Report, Subject};
use crate::state::Known;
use crate::verify;
use crate::work::{Access, Work};
use ha_json::{Error, Status, Tool, json};
use ha_remote::quoted;

/// Does all that, or what an earlier run could not.
///
/// # Errors
/// What ended the work: busy, where the package does not run here or the member gives no answer;
/// failed, where the member refuses.
pub(crate) fn added(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
    name: &str,
) -> Result<Status, Error> {
    let mut name = name.to_owned();
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |state, known| {
        name = state.known_as(&name, &known.members)?;
        state.deleted.remove(&name);
        if find(&known.members, &name).is_none() {
            state.added.insert(name.clone());
        }
        Ok(())
    });
    let (mut work, mut report) = Work::told(begun, tool, arguments, "MEMBER_ADDED", Some(&name))?;
    let manner = if arguments.dry_run { Manner::DryRun } else { Manner::Mend };
    let done = add(&mut work, &mut report, &name, manner, arguments.all);
    if let (true, true, Some(member)) = (arguments.verify, done.is_ok(), work.cluster.member(&name))
    {
        verify::verify(&work.cluster, member, &work.cluster.clients, &mut report);
    }
    work.end(report, done)
}

/// Does all that but the verification; at hosts that an earlier run left, or at all of them.
///
/// # Errors
/// As [`added`].
pub(crate) fn add(
    work: &mut Work,
    report: &mut Report,
    name: &str,
    manner: Manner,
    all: bool,
) -> Result<(), Error> {
    let dry_run = manner == Manner::DryRun;
    let member = work.member(name)?;
    let name = member.name.as_str();
    let place = work.cluster.place(&member);
    let mut session = place.open()?;
    let directory = place.look(&mut session)?;
    let refused = |why: String| Error::failed(name, why);
    directory.usable(&place.keys()).map_err(refused)?;
    let pair = match work.state.renewed.contains(name) {
        // It was given one on purpose.
        true => KeyPair::Own,
        false => work.cluster.configuration.key_pair,
    };
    let copies = match work.cluster.is_here(&member) {
        true => Vec::new(),
        false => copies(&work.cluster, &member),
    };
    // Before anything is changed.
    let hasync = match copies.is_empty() {
        true => String::new(),
        false => hasync_there(&place, &mut session)?,
    };
    let plan = key_pair::Plan::of(&work.cluster, pair, &place, &mut session, &directory)?;
    // Others may take their time to answer.
    drop(session);
    let before = work.state.hosts.get(name).and_then(Known::key);
    if let Some(key) = plan.key() {
        work.state.learn_member(name, key).map_err(refused)?;
    }
    let others: Vec<Host> =
        work.cluster.members.iter().filter(|host| host.name != name).cloned().collect();
    let subject = Subject { name, key: plan.key() };
    let silent = work.learn(&others, report, std::slice::from_ref(&subject));
    // Only what an earlier run left, but of another key than that run brought nobody has anything.
    let waiting = work.state.pending_for(name);
    let goes_on =
        !all && !waiting.is_empty() && plan.key().is_some_and(|key| before.as_ref() == Some(key));
    let mut targets = if goes_on { waiting } else { work.hosts_but(&[]) };
    // Known before anything is changed, so that a run that is killed leaves word of what is not done.
    for host in &targets {
        work.state.pend(host, name);
    }
    // Where only hosts are left, its commands have run.
    let commands = work.state.unfinished.contains(name) || !goes_on;
    work.state.unfinished.insert(name.to_owned());
    if dry_run && !directory.present {
        // What would be made there cannot be looked at.
        targets.remove(name);
    }
    work.keep()?;
    let word = plan.word();
    if dry_run {
        report.identity(name, work.identity(name, plan.key(), word));
    } else {
        let mut session = place.open()?;
        let order = format!("prepare {}", quoted(&member.work_directory));
        place.must(&mut session, &order, None)?;
        let key = plan.carry_out(&work.cluster, &place, &mut session)?;
        work.state.learn_member(name, &key).map_err(refused)?;
        work.keep()?;
        report.identity(name, work.identity(name, Some(&key), word));
    }
    for copied in &copies {
        let values = copy(&work.cluster, &place, copied, &hasync, dry_run)?;
        report.record("copy", json!({"member": name, "to": copied.to}), values);
    }
    let round = Round {
        hosts: &targets,
        silent: &silent,
        about: Some(&[name.to_owned()]),
        manner,
        next: None,
    };
    distribute(work, report, &round)?;
    if !dry_run && (!commands || work.site_commands(&member, report)) {
        work.state.unfinished.remove(name);
    }
    work.keep()
}
