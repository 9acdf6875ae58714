//! What the variables say of the machine, and where they contradict each other.

use super::Niminfo;

/// What a machine is to NIM, by its own file. The file of each of two masters that are alternates of
/// each other names the other one; which of them the clients follow, neither tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A master that names no alternate.
    Master,
    /// A master that names another one: `NIM_ALTERNATE_MASTER` is set.
    AlternateMaster,
    /// A client that boots from its own disk, or is being installed.
    Standalone,
    /// A client without a disk.
    Diskless,
    /// A client that keeps only some data on its own disk.
    Dataless,
    /// Another word in `NIM_CONFIGURATION`.
    Other(String),
    /// `NIM_CONFIGURATION` is not set, or not to be known.
    Unknown,
}

impl Role {
    /// The word in JSON; `None` where it is not known.
    pub fn word(&self) -> Option<&str> {
        match self {
            Role::Master => Some("master"),
            Role::AlternateMaster => Some("alternate_master"),
            Role::Standalone => Some("standalone"),
            Role::Diskless => Some("diskless"),
            Role::Dataless => Some("dataless"),
            Role::Other(word) => Some(word),
            Role::Unknown => None,
        }
    }

    /// Whether it is a master of either kind.
    pub fn is_master(&self) -> bool {
        matches!(self, Role::Master | Role::AlternateMaster)
    }
}

/// An entry of `NIM_HOSTS`: `address:name[:alias...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// The address, as it is written.
    pub address: &'a str,
    /// The name and its aliases.
    pub names: Vec<&'a str>,
}

/// An entry of `NIM_MOUNTS`: `host:remote:local[:kind]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The server.
    pub host: &'a str,
    /// The path there.
    pub remote: Option<&'a str>,
    /// The path here.
    pub local: Option<&'a str>,
    /// `file`, where it is one.
    pub kind: Option<&'a str>,
}

/// An entry of `ROUTES`: `destination:mask:gateway`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The network, or `default`.
    pub destination: &'a str,
    /// Its mask; 0 of the default route.
    pub mask: Option<&'a str>,
    /// The gateway.
    pub gateway: Option<&'a str>,
}

impl Niminfo {
    /// What the machine is, by the file's own evidence.
    pub fn role(&self) -> Role {
        // A value that is not to be known names somebody, too.
        let names_another = self
            .assignment("NIM_ALTERNATE_MASTER")
            .is_some_and(|one| one.text().is_none_or(|text| !text.trim().is_empty()));
        match self.value("NIM_CONFIGURATION").map(str::trim) {
            Some("master") if names_another => Role::AlternateMaster,
            Some("master") => Role::Master,
            Some("standalone") => Role::Standalone,
            Some("diskless") => Role::Diskless,
            Some("dataless") => Role::Dataless,
            Some("") | None => Role::Unknown,
            Some(other) => Role::Other(other.to_owned()),
        }
    }

    /// The masters that a client knows, the current one first.
    pub fn master_hostname_list(&self) -> Vec<&str> {
        self.words("NIM_MASTER_HOSTNAME_LIST")
    }

    /// The other masters that a master names.
    pub fn alternate_masters(&self) -> Vec<&str> {
        self.words("NIM_ALTERNATE_MASTER")
    }

    /// The names that a machine is given while it boots.
    pub fn hosts(&self) -> Vec<Host<'_>> {
        let parts = |entry| {
            let mut parts = str::split(entry, ':');
            Host { address: parts.next().unwrap_or_default(), names: parts.collect() }
        };
        self.words("NIM_HOSTS").into_iter().map(parts).collect()
    }

    /// What is mounted while it boots; `MOUNTS` in old files.
    pub fn mounts(&self) -> Vec<Mount<'_>> {
        let name = self.assignment("NIM_MOUNTS").map_or("MOUNTS", |_| "NIM_MOUNTS");
        let parts = |entry| {
            let mut parts = str::splitn(entry, 4, ':');
            Mount {
                host: parts.next().unwrap_or_default(),
                remote: parts.next(),
                local: parts.next(),
                kind: parts.next(),
            }
        };
        self.words(name).into_iter().map(parts).collect()
    }

    /// The routes that it is given.
    pub fn routes(&self) -> Vec<Route<'_>> {
        let parts = |entry| {
            let mut parts = str::splitn(entry, 3, ':');
            Route {
                destination: parts.next().unwrap_or_default(),
                mask: parts.next(),
                gateway: parts.next(),
            }
        };
        self.words("ROUTES").into_iter().map(parts).collect()
    }
}
