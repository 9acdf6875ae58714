//! What `hasync --transport libssh2` starts in place of ssh: a program of its own, so that who does not ask for
//! it needs no libcrypto, which takes more memory than the whole of hasync.

use clap::Parser;
use ha_command::Fate;
use ha_json::{Error, Kind, one_line};
use ha_ssh::Peer;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

/// Nobody gets there: another time may help, or will not. Other statuses are those of the far program.
const BUSY: u8 = 255;
const FAILED: u8 = 254;

/// Runs a command on a host by libssh2, for hasync: called as ssh is, with the host's key checked always
#[derive(Parser, Debug)]
#[command(name = "hasync-libssh2", version)]
struct Arguments {
    /// The user there
    #[arg(short, value_name = "USER")]
    login: Option<String>,
    /// The port there
    #[arg(short, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Give up when the host does not let the command run within so many seconds
    #[arg(short, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    #[arg(value_name = "HOST")]
    host: String,
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

fn main() -> ExitCode {
    let (status, why) = match carry(&Arguments::parse()) {
        Ok(Fate::Exited(status)) => (u8::try_from(status).unwrap_or(u8::MAX), None),
        Ok(Fate::Killed(signal)) => {
            (FAILED, Some(format!("hasync there was killed by signal {signal}")))
        }
        Ok(Fate::TimedOut) => (BUSY, None),
        Err(Error { kind, why, .. }) => (if kind == Kind::Busy { BUSY } else { FAILED }, Some(why)),
    };
    if let Some(why) = why {
        // Nobody may listen.
        let _ = writeln!(std::io::stderr(), "{}", one_line(&why));
    }
    ExitCode::from(status)
}

fn carry(arguments: &Arguments) -> Result<Fate, Error> {
    let user = arguments.login.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let name = format!("{user}{}", arguments.host);
    let peer = Peer::parse(&name).map_err(|why| Error::usage(&name, format!("{name:?} {why}")))?;
    let own = |stream: &dyn AsFd| stream.as_fd().try_clone_to_owned().map(File::from);
    let streams = own(&std::io::stdin())
        .and_then(|input| Ok([input, own(&std::io::stdout())?, own(&std::io::stderr())?]));
    let streams = streams.map_err(|error| Error::io("standard input and output", &error))?;
    let patience = Duration::from_secs(arguments.wait);
    // As ssh does, with a blank between the words.
    ha_ssh::carry(&peer, arguments.port, &arguments.command.join(" "), patience, streams)
}
