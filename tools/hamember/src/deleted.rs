//! A member that was deleted: nobody trusts its key any more.

use crate::Arguments;
use crate::cluster::{find, is_same, own_name};
use crate::configuration::{Configuration, Host};
use crate::distribution::Manner;
use crate::every;
use crate::public_key::PublicKey;
use crate::repair::shown;
use crate::report::{Report, Subject};
use crate::state::Known;
use crate::work::{Access, Work};
use ha_json::{Error, Status, Tool};

/// Does that at every host.
///
/// # Errors
/// What ended the work: busy, where the package does not run here, or it cannot be told whether a
/// member that is silent has the same key; failed, where one has.
pub(crate) fn deleted(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
    name: &str,
) -> Result<Status, Error> {
    let mut name = name.to_owned();
    let own = own_name(arguments.here.as_deref());
    if is_same(&own, &name) {
        let why = "is this machine, which has the package: run it on another member";
        let report = Report::begin(
            tool,
            "MEMBER_DELETED",
            Some(&name),
            arguments.dry_run,
            arguments.verbose,
        );
        return Err(report.end_failed(0, Error::failed(&name, why)));
    }
    let (mut before, mut gone) = (false, None);
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |state, known| {
        name = state.known_as(&name, &known.members);
        gone = Some(find(&known.members, &name).cloned().unwrap_or_else(|| known.host(&name)));
        before = state.deleted.contains(&name);
        state.added.remove(&name);
        state.renewing.remove(&name);
        state.renewed.remove(&name);
        state.deleted.insert(name.clone());
    });
    let (mut work, mut report) = Work::told(begun, tool, arguments, "MEMBER_DELETED", Some(&name))?;
    let gone = gone.unwrap_or_else(|| work.cluster.configuration.host(&name));
    let done = run(arguments, &mut work, &mut report, &gone, before);
    work.end(report, done)
}

fn run(
    arguments: &Arguments,
    work: &mut Work,
    report: &mut Report,
    gone: &Host,
    before: bool,
) -> Result<(), Error> {
    let name = gone.name.as_str();
    let manner = if arguments.dry_run { Manner::DryRun } else { Manner::Mend };
    let key = key_of(work, gone, arguments)?;
    let subject = Subject { name, key: Some(&key) };
    let others = work.cluster.members.clone();
    let silent = work.learn(&others, report, std::slice::from_ref(&subject));
    refuse_shared(work, name, &key)?;
    let waiting = work.state.pending_for(name);
    // What an addition had left to do is not to be done any more.
    let targets = match before && !waiting.is_empty() && !arguments.all {
        true => waiting,
        false => work.hosts_but(&[name]),
    };
    work.state.pending.remove(name);
    for host in &targets {
        work.state.pend(host, name);
    }
    work.keep()?;
    report.identity(name, work.identity(name, "known"));
    let names = [name.to_owned()];
    every::visit(work, report, Some(&names), &targets, &silent, manner);
    work.keep()
}

/// The key that is to go: as it is known from before, as it is said, or as the member says it.
fn key_of(work: &mut Work, gone: &Host, arguments: &Arguments) -> Result<PublicKey, Error> {
    let name = &gone.name;
    let known = work.state.hosts.get(name).and_then(Known::key);
    let key = match (known, &arguments.digest) {
        (Some(key), None) => return Ok(key),
        (Some(key), Some(digest)) if key.is(digest) => return Ok(key),
        (_, Some(digest)) => {
            let keys = work.own.files.values().filter_map(|file| file.key.as_ref());
            keys.into_iter().find(|key| key.is(digest)).cloned().ok_or_else(|| {
                Error::failed(digest, "no key of this machine's directory has this digest")
            })?
        }
        (None, None) => {
            let place = work.cluster.place(gone);
            let asked = place.open().and_then(|mut session| place.look(&mut session));
            let own = asked.ok().and_then(|directory| directory.own().cloned());
            own.ok_or_else(|| {
                let next = "say which it was with --digest (ls of ppkeys, or cf-key -s, shows it)";
                Error::failed(
                    name,
                    format!("gives no answer, and its key is not known here: {next}"),
                )
            })?
        }
    };
    work.state.hosts.entry(name.clone()).or_default().has(&key);
    Ok(key)
}

/// Refuses where others would be cut off.
fn refuse_shared(work: &Work, name: &str, key: &PublicKey) -> Result<(), Error> {
    let digest = shown(key, work.cluster.naming(work.algorithm));
    // Who had a key may have kept its private half: that is as good as sharing it.
    let had = work.state.hosts.get(name).map(Known::previous).unwrap_or_default();
    let has = |host: &&Host| {
        let theirs = work.state.hosts.get(&host.name).and_then(Known::key);
        theirs.is_some_and(|theirs| theirs == *key || had.contains(&theirs))
    };
    let names = |hosts: Vec<&Host>| {
        hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let sharing: Vec<&Host> = work.cluster.members.iter().filter(has).collect();
    if !sharing.is_empty() {
        let next: Vec<String> =
            sharing.iter().map(|host| format!("hamember --new-key {}", host.name)).collect();
        let why = format!(
            "its key {digest}, or one that it had, is that of {}, too, and removing it would cut them \
             off: give them keys of their own first ({}), then delete it",
            names(sharing.clone()),
            next.join("; ")
        );
        return Err(Error::failed(name, why));
    }
    let clients: Vec<&Host> = work.cluster.clients.iter().filter(has).collect();
    if !clients.is_empty() {
        let why = format!("its key {digest} is that of the client {}, too", names(clients));
        return Err(Error::failed(name, why));
    }
    let is_unknown = |host: &&Host| work.state.hosts.get(&host.name).and_then(Known::key).is_none();
    let unknown: Vec<&Host> = work.cluster.members.iter().filter(is_unknown).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Error::busy(
            name,
            format!(
                "whether its key is that of {}, too, is not known, and no answer comes from there",
                names(unknown)
            ),
        )),
    }
}
