//! `hassh --serve`: the other end of a connection. It does to its own account what hassh asks, and
//! nothing else.

use crate::direction;
use crate::orders::{
    Changed, Checked, Hello, MOST_REQUEST, Manner, OwnKey, PROTOCOL, Request, parse,
};
use crate::probe::unix_time;
use crate::{account as own, mend};
use ha_json::{Error, Status, Value, json};
use ha_ssh::{Means, Peer, Settings, account};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use ssh_key::PublicKey;
use std::io::{Read, Write};
use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// A hassh that asks nothing for so long is gone.
const IDLE_MILLISECONDS: u16 = 60_000;
/// More is not asked in one connection.
const MOST_REQUESTS: usize = 100;

/// Answers until the requests end.
///
/// # Errors
/// Input, for what is no request; busy, when none comes for long.
pub(crate) fn run(config: Option<&Path>) -> Result<Status, Error> {
    ha_json::refuse_terminal("what hassh asks")?;
    let mut requests = Requests::default();
    for _ in 0..MOST_REQUESTS {
        let Some(line) = requests.next()? else { return Ok(Status::Done) };
        let request = parse(&line).map_err(|why| Error::input("standard input", why))?;
        let answer = match answer(request, config) {
            Ok(answer) => json!({"ok": true, "answer": answer}),
            Err(error) => json!({
                "ok": false,
                "error": {"kind": error.kind.word(), "message": error.to_string()},
            }),
        };
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            // Nobody is left to hear it.
            return Ok(Status::Done);
        }
    }
    Err(Error::input("standard input", "has more requests than are answered"))
}

#[derive(Default)]
struct Requests {
    read: Vec<u8>,
}

impl Requests {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let stdin = std::io::stdin();
        loop {
            if let Some(end) = self.read.iter().position(|&b| b == b'\n') {
                let rest = self.read.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            if self.read.len() > MOST_REQUEST {
                return Err(Error::input("standard input", "a request is too long"));
            }
            let mut waits = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
            match poll(&mut waits, PollTimeout::from(IDLE_MILLISECONDS)) {
                Ok(0) => return Err(Error::busy("standard input", "no request comes")),
                Ok(_) => {}
                Err(nix::errno::Errno::EINTR) => continue,
                Err(error) => return Err(Error::io("standard input", &error.into())),
            }
            let mut piece = [0; 4096];
            // Not by way of std's buffer, of which poll knows nothing.
            let mut file = std::fs::File::from(
                stdin.as_fd().try_clone_to_owned().map_err(|e| Error::io("standard input", &e))?,
            );
            match file.read(&mut piece) {
                Ok(0) if self.read.is_empty() => return Ok(None),
                Ok(0) => return Err(Error::input("standard input", "is cut within a request")),
                Ok(count) => self.read.extend_from_slice(&piece[..count]),
                Err(error) => return Err(Error::io("standard input", &error)),
            }
        }
    }
}

fn answer(request: Request, config: Option<&Path>) -> Result<Value, Error> {
    match request {
        Request::Hello {} => hello(),
        Request::CheckBack { peer, timeout_seconds } => {
            let settings = Settings::of(&name(&peer)?, config, None)?;
            let timeout = Duration::from_secs(timeout_seconds.clamp(1, 600));
            let gone = direction::go(&settings, &Means::default(), timeout, &|_, known| known);
            told(&Checked { values: gone.values })
        }
        Request::PublicKey { peer, make, dry_run, lock_wait_seconds } => {
            let settings = Settings::of(&name(&peer)?, config, None)?;
            let (key, changes) =
                mend::own_key(&settings, make, manner(dry_run, lock_wait_seconds))?;
            let key = key.map(|key| PublicKey::from(key.key_data().clone()).to_openssh());
            let key = key.transpose().map_err(|error| Error::failed("key", error.to_string()))?;
            told(&OwnKey { key, changes })
        }
        Request::Pin { peer, keys, dry_run, lock_wait_seconds } => {
            let settings = Settings::of(&name(&peer)?, config, None)?;
            let keys: Result<Vec<PublicKey>, Error> = keys.iter().map(|key| public(key)).collect();
            let manner = manner(dry_run, lock_wait_seconds);
            // The name of a role leads to another machine at another time: what is pinned for that stays.
            let is_its_own = leads_to(&settings.hostname, client());
            let changes = mend::pin(&settings, &keys?, &|_| !is_its_own, manner)?;
            told(&Changed { changes, faults: Vec::new() })
        }
        Request::Authorize { key, comment, dry_run, lock_wait_seconds } => {
            let key = public(&key)?;
            let from = client().ok_or_else(|| {
                Error::failed("SSH_CONNECTION", "does not say where the connection is from")
            })?;
            let comment = Peer::parse(&comment).map_or("hassh".to_owned(), |peer| peer.to_string());
            told(&mend::authorize(&key, from, &comment, manner(dry_run, lock_wait_seconds))?)
        }
        Request::Look { key } => {
            let faults = own::look(Some(&public(&key)?), client())?;
            told(&Changed { changes: Vec::new(), faults })
        }
    }
}

fn hello() -> Result<Value, Error> {
    let user = account()?;
    told(&Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned(),
        user: user.name,
        uid: user.uid.as_raw().into(),
        time_milliseconds: (unix_time() * 1000.0) as u64,
        client: client().map(|address| address.to_string()),
    })
}

fn told(answer: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::failed("answer", error.to_string()))
}

fn manner(dry_run: bool, seconds: u64) -> Manner {
    Manner { dry_run, lock_wait: Duration::from_secs(seconds.min(3600)) }
}

fn name(text: &str) -> Result<Peer, Error> {
    Peer::parse(text).map_err(|why| Error::input("request", format!("{text:?} {why}")))
}

/// A key that came over the wire: of one line, read by a parser, and never written as it came.
///
/// # Errors
/// Input, for anything else.
pub(crate) fn public(text: &str) -> Result<PublicKey, Error> {
    let one_line = !text.contains(char::is_control);
    let key = PublicKey::from_openssh(text).ok().filter(|_| one_line);
    key.map(|key| PublicKey::from(key.key_data().clone()))
        .ok_or_else(|| Error::input("key", "is no public key on one line"))
}

/// Whether the name is one of that address, and of no other.
fn leads_to(name: &str, address: Option<IpAddr>) -> bool {
    let found = (name, 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    !found.is_empty() && found.iter().all(|socket| Some(socket.ip()) == address)
}

/// Where this connection is from, as sshd says.
fn client() -> Option<IpAddr> {
    std::env::var("SSH_CONNECTION").ok()?.split(' ').next()?.parse().ok()
}
