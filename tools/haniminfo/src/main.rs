//! /etc/niminfo and listings of lsnim as JSON, and a niminfo back from it.

mod backup;
mod content;
mod listing;
mod look;
mod request;
mod write;

use clap::{ArgAction, Parser};
use ha_json::{Error, Status, Tool, answer};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const SCHEMA: &str = "haniminfo/1";

const TOOL: Tool = Tool { name: "haniminfo", version: env!("CARGO_PKG_VERSION") };

/// Tells what a niminfo file says and what is wrong with it, and writes it back.
#[derive(Parser, Debug)]
#[command(name = "haniminfo", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Tell what lsnim printed in place of a niminfo file
    #[arg(long, conflicts_with_all = ["write", "show_secrets", "output"])]
    lsnim: bool,
    /// Take a listing in which nothing stands for one of no objects
    #[arg(long, requires = "lsnim", conflicts_with = "write")]
    empty_ok: bool,
    /// Write FILE as the answer on standard input says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "show_secrets"])]
    write: Option<PathBuf>,
    /// Write a file that only NIM's own commands should write
    #[arg(long, requires = "write", conflicts_with_all = ["file", "lsnim"])]
    yes_nim_owns_this_file: bool,
    /// Write line ends of Unix in place of those of a PC
    #[arg(long, requires = "write", conflicts_with_all = ["file", "lsnim"])]
    lf: bool,
    /// Tell what would be changed, and change nothing
    #[arg(long, requires = "write", conflicts_with_all = ["file", "lsnim"])]
    dry_run: bool,
    /// Wait so long for another run on the same file
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    lock_wait: u64,
    /// Tell passwords and the like
    #[arg(long)]
    show_secrets: bool,
    /// Print only these fields of the answer, in one plain line
    #[arg(short, value_name = "FIELD", value_delimiter = ',')]
    output: Vec<String>,
    /// Tell on standard error what is done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// The file, or standard input with -; /etc/niminfo by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, haniminfo)
}

fn haniminfo(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let fields = &arguments.output;
    if arguments.lsnim {
        return listing::listing(tool, arguments.file.as_deref(), arguments.empty_ok);
    }
    if let Some(path) = &arguments.write {
        let target = write::Target {
            path,
            lf: arguments.lf,
            dry_run: arguments.dry_run,
            agreed: arguments.yes_nim_owns_this_file,
            lock_wait: Duration::from_secs(arguments.lock_wait),
            verbose: arguments.verbose.then_some(tool),
        };
        return answer::give(SCHEMA, &write::FIELDS, fields, || target.answer());
    }
    let path = arguments.file.unwrap_or_else(|| PathBuf::from("/etc/niminfo"));
    answer::give(SCHEMA, &look::FIELDS, fields, || look::answer(&path, arguments.show_secrets))
}
