//! The database and resources of a NIM master brought to its alternate, and compared.

mod amount;
mod argv;
mod backup;
mod checks;
mod disks;
mod evidence;
mod facts;
mod names;
mod outcome;
mod plan;
mod progress;
mod stale;
mod sync;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_nim::{Carrier, Turn};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hanim-sync", version: env!("CARGO_PKG_VERSION") };

/// Brings the database and the resources of this NIM master to its alternate, and compares both.
#[derive(Parser, Debug)]
#[command(name = "hanim-sync", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Put this database over one of the alternate's own: the first time
    #[arg(long)]
    force: bool,
    /// Bring the resources that are not there
    #[arg(long)]
    replicate: bool,
    /// Have the clients' lists of masters made anew
    #[arg(long)]
    reset_clients: bool,
    /// Name the resources whose content differs, which replication passes over
    #[arg(long, requires = "replicate")]
    stale: bool,
    /// Bring what differs of them with hasync
    #[arg(long, requires = "replicate")]
    refresh: bool,
    /// Compare contents for that, not sizes and times
    #[arg(long, requires = "replicate")]
    checksum: bool,
    /// Only look whether all is ready
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on although this check says no, or cannot be made
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(checks::TO_DESPITE))]
    despite: Vec<String>,
    /// Look for backups of the database here
    #[arg(long, value_name = "DIRECTORY", default_value = "/export/nim/backups")]
    backups: String,
    /// Warn where the newest backup is older
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650))]
    backup_days: u64,
    /// End the synchronisation after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 14_400, value_parser = clap::value_parser!(u64).range(1..=ha_plan::MAX_SECONDS))]
    deadline: u64,
    #[command(flatten)]
    carrier: Carrier,
    #[command(flatten)]
    turn: Turn,
    /// Tell on standard error what is done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// The alternate, by its name in the NIM database of this master
    #[arg(value_name = "ALTERNATE")]
    alternate: String,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, hanim_sync)
}

fn hanim_sync(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let name = &arguments.alternate;
    if name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace) {
        return Err(Error::usage(name, "is no name of a NIM object"));
    }
    match (arguments.check, arguments.dry_run) {
        (true, _) => sync::check(tool, &arguments),
        (_, true) => sync::dry_run(tool, &arguments),
        _ => sync::run(tool, &arguments),
    }
}
