//! What the tool is asked for.

use crate::check;
use crate::client::Client;
use crate::question::Question;
use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser};
use ha_json::Error;
use ha_nim::Carrier;
use ha_plan::Orders;

/// Makes this machine an alternate of the NIM master MASTER, and verifies it on both.
#[derive(Parser, Debug)]
#[command(name = "hanim-setup", version, disable_version_flag = true, disable_help_flag = true)]
pub(crate) struct Options {
    /// The host name of the master whose alternate this machine becomes
    #[arg(value_name = "MASTER", required_unless_present = "step")]
    master: Option<String>,
    #[command(flatten)]
    pub(crate) initialisation: Initialisation,
    /// Make MASTER an alternate of this machine, too: without it nothing is ever taken back
    #[arg(long = "return")]
    pub(crate) back: bool,
    /// The network interface of MASTER, where it is not plain which
    #[arg(long, value_name = "INTERFACE", value_parser = word, requires = "back")]
    pub(crate) return_interface: Option<String>,
    /// The name of MASTER in the database of this machine, in place of its short host name
    #[arg(long, value_name = "NAME", value_parser = word, requires = "back")]
    pub(crate) return_name: Option<String>,
    /// Define this client of MASTER again, so that it knows both masters
    #[arg(long, value_name = "CLIENT", value_parser = word, conflicts_with = "redefine_all")]
    pub(crate) redefine: Vec<String>,
    /// Define every client of MASTER again that does not know both
    #[arg(long)]
    pub(crate) redefine_all: bool,
    /// Only tell what holds and what does not
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Go on although this check refuses, or cannot be made
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(check::TO_DESPITE))]
    pub(crate) despite: Vec<String>,
    /// Print the plan for harun, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only answer a question: alternate, return, client=NAME or idle=NAME
    #[arg(long, value_name = "QUESTION", conflicts_with_all = ["check", "dry_run", "redefine", "redefine_all", "back"])]
    pub(crate) is: Option<Question>,
    /// Run COMMAND on HOST, or here for localhost, and judge what it says: what the steps of a plan do
    #[arg(long, value_name = "HOST", requires = "command")]
    pub(crate) step: Option<String>,
    /// What --step runs
    #[arg(last = true, value_name = "COMMAND", requires = "step")]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) carrier: Carrier,
    /// End a step that takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) step_timeout: u64,
    /// Keep the state of a run beneath this directory
    #[arg(long, value_name = "DIRECTORY", default_value = "/run/hatools", value_parser = absolute)]
    pub(crate) state_directory: String,
    #[command(flatten)]
    pub(crate) orders: Orders,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// What niminit is told when it makes an alternate master.
#[derive(Args, Clone, Debug)]
pub(crate) struct Initialisation {
    /// The name of this machine in the database of MASTER, in place of its short host name
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub(crate) name: Option<String>,
    /// The network interface of this machine, where it is not plain which
    #[arg(long, value_name = "INTERFACE", value_parser = word)]
    pub(crate) interface: Option<String>,
    /// The protocol between the masters, nimsh or shell
    #[arg(long, value_name = "PROTOCOL", default_value = "nimsh", hide_default_value = true, hide_possible_values = true, value_parser = ["nimsh", "shell"])]
    pub(crate) connect: String,
    /// The hardware platform, chrp where it is not given
    #[arg(long, value_name = "TYPE", default_value = "chrp", hide_default_value = true, value_parser = word)]
    pub(crate) platform: String,
    /// The kernel for a network boot, 64 where it is not given
    #[arg(long, value_name = "KERNEL", default_value = "64", hide_default_value = true, value_parser = word)]
    pub(crate) netboot_kernel: String,
    /// The port of NIM's communication, where it is not 1058
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) master_port: Option<u16>,
    /// The port where clients register, where it is not 1059
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) registration_port: Option<u16>,
    /// The cable of the interface: bnc, dix, tp or N/A
    #[arg(long, value_name = "TYPE", hide_possible_values = true, value_parser = ["bnc", "dix", "tp", "N/A"])]
    pub(crate) cable_type: Option<String>,
}

impl Options {
    /// The master's host name.
    ///
    /// # Errors
    /// Usage, where there is none.
    pub(crate) fn master(&self) -> Result<&str, Error> {
        self.master.as_deref().ok_or_else(|| Error::usage("MASTER", "is not given"))
    }

    /// Whether that client is to be defined again where it needs it. With all of them only those are
    /// meant of which niminit can do that.
    pub(crate) fn selects(&self, client: &Client) -> bool {
        match self.redefine_all {
            true => client.is_for_niminit(),
            false => self.redefine.contains(&client.name),
        }
    }
}

/// A directory that is the same one from wherever the plan is run.
fn absolute(text: &str) -> Result<String, String> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err("is not absolute".to_owned()),
    }
}

/// A value that NIM takes as one word; its names have no other characters.
pub(crate) fn word(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("is made of letters, digits, \".\", \"_\" and \"-\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_sound() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn words_for_nim_hold_nothing_that_could_be_read_as_more() {
        for good in ["nimb", "en0", "lpar07_1.a-b"] {
            assert_eq!(word(good).as_deref(), Ok(good));
        }
        for bad in ["", "-a", "a b", "a=b", "a;b", "$x", "a/b", "ä"] {
            assert!(word(bad).is_err(), "{bad}");
        }
    }
}
