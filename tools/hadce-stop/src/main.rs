//! DFS and DCE, stopped: before another node starts them.

mod plan;

use clap::{ArgAction, Parser};
use ha_dce::Configuration;
use ha_json::{Error, Status, Tool};
use ha_plan::Orders;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hadce-stop", version: env!("CARGO_PKG_VERSION") };

/// Stops DFS and DCE on this node, and says whether it must be rebooted to let go of its disks.
#[derive(Parser, Debug)]
#[command(name = "hadce-stop", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Read the configuration from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = ha_dce::DEFAULT_FILE)]
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
    ha_json::run(TOOL, hadce_stop)
}

fn hadce_stop(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let configuration = Configuration::read(&arguments.config)?;
    let plan = arguments.orders.applied_to(plan::plan(&configuration));
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    ha_plan::run(tool, &plan, &arguments.orders)
}
