//! The configuration `hadce-config/1`, with every default filled in.

use crate::{Kind, Service, rules, site};
use ha_configuration::Keys;
use ha_json::{Error, Value};
use ha_plan::{OnFailure, Step};
use std::net::Ipv4Addr;

/// The schema of the configuration.
pub const SCHEMA: &str = "hadce-config/1";

/// What a node serves, and by which programs. There is none that the guide does not support.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Which of the guide's four configurations.
    pub kind: Kind,
    /// The servers of DCE.
    pub dce_servers: Vec<DceServer>,
    /// The servers of DFS.
    pub dfs_servers: Vec<DfsServer>,
    /// The clients.
    pub clients: Vec<Client>,
    /// How DCE is started, stopped and asked.
    pub dce: Service,
    /// The same of DFS; `None` where there is no DFS.
    pub dfs: Option<Service>,
    /// The name under which DCE is started: there in a rotating configuration, and only there.
    pub service_hostname: Option<String>,
    /// The service IP labels, as addresses: one at least.
    pub service_addresses: Vec<Ipv4Addr>,
    /// When the host name becomes the node's own again.
    pub hostname_restore: HostnameRestore,
    /// Mount points of the file systems that DCE is taken over with; empty in mutual takeover.
    pub shared_mounts: Vec<String>,
    /// Mount points that must be gone when DFS was stopped.
    pub dfs_mounts: Vec<String>,
    /// How long to wait for each of them.
    pub release_seconds: u64,
    /// Where DCE keeps what it works with, `/opt/dcelocal`.
    pub dce_local: String,
    /// Status 0: the other node is down.
    pub peer_down: Option<Vec<String>>,
    /// For each question to a program.
    pub probe_seconds: u64,
    /// For all of a start or a stop.
    pub deadline_seconds: u64,
    /// Where `RPC_UNSUPPORTED_NETADDRS` stands.
    pub environment_file: Option<String>,
    /// The site's own steps of a start, before the guide's.
    pub before_start: Vec<Step>,
    /// Behind the guide's.
    pub after_start: Vec<Step>,
    /// The site's own steps of a stop, before the guide's.
    pub before_stop: Vec<Step>,
    /// Behind the guide's.
    pub after_stop: Vec<Step>,
    /// The directory in which the state of a start or a stop is kept.
    pub state_directory: String,
}

/// A server of DCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DceServer {
    /// The security service.
    Security,
    /// The cell directory service.
    Cds,
    /// The distributed time service.
    Dts,
}

/// A machine role of DFS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DfsServer {
    /// File server.
    FileServer,
    /// System control machine.
    SystemControl,
    /// Fileset database machine.
    FilesetDatabase,
}

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Of DCE.
    Dce,
    /// Of DFS.
    Dfs,
}

/// When a rotating configuration gives the node its own name back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostnameRestore {
    /// At the end of the start, as the guide has it.
    AfterStart,
    /// In the stop, as PowerHA has it since 7.1.3.
    AtStop,
}

pub(crate) const KEYS: [&str; 29] = [
    "schema",
    "configuration",
    "dce_servers",
    "dfs_servers",
    "clients",
    "dfs",
    "service_hostname",
    "service_addresses",
    "hostname_restore",
    "shared_mounts",
    "dfs_mounts",
    "dce_local",
    "start_dce",
    "stop_dce",
    "start_dfs",
    "stop_dfs",
    "running_dce",
    "ready_dce",
    "running_dfs",
    "ready_dfs",
    "peer_down",
    "timeouts_seconds",
    "deadline_seconds",
    "environment_file",
    "before_start",
    "after_start",
    "before_stop",
    "after_stop",
    "state_directory",
];

impl Configuration {
    /// The configuration that a text of JSON says.
    ///
    /// # Errors
    /// Usage, naming the key, and saying what is allowed in its place.
    pub fn parse(text: &[u8]) -> Result<Configuration, Error> {
        let mut keys = Keys::parse(text, SCHEMA, &KEYS)?;
        let kind = kind(&mut keys)?;
        let timeouts = Timeouts::take(&mut keys)?;
        let has_dfs = keys.flag("dfs", false)?;
        let configuration = Configuration {
            kind,
            dce_servers: keys.choices(
                "dce_servers",
                &[
                    ("security", DceServer::Security),
                    ("cds", DceServer::Cds),
                    ("dts", DceServer::Dts),
                ],
            )?,
            dfs_servers: keys.choices(
                "dfs_servers",
                &[
                    ("file-server", DfsServer::FileServer),
                    ("system-control", DfsServer::SystemControl),
                    ("fileset-database", DfsServer::FilesetDatabase),
                ],
            )?,
            clients: keys.choices("clients", &[("dce", Client::Dce), ("dfs", Client::Dfs)])?,
            dce: timeouts.dce(&mut keys)?,
            dfs: timeouts.dfs(&mut keys, has_dfs)?,
            service_hostname: keys.text_or_null("service_hostname")?,
            service_addresses: keys.addresses("service_addresses")?,
            hostname_restore: hostname_restore(&mut keys)?,
            shared_mounts: keys.paths("shared_mounts")?.unwrap_or_else(|| shared_mounts(kind)),
            dfs_mounts: keys.paths("dfs_mounts")?.unwrap_or_default(),
            release_seconds: timeouts.release,
            dce_local: keys.path("dce_local")?.unwrap_or_else(|| "/opt/dcelocal".to_owned()),
            peer_down: keys.program("peer_down")?,
            probe_seconds: timeouts.probe,
            deadline_seconds: keys.seconds("deadline_seconds", 900)?,
            environment_file: environment_file(&mut keys)?,
            before_start: steps(&mut keys, "before_start", OnFailure::Stop)?,
            after_start: steps(&mut keys, "after_start", OnFailure::Stop)?,
            // What a stop leaves running gets the node fenced: a step of the site does not end it.
            before_stop: steps(&mut keys, "before_stop", OnFailure::FailAtEnd)?,
            after_stop: steps(&mut keys, "after_stop", OnFailure::FailAtEnd)?,
            state_directory: keys
                .path("state_directory")?
                .unwrap_or_else(|| "/run/hatools".to_owned()),
        };
        rules::check(&configuration, &keys)?;
        Ok(configuration)
    }
}

