//! What a client says of itself, and whether NIM can reach it.

use crate::Carrier;
use crate::master::NIMINFO;
use crate::niminfo::Niminfo;
use ha_json::{Error, reason};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The port of nimsh, the protocol that AIX 7 wants.
pub const NIMSH_PORT: u16 = 3901;

/// The port of rshd, the protocol that NIM calls `shell`.
pub const SHELL_PORT: u16 = 514;

/// So many clients are asked at a time.
const AT_A_TIME: usize = 16;

/// The protocol by which a master works on a machine: its `connect` attribute, `NIM_SHELL` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `nimsh`, and `nimsh (secure)`.
    Nimsh,
    /// `shell`: rsh.
    Shell,
}

impl Protocol {
    /// Reads a `connect` attribute or a `NIM_SHELL` value; a machine without one is called by rsh.
    pub fn of(text: Option<&str>) -> Protocol {
        match text {
            Some(text) if text.trim_start().starts_with("nimsh") => Protocol::Nimsh,
            _ => Protocol::Shell,
        }
    }

    /// NIM's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Nimsh => "nimsh",
            Protocol::Shell => "shell",
        }
    }

    /// Where the machine listens for it.
    pub fn port(self) -> u16 {
        match self {
            Protocol::Nimsh => NIMSH_PORT,
            Protocol::Shell => SHELL_PORT,
        }
    }
}

/// The client's own `/etc/niminfo`, read over the carrier; `Ok(None)` where it has none.
///
/// # Errors
/// When it gives no answer.
pub fn niminfo(carrier: &Carrier, host: &str) -> Result<Option<Niminfo>, Error> {
    let question = ["cat", NIMINFO].map(str::to_owned).to_vec();
    let replies = carrier.to(host)?.ask(&[question], carrier.patience())?;
    match replies.first() {
        Some(reply) if reply.status == 0 => Ok(Some(Niminfo::parse(&reply.stdout))),
        Some(reply) if reply.stderr.contains("ermission denied") => {
            Err(Error::failed(host, format!("{NIMINFO} cannot be read there: permission denied")))
        }
        _ => Ok(None),
    }
}

/// Runs `ask` for each of these, several at a time, and gives the answers in the same order.
pub fn each<T: Sync, A: Send>(items: &[T], ask: impl Fn(&T) -> A + Sync) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let answer = ask(item);
                    answers.lock().unwrap_or_else(|broken| broken.into_inner()).push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(|broken| broken.into_inner());
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Whether something listens at that port, asked by a connection that is closed at once.
///
/// # Errors
/// Why not, in the system's words.
pub fn listens(address: IpAddr, port: u16, patience: Duration) -> Result<(), String> {
    match TcpStream::connect_timeout(&SocketAddr::new(address, port), patience) {
        Ok(_) => Ok(()),
        Err(error) => Err(reason(&error)),
    }
}

/// The address in what `host NAME` printed: `NAME is ADDRESS, Aliases: ...` on AIX, and `NAME has
/// address ADDRESS` elsewhere. `None` where the name does not resolve.
pub fn address(printed: &str) -> Option<IpAddr> {
    printed.lines().find_map(|line| {
        let mut words =
            line.split_whitespace().skip_while(|word| !matches!(*word, "is" | "address"));
        words.next()?;
        words.next()?.trim_end_matches(',').parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_host_are_read() {
        let address = |text| address(text).map(|address| address.to_string());
        let aix = "lpar07.example.com is 192.0.2.57,  Aliases:   lpar07";
        assert_eq!(address(aix).as_deref(), Some("192.0.2.57"));
        assert_eq!(address("nima is 192.0.2.10").as_deref(), Some("192.0.2.10"));
        assert_eq!(
            address("x is an alias for y.\ny has address 192.0.2.1").as_deref(),
            Some("192.0.2.1")
        );
        assert_eq!(address("host: 0827-801 Host name x does not exist."), None);
    }

    #[test]
    fn answers_stand_in_the_order_of_the_questions() {
        let items: Vec<u64> = (0..100).collect();
        let answers = each(&items, |item| {
            std::thread::sleep(Duration::from_micros(100 - item));
            item * 2
        });
        assert_eq!(answers, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(each(&[] as &[u64], |item| *item).is_empty());
    }

    #[test]
    fn a_port_listens_or_the_cause_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ask = || listens(address.ip(), address.port(), Duration::from_secs(5));
        assert_eq!(ask(), Ok(()));
        drop(listener);
        assert_eq!(ask(), Err("connection refused".to_owned()));
    }

    #[test]
    fn a_secure_nimsh_is_nimsh() {
        assert_eq!(Protocol::of(Some("nimsh (secure)")), Protocol::Nimsh);
        assert_eq!(Protocol::of(Some("shell")), Protocol::Shell);
        assert_eq!(Protocol::of(None).port(), SHELL_PORT);
    }
}
