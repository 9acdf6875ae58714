//! DCE and DFS set up on a node of a cluster: the guide's steps checked, and done where a tool may.

mod cell;
mod checklist;
mod configured;
mod disks;
mod facts;
mod finding;
mod mend;
mod names;
mod place;
mod programs;
mod services;
mod setup;
mod sys;
#[cfg(test)]
mod tests;
mod variable;
mod words;

use checklist::Expect;
use clap::{ArgAction, Parser};
use finding::Node;
use ha_json::Tool;
use ha_plan::Orders;
use std::path::PathBuf;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hadce-setup", version: env!("CARGO_PKG_VERSION") };

/// Checks the steps that set DCE and DFS up on a node of a cluster, and does those that a tool may.
#[derive(Parser, Debug)]
#[command(name = "hadce-setup", version, disable_version_flag = true, disable_help_flag = true)]
struct Arguments {
    /// Which of the two nodes this is
    #[arg(long, value_name = "NODE")]
    node: Node,
    /// The configuration of DCE and DFS, - for standard input
    #[arg(long, value_name = "FILE", default_value = ha_dce::DEFAULT_FILE)]
    config: String,
    /// The cell, as dce_cf.db says it by default
    #[arg(long, value_name = "NAME", value_parser = setup::cell)]
    cell: Option<cell::Cell>,
    /// Where DFS is in the cell
    #[arg(long, value_name = "NAME", default_value = "fs", value_parser = setup::junction)]
    junction: String,
    /// Mount point of the DFS client's cache
    #[arg(long, value_name = "DIR", default_value = "/var/dce/adm/dfs/cache", value_parser = setup::absolute)]
    cache: String,
    /// Look at this script of the cluster manager, too
    #[arg(long, value_name = "FILE", value_parser = setup::absolute)]
    script: Vec<String>,
    /// How the shared file systems shall be now
    #[arg(long, value_name = "STATE")]
    expect: Option<Expect>,
    /// The node's root, when it is an image or a disk mounted here
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Do what a tool may do of what is missing
    #[arg(long)]
    apply: bool,
    /// Print what would be done as a plan, and do nothing
    #[arg(long, requires = "apply")]
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
    ha_json::run(TOOL, setup::setup)
}
