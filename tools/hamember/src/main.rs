//! Members of a cluster that is a cfengine master: their configuration, and their keys everywhere.

mod add_client;
mod added;
mod cfrun_hosts;
mod cluster;
mod configuration;
mod copy;
mod deleted;
mod distribution;
mod event;
mod every;
mod key_directory;
mod key_pair;
mod new_key;
mod package;
mod parallel;
mod public_key;
mod reach;
mod repair;
mod report;
mod session;
mod state;
mod verdict;
mod verify;
mod visit;
mod work;

use clap::{ArgAction, Parser};
use configuration::Configuration;
use event::Event;
use ha_json::{Error, Status, Tool};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hamember", version: env!("CARGO_PKG_VERSION") };

/// Brings configuration and keys of cfengine to a member that is added to the cluster of the master,
/// and takes the key of one that is deleted away.
#[derive(Parser, Debug)]
#[command(name = "hamember", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// MEMBER_ADDED: HOST or MEMBER_DELETED: HOST; without it, or with -, an event from standard input
    #[arg(value_name = "EVENT", conflicts_with = "other")]
    event: Vec<String>,
    /// Finish what earlier runs could not
    #[arg(long, group = "other")]
    pending: bool,
    /// Tell whether all keys are right everywhere, and change nothing
    #[arg(long, group = "other")]
    check: bool,
    /// Give a member a key pair of its own
    #[arg(long, value_name = "MEMBER", group = "other")]
    new_key: Option<String>,
    /// Add a managed client
    #[arg(long, value_name = "HOST", group = "other")]
    add_client: Option<String>,
    /// Tell what is known, and look at nothing
    #[arg(long, group = "other")]
    list: bool,
    /// Run cf-runagent (cfrun) from the member to each client, and judge what happens
    #[arg(long, conflicts_with_all = ["pending", "check", "new_key", "list", "dry_run"])]
    verify: bool,
    /// With --verify alone: from this member, in place of this machine
    #[arg(long, value_name = "MEMBER", requires = "verify", conflicts_with_all = ["event", "other"])]
    from: Option<String>,
    /// The digest of the key of a deleted member that is not known here
    #[arg(long, value_name = "DIGEST", value_parser = public_key::digest, conflicts_with = "other")]
    digest: Option<String>,
    /// Visit every host, not only those that an earlier run left
    #[arg(long, conflicts_with = "other")]
    all: bool,
    /// Read the configuration from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_FILE)]
    config: String,
    /// The member that this machine is, in place of its host name
    #[arg(long, value_name = "NAME")]
    here: Option<String>,
    /// The command that reaches other hosts, in place of ssh
    #[arg(short = 'e', long, value_name = "COMMAND")]
    rsh: Option<String>,
    /// The configuration file of ssh
    #[arg(short = 'F', value_name = "FILE")]
    ssh_config: Option<String>,
    /// Tell what would be done, and change nothing
    #[arg(long, conflicts_with_all = ["check", "list"])]
    dry_run: bool,
    /// Wait so long for another run
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    lock_wait: u64,
    /// Tell on standard error what is found and done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, hamember)
}

fn hamember(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let is_read = arguments.event.is_empty() || arguments.event == ["-"];
    if arguments.config == "-" && is_read && arguments.is_event() {
        return Err(Error::usage("--config -", "leaves no standard input for the event"));
    }
    if !arguments.is_event() && (arguments.all || arguments.digest.is_some()) {
        return Err(Error::usage("--all and --digest", "go with an event only"));
    }
    let event = match arguments.is_event() {
        true if is_read => Some(Event::of_standard_input()?),
        true => Some(Event::parse(&arguments.event)?),
        false => None,
    };
    if matches!(event, Some(Event::Added(_))) && arguments.digest.is_some() {
        return Err(Error::usage("--digest", "goes with MEMBER_DELETED only"));
    }
    let configuration = Configuration::read(&arguments.config)?;
    match (event, &arguments) {
        (Some(Event::Added(name)), _) => added::added(tool, &arguments, configuration, &name),
        (Some(Event::Deleted(name)), _) => deleted::deleted(tool, &arguments, configuration, &name),
        (None, Arguments { pending: true, .. }) => every::pending(tool, &arguments, configuration),
        (None, Arguments { check: true, .. }) => every::check(tool, &arguments, configuration),
        (None, Arguments { list: true, .. }) => every::list(tool, &arguments, configuration),
        (None, Arguments { new_key: Some(name), .. }) => {
            new_key::new_key(tool, &arguments, configuration, name)
        }
        (None, Arguments { add_client: Some(name), .. }) => {
            add_client::add_client(tool, &arguments, configuration, name)
        }
        (None, _) => every::verify(tool, &arguments, configuration),
    }
}

impl Arguments {
    /// Whether an event is told, and not something else asked for.
    fn is_event(&self) -> bool {
        let other = self.pending || self.check || self.list;
        let named = self.new_key.is_some() || self.add_client.is_some();
        let only_verify = self.verify && self.event.is_empty();
        !(other || named || only_verify)
    }
}
