//! What differs between two streams of any tool, by key.

mod comparison;
mod fields;
mod glance;
mod group;
mod report;
mod side;
#[cfg(test)]
mod tests;

use clap::{ArgAction, Parser};
use comparison::{Comparison, Orders};
use ha_json::{Error, Status, Tool};
use std::ffi::OsString;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hadiff", version: env!("CARGO_PKG_VERSION") };

/// Tells what differs between two streams, or two answers, of any tool.
#[derive(Parser, Debug)]
#[command(name = "hadiff", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Do not compare this field: a path such as values.alloc_count, or a name at any depth
    #[arg(long, value_name = "FIELD")]
    ignore: Vec<String>,
    /// Print only begin and end, with the totals
    #[arg(long)]
    brief: bool,
    /// Hold what has no partner to the end, so that records may stand in any order
    #[arg(long)]
    unsorted: bool,
    /// Tell on standard error what is done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// A file, or - for standard input
    #[arg(value_name = "LEFT")]
    left: OsString,
    /// What it is compared with
    #[arg(value_name = "RIGHT")]
    right: OsString,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, hadiff)
}

fn hadiff(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let names = [arguments.left, arguments.right];
    let orders = Orders {
        ignored: fields::Ignored::parse(&arguments.ignore)?,
        brief: arguments.brief,
        unsorted: arguments.unsorted,
        verbose: arguments.verbose,
    };
    side::refuse_standard_input(&names)?;
    let stream = report::begin(tool, std::io::stdout(), &names);
    Comparison::new(tool, stream, names.map(side::Source::open), &orders).run()
}
