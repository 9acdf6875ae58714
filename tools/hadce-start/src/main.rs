//! DCE and DFS, started in the guide's order: fallover and reintegration.

mod excluded;
mod plan;
mod status;

use clap::{ArgAction, Parser};
use ha_dce::Configuration;
use ha_json::{Error, Status, Tool};
use ha_plan::Orders;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hadce-start", version: env!("CARGO_PKG_VERSION") };

/// Starts DCE and DFS on this node, in the guide's order, and undoes a start that fails.
#[derive(Parser, Debug)]
#[command(name = "hadce-start", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Read the configuration from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = ha_dce::DEFAULT_FILE)]
    config: String,
    /// The other node is down: DFS may be started here
    #[arg(long)]
    peer_down: bool,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Only tell whether DCE and DFS run and serve
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
    ha_json::run(TOOL, hadce_start)
}

fn hadce_start(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let configuration = Configuration::read(&arguments.config)?;
    if arguments.status {
        return status::tell(&configuration);
    }
    let facts = plan::Facts {
        peer_down: arguments.peer_down,
        excluded: excluded::look(configuration.environment_file.as_deref()),
    };
    let plan = arguments.orders.applied_to(plan::plan(&configuration, &facts));
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    ha_plan::run(tool, &plan, &arguments.orders)
}
