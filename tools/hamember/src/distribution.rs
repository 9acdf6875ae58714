//! Keys brought to hosts, and what became of each host.

use crate::cluster::Cluster;
use crate::configuration::{Host, Layout};
use crate::key_directory::KeyDirectory;
use crate::public_key::{Algorithm, PublicKey};
use crate::repair::{Fault, Trust, Unwanted, Wanted};
use crate::report::{Report, Role, Subject};
use crate::round::round;
use crate::state::State;
use crate::visit::{Duty, Visited, visit};
use ha_json::Error;

/// What is brought, by whom, and where it is told.
pub(crate) struct Distribution<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) state: &'a mut State,
    pub(crate) report: &'a mut Report,
    /// The algorithm of this machine's build.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) manner: Manner,
    /// The member whose next key is brought, too.
    pub(crate) renewing: Option<&'a str>,
    /// Clients whose key was not known before.
    pub(crate) learnt: Vec<String>,
}

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

/// The members that the records of a host are about; all of its pending ones where there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About<'a> {
    These(&'a [String]),
    Pending,
}

impl Distribution<'_> {
    /// Visits clients: they trust every member. Learns their keys.
    pub(crate) fn clients(&mut self, hosts: &[Host], about: About<'_>, more: &[Wanted]) {
        let mut wanted = self.cluster.wanted(&self.cluster.members, self.state);
        wanted.extend_from_slice(more);
        self.visit(Role::Client, hosts, about, &wanted, &|_| Vec::new());
    }

    /// Visits members: they trust every member and every client that is known. `own` has what a member
    /// trusts besides.
    pub(crate) fn members(
        &mut self,
        hosts: &[Host],
        about: About<'_>,
        more: &[Wanted],
        own: &(dyn Fn(&Host) -> Vec<Wanted> + Sync),
    ) {
        let mut wanted = self.cluster.wanted(&self.cluster.members, self.state);
        wanted.extend_from_slice(more);
        wanted.extend(self.cluster.wanted(&self.cluster.clients, self.state));
        self.visit(Role::Member, hosts, about, &wanted, own);
    }

    fn visit(
        &mut self,
        role: Role,
        hosts: &[Host],
        about: About<'_>,
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
        let only_look = self.manner != Manner::Mend;
        let work = |host: &Host| {
            let more = own(host);
            let all: Vec<Wanted> = match more.is_empty() {
                true => Vec::new(),
                false => wanted.iter().cloned().chain(more).collect(),
            };
            let wanted = if all.is_empty() { wanted } else { &all };
            let trust = Trust { user: &configuration.user, wanted, unwanted: &unwanted };
            visit(&cluster.place(host), &Duty { trust, algorithm, only_look })
        };
        round(hosts, configuration.parallel, work, |host, visited| {
            self.tell(role, host, about, wanted, &unwanted, visited);
        });
    }

    fn tell(
        &mut self,
        role: Role,
        host: &Host,
        about: About<'_>,
        wanted: &[Wanted],
        unwanted: &[Unwanted],
        visited: Result<Visited, Error>,
    ) {
        let mut names: Vec<String> = match about {
            About::These(names) => names.to_vec(),
            About::Pending => {
                self.state.pending.get(&host.name).into_iter().flatten().cloned().collect()
            }
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
                        Role::Client => self.state.learn_client(&host.name, own),
                    };
                    match learnt {
                        Ok(true) => self.learnt.push(host.name.clone()),
                        Ok(false) => {}
                        Err(why) => visited.trouble = Some(why),
                    }
                }
                self.brought(&visited);
                if self.report.host(role, &host.name, &subjects, &visited, self.manner)
                    && self.manner == Manner::Mend
                {
                    self.state.done(&host.name, self.renewing);
                }
            }
            Err(error) => {
                let naming = self.cluster.naming(self.algorithm);
                self.report.host_failed(role, &host.name, &subjects, naming, &error);
            }
        }
    }
}

impl Distribution<'_> {
    /// Whose keys stood nowhere before they were put there.
    fn brought(&mut self, visited: &Visited) {
        for finding in &visited.found.findings {
            let is_mended = !visited.left.findings.contains(finding);
            if finding.fault == Fault::Missing
                && is_mended
                && self.manner == Manner::Mend
                && let Some(known) = self.state.hosts.get_mut(&finding.of)
            {
                known.brought = true;
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
    let names: Vec<String> =
        known.iter().flat_map(|wanted| cluster.file_names(cluster.naming(None), wanted)).collect();
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
                !names.contains(name) && !unwanted.iter().any(|one| one.key == key)
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
