//! Who is a member, who a client, which of them is this machine, and whose keys are to be trusted.

use crate::cfrun_hosts::{self, CfrunHosts};
use crate::configuration::{Configuration, Host, Layout};
use crate::public_key::{Algorithm, PublicKey};
use crate::repair::{Naming, Unwanted, Wanted};
use crate::state::State;
use crate::visit::Place;
use ha_json::Error;
use ha_plan::Interrupt;
use ha_remote::{Machine, Shell};
use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Other files that a cfrun.hosts includes.
const MOST_FILES: usize = 16;

/// All hosts, as the configuration, the file of clients and the events so far have them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) configuration: Configuration,
    pub(crate) members: Vec<Host>,
    pub(crate) clients: Vec<Host>,
    /// The member that is this machine.
    here: Host,
    /// By host: what the files of cfengine 2 are named by, and those of cfengine 3 may have been. A
    /// client of which none is known has none.
    addresses: BTreeMap<String, Vec<String>>,
    /// What the file of clients says beside them.
    file: CfrunHosts,
    shell: Shell,
    interrupt: Arc<Interrupt>,
}

impl Cluster {
    /// Reads who there is. The package's file system is needed where it has the clients.
    ///
    /// # Errors
    /// Usage, where this machine is no member, or nobody knows the address by which cfengine 2 names the
    /// key of a member; what the file of clients is refused for.
    pub(crate) fn of(
        configuration: Configuration,
        state: &State,
        here: Option<&str>,
        shell: Shell,
    ) -> Result<Cluster, Error> {
        let mut members = configuration.members.clone();
        for name in &state.added {
            if find(&members, name).is_none() {
                // A client that joined is the host that it was.
                let client = find(&configuration.clients, name).cloned();
                members.push(client.unwrap_or_else(|| configuration.host(name)));
            }
        }
        members.retain(|member| !state.deleted.contains_key(&member.name));
        let mut read = CfrunHosts::default();
        if let Some(path) = &configuration.cfrun_hosts {
            read = clients(path)?;
        }
        // A client that joined the cluster is none any more.
        let mut known = configuration.clients.clone();
        known.retain(|client| find(&members, &client.name).is_none());
        for host in &read.hosts {
            // Members are clients of themselves, and one that is gone is none.
            let is_gone = state.deleted.keys().any(|gone| is_same(gone, &host.name));
            if find(&members, &host.name).is_none() && !is_gone {
                let mut client = configuration.host(&host.name);
                client.port = host.port.unwrap_or(client.port);
                known.push(client);
            }
        }
        let own = own_name(here);
        let here = find(&members, &own).cloned().ok_or_else(|| {
            let names: Vec<&str> = members.iter().map(|host| host.name.as_str()).collect();
            let next = "--here says which of them this machine is";
            Error::usage(own, format!("is none of the members {}: {next}", names.join(", ")))
        })?;
        let layout = configuration.layout;
        let mut addresses = BTreeMap::new();
        for host in &members {
            let own = addresses_of(host, &read, layout, true);
            if own.is_empty() {
                let why = "has no address that is known here, and cfengine 2 names keys by it: say it in \
                           the configuration";
                return Err(Error::usage(&host.name, why));
            }
            addresses.insert(host.name.clone(), own);
        }
        for host in &known {
            // Two hundred clients that no name server knows would take minutes.
            let resolve = layout == Layout::Cfengine2;
            let own = addresses_of(host, &read, layout, resolve);
            addresses.insert(host.name.clone(), own);
        }
        Ok(Cluster {
            configuration,
            members,
            clients: known,
            here,
            addresses,
            file: read,
            shell,
            interrupt: Arc::new(Interrupt::listen()?),
        })
    }

    /// The member that is this machine.
    pub(crate) fn here(&self) -> &Host {
        &self.here
    }

    /// Whether this machine is it.
    pub(crate) fn is_here(&self, host: &Host) -> bool {
        host.name == self.here.name
    }

