//! The clients of a NIM master taken over by its alternate, each with its evidence.

mod advice;
mod check;
mod client;
mod clock;
mod evidence;
mod fitness;
mod masters;
mod own;
mod pair;
mod preflight;
mod report;
mod survey;
mod table;
mod takeover;
mod verdict;
mod voices;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_nim::{Carrier, Turn};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hanim-takeover", version: env!("CARGO_PKG_VERSION") };

/// Takes the NIM clients of the other master over, and says of each whether it was taken.
#[derive(Parser, Debug)]
#[command(name = "hanim-takeover", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Look before, and do nothing
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Give nim -F
    #[arg(long)]
    force: bool,
    /// Begin only where every client is fit
    #[arg(long)]
    all_or_nothing: bool,
    /// Go on although this check refused, or could not see
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(check::ALL), hide_possible_values = true)]
    despite: Vec<String>,
    /// Wait so long until clients are switched that NIM says to have taken
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86400))]
    settle: u64,
    /// Be done in this time
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(4..=86400))]
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
    /// The NIM object of the other master
    #[arg(value_name = "MASTER")]
    master: String,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, hanim_takeover)
}

fn hanim_takeover(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    takeover::run(tool, &arguments)
}
