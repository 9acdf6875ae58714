//! How the machines of NIM are reached: the options of every tool that asks them.

use ha_json::Error;
use ha_remote::{Host, Machine, Shell};
use std::time::Duration;

/// Options to be flattened into those of a tool.
#[derive(clap::Args, Clone, Debug)]
pub struct Carrier {
    /// The command that reaches a host, in place of ssh; NIM's own c_rsh is one
    #[arg(short = 'e', long, value_name = "COMMAND")]
    pub rsh: Option<String>,
    /// Wait so long for the answers of a machine
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub ask_timeout: u64,
}

impl Carrier {
    /// The machine at the other end.
    ///
    /// # Errors
    /// Usage, for a command or a host that is none.
    pub fn to(&self, host: &str) -> Result<Machine, Error> {
        Ok(Machine::There(self.shell()?, Host::parse(host)?))
    }

    /// What carries a command to a host.
    ///
    /// # Errors
    /// Usage, for a command that is none.
    pub fn shell(&self) -> Result<Shell, Error> {
        self.rsh.as_deref().map_or(Ok(Shell::Ssh), Shell::parse)
    }

    /// For all answers of one machine.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.ask_timeout)
    }
}
