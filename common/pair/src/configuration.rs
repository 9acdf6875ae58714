//! The configuration `hapair-config/1`, with every default filled in.

use crate::keys::Reader;
use crate::{Conserver, Database, Manager, Nim, Service};
use ha_json::Error;
use ha_plan::Step;
use std::net::IpAddr;

/// The schema of the configuration.
pub const SCHEMA: &str = "hapair-config/1";

/// Where the configuration is when nothing else is said: cluster managers call without arguments.
pub const DEFAULT_FILE: &str = "/etc/hatools/pair.json";

/// Two management nodes, and what the one of them that is the primary has and does.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The two.
    pub nodes: [Node; 2],
    /// Who starts services there; none where each machine is asked.
    pub manager: Option<Manager>,
    /// The address that goes with the role of the primary.
    pub vip: Vip,
    /// The host name of the primary, where a takeover sets one.
    pub host_name: Option<String>,
    /// The database.
    pub database: Database,
    /// Mount points of what both share, in the order of mounting: mounted on the primary only.
    pub shared_mounts: Vec<String>,
    /// Whether a takeover mounts them; otherwise the cluster manager does.
    pub mount: bool,
    /// The daemon of xCAT.
    pub xcatd: Service,
    /// Status 0: xcatd answers.
    pub xcatd_ready: Vec<String>,
    /// What else runs on the primary only, in the order of starting.
    pub services: Vec<Service>,
    /// Whether `makedns` is run at a takeover.
    pub dns: bool,
    /// Whether `makedhcp` is.
    pub dhcp: bool,
    /// Who holds the consoles; none where nobody does.
    pub conserver: Option<Conserver>,
    /// Whether directories are exported by `exportfs`.
    pub exports: bool,
    /// What is made anew in NIM.
    pub nim: Nim,
    /// Files that are the same on both, brought from the primary by hasync.
    pub files: Vec<String>,
    /// What must be the same, and is a person's to bring: keys and certificates.
    pub credentials: Vec<String>,
    /// The dump of the database; none where none is made.
    pub dump: Option<Dump>,
    /// What says which versions are installed.
    pub versions: Versions,
    /// How far apart the clocks of the nodes may be, in seconds.
    pub clock_seconds: f64,
    /// Where it is kept that xcatd was seen running on this node.
    pub proof: String,
    /// Status 0: the other node is down, or cut off.
    pub peer_down: Option<Vec<String>>,
    /// The site's own steps of a takeover, before ours.
    pub before_activate: Vec<Step>,
    /// Behind ours.
    pub after_activate: Vec<Step>,
    /// The site's own steps of giving up, before ours.
    pub before_deactivate: Vec<Step>,
    /// Behind ours.
    pub after_deactivate: Vec<Step>,
    /// How long things may take.
    pub seconds: Seconds,
    /// The directory in which the state of a takeover is kept.
    pub state_directory: String,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name by which the other one reaches it.
    pub name: String,
    /// Its own address, by which it is known: it has it whatever role it is in.
    pub address: IpAddr,
    /// The fingerprint of its host key, `SHA256:...`, where the administrator wrote it down.
    pub host_key: Option<String>,
}

/// The address that the managed nodes know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Its name.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// The adapter that gets it, such as `eth0`.
    pub adapter: String,
    /// Whether a takeover puts it there; otherwise the cluster manager does.
    pub manage: bool,
}

/// The dump that haxcat-dump makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Its directory, on both nodes.
    pub directory: String,
    /// Older is not fresh.
    pub max_age_hours: u64,
}

/// Programs that say on a node what is installed; their first line is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of xCAT.
    pub xcat: Vec<String>,
    /// Of the database; none for SQLite, unless one is named.
    pub database: Option<Vec<String>>,
}

/// How long things may take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds {
    /// The start of a service, and until it runs.
    pub start: u64,
    /// Its stop.
    pub stop: u64,
    /// A mount or an unmount.
    pub mount: u64,
    /// A command of xCAT such as makedns.
    pub command: u64,
    /// A question to a program.
    pub probe: u64,
    /// All of a takeover, or of giving up.
    pub deadline: u64,
}

impl Pair {
    /// The configuration in the file `path`, or on standard input where `path` is `-`.
    ///
    /// # Errors
    /// Usage, naming the file and the key, where it is not there, anybody else could have written it,
    /// or it is no pair; failed, where it cannot be read.
    pub fn read(path: &str) -> Result<Pair, Error> {
        ha_configuration::read(path, SCHEMA, "hapair-config(5)", Pair::parse)
    }

    /// The configuration that a text of JSON says.
    ///
    /// # Errors
    /// Usage, naming the key, and saying what is allowed in its place.
    pub fn parse(text: &[u8]) -> Result<Pair, Error> {
        Reader::new(text)?.pair()
    }

    /// Which of the nodes the machine with these addresses is.
    pub fn number_of(&self, addresses: &[IpAddr]) -> Option<usize> {
        self.nodes.iter().position(|node| addresses.contains(&node.address))
    }

    /// What a machine is told that is none of them.
    pub fn not_a_node(&self) -> Error {
        let [one, other] = &self.nodes;
        let why = format!(
            "is none of the pair: it has neither {} ({}) nor {} ({})",
            one.address, one.name, other.address, other.name
        );
        Error::usage("this machine", why)
    }

    /// Everything that runs on the primary only, in the order of starting: the database first.
    pub fn all_services(&self) -> impl Iterator<Item = &Service> {
        self.database.service.iter().chain([&self.xcatd]).chain(&self.services)
    }

    /// Whether `path` lies on what both share, as the configuration says it.
    pub fn is_shared(&self, path: &str) -> bool {
        let beneath = |mount: &String| {
            path.strip_prefix(mount.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.shared_mounts.iter().any(beneath)
    }
}
