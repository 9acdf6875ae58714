//! `hasync`: make a standby's files what the primary's are. See `man/hasync.8`.

mod acl;
mod args;
mod beneath;
mod client;
mod clock;
mod content;
mod delta;
mod digest;
mod entry;
mod events;
mod extra;
mod far;
mod filter;
mod fs;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod interrupt;
mod job;
mod leftover;
mod limits;
mod links;
mod memory;
mod mode;
mod options;
mod owner;
mod pace;
mod records;
mod report;
mod serve;
mod set;
mod source;
mod standby;
mod symlink;
mod sys;
mod trusted;
mod wire;
mod xattr;

use args::{Arguments, Task};
use ha_json::Tool;
use std::process::ExitCode;

/// Files up to this size travel many to a frame, in bytes.
const SMALL: u64 = 256 << 10;
/// Messages that may wait on their way to the standby.
const QUEUE: usize = 3;
/// Those that may wait on their way to the source, which takes them at once.
const ANSWERS: usize = 64;

const TOOL: Tool = Tool { name: "hasync", version: env!("CARGO_PKG_VERSION") };

/// What the program does with its arguments.
pub fn main() -> ExitCode {
    memory::keep_small();
    ha_json::run(TOOL, |tool, arguments: Arguments| match arguments.task()? {
        Task::Sync(request) => client::sync(tool, *request),
        Task::Serve(service) => serve::serve(service),
        Task::Set(run) => set::bring(tool, *run),
        Task::Command { command, state, wait } => {
            set::command(tool, &command, state.as_deref(), wait)
        }
    })
}
