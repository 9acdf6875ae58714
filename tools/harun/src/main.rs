//! Runs a plan that another tool made, or a person.

use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool};
use ha_plan::{Orders, Plan};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "harun", version: env!("CARGO_PKG_VERSION") };

/// Runs the plan on standard input: steps in order, bounded, undone on failure.
#[derive(Parser, Debug)]
#[command(name = "harun", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Tell what each step would do now, and do nothing
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
    ha_json::run(TOOL, harun)
}

fn harun(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    ha_json::refuse_terminal("a plan (ha-plan/1)")?;
    let plan = Plan::read(ha_json::read_to_change(std::io::stdin().lock())?)?;
    match arguments.dry_run {
        true => ha_plan::rehearse(tool, &plan, &arguments.orders),
        false => ha_plan::run(tool, &plan, &arguments.orders),
    }
}
