//! A connection by libssh2: each wait has a deadline, and what the far side says has a limit.

use crate::pump::Running;
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Socket, Type};
use ssh_key::PublicKey;
use ssh2::{Channel, ErrorCode, ExtendedData, MethodType, Session};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// What a command's output may be.
const MOST_OUTPUT: u64 = 64 << 10;
/// `LIBSSH2_ERROR_TIMEOUT` and `LIBSSH2_ERROR_SOCKET_TIMEOUT`.
const TIMED_OUT: [i32; 2] = [-9, -30];

/// The ciphers and digests to ask for, the fastest of libssh2 first: it hands AES-GCM and ChaCha20 over in
/// small pieces.
const CIPHERS: &str = "aes128-ctr,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,\
                       aes256-gcm@openssh.com,chacha20-poly1305@openssh.com";
const DIGESTS: &str = "hmac-sha2-256-etm@openssh.com,hmac-sha2-256,\
                       hmac-sha2-512-etm@openssh.com,hmac-sha2-512,\
                       hmac-sha1-etm@openssh.com,hmac-sha1";

/// How far a connection came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tcp {
    /// Nobody tried.
    #[default]
    NotChecked,
    /// There is one.
    Ok,
    /// Nobody listens there.
    Refused,
    /// There was no answer in time.
    Timeout,
    /// The network does not lead there.
    Unreachable,
    /// The name has no address.
    Unresolved,
}

/// An ssh connection; not logged in at first.
pub struct Connection {
    pub(crate) session: Session,
    /// The connection's own socket once more, to wait for it, and to end it.
    pub(crate) socket: TcpStream,
    address: SocketAddr,
    watch: Watch,
}

/// What came of connecting.
pub struct Met {
    /// The connection, or how far it came and why not farther.
    pub outcome: Result<Connection, (Tcp, String)>,
    /// The address that was tried first, or that answered.
    pub address: Option<SocketAddr>,
    /// Our own address, as this connection has it.
    pub source: Option<SocketAddr>,
}

/// Ends a connection whose deadline has come, whatever the far side sends meanwhile.
struct Watch {
    deadlines: Sender<Instant>,
    fired: Arc<AtomicBool>,
}

impl Watch {
    fn over(stream: TcpStream, patience: Duration) -> Watch {
        let (deadlines, changed) = mpsc::channel();
        let fired = Arc::new(AtomicBool::new(false));
        let tells = Arc::clone(&fired);
        let mut ends = Instant::now() + patience;
        thread::spawn(move || {
            loop {
                match changed.recv_timeout(ends.saturating_duration_since(Instant::now())) {
                    Ok(later) => ends = later,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        tells.store(true, Ordering::SeqCst);
                        // It may be gone already.
                        let _ = stream.shutdown(Shutdown::Both);
                        return;
                    }
                }
            }
        });
        Watch { deadlines, fired }
    }
}

impl Connection {
    /// Connects, and exchanges keys; `types` are those to ask for, in this order.
    pub fn open(settings: &Settings, timeout: Duration, types: &[&str]) -> Met {
        let mut met =
            Met { outcome: Err((Tcp::Unresolved, String::new())), address: None, source: None };
        let (stream, address) = match connect(settings, timeout) {
            Ok(connected) => connected,
            Err((tcp, why, address)) => {
                met.address = address;
                met.outcome = Err((tcp, why));
                return met;
            }
        };
        met.address = Some(address);
        met.source = stream.local_addr().ok();
        met.outcome = shake_hands(stream, address, timeout, types);
        met
    }

    /// Of the far side.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that the far side proved to have.
    pub fn host_key(&self) -> Option<PublicKey> {
        let (blob, _) = self.session.host_key()?;
        PublicKey::from_bytes(blob).ok()
    }

    /// From now, the far side has this time.
    pub fn allow(&self, patience: Duration) {
        // Where the watch is over the connection is, too.
        let _ = self.watch.deadlines.send(Instant::now() + patience);
        let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        self.session.set_timeout(milliseconds);
    }

    /// The connection for a program that runs in `channel`, without a deadline: who waits sees to that.
    pub(crate) fn carries(self, channel: Channel) -> Running {
        Running { session: self.session, channel, socket: self.socket }
    }

    /// Whether the far side used up its time.
    pub fn is_late(&self) -> bool {
        self.watch.fired.load(Ordering::SeqCst)
            || ssh2::Error::last_session_error(&self.session).is_some_and(|error| is_late(&error))
    }

    /// Starts a command there.
    pub fn start(&self, command: &str) -> Result<Channel, String> {
        let begun = self.session.channel_session().and_then(|mut channel| {
            channel.handle_extended_data(ExtendedData::Ignore)?;
            channel.exec(command)?;
            Ok(channel)
        });
        begun.map_err(|error| format!("no command can be run there: {}", words(&error)))
    }

