//! The xCAT database as of one moment: CSV files as dumpxCATdb writes them, or records.

mod csv_files;
mod directory;
mod manifest;
mod origin;
mod rows;
mod run;
mod selection;
mod spool;
mod sys;

use clap::{ArgAction, Parser};
use ha_json::{Error, Map, Status, Stream, Tool, Value};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "haxcat-dump", version: env!("CARGO_PKG_VERSION") };

const SCHEMA: &str = "haxcat/1";

/// Dumps the xCAT database as of one moment: to CSV files as dumpxCATdb writes them, or as records.
#[derive(Parser, Debug)]
#[command(name = "haxcat-dump", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Write a CSV file per table to DIR, in place of an earlier dump there
    #[arg(short, long, value_name = "DIR", value_parser = clap::value_parser!(PathBuf))]
    path: Option<PathBuf>,
    /// Read the dump in DIR, and no database
    #[arg(long, value_name = "DIR", conflicts_with = "path", value_parser = clap::value_parser!(PathBuf))]
    from: Option<PathBuf>,
    /// Refuse a database of any other engine
    #[arg(long, value_name = "ENGINE", conflicts_with = "from")]
    engine: Option<origin::Engine>,
    /// Tell which database it is, and do not go there
    #[arg(long = "where", conflicts_with_all = ["path", "from", "all", "tables", "show_secrets"])]
    where_is_it: bool,
    /// Dump the tables auditlog and eventlog, too
    #[arg(short, long)]
    all: bool,
    /// Read everything and tell what would be written, and write nothing
    #[arg(long, requires = "path")]
    dry_run: bool,
    /// Wait so long for another run, and for locked tables
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    lock_wait: u64,
    /// Wait so long for a database server to let us in
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86400))]
    connect_timeout: u64,
    /// Wait so long for a database server that says nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86400))]
    answer_wait: u64,
    /// Show passwords and keys in records
    #[arg(long, conflicts_with = "path")]
    show_secrets: bool,
    /// Tell on standard error what is done
    #[arg(long)]
    verbose: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Dump only these tables
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
}

fn main() -> ExitCode {
    ha_json::run(TOOL, haxcat_dump)
}

fn haxcat_dump(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let named = selection::named(&arguments.tables)?;
    let located = origin::locate(&arguments)?;
    let fields = Map::from_iter([("dry_run".to_owned(), Value::from(arguments.dry_run))]);
    let mut totals = run::Totals::new(arguments.dry_run);
    if arguments.where_is_it {
        let stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
        let found = located.map(|origin| totals.tell_place(origin.place()));
        return end(stream, &totals, found);
    }
    let run =
        located.and_then(|origin| run::Run::prepare(tool, &arguments, named, origin, &mut totals));
    match &arguments.path {
        Some(path) => {
            let mut stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
            let done =
                run.and_then(|mut run| csv_files::dump(&mut run, &mut totals, &mut stream, path));
            end(stream, &totals, done)
        }
        None => spool::through(|out| {
            let mut stream = Stream::begin_with(out, tool, SCHEMA, &fields);
            let done = run.and_then(|mut run| rows::rows(&mut run, &mut totals, &mut stream));
            end(stream, &totals, done)
        }),
    }
}

fn end<W: Write>(
    stream: Stream<W>,
    totals: &run::Totals,
    done: Result<(), Error>,
) -> Result<Status, Error> {
    match done {
        Ok(()) => stream.end(&totals.fields()),
        Err(error) => Err(stream.end_failed(&totals.fields(), error)),
    }
}
