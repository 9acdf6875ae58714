//! What runs on the primary and not on the standby.

/// Something that the system's service manager starts and stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What messages, ids of steps and findings call it.
    pub name: String,
    /// What the service manager calls it: a unit, an init script, a subsystem.
    pub unit: String,
    /// Whether haxcat-activate starts it; otherwise it is only seen to that it is down on the standby.
    pub activate: bool,
}

/// Who holds the consoles of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conserver {
    /// conserver, configured by `makeconservercf`.
    Conserver,
    /// goconserver, configured by `makegocons`.
    Goconserver,
}

impl Conserver {
    /// The word of the configuration, and the name of the service.
    pub fn word(self) -> &'static str {
        match self {
            Conserver::Conserver => "conserver",
            Conserver::Goconserver => "goconserver",
        }
    }

    /// What writes its configuration from the xCAT database.
    pub fn command(self) -> &'static str {
        match self {
            Conserver::Conserver => "makeconservercf",
            Conserver::Goconserver => "makegocons",
        }
    }
}

/// What of NIM is made anew for the nodes after a takeover, on AIX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nim {
    /// For `nimnodeset`: nodes with a disk, as a noderange of xCAT.
    pub standalone: Option<String>,
    /// For `mkdsklsnode`: nodes without.
    pub diskless: Option<String>,
}
