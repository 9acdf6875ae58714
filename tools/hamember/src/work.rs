//! A run on the member that has the package: locked, with what earlier runs knew.

use crate::Arguments;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, Host};
use crate::key_directory::KeyDirectory;
use crate::public_key::Algorithm;
use crate::repair::shown;
use crate::report::{Report, Role, Subject};
use crate::round::round;
use crate::state::{self, State};
use ha_command::Lock;
use ha_json::{Error, Kind, Value, json};
use ha_remote::Shell;
use std::collections::BTreeSet;
use std::time::Duration;

/// Whether a run changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Look,
    Change,
}

impl Access {
    /// That of a run that changes something unless it was told not to.
    pub(crate) fn of(arguments: &Arguments) -> Access {
        if arguments.dry_run { Access::Look } else { Access::Change }
    }
}

/// All that a run works with.
pub(crate) struct Work {
    pub(crate) cluster: Cluster,
    pub(crate) state: State,
    /// The state as it is in its file.
    kept: State,
    /// The algorithm by which this machine's cfengine names keys.
    pub(crate) algorithm: Option<Algorithm>,
    /// This machine's keys.
    pub(crate) own: KeyDirectory,
    access: Access,
    _lock: Option<Lock>,
}

impl Work {
    /// Begins a run. `changes` tells what an event makes of who is a member.
    ///
    /// # Errors
    /// Busy, where the package does not run here, or another run is under way; usage, where this machine
    /// is no member; failed, where its own keys cannot be told.
    pub(crate) fn begin(
        arguments: &Arguments,
        configuration: Configuration,
        access: Access,
        change: impl FnOnce(&mut State, &Configuration),
    ) -> Result<Work, Error> {
        Cluster::package_runs_here(&configuration)?;
        let wait = Duration::from_secs(arguments.lock_wait);
        let lock = match access {
            Access::Look => None,
            Access::Change => Some(state::lock(&configuration.state, wait)?),
        };
        let kept = State::read(&configuration.state)?;
        let mut state = kept.clone();
        change(&mut state, &configuration);
        let cluster =
            Cluster::of(configuration, &state, arguments.here.as_deref(), arguments.shell()?)?;
        let here = cluster.place(cluster.here());
        let own = here.look(&mut here.open()?)?;
        let algorithm = own.algorithm().map_err(|why| Error::failed(&here.host.name, why))?;
        Ok(Work { cluster, state, kept, algorithm, own, access, _lock: lock })
    }

    /// Keeps what is known by now.
    ///
    /// # Errors
    /// As [`State::write`].
    pub(crate) fn keep(&mut self) -> Result<(), Error> {
        if self.access == Access::Change && self.state != self.kept {
            self.state.write(&self.cluster.configuration.state)?;
            self.kept = self.state.clone();
        }
        Ok(())
    }

    /// Every host but these.
    pub(crate) fn hosts_but(&self, but: &[&str]) -> BTreeSet<String> {
        let all = self.cluster.members.iter().chain(&self.cluster.clients);
        all.map(|host| host.name.clone()).filter(|name| !but.contains(&name.as_str())).collect()
    }

    /// Learns the keys of these members. Those that give no answer are told, and given back.
    pub(crate) fn learn(
        &mut self,
        members: &[Host],
        report: &mut Report,
        subjects: &[Subject<'_>],
    ) -> BTreeSet<String> {
        let mut silent = BTreeSet::new();
        let cluster = &self.cluster;
        let naming = cluster.naming(self.algorithm);
        let look = |host: &Host| {
            let place = cluster.place(host);
            place.look(&mut place.open()?)
        };
        let state = &mut self.state;
        round(members, cluster.configuration.parallel, look, |host, directory| match directory {
            Ok(directory) => {
                if let Some(own) = directory.own() {
                    state.hosts.entry(host.name.clone()).or_default().has(own);
                }
            }
            Err(error) => {
                silent.insert(host.name.clone());
                report.host_failed(Role::Member, &host.name, subjects, naming, &error);
            }
        });
        silent
    }

    /// Members other than `name` that have its key, too.
    pub(crate) fn shared_with(&self, name: &str) -> Vec<String> {
        let key = |name: &str| self.state.hosts.get(name)?.key();
        let Some(own) = key(name) else { return Vec::new() };
        let others = self.cluster.members.iter().filter(|member| member.name != name);
        others
            .filter(|member| key(&member.name) == Some(own.clone()))
            .map(|m| m.name.clone())
            .collect()
    }

    /// The record of whose key a member has.
    pub(crate) fn identity(&self, name: &str, pair: &str) -> Value {
        let key = self.state.hosts.get(name).and_then(crate::state::Known::key);
        let is = |host: &Host| host.name == name;
        json!({
            "digest": key.map(|key| shown(&key, self.cluster.naming(self.algorithm))),
            "pair": pair,
            "shared_with": self.shared_with(name),
            "in_configuration": self.cluster.configuration.members.iter().any(is),
        })
    }

    /// Runs commands of the site, on this machine or on a member.
    pub(crate) fn site_commands(&self, member: &Host, report: &mut Report) {
        let configuration = &self.cluster.configuration;
        let here = self.cluster.place(self.cluster.here());
        let there = self.cluster.place(member);
        for (place, commands) in
            [(here, &configuration.after_here), (there, &configuration.after_member)]
        {
            for argv in commands {
                let asked = place.machine.ask(std::slice::from_ref(argv), place.patience);
                let command = argv.join(" ");
                let key = json!({"host": place.host.name, "command": argv});
                match asked.map(|mut replies| replies.pop()) {
                    Ok(Some(reply)) => {
                        report.record("command", key, json!({"status": reply.status}));
                        if reply.status != 0 {
                            let words =
                                reply.stderr.lines().map(str::trim).rfind(|l| !l.is_empty());
                            let words = words.map(|w| format!(": {w}")).unwrap_or_default();
                            let why =
                                format!("on {}: status {}{words}", place.host.name, reply.status);
                            report.failed(Kind::Failed, "command", &command, &why);
                        }
                    }
                    Ok(None) => report.failed(Kind::Failed, "command", &command, "said nothing"),
                    Err(error) => {
                        report.record("command", key, json!({"status": null}));
                        report.failed(error.kind, "command", &command, &error.to_string());
                    }
                }
            }
        }
    }
}

impl Arguments {
    /// What carries commands to other hosts.
    ///
    /// # Errors
    /// Usage, for a command that is none.
    pub(crate) fn shell(&self) -> Result<Shell, Error> {
        match (&self.rsh, &self.ssh_config) {
            (Some(command), _) => Shell::parse(command),
            (None, Some(file)) => Ok(Shell::of_configuration(file)),
            (None, None) => Ok(Shell::Ssh),
        }
    }
}
