//! A member that was deleted: nobody trusts its key any more.

use crate::Arguments;
use crate::cluster::{Cluster, find, is_same, own_name};
use crate::configuration::{Configuration, Host};
use crate::distribution::{Manner, Round, distribute};
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
    let (mut before, mut gone) = (false, None);
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |state, known| {
        name = state.known_as(&name, &known.members)?;
        if is_same(&own, &name) {
            let why = "is this machine, which has the package: run it on another member";
            return Err(Error::failed(&name, why));
        }
        gone = Some(find(&known.members, &name).cloned().unwrap_or_else(|| known.host(&name)));
        before = state.deleted.contains_key(&name);
        state.added.remove(&name);
        state.renewing.remove(&name);
        state.renewed.remove(&name);
        state.unfinished.remove(&name);
        state.deleted.entry(name.clone()).or_default();
        Ok(())
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
    let others = work.cluster.members.clone();
    let key = key_of(work, gone, arguments)?;
    let subject = Subject { name, key: Some(&key) };
    let silent = work.learn(&others, report, std::slice::from_ref(&subject));
    refuse_shared(work, name, &key, arguments.digest.is_some())?;
    report.identity(name, work.identity(name, Some(&key), "known"));
    let gone_with_it = keys_gone(work, name, key);
    let waiting = work.state.pending_for(name);
    // Only what an earlier deletion of the same keys left; what an addition left is not to be done any more.
    let goes_on = before && gone_with_it.is_empty() && !waiting.is_empty() && !arguments.all;
    let targets = if goes_on { waiting } else { work.hosts_but(&[name]) };
    work.state.deleted.entry(name.to_owned()).or_default().extend(gone_with_it);
    work.state.hosts.remove(name);
    work.state.pending.remove(name);
    for host in &targets {
        work.state.pend(host, name);
    }
    work.keep()?;
    let round = Round {
        hosts: &targets,
        silent: &silent,
        about: Some(&[name.to_owned()]),
        manner,
        next: None,
    };
    distribute(work, report, &round)?;
    work.keep()
}

/// The keys that nobody is to trust any more: those that it has, had and was to have, unless a member
/// that stays has one.
fn keys_gone(work: &Work, name: &str, key: PublicKey) -> Vec<String> {
    let known = work.state.hosts.get(name).map(Known::all).unwrap_or_default();
    let live: Vec<PublicKey> = work
        .cluster
        .members
        .iter()
        .filter_map(|member| work.state.hosts.get(&member.name))
        .flat_map(|known| known.key().into_iter().chain(known.next()))
        .collect();
    let already = work.state.deleted.get(name).cloned().unwrap_or_default();
    let mut gone: Vec<String> = Vec::new();
    for key in std::iter::once(key).chain(known).filter(|key| !live.contains(key)) {
        let text = key.pem().to_owned();
        if !already.contains(&text) && !gone.contains(&text) {
            gone.push(text);
        }
    }
    gone
}

/// The key that is to go: as it is said, as it is known from before, or as the member says it.
fn key_of(work: &Work, gone: &Host, arguments: &Arguments) -> Result<PublicKey, Error> {
    let name = &gone.name;
    let went: Vec<PublicKey> = Cluster::unwanted(&work.state)
        .into_iter()
        .filter(|one| one.host == *name)
        .map(|one| one.key)
        .collect();
    let known = work.state.hosts.get(name).map(Known::all).unwrap_or_default();
    if let Some(digest) = &arguments.digest {
        let here = work.keys_here.files.values().filter_map(|file| file.key.clone());
        let mut all = known.into_iter().chain(went).chain(here);
        return all.find(|key| key.is(digest)).ok_or_else(|| {
            let why = "no key that is known, or in this machine's directory, has this digest";
            Error::failed(digest, why)
        });
    }
    let key = work.state.hosts.get(name).and_then(Known::key);
    if let Some(key) = key.or_else(|| went.into_iter().next()) {
        return Ok(key);
    }
    let place = work.cluster.place(gone);
    let asked = place.open().and_then(|mut session| place.look(&mut session));
    let own = asked.ok().and_then(|directory| directory.own().cloned());
    own.ok_or_else(|| {
        let next = "say which it was with --digest (ls of ppkeys, or cf-key -s, shows it)";
        Error::failed(name, format!("gives no answer, and its key is not known here: {next}"))
    })
}

/// Refuses where a member that stays would be cut off, or where the deleted one may have its private
/// key. What a member only had before is a suspicion: with `said`, the digest that was said decides.
fn refuse_shared(work: &Work, name: &str, key: &PublicKey, said: bool) -> Result<(), Error> {
    let digest = shown(key, work.cluster.naming(work.algorithm));
    let had = match said {
        true => Vec::new(),
        false => work.state.hosts.get(name).map(Known::previous).unwrap_or_default(),
    };
    let key_of = |host: &Host| work.state.hosts.get(&host.name).and_then(Known::key);
    let names = |hosts: &[&Host]| {
        hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let members = &work.cluster.members;
    let has =
        |host: &&Host| key_of(host).is_some_and(|theirs| theirs == *key || had.contains(&theirs));
    let sharing: Vec<&Host> = members.iter().filter(has).collect();
    if !sharing.is_empty() {
        let next: Vec<String> =
            sharing.iter().map(|host| format!("hamember --new-key {}", host.name)).collect();
        let why = format!(
            "its key {digest}, or one that it had, is that of {}, too, and removing it would cut them \
             off: give them keys of their own first ({}), then delete it; or say with --digest which \
             key is to go",
            names(&sharing),
            next.join("; ")
        );
        return Err(Error::failed(name, why));
    }
    let is_unknown = |host: &&Host| !said && key_of(host).is_none();
    let unknown: Vec<&Host> = members.iter().filter(is_unknown).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Error::busy(
            name,
            format!(
                "whether its key is that of {}, too, is not known, and no answer comes from there: \
                 --digest says which key is to go all the same",
                names(&unknown)
            ),
        )),
    }
}
