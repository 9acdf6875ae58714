//! The xCAT management node, given up on this machine.

mod plan;

use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_pair::{Pair, Parts};
use ha_plan::Orders;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "haxcat-deactivate", version: env!("CARGO_PKG_VERSION") };

/// Gives the xCAT management node up on this machine, in order, and says what remains.
#[derive(Parser, Debug)]
#[command(
    name = "haxcat-deactivate",
    version,
    disable_version_flag = true,
    disable_help_flag = true
)]
struct Arguments {
    /// Read the configuration of the pair from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = ha_pair::DEFAULT_FILE)]
    config: String,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    dry_run: bool,
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
    ha_json::run(TOOL, haxcat_deactivate)
}

fn haxcat_deactivate(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let pair = Pair::read(&arguments.config)?;
    let parts = Parts::look(&pair)?;
    parts.is_a_node()?;
    let plan = arguments.orders.applied_to(plan::plan(&pair, &parts, cfg!(target_os = "aix")));
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    ha_plan::run(tool, &plan, &arguments.orders)
}
