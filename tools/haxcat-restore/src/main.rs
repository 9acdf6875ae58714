//! A dump of the xCAT database back into it: checked first, all or nothing.

mod comparison;
mod difference;
mod report;
mod restore;
mod xcatd;

use clap::{ArgAction, Parser};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "haxcat-restore", version: env!("CARGO_PKG_VERSION") };

const SCHEMA: &str = "haxcat-restore/1";

/// Puts a dump of the xCAT database back into it, after all of it was checked: all of it, or nothing.
#[derive(Parser, Debug)]
#[command(name = "haxcat-restore", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Read the dump in DIR, and not a stream of rows on standard input
    #[arg(short, long, value_name = "DIR", value_parser = clap::value_parser!(PathBuf))]
    path: Option<PathBuf>,
    /// Restore the tables auditlog and eventlog, too
    #[arg(short, long)]
    all: bool,
    /// Restore only these tables
    #[arg(long, value_name = "TABLE,...", value_delimiter = ',')]
    tables: Vec<String>,
    /// Tell what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Tell every row that differs
    #[arg(short, long)]
    itemize: bool,
    /// Show passwords and keys in these
    #[arg(long, requires = "itemize")]
    show_secrets: bool,
    /// Go on where the database has no table of xCAT's
    #[arg(long)]
    create: bool,
    /// Go on while xcatd runs
    #[arg(long)]
    while_xcatd_runs: bool,
    /// Wait so long for tables that others have locked
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    lock_wait: u64,
    /// Wait so long for a database server to let us in
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86400))]
    connect_timeout: u64,
    /// Wait so long for a database server that says nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86400))]
    answer_wait: u64,
    /// Tell on standard error what is done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, haxcat_restore)
}

fn haxcat_restore(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let named = restore::named(&arguments.tables)?;
    if arguments.path.is_none() {
        ha_json::refuse_terminal("a stream of haxcat-dump (-p DIR names a directory)")?;
    }
    let location = match ha_xcat::locate(std::env::var_os("XCATCFG"), Path::new("/")) {
        Err(error) if error.kind == Kind::Usage => return Err(error),
        located => located,
    };
    let fields = Map::from_iter([("dry_run".to_owned(), Value::from(arguments.dry_run))]);
    let stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
    let mut report = report::Report::new(tool, stream, &arguments);
    let done =
        location.and_then(|location| restore::restore(&arguments, &named, &location, &mut report));
    report.end(done)
}
