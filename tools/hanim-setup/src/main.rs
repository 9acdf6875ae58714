//! This machine made an alternate of a NIM master, the way back, and clients that know both.

mod adapter;
mod check;
mod client;
mod options;
mod pair;
mod plan;
mod preflight;
mod question;
mod redefinition;
mod setup;
mod side;
mod status;
mod step;

use ha_json::{Error, Status, Tool};
use options::Options;
use std::process::ExitCode;

const TOOL: Tool = Tool { name: "hanim-setup", version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    ha_json::run(TOOL, hanim_setup)
}

fn hanim_setup(tool: Tool, options: Options) -> Result<Status, Error> {
    match (&options.step, &options.is) {
        (Some(host), _) => step::run(tool, host, &options),
        (None, Some(question)) => status::tell(question, &options),
        (None, None) => setup::run(tool, &options),
    }
}
