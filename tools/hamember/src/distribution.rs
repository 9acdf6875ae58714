//! Keys brought to hosts, and what became of each host.

use crate::cluster::Cluster;
use crate::configuration::{Host, Layout};
use crate::key_directory::KeyDirectory;
use crate::parallel::in_parallel;
use crate::public_key::{Algorithm, PublicKey};
use crate::repair::{Trust, Unwanted, Wanted, names, present_as};
use crate::report::{Report, Role, Subject};
use crate::state::State;
use crate::visit::{Duty, Visited, visit};
use crate::work::Work;
use ha_json::Error;
use std::collections::BTreeSet;

/// What is done about faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// They are mended.
    Mend,
    /// They are told, and the answer is no.
    Check,
    /// They are told: it is what would be mended.
    DryRun,
}

/// Which hosts are visited, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    pub(crate) hosts: &'a BTreeSet<String>,
    /// Those that gave no answer just now: they are not asked again.
    pub(crate) silent: &'a BTreeSet<String>,
    /// Whose keys the records are about; all that a host waits for where there is none.
    pub(crate) about: Option<&'a [String]>,
    pub(crate) manner: Manner,
    /// The next key of a member, to be trusted besides the one that it has.
    pub(crate) next: Option<&'a Wanted>,
}

impl Round<'_> {
    fn due(&self, hosts: &[Host]) -> Vec<Host> {
        let is_due =
            |host: &&Host| self.hosts.contains(&host.name) && !self.silent.contains(&host.name);
        hosts.iter().filter(is_due).cloned().collect()
    }
}

/// Visits clients first, which trust every member, and then members, which trust every member and every
/// client: what the keys of clients are is learnt on the way.
///
/// # Errors
/// As [`Work::keep`].
pub(crate) fn distribute(
    work: &mut Work,
    report: &mut Report,
    round: &Round<'_>,
) -> Result<(), Error> {
    let (clients, mut members) =
        (round.due(&work.cluster.clients), round.due(&work.cluster.members));
    // A member that waits for itself was added, and not yet finished.
    let newcomers: BTreeSet<String> = members
        .iter()
        .filter(|host| work.state.pending_for(&host.name).contains(&host.name))
        .map(|host| host.name.clone())
        .collect();
    let mut wanted = work.cluster.wanted(&work.cluster.members, &work.state);
    wanted.extend(round.next.cloned());
    let mut distribution = Distribution::of(work, report, round);
    distribution.visit(Role::Client, &clients, &wanted, &|_| Vec::new());
    let learnt = std::mem::take(&mut distribution.learnt);
    if !learnt.is_empty() && round.manner == Manner::Mend {
        // What was learnt now is news to every member.
        members = work.cluster.members.clone();
        for member in &members {
            for client in &learnt {
                work.state.pend(&member.name, client);
            }
        }
        members.retain(|host| !round.silent.contains(&host.name));
        // Before it is brought to anybody: a run that is killed knows what is its own to take away.
        work.keep()?;
    }
    wanted.extend(work.cluster.wanted(&work.cluster.clients, &work.state));
    let unwanted = Cluster::unwanted(&work.state);
    let besides = trusted_here(&work.cluster, &work.keys_here, &wanted, &unwanted);
    let own = |host: &Host| match newcomers.contains(&host.name) {
        true => besides.clone(),
        false => Vec::new(),
    };
    Distribution::of(work, report, round).visit(Role::Member, &members, &wanted, &own);
    Ok(())
}

struct Distribution<'a> {
    cluster: &'a Cluster,
    state: &'a mut State,
    report: &'a mut Report,
    /// The algorithm of this machine's build.
    algorithm: Option<Algorithm>,
    keys_here: &'a KeyDirectory,
    round: &'a Round<'a>,
    /// Clients whose key was not known before.
    learnt: Vec<String>,
}

