//! The guide's table "HACMP Supported Configurations", as data.

/// Which of the four cluster configurations this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One-for-one (hot) standby with cascading resources.
    StandbyCascading,
    /// One-sided takeover using cascading resources.
    TakeoverCascading,
    /// One-for-one (hot) standby with rotating resources.
    StandbyRotating,
    /// Mutual takeover with cascading resources.
    MutualCascading,
}

/// Why mutual takeover has no servers.
pub const NOTE_1: &str = "DCE and DFS servers cannot reside on nodes configured as mutual takeover (note 1 of the guide)";

/// Why mutual takeover takes no file system over.
pub const NOTE_2: &str = "DCE and DFS clients cannot be configured as takeover in mutual takeover, \
     they run on both peers (note 2 of the guide)";

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [
        Kind::StandbyCascading,
        Kind::TakeoverCascading,
        Kind::StandbyRotating,
        Kind::MutualCascading,
    ];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Kind::StandbyCascading => "standby-cascading",
            Kind::TakeoverCascading => "takeover-cascading",
            Kind::StandbyRotating => "standby-rotating",
            Kind::MutualCascading => "mutual-cascading",
        }
    }

    /// DCE and DFS, their servers among them, move to the other node with their file systems.
    pub fn takes_over(self) -> bool {
        self != Kind::MutualCascading
    }

    /// DCE is started under the host name of the rotating service address.
    pub fn swaps_host_name(self) -> bool {
        self == Kind::StandbyRotating
    }
}
