//! The xCAT management node, taken over on this machine.

mod plan;
mod status;

use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_pair::{Pair, Parts};
use ha_plan::Orders;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "haxcat-activate", version: env!("CARGO_PKG_VERSION") };

/// Takes the xCAT management node over on this machine, in order; a second run goes on.
#[derive(Parser, Debug)]
#[command(name = "haxcat-activate", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Read the configuration of the pair from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = ha_pair::DEFAULT_FILE)]
    config: String,
    /// The other node is down, or cut off from disks and network, and stays so
    #[arg(long)]
    peer_down: bool,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Only tell whether this machine is the management node
    #[arg(long, conflicts_with_all = ["peer_down", "deadline", "lock_wait", "dry_run"])]
    status: bool,
    #[command(flatten)]
    orders: Orders,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, haxcat_activate)
}

fn haxcat_activate(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let pair = Pair::read(&arguments.config)?;
    let parts = Parts::look(&pair)?;
    if arguments.status {
        return status::tell(&pair, &parts);
    }
    let facts = plan::Facts::look(&arguments, &pair, &parts)?;
    let plan = arguments.orders.applied_to(plan::plan(&pair, &parts, &facts));
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    ha_plan::run(tool, &plan, &arguments.orders)
}
