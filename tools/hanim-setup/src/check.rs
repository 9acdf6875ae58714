//! The checks before a set-up: what `--despite` takes, and what findings are called.

/// What this machine is to NIM: nothing, a client, a master, the alternate already.
pub(crate) const THIS_MACHINE: &str = "this-machine";
/// MASTER answers, and is a master whose database can be listed.
pub(crate) const MASTER: &str = "master";
/// Both /etc/niminfo can be relied on.
pub(crate) const NIMINFO: &str = "niminfo";
/// The names that the masters are to have are free in each other's database.
pub(crate) const NAME: &str = "name";
/// What a master needs is installed.
pub(crate) const FILESETS: &str = "filesets";
/// Both machines are at one level.
pub(crate) const LEVEL: &str = "level";
/// A protocol that this level has, and the same both ways.
pub(crate) const PROTOCOL: &str = "protocol";
/// Both names resolve on both machines, to the same addresses.
pub(crate) const NAMES: &str = "names";
/// The network interface is there.
pub(crate) const INTERFACE: &str = "interface";
/// MASTER listens on NIM's ports.
pub(crate) const PORT: &str = "port";
/// This machine is an alternate of MASTER.
pub(crate) const ALTERNATE: &str = "alternate";
/// MASTER is an alternate of this machine.
pub(crate) const RETURN: &str = "return";
/// The clients know both masters.
pub(crate) const CLIENTS: &str = "clients";
/// Nothing runs on a client that is to be defined again.
pub(crate) const BUSY: &str = "busy";
/// MASTER has the client.
pub(crate) const CURRENT_MASTER: &str = "current-master";
/// The client's level knows alternates.
pub(crate) const CLIENT_LEVEL: &str = "client-level";

/// Those that a run may go on despite, in the order of their findings. Without a master that answers
/// there is nothing to go on with.
pub(crate) const TO_DESPITE: [&str; 15] = [
    THIS_MACHINE,
    NIMINFO,
    NAME,
    FILESETS,
    LEVEL,
    PROTOCOL,
    NAMES,
    INTERFACE,
    PORT,
    ALTERNATE,
    RETURN,
    CLIENTS,
    BUSY,
    CURRENT_MASTER,
    CLIENT_LEVEL,
];
