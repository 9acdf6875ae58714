//! Whether the standby of a pair of xCAT management nodes could take over now.

mod answers;
mod clock;
mod database;
mod dump;
mod files;
mod finding;
mod mend;
mod metrics;
mod mounts;
mod names;
mod programs;
mod proven;
mod readiness;
mod roles;
mod services;
mod sight;
mod ssh;
#[cfg(test)]
mod tests;
mod trend;
mod verdict;
mod versions;
mod vip;

use clap::{ArgAction, Parser};
use ha_json::Tool;
use ha_plan::Orders;
use ha_remote::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hastandby", version: env!("CARGO_PKG_VERSION") };

/// Tells whether the standby of a pair could take over now, and what exactly is missing.
#[derive(Parser, Debug)]
#[command(name = "hastandby", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// The other node, as the configuration has it
    #[arg(value_name = "PEER")]
    peer: Option<String>,
    /// Read the configuration of the pair from FILE, or from standard input with -
    #[arg(long, value_name = "FILE", default_value = ha_pair::DEFAULT_FILE)]
    config: String,
    /// Take this node for the standby, whoever has the address
    #[arg(long, value_name = "NODE")]
    standby: Option<String>,
    /// Mend on this machine, the standby, what a tool may
    #[arg(long)]
    apply: bool,
    /// Print what would be done as a plan, and do nothing
    #[arg(long, requires = "apply")]
    dry_run: bool,
    /// Record that xcatd answers on this machine now
    #[arg(long, conflicts_with_all = ["peer", "standby", "apply", "record", "metrics"])]
    prove: bool,
    /// Append the verdict to FILE, and tell whether it changed
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    record: Option<PathBuf>,
    /// Write the findings to FILE for Prometheus
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    metrics: Option<PathBuf>,
    /// The command that reaches the other node, in place of ssh
    #[arg(short = 'e', long, value_name = "COMMAND")]
    rsh: Option<String>,
    /// The configuration file of ssh
    #[arg(short = 'F', value_name = "FILE")]
    ssh_config: Option<String>,
    /// Wait so long for the answers of a node
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    ask_timeout: u64,
    /// Wait so long for each comparison of files
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    compare_timeout: u64,
    #[command(flatten)]
    orders: Orders,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

impl Arguments {
    fn shell(&self) -> Result<Shell, ha_json::Error> {
        match (&self.rsh, &self.ssh_config) {
            (Some(command), _) => Shell::parse(command),
            (None, Some(file)) => Ok(Shell::of_configuration(file)),
            (None, None) => Ok(Shell::Ssh),
        }
    }
}

fn main() -> ExitCode {
    ha_json::run(TOOL, readiness::ready)
}