    /// Runs a command there: what it said, and its status.
    pub fn run(&self, command: &str, patience: Duration) -> Result<(String, i32), String> {
        self.allow(patience);
        let mut channel = self.start(command)?;
        let mut said = Vec::new();
        let read = channel.by_ref().take(MOST_OUTPUT).read_to_end(&mut said);
        if let Err(error) = read {
            return Err(match self.is_late() {
                true => "a command does not end there".to_owned(),
                false => format!("a command is cut short there: {error}"),
            });
        }
        if said.len() as u64 == MOST_OUTPUT {
            return Err("a command says more there than it should".to_owned());
        }
        let status = channel.wait_close().and_then(|()| channel.exit_status()).unwrap_or(-1);
        Ok((String::from_utf8_lossy(&said).into_owned(), status))
    }
}

fn is_late(error: &ssh2::Error) -> bool {
    matches!(error.code(), ErrorCode::Session(code) if TIMED_OUT.contains(&code))
}

/// The words of libssh2, on one line and not for ever.
pub fn words(error: &ssh2::Error) -> String {
    ha_json::one_line(error.message()).chars().take(200).collect()
}

fn shake_hands(
    stream: TcpStream,
    address: SocketAddr,
    timeout: Duration,
    types: &[&str],
) -> Result<Connection, (Tcp, String)> {
    let failed = |error: &ssh2::Error| (Tcp::Ok, format!("no ssh: {}", words(error)));
    let again = || stream.try_clone().map_err(|error| (Tcp::Ok, ha_json::reason(&error)));
    let (socket, watch) = (again()?, Watch::over(again()?, timeout));
    // A small message must not wait for the answer to the one before.
    let _ = stream.set_nodelay(true);
    let mut session = Session::new().map_err(|error| failed(&error))?;
    let supported = session.supported_algs(MethodType::HostKey).map_err(|error| failed(&error))?;
    let types: Vec<&str> = types.iter().copied().filter(|kind| supported.contains(kind)).collect();
    session.method_pref(MethodType::HostKey, &types.join(",")).map_err(|error| failed(&error))?;
    for method in [MethodType::CryptCs, MethodType::CryptSc] {
        session.method_pref(method, CIPHERS).map_err(|error| failed(&error))?;
    }
    for method in [MethodType::MacCs, MethodType::MacSc] {
        session.method_pref(method, DIGESTS).map_err(|error| failed(&error))?;
    }
    session.set_timeout(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
    session.set_tcp_stream(stream);
    if let Err(error) = session.handshake() {
        if is_late(&error) || watch.fired.load(Ordering::SeqCst) {
            let seconds = timeout.as_secs();
            let why = format!("connected, but no ssh answers within {seconds} s");
            return Err((Tcp::Timeout, why));
        }
        return Err(failed(&error));
    }
    let connection = Connection { session, socket, address, watch };
    connection.allow(timeout);
    Ok(connection)
}

/// Tries each address in its turn; the error is that of the first.
fn connect(
    settings: &Settings,
    timeout: Duration,
) -> Result<(TcpStream, SocketAddr), (Tcp, String, Option<SocketAddr>)> {
    let ends = Instant::now() + timeout;
    let addresses = resolve(settings, timeout)
        .map_err(|why| (Tcp::Unresolved, format!("{}: {why}", settings.hostname), None))?;
    let mut first = None;
    for address in addresses {
        let left = ends.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        match connect_to(address, settings.bind_address.as_deref(), left) {
            Ok(stream) => return Ok((stream, address)),
            Err(error) => {
                let (tcp, why) = match error.kind() {
                    ErrorKind::ConnectionRefused => (Tcp::Refused, "connection refused".to_owned()),
                    ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                        (Tcp::Timeout, format!("no answer within {} s", timeout.as_secs()))
                    }
                    _ => (Tcp::Unreachable, ha_json::reason(&error)),
                };
                first.get_or_insert((tcp, why, Some(address)));
            }
        }
    }
    Err(first.unwrap_or((Tcp::Unresolved, "has no address of that family".to_owned(), None)))
}

/// The system's resolver may take longer than anyone waits.
fn resolve(settings: &Settings, timeout: Duration) -> Result<Vec<SocketAddr>, String> {
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (settings.hostname.clone(), settings.port);
    thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody may wait for it any more.
        let _ = sender.send(found);
    });
    let found = match receiver.recv_timeout(timeout) {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err("the name is not known".to_owned()),
        Err(_) => return Err(format!("no answer of the name service in {} s", timeout.as_secs())),
    };
    let wanted = |address: &SocketAddr| match settings.family.as_deref() {
        Some("inet") => address.is_ipv4(),
        Some("inet6") => address.is_ipv6(),
        _ => true,
    };
    Ok(found.into_iter().filter(wanted).collect())
}

fn connect_to(
    address: SocketAddr,
    from: Option<&str>,
    patience: Duration,
) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(from) = from {
        let from: IpAddr =
            from.parse().map_err(|_| std::io::Error::other("BindAddress is no address"))?;
        socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
    }
    socket.connect_timeout(&SockAddr::from(address), patience)?;
    Ok(socket.into())
}
