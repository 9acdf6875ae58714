//! Runs a plan that another tool made, or a person.

use clap::{ArgAction, Parser};
use ha_json::answer::{self, Answer};
use ha_json::{Error, Map, Status, Tool, Value};
use ha_plan::{Check, Orders, Plan};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "harun", version: env!("CARGO_PKG_VERSION") };

const CHECK_SCHEMA: &str = "harun-check/1";

/// Runs the plan on standard input: steps in order, bounded, undone on failure.
#[derive(Parser, Debug)]
#[command(name = "harun", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Tell what each step would do now, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Tell whether this check of a plan holds now, and read no plan
    #[arg(long, value_name = "CHECK", value_parser = Check::parse, conflicts_with_all = ["dry_run", "deadline", "lock_wait"])]
    check: Option<Check>,
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
    if let Some(check) = &arguments.check {
        return answer::give(CHECK_SCHEMA, &[], &[], || Ok(holds(check)));
    }
    ha_json::refuse_terminal("a plan (ha-plan/1)")?;
    let plan = Plan::read(ha_json::read_to_change(std::io::stdin().lock())?)?;
    match arguments.dry_run {
        true => ha_plan::rehearse(tool, &plan, &arguments.orders),
        false => ha_plan::run(tool, &plan, &arguments.orders),
    }
}

fn holds(check: &Check) -> Answer {
    let why = check.holds().err();
    let status = if why.is_none() { Status::Done } else { Status::No };
    let holds = Value::from(why.is_none());
    (Map::from_iter([("holds".to_owned(), holds), ("why".to_owned(), why.into())]), status)
}