    /// Whether a signal came to end this.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// What carries commands to other hosts.
    pub(crate) fn shell(&self) -> &Shell {
        &self.shell
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Host> {
        find(&self.members, name)
    }

    /// How a host is reached, and for how long.
    pub(crate) fn place(&self, host: &Host) -> Place {
        let machine = match self.is_here(host) {
            true => Machine::Here,
            false => Machine::There(
                self.shell.clone(),
                ha_remote::Host {
                    user: self.configuration.ssh_user.clone(),
                    name: host.ssh.clone(),
                },
            ),
        };
        let shell = match machine {
            // Who runs this is who it is.
            Machine::Here => vec!["/bin/sh".to_owned()],
            Machine::There(..) => self.configuration.shell.clone(),
        };
        Place {
            host: host.clone(),
            machine,
            shell,
            patience: Duration::from_secs(self.configuration.visit_seconds),
            interrupt: Arc::clone(&self.interrupt),
        }
    }

    /// How keys are named where a host does not say.
    pub(crate) fn naming(&self, algorithm: Option<Algorithm>) -> Naming {
        match self.configuration.layout {
            Layout::Cfengine2 => Naming::Address,
            Layout::Cfengine3 => Naming::Digest(algorithm.unwrap_or(Algorithm::Md5)),
        }
    }

    /// The keys of these hosts as far as they are known.
    pub(crate) fn wanted(&self, hosts: &[Host], state: &State) -> Vec<Wanted> {
        let wanted = |host: &Host| {
            let known = state.hosts.get(&host.name)?;
            Some(Wanted {
                host: host.name.clone(),
                key: known.key()?,
                addresses: self.addresses.get(&host.name).cloned().unwrap_or_default(),
                previous: known.previous(),
            })
        };
        hosts.iter().filter_map(wanted).collect()
    }

    /// The keys of members that were deleted.
    pub(crate) fn unwanted(state: &State) -> Vec<Unwanted> {
        let of = |(host, keys): (&String, &Vec<String>)| {
            let keys = keys.iter().filter_map(|text| PublicKey::parse(text.as_bytes()));
            keys.map(|key| Unwanted { host: host.clone(), key }).collect::<Vec<_>>()
        };
        state.deleted.iter().flat_map(of).collect()
    }

    /// The name that a client would have in the file of clients.
    pub(crate) fn client_name(&self, name: &str) -> String {
        self.file.whole(name)
    }

    /// A client that is not in the configuration yet.
    pub(crate) fn add_client(&mut self, client: Host) {
        let layout = self.configuration.layout;
        let resolve = layout == Layout::Cfengine2;
        let own = addresses_of(&client, &self.file, layout, resolve);
        self.addresses.insert(client.name.clone(), own);
        self.clients.push(client);
    }
}

/// The host of this name; a name with a domain stands for the one without, and the other way round.
pub(crate) fn find<'a>(hosts: &'a [Host], name: &str) -> Option<&'a Host> {
    let exact = hosts.iter().find(|host| host.name == name);
    // The exact one first: two hosts of two domains may have the same short name.
    exact.or_else(|| hosts.iter().find(|host| is_same(&host.name, name)))
}

/// What this machine is called.
pub(crate) fn own_name(here: Option<&str>) -> String {
    let host_name =
        || nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    here.map_or_else(host_name, str::to_owned)
}

/// Whether both are names of one host, where one of them has no domain.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let is_address = |name: &str| name.parse::<std::net::IpAddr>().is_ok();
    let may_be =
        one.contains('.') != other.contains('.') && !is_address(&one) && !is_address(&other);
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    one == other || may_be && short(&one) == short(&other)
}

fn addresses_of(host: &Host, file: &CfrunHosts, layout: Layout, resolve: bool) -> Vec<String> {
    let told = || match (&host.address, resolve) {
        (Some(address), _) => vec![address.clone()],
        (None, true) => resolved(&host.name),
        (None, false) => Vec::new(),
    };
    match layout {
        // As cfservd has the name of who connects.
        Layout::Cfengine2 if file.host_name_keys => {
            vec![file.whole(&host.name).to_ascii_lowercase()]
        }
        Layout::Cfengine2 => told(),
        Layout::Cfengine3 => {
            let mut all = told();
            all.push(host.name.clone());
            all
        }
    }
}

/// The addresses by which others may know it: Debian, for one, has its own name at 127.0.1.1.
fn resolved(name: &str) -> Vec<String> {
    let is_public = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    };
    let found = (name, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip());
    let mut addresses: Vec<String> =
        found.filter(is_public).map(|address| address.to_string()).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

fn clients(path: &Path) -> Result<CfrunHosts, Error> {
    let mut all = read_clients(path)?;
    let mut includes = all.includes.clone();
    let mut read = 1;
    while let Some(include) = includes.pop() {
        read += 1;
        if read > MOST_FILES {
            let why = format!("includes more than {MOST_FILES} files");
            return Err(Error::usage(path.display().to_string(), why));
        }
        let directory = path.parent().unwrap_or(Path::new("/"));
        let more = read_clients(&directory.join(include))?;
        includes.extend(more.includes.clone());
        all.add(more.hosts);
    }
    Ok(all)
}

fn read_clients(path: &Path) -> Result<CfrunHosts, Error> {
    let text = cfrun_hosts_text(path)?;
    CfrunHosts::parse(&text).map_err(|why| Error::usage(path.display().to_string(), why))
}

/// The text of such a file.
///
/// # Errors
/// Usage, where it is not there, or is no text.
pub(crate) fn cfrun_hosts_text(path: &Path) -> Result<String, Error> {
    let name = path.display().to_string();
    let Some(text) = ha_file::read(path, 4 << 20)? else {
        return Err(Error::usage(name, "is not there, and has the clients"));
    };
    String::from_utf8(text).map_err(|_| Error::usage(name, "is no text in UTF-8"))
}

