//! The checks before a takeover: what `--despite` takes, and what findings are called.

/// This machine is a NIM master, and its database can be listed.
pub(crate) const THIS_MASTER: &str = "this-master";
/// Its own /etc/niminfo can be relied on.
pub(crate) const NIMINFO: &str = "niminfo";
/// MASTER is its alternate master.
pub(crate) const ALTERNATE: &str = "alternate";
/// There are clients to take.
pub(crate) const CLIENTS: &str = "clients";
/// MASTER gives answers.
pub(crate) const ALIVE: &str = "alive";
/// Both masters are at one level.
pub(crate) const LEVEL: &str = "level";
/// Names resolve, here and on the client.
pub(crate) const NAMES: &str = "names";
/// The client knows this master.
pub(crate) const LISTED: &str = "listed";
/// NIM's port is open there.
pub(crate) const PORT: &str = "port";
/// Both ends say the same protocol.
pub(crate) const PROTOCOL: &str = "protocol";
/// Nothing runs on it.
pub(crate) const BUSY: &str = "busy";
/// MASTER has it, or this master.
pub(crate) const CURRENT_MASTER: &str = "current-master";
/// It was told of both masters.
pub(crate) const SYNC_REQUIRED: &str = "sync-required";
/// Both databases and the client's own file say the same.
pub(crate) const AGREEMENT: &str = "agreement";

/// These are about the whole takeover: where one refuses, it is not begun.
pub(crate) const OF_THE_WHOLE: [&str; 6] = [THIS_MASTER, NIMINFO, ALTERNATE, CLIENTS, ALIVE, LEVEL];

/// All of them, in the order of their findings.
pub(crate) const ALL: [&str; 14] = [
    THIS_MASTER,
    NIMINFO,
    ALTERNATE,
    CLIENTS,
    ALIVE,
    LEVEL,
    NAMES,
    LISTED,
    PORT,
    PROTOCOL,
    BUSY,
    CURRENT_MASTER,
    SYNC_REQUIRED,
    AGREEMENT,
];
