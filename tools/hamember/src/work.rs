//! A run on the member that has the package: locked, with what earlier runs knew.

use crate::Arguments;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, Host, Layout};
use crate::key_directory::KeyDirectory;
use crate::package;
use crate::parallel::in_parallel;
use crate::public_key::{Algorithm, PublicKey};
use crate::repair::shown;
use crate::report::{Report, Role, Subject};
use crate::state::{self, Known, State};
use ha_command::Lock;
use ha_json::{Error, Kind, Status, Tool, Value, json};
use ha_remote::{Shell, quoted};
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
    pub(crate) keys_here: KeyDirectory,
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
        change: impl FnOnce(&mut State, &Configuration) -> Result<(), Error>,
    ) -> Result<Work, Error> {
        configuration.package.as_ref().map_or(Ok(()), package::runs_here)?;
        let wait = Duration::from_secs(arguments.lock_wait);
        let lock = match access {
            Access::Look => None,
            Access::Change => {
                Some(state::lock(configuration.file.as_deref(), &configuration.state, wait)?)
            }
        };
        if lock.is_some() {
            state::clean(&configuration.state);
        }
        let kept = State::read(&configuration.state)?;
        let mut state = kept.clone();
        change(&mut state, &configuration)?;
        let cluster =
            Cluster::of(configuration, &state, arguments.here.as_deref(), arguments.shell()?)?;
        let here = cluster.place(cluster.here());
        let keys_here = here.look(&mut here.open()?)?;
        keys_here.usable(&here.keys()).map_err(|why| Error::failed(&here.host.name, why))?;
        let algorithm = match cluster.configuration.layout {
            Layout::Cfengine2 => None,
            Layout::Cfengine3 => {
                keys_here.algorithm().map_err(|why| Error::failed(&here.host.name, why))?
            }
        };
        Ok(Work { cluster, state, kept, algorithm, keys_here, access, _lock: lock })
    }

    /// Begins to tell of this run. Wrong usage leaves standard output empty.
    ///
    /// # Errors
    /// What the run could not begin for.
    pub(crate) fn told(
        begun: Result<Work, Error>,
        tool: Tool,
        arguments: &Arguments,
        event: &str,
        member: Option<&str>,
    ) -> Result<(Work, Report), Error> {
        let report = || Report::begin(tool, event, member, arguments.dry_run, arguments.verbose);
        match begun {
            Ok(work) => Ok((work, report())),
            Err(error) if error.kind == Kind::Usage => Err(error),
            Err(error) => Err(report().end_failed(0, 0, error)),
        }
    }

    /// Ends the telling with what the run came to. A dry run leaves as much pending as there was.
    ///
    /// # Errors
    /// What ended the work.
    pub(crate) fn end(self, report: Report, done: Result<(), Error>) -> Result<Status, Error> {
        let (pending, unfinished) = (self.kept.pending.len(), self.kept.unfinished().count());
        let ended = match (self.cluster.interrupt().came(), self.access) {
            (None, _) => Ok(()),
            (Some(signal), Access::Look) => Err(Error::busy("this run", format!("{signal} came"))),
            (Some(signal), Access::Change) => {
                Err(Error::busy("this run", format!("{signal} came: --pending goes on")))
            }
        };
        match done.and(ended) {
            Ok(()) => report.end(pending, unfinished),
            Err(error) => Err(report.end_failed(pending, unfinished, error)),
        }
    }

    /// The member of this name.
    ///
    /// # Errors
    /// Usage, where there is none.
    pub(crate) fn member(&self, name: &str) -> Result<Host, Error> {
        self.cluster.member(name).cloned().ok_or_else(|| {
            let names: Vec<&str> =
                self.cluster.members.iter().map(|host| host.name.as_str()).collect();
            Error::usage(name, format!("is none of the members {}", names.join(", ")))
        })
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
        in_parallel(
            members,
            cluster.configuration.parallel,
            look,
            |host, directory| match directory {
                Ok(directory) => {
                    let learnt = directory.own().map(|own| state.learn_member(&host.name, own));
                    if let Some(Err(why)) = learnt {
                        report.failed(Kind::Failed, "key", &host.name, &why);
                    }
                }
                Err(error) => {
                    silent.insert(host.name.clone());
                    report.host_failed(Role::Member, &host.name, subjects, naming, &error);
                }
            },
        );
        silent
    }

    /// The record of whose key a member has.
    pub(crate) fn identity(&self, name: &str, key: Option<&PublicKey>, pair: &str) -> Value {
        let has = |host: &&Host| {
            let theirs = self.state.hosts.get(&host.name).and_then(Known::key);
            host.name != name && theirs.is_some() && theirs.as_ref() == key
        };
        let sharing: Vec<&str> =
            self.cluster.members.iter().filter(has).map(|host| host.name.as_str()).collect();
        let is = |host: &Host| host.name == name;
        json!({
            "digest": key.map(|key| shown(key, self.cluster.naming(self.algorithm))),
            "pair": pair,
            "shared_with": sharing,
            "in_configuration": self.cluster.configuration.members.iter().any(is),
        })
    }

    /// As [`Work::identity`], of the key that is known.
    pub(crate) fn known_identity(&self, name: &str) -> Value {
        let key = self.state.hosts.get(name).and_then(Known::key);
        self.identity(name, key.as_ref(), "known")
    }

    /// Runs commands of the site, on this machine and then on a member. False where one failed.
    pub(crate) fn site_commands(&self, member: &Host, report: &mut Report) -> bool {
        let mut done = true;
        let configuration = &self.cluster.configuration;
        let here = self.cluster.place(self.cluster.here());
        let there = self.cluster.place(member);
        for (place, commands) in
            [(here, &configuration.after_here), (there, &configuration.after_member)]
        {
            for argv in commands {
                let command = argv.join(" ");
                let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
                let order = format!("{} </dev/null 2>&1", words.join(" "));
                let said = place.open().and_then(|mut session| session.order(&order, None));
                let key = json!({"host": place.host.name, "command": argv});
                let status = said.as_ref().ok().map(|answer| answer.status);
                report.record("command", key, json!({"status": status}));
                done &= status == Some(0);
                match said {
                    Ok(answer) if answer.status == 0 => {}
                    Ok(answer) => {
                        let (status, words) = (answer.status, answer.last_words());
                        let why = format!("on {}: status {status}: {words}", place.host.name);
                        report.failed(Kind::Failed, "command", &command, &why);
                    }
                    Err(error) => {
                        report.failed(error.kind, "command", &command, &error.to_string())
                    }
                }
            }
        }
        done
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