/// The client of this name as a line of cfrun.hosts.
pub(crate) fn line_of(host: &Host, usual_port: u16) -> cfrun_hosts::Host {
    cfrun_hosts::Host {
        name: host.name.clone(),
        port: (host.port != usual_port).then_some(host.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::tests::with;
    use crate::public_key::tests::key;
    use ha_json::{Kind, Value, json};

    fn cluster(more: &Value, state: &State) -> Result<Cluster, Error> {
        Cluster::of(with(more), state, Some("m1"), Shell::Ssh)
    }

    fn names_of(wanted: &Wanted) -> Vec<String> {
        crate::repair::names(Naming::Address, "root", wanted)
    }

    fn names(hosts: &[Host]) -> Vec<&str> {
        hosts.iter().map(|host| host.name.as_str()).collect()
    }

    #[test]
    fn events_add_to_the_members_of_the_configuration_and_take_away() {
        let mut state = State::default();
        state.added.extend(["m3".to_owned(), "m2.example.com".to_owned()]);
        state.deleted.insert("m4".to_owned(), Vec::new());
        let read = cluster(&json!({"members": ["m1", "m2", "m4"]}), &state).unwrap();
        assert_eq!(names(&read.members), ["m1", "m2", "m3"]);
        assert_eq!(read.here().name, "m1");
        let there = read.place(&read.members[1]);
        assert!(matches!(there.machine, Machine::There(..)));
        assert!(matches!(read.place(read.here()).machine, Machine::Here));
    }

    #[test]
    fn this_machine_is_a_member_or_it_is_wrong_usage() {
        let error = cluster(&json!({"members": ["m2", "m3"]}), &State::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.why.contains("m2, m3"), "{error}");
        // With a domain, or without.
        assert!(cluster(&json!({"members": ["m1.example.com"]}), &State::default()).is_ok());
    }

    #[test]
    fn short_and_long_names_are_one_host_unless_both_are_long() {
        assert!(is_same("m1", "m1.example.com") && is_same("m1.example.com", "M1"));
        assert!(!is_same("m1.a", "m1.b") && !is_same("10.0.0.1", "10") && !is_same("m1", "m2"));
    }

    #[test]
    fn a_member_that_is_gone_is_no_client_though_the_file_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cfrun.hosts");
        std::fs::write(&path, "domain=example.com\nhostnamekeys=yes\nm1\nm3\nc1\n").unwrap();
        let more = json!({"cfrun_hosts": path, "layout": "cfengine2", "members": ["M1", "m3"]});
        let mut state = State::default();
        state.deleted.insert("m3".to_owned(), Vec::new());
        state.learn_member("M1", &key(1)).unwrap();
        let read = cluster(&more, &state).unwrap();
        assert_eq!(names(&read.clients), ["c1.example.com"]);
        // Keys have whole names, whatever the configuration calls the host.
        let wanted = read.wanted(&read.members, &state);
        assert_eq!(names_of(&wanted[0]), ["root-m1.example.com.pub"]);
    }

    #[test]
    fn a_file_of_clients_has_no_members_and_its_includes_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cfrun.hosts");
        std::fs::write(&path, "hostnamekeys=yes\nm1\nc1\ninclude=more\n").unwrap();
        std::fs::write(directory.path().join("more"), "c2:5309\nc1\n").unwrap();
        let more = json!({"cfrun_hosts": path, "layout": "cfengine2"});
        let mut state = State::default();
        state.learn_client("c2", &key(2), true).unwrap();
        let read = cluster(&more, &state).unwrap();
        assert_eq!(names(&read.clients), ["c1", "c2"]);
        assert_eq!(read.clients[1].port, 5309);
        // Keys are named by the names of hosts, as the file says.
        let wanted = read.wanted(&read.clients, &state);
        assert_eq!(wanted.len(), 1);
        assert_eq!(names_of(&wanted[0]), ["root-c2.pub"]);
        std::fs::write(directory.path().join("more"), "include=more\n").unwrap();
        assert_eq!(cluster(&more, &state).unwrap_err().kind, Kind::Usage);
        std::fs::write(&path, "-x\n").unwrap();
        assert!(cluster(&more, &state).unwrap_err().why.contains("line 1"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(cluster(&more, &state).unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn a_member_of_cfengine_2_without_an_address_is_wrong_usage_and_a_client_is_not() {
        let more = json!({
            "layout": "cfengine2",
            "members": [{"name": "m1", "address": "10.0.0.1"}],
            "clients": ["no-such-host.invalid"],
        });
        let mut state = State::default();
        state.learn_client("no-such-host.invalid", &key(2), true).unwrap();
        let read = cluster(&more, &state).unwrap();
        let wanted = read.wanted(&read.clients, &state);
        assert!(names_of(&wanted[0]).is_empty());
        let more = json!({
            "layout": "cfengine2",
            "members": [{"name": "m1", "address": "10.0.0.1"}, "no-such-host.invalid"],
        });
        assert_eq!(cluster(&more, &state).unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn keys_of_deleted_members_are_unwanted() {
        let mut state = State::default();
        assert!(Cluster::unwanted(&state).is_empty());
        let keys = [key(2), key(1)].map(|key| key.pem().to_owned());
        state.deleted.insert("m4".to_owned(), keys.into());
        let keys: Vec<_> = Cluster::unwanted(&state).into_iter().map(|one| one.key).collect();
        assert_eq!(keys, [key(2), key(1)]);
    }
}