impl<'a> Distribution<'a> {
    fn of(work: &'a mut Work, report: &'a mut Report, round: &'a Round<'a>) -> Distribution<'a> {
        Distribution {
            cluster: &work.cluster,
            state: &mut work.state,
            report,
            algorithm: work.algorithm,
            keys_here: &work.keys_here,
            round,
            learnt: Vec::new(),
        }
    }

    /// `own` has what a host trusts besides.
    fn visit(
        &mut self,
        role: Role,
        hosts: &[Host],
        wanted: &[Wanted],
        own: &(dyn Fn(&Host) -> Vec<Wanted> + Sync),
    ) {
        let unwanted = Cluster::unwanted(self.state);
        let configuration = &self.cluster.configuration;
        let algorithm = match configuration.layout {
            Layout::Cfengine2 => None,
            Layout::Cfengine3 => Some(self.algorithm.unwrap_or(Algorithm::Md5)),
        };
        let cluster = self.cluster;
        let only_look = self.round.manner != Manner::Mend;
        let work = |host: &Host| {
            let besides = own(host);
            let all: Vec<Wanted> = match besides.is_empty() {
                true => Vec::new(),
                false => wanted.iter().cloned().chain(besides).collect(),
            };
            let wanted = if all.is_empty() { wanted } else { &all };
            let trust = Trust { user: &configuration.user, wanted, unwanted: &unwanted };
            visit(&cluster.place(host), &Duty { trust, algorithm, only_look })
        };
        in_parallel(hosts, configuration.parallel, work, |host, visited| {
            self.tell(role, host, wanted, &unwanted, visited);
        });
    }

    fn tell(
        &mut self,
        role: Role,
        host: &Host,
        wanted: &[Wanted],
        unwanted: &[Unwanted],
        visited: Result<Visited, Error>,
    ) {
        let mut names: Vec<String> = match self.round.about {
            Some(names) => names.to_vec(),
            None => self.state.pending.get(&host.name).into_iter().flatten().cloned().collect(),
        };
        // Whose keys were wrong besides is told, too.
        for finding in visited.iter().flat_map(|visited| &visited.found.findings) {
            if !names.contains(&finding.of) {
                names.push(finding.of.clone());
            }
        }
        let user = &self.cluster.configuration.user;
        let key = |name: &String| {
            let wanted =
                wanted.iter().find(|wanted| wanted.host == *name).map(|wanted| &wanted.key);
            let unwanted = || unwanted.iter().find(|one| one.host == *name).map(|one| &one.key);
            // What a new member trusts besides goes by the names of files.
            let file = || visited.as_ref().ok()?.directory.files.get(&format!("{user}-{name}.pub"));
            wanted.or_else(unwanted).or_else(|| file()?.key.as_ref()).cloned()
        };
        let keys: Vec<Option<PublicKey>> = names.iter().map(key).collect();
        let subjects: Vec<Subject<'_>> = names
            .iter()
            .zip(&keys)
            .map(|(name, key)| Subject { name, key: key.as_ref() })
            .collect();
        match visited {
            Ok(mut visited) => {
                if let Some(own) = visited.directory.own() {
                    let learnt = match role {
                        Role::Member => self.state.learn_member(&host.name, own).map(|()| false),
                        Role::Client => {
                            let stood_here = !present_as(self.keys_here, own).is_empty();
                            self.state.learn_client(&host.name, own, !stood_here)
                        }
                    };
                    match learnt {
                        Ok(true) => self.learnt.push(host.name.clone()),
                        Ok(false) => {}
                        Err(why) => visited.trouble = Some(why),
                    }
                }
                if self.report.host(role, &host.name, &subjects, &visited, self.round.manner)
                    && self.round.manner == Manner::Mend
                {
                    let next = self.round.next.map(|next| next.host.as_str());
                    self.state.done(&host.name, next);
                }
            }
            Err(error) => {
                let naming = self.cluster.naming(self.algorithm);
                self.report.host_failed(role, &host.name, &subjects, naming, &error);
            }
        }
    }
}

/// What else a new member trusts, because this one does: keys of clients that cannot be asked now, and
/// of hosts that are none of ours.
pub(crate) fn trusted_here(
    cluster: &Cluster,
    directory: &KeyDirectory,
    known: &[Wanted],
    unwanted: &[Unwanted],
) -> Vec<Wanted> {
    let user = &cluster.configuration.user;
    let known_names: Vec<String> =
        known.iter().flat_map(|wanted| names(cluster.naming(None), user, wanted)).collect();
    let is_known = |key: &PublicKey| {
        known.iter().any(|wanted| wanted.key == *key || wanted.previous.contains(key))
            || unwanted.iter().any(|one| one.key == *key)
    };
    let of = |(name, file): (&String, &crate::key_directory::KeyFile)| {
        let stem = name.strip_prefix(user.as_str())?.strip_prefix('-')?.strip_suffix(".pub")?;
        let key = file.key.clone()?;
        let belongs = match cluster.configuration.layout {
            Layout::Cfengine3 => key.is(stem) && !is_known(&key),
            // By whatever address: that of the package is no host's own.
            Layout::Cfengine2 => {
                !known_names.contains(name) && !unwanted.iter().any(|one| one.key == key)
            }
        };
        belongs.then(|| Wanted {
            host: stem.to_owned(),
            key,
            addresses: vec![stem.to_owned()],
            previous: Vec::new(),
        })
    };
    directory.files.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::tests::with;
    use crate::key_directory::KeyFile;
    use crate::public_key::tests::key;
    use ha_json::json;
    use ha_remote::Shell;

    fn names(layout: &str, files: &[(&str, u8)]) -> Vec<String> {
        let members = json!([{"name": "m1", "address": "10.0.0.1"}]);
        let configuration = with(&json!({"layout": layout, "members": members}));
        let mut state = State::default();
        state.learn_member("m1", &key(1)).unwrap();
        let cluster = Cluster::of(configuration, &state, Some("m1"), Shell::Ssh).unwrap();
        let known = cluster.wanted(&cluster.members, &state);
        let unwanted = [Unwanted { host: "m4".to_owned(), key: key(4) }];
        let mut directory = KeyDirectory::default();
        for (name, seed) in files {
            let file = KeyFile { key: Some(key(*seed)), ..KeyFile::default() };
            directory.files.insert((*name).to_owned(), file);
        }
        trusted_here(&cluster, &directory, &known, &unwanted)
            .iter()
            .map(|wanted| wanted.host.clone())
            .collect()
    }

    #[test]
    fn a_new_member_trusts_besides_what_is_rightly_named_here() {
        let digest = |seed| key(seed).digest(Algorithm::Md5);
        let name = |seed| format!("root-{}.pub", digest(seed));
        let (right, member, deleted) = (name(7), name(1), name(4));
        let files = [
            (right.as_str(), 7),
            // Poisoned.
            ("root-MD5=00000000000000000000000000000000.pub", 8),
            ("root-10.0.0.9.pub", 9),
            (&member, 1),
            (&deleted, 4),
            ("localhost.pub", 1),
        ];
        assert_eq!(names("cfengine3", &files), [digest(7)]);
    }

    #[test]
    fn by_address_it_is_every_name_but_those_that_are_known_and_keys_that_are_not_wanted() {
        let files = [
            ("root-10.0.0.100.pub", 1),
            ("root-10.0.0.1.pub", 1),
            ("root-10.0.0.21.pub", 7),
            ("root-10.0.0.4.pub", 4),
            ("nobody-10.0.0.5.pub", 5),
        ];
        assert_eq!(names("cfengine2", &files), ["10.0.0.100", "10.0.0.21"]);
    }
}