fn kind(keys: &mut Keys) -> Result<Kind, Error> {
    let choices = Kind::ALL.map(|kind| (kind.word(), kind));
    match keys.text("configuration")? {
        Some(text) => keys.chosen("configuration", &text, &choices),
        None => {
            let words = Kind::ALL.map(Kind::word).join(", ");
            Err(keys.bad("configuration", format!("is missing, and must be one of {words}")))
        }
    }
}

fn hostname_restore(keys: &mut Keys) -> Result<HostnameRestore, Error> {
    const CHOICES: [(&str, HostnameRestore); 2] =
        [("after-start", HostnameRestore::AfterStart), ("at-stop", HostnameRestore::AtStop)];
    match keys.text("hostname_restore")? {
        Some(text) => keys.chosen("hostname_restore", &text, &CHOICES),
        None => Ok(HostnameRestore::AfterStart),
    }
}

fn shared_mounts(kind: Kind) -> Vec<String> {
    match kind.takes_over() {
        true => ["/krb5", "/var/dce", "/etc/dce"].map(str::to_owned).to_vec(),
        false => Vec::new(),
    }
}

/// Null is not its default: it says that the variable is no business of ours.
fn environment_file(keys: &mut Keys) -> Result<Option<String>, Error> {
    match keys.take("environment_file") {
        None => Ok(Some("/etc/environment".to_owned())),
        Some(Value::Null) => Ok(None),
        Some(Value::String(path)) => {
            keys.plain_path("environment_file", &path)?;
            Ok(Some(path))
        }
        Some(other) => {
            Err(keys.bad("environment_file", format!("is {other}, and must be a path or null")))
        }
    }
}

fn steps(keys: &mut Keys, key: &str, on_failure: OnFailure) -> Result<Vec<Step>, Error> {
    ha_configuration::steps(keys, key, on_failure, &site::is_taken)
}

struct Timeouts {
    start_dce: u64,
    stop_dce: u64,
    start_dfs: u64,
    stop_dfs: u64,
    release: u64,
    probe: u64,
}

impl Timeouts {
    fn take(keys: &mut Keys) -> Result<Timeouts, Error> {
        const WITHIN: &str = "timeouts_seconds";
        let known = ["start_dce", "stop_dce", "start_dfs", "stop_dfs", "release", "probe"];
        let mut keys = keys.object(WITHIN, "timeouts_seconds.", &known)?;
        Ok(Timeouts {
            start_dce: keys.seconds("start_dce", 300)?,
            stop_dce: keys.seconds("stop_dce", 120)?,
            start_dfs: keys.seconds("start_dfs", 300)?,
            stop_dfs: keys.seconds("stop_dfs", 120)?,
            release: keys.seconds("release", 30)?,
            probe: keys.seconds("probe", 10)?,
        })
    }

    fn dce(&self, keys: &mut Keys) -> Result<Service, Error> {
        let running = keys.program("running_dce")?.ok_or_else(|| {
            let why = "is missing: it is a program and its arguments that end with status 0 when \
                 something of DCE runs here. Without it a second start would delete the endpoint \
                 map Ep.db of a running dced";
            keys.bad("running_dce", why)
        })?;
        Ok(Service {
            start: program(keys, "start_dce", "/usr/bin/start.dce")?,
            stop: program(keys, "stop_dce", "/usr/bin/stop.dce")?,
            running,
            ready: keys.program("ready_dce")?,
            start_seconds: self.start_dce,
            stop_seconds: self.stop_dce,
            probe_seconds: self.probe,
        })
    }

    /// Keys of a DFS that is not there are checked all the same.
    fn dfs(&self, keys: &mut Keys, there: bool) -> Result<Option<Service>, Error> {
        let start = program(keys, "start_dfs", "/usr/bin/start.dfs")?;
        let stop = program(keys, "stop_dfs", "/usr/bin/stop.dfs")?;
        let running = keys.program("running_dfs")?;
        let ready = keys.program("ready_dfs")?;
        if !there {
            return Ok(None);
        }
        let running = running.ok_or_else(|| {
            let why = "is missing, and dfs is true: it is a program and its arguments that end with \
                 status 0 when something of DFS runs here. Without it nobody knows whether stop.dfs \
                 released the shared disks";
            keys.bad("running_dfs", why)
        })?;
        Ok(Some(Service {
            start,
            stop,
            running,
            ready,
            start_seconds: self.start_dfs,
            stop_seconds: self.stop_dfs,
            probe_seconds: self.probe,
        }))
    }
}

fn program(keys: &mut Keys, key: &str, default: &str) -> Result<Vec<String>, Error> {
    Ok(keys.program(key)?.unwrap_or_else(|| vec![default.to_owned()]))
}
