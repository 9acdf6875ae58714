//! Password-less ssh between two nodes, both directions, host keys pinned: check, and set up.

mod account;
mod authorized;
mod direction;
mod elsewhere;
mod far;
mod mend;
mod name;
mod orders;
mod password;
mod probe;
mod report;
mod serve;
mod setup;

use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_ssh::Peer;
use std::path::PathBuf;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hassh", version: env!("CARGO_PKG_VERSION") };

/// Checks that two nodes reach each other by ssh without a password and with pinned host keys, and sets it up.
#[derive(Parser, Debug)]
#[command(name = "hassh", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// The configuration of ssh, as ssh -F
    #[arg(short = 'F', value_name = "FILE")]
    config: Option<PathBuf>,
    /// Port of the peer, as ssh -p
    #[arg(short = 'p', value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Only the direction from here to the peer
    #[arg(long)]
    one_way: bool,
    /// The name by which the peer reaches this machine
    #[arg(long, value_name = "NAME", value_parser = Peer::parse)]
    back: Option<Peer>,
    /// How long to wait for a connection, and for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// hassh on the peer
    #[arg(long, value_name = "PATH", default_value = "hassh", value_parser = name::program)]
    hassh_path: String,
    /// Make it work, and then check it
    #[arg(long)]
    setup: bool,
    /// With --setup: a host key of the peer has this fingerprint
    #[arg(long, value_name = "SHA256:...", requires = "setup", value_parser = name::fingerprint)]
    fingerprint: Vec<ssh_key::Fingerprint>,
    /// With --setup: public host keys of the peer, brought by a safe way
    #[arg(long, value_name = "FILE", requires = "setup")]
    host_key: Vec<PathBuf>,
    /// With --setup: a key that gets in already, for this time
    #[arg(long, value_name = "FILE", requires = "setup")]
    identity: Option<PathBuf>,
    /// With --setup: the password of the peer's user, for this time; - for standard input
    #[arg(long, value_name = "FILE", requires = "setup")]
    password_file: Option<String>,
    /// With --setup: change nothing but on this machine
    #[arg(long, requires = "setup")]
    here: bool,
    /// With --setup: tell what would be changed, and change nothing
    #[arg(long, requires = "setup")]
    dry_run: bool,
    /// With --setup: how long to wait for another run
    #[arg(long, value_name = "SECONDS", default_value_t = 20, requires = "setup", value_parser = clap::value_parser!(u64).range(..=3600))]
    lock_wait: u64,
    /// The other end of a connection: run by hassh over ssh
    #[arg(long, conflicts_with_all = ["setup", "one_way", "back", "peer"])]
    serve: bool,
    /// Tell on standard error what is found and done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// The other node: [user@]host
    #[arg(value_name = "PEER", required_unless_present = "serve", value_parser = Peer::parse)]
    peer: Option<Peer>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, hassh)
}

fn hassh(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    if arguments.serve {
        return serve::run(arguments.config.as_deref());
    }
    report::run(tool, &arguments)
}
