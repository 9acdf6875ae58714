//! Environment files such as /etc/environment, and the addresses that DCE shall not use.

mod adapters;
mod edit;
mod exclusion;
mod export;
mod look;
mod service;
mod sys;

use clap::{ArgAction, ArgGroup, Parser};
use ha_json::{Error, Status, Tool, answer};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const SCHEMA: &str = "haenv/1";

const TOOL: Tool = Tool { name: "haenv", version: env!("CARGO_PKG_VERSION") };

/// Reads and edits environment files, and works out RPC_UNSUPPORTED_NETADDRS from the adapters.
#[derive(Parser, Debug)]
#[command(name = "haenv", version, disable_version_flag = true, disable_help_flag = true)]
#[command(group(ArgGroup::new("edit").args(["set", "unset"]).multiple(true)))]
#[command(group(ArgGroup::new("exclude").args(["exclude_all_but", "before_takeover"])))]
struct Arguments {
    /// Set a variable in its place, or at the end
    #[arg(long, value_name = "NAME=VALUE", conflicts_with_all = ["export", "exclude"])]
    set: Vec<OsString>,
    /// Take a variable away
    #[arg(long, value_name = "NAME", conflicts_with_all = ["export", "exclude"])]
    unset: Vec<String>,
    /// Print the variables as lines for a shell to eval
    #[arg(long, conflicts_with = "exclude")]
    export: bool,
    /// Print only these, and miss those that are not there
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "export")]
    only: Vec<String>,
    /// Work out RPC_UNSUPPORTED_NETADDRS so that only these addresses, which are here, are used
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    exclude_all_but: Vec<String>,
    /// The same for addresses that this node is going to take over
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    before_takeover: Vec<String>,
    /// Read adapters from FILE, or from standard input with -, in place of asking the system
    #[arg(long, value_name = "FILE", requires = "exclude")]
    adapters: Option<PathBuf>,
    /// Write what was worked out to the environment file
    #[arg(long, requires = "exclude")]
    write: bool,
    /// Tell what would be changed, and change nothing
    #[arg(long, conflicts_with = "export")]
    dry_run: bool,
    /// Wait so long for another run on the same file
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    lock_wait: u64,
    /// Print only these fields of the answer, in one plain line
    #[arg(short, value_name = "FIELD", value_delimiter = ',', conflicts_with = "export")]
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
    /// The environment file, /etc/environment by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, haenv)
}

fn haenv(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let path = arguments.file.clone().unwrap_or_else(|| PathBuf::from("/etc/environment"));
    let target = edit::Target {
        path: &path,
        dry_run: arguments.dry_run,
        lock_wait: Duration::from_secs(arguments.lock_wait),
        verbose: arguments.verbose.then_some(tool),
    };
    let fields = &arguments.output;
    if arguments.export {
        return export::export(tool, &path, &arguments.only);
    }
    if !arguments.set.is_empty() || !arguments.unset.is_empty() {
        let wanted = edit::wanted(&arguments.set, &arguments.unset)?;
        return answer::give(SCHEMA, &edit::FIELDS, fields, || edit::answer(&target, &wanted));
    }
    if let Some(question) = service::Question::of(&arguments)? {
        return answer::give(SCHEMA, &exclusion::FIELDS, fields, || question.answer(&target));
    }
    if arguments.dry_run {
        return Err(Error::usage("--dry-run", "nothing that is asked for changes anything"));
    }
    answer::give(SCHEMA, &look::FIELDS, fields, || look::answer(&path))
}
