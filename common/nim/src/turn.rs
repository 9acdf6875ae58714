//! One tool works on NIM at a time: the options of every tool that does.

use ha_json::Error;
use ha_plan::{Held, Interrupt, hold};
use std::time::Duration;

/// The state of plans that is held meanwhile.
pub const STATE: &str = "hanim";

/// Options to be flattened into those of a tool.
#[derive(clap::Args, Clone, Debug)]
pub struct Turn {
    /// Keep the lock, and what nim says, beneath this directory
    #[arg(long, value_name = "DIRECTORY", default_value = "/run/hatools")]
    pub state_directory: String,
    /// Wait so long for another run
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86400))]
    pub lock_wait: u64,
}

impl Turn {
    /// Waits until no other tool works on NIM here, and keeps the others waiting.
    ///
    /// # Errors
    /// As [`hold`].
    pub fn wait(&self, interrupt: &Interrupt) -> Result<Held, Error> {
        let wait = Duration::from_secs(self.lock_wait);
        hold(&self.state_directory, STATE, wait, &|| interrupt.came().is_some())
    }
}
