//! Whether a port is reached, and why not.

use ha_json::reason;
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A host that takes no connection in this time is silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a connection, in one word, and in the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) word: &'static str,
    pub(crate) why: Option<String>,
}

impl Tcp {
    /// Tries it.
    pub(crate) fn to(host: &str, port: u16) -> Tcp {
        let addresses = match (host, port).to_socket_addrs() {
            Ok(addresses) => addresses,
            Err(error) => {
                return Tcp { word: "unknown", why: Some(format!("no address: {error}")) };
            }
        };
        let mut told = Tcp { word: "unknown", why: Some("no address".to_owned()) };
        for address in addresses {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(_) => return Tcp { word: "ok", why: None },
                Err(error) => told = Tcp { word: word(&error), why: Some(reason(&error)) },
            }
        }
        told
    }
}

fn word(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "timeout",
        _ => "unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_reached_and_a_closed_port_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(Tcp::to("127.0.0.1", port), Tcp { word: "ok", why: None });
        drop(listener);
        assert_eq!(Tcp::to("127.0.0.1", port).word, "refused");
        assert_eq!(Tcp::to("no-such-host.invalid", port).word, "unknown");
    }
}
