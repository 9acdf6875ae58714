//! A program on a host and its two streams, in a connection of its own.

use crate::pump::{End, Pump};
use crate::{Peer, reach};
use ha_command::Fate;
use ha_json::{Error, reason};
use std::fs::File;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How much longer than its deadline a host is given, so that it is told what it was that took so long.
const GRACE: Duration = Duration::from_millis(300);

/// Goes to `peer` within `patience`, has the login shell there run `command`, and carries `input` to it, what
/// it says to `output`, and what it says on stderr to `errors`, until it ends; gives how it ended.
///
/// # Errors
/// Why nobody gets there: failed, where another time does not help; busy, where the host does not answer, and
/// where the connection was lost.
pub fn carry(
    peer: &Peer,
    port: Option<u16>,
    command: &str,
    patience: Duration,
    [input, output, errors]: [File; 3],
) -> Result<Fate, Error> {
    let (tells, told) = channel();
    let (to, command) = (peer.clone(), command.to_owned());
    // An agent, a name service or a file system that hangs is waited for by this thread alone.
    let way = thread::Builder::new().spawn(move || {
        // Nobody may wait for it any more.
        let _ = tells.send(reach::run(&to, port, &command, patience));
    });
    way.map_err(|error| Error::busy("libssh2", reason(&error)))?;
    let running = told.recv_timeout(patience + GRACE).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                let why = format!("no connection (no answer within {} s)", patience.as_secs());
                Error::busy(&peer.host, why)
            }
            RecvTimeoutError::Disconnected => {
                Error::failed("libssh2", "its thread failed; this is a defect")
            }
        })
    })?;
    let pump = Pump::new(running, input, output, errors)
        .map_err(|error| Error::failed("pipe", reason(&error.into())))?;
    match pump.run() {
        End::Of(fate) => Ok(fate),
        End::Lost(why) => Err(Error::busy(&peer.host, format!("the connection is lost: {why}"))),
    }
}
