//! A host reached by libssh2, without an ssh client.
//!
//! Law: the settings are those of ssh for that host, and what of them libssh2 cannot follow is refused, not
//! passed over; nothing is said to a host, and nobody logs in to it, before known_hosts has its key; each
//! wait has a deadline, and what the far side says has a limit; nobody is asked for anything.

mod carry;
mod certificate;
mod connection;
pub mod host_key;
mod identity;
pub mod known_hosts;
mod peer;
mod pump;
mod reach;
mod settings;

pub use carry::carry;
pub use connection::{Connection, Met, Tcp, words};
pub use host_key::{HostKey, Verdict};
pub use identity::{Got, Means, Private, Tried, log_in, with_pub};
pub use peer::Peer;
pub use settings::{Settings, account};
pub use ssh2::Channel;
