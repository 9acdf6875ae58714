//! What NIM keeps and says, and how a machine of NIM is asked.
//!
//! Law: text of AIX is parsed, never evaluated and never trusted; parsing is pure; a fault is data
//! with its line; what cannot be known is said to be unknown, never guessed. It holds no policy:
//! what a finding means is the tools' business.

mod carrier;
pub mod client;
pub mod finding;
mod level;
pub mod lsnim;
pub mod master;
pub mod message;
mod name;
pub mod niminfo;
mod object;
pub mod operation;
mod problem;
mod turn;

pub use carrier::Carrier;
pub use level::{CLIENTS_FROM, Level, NIMSH_FROM};
pub use name::{same_host, short};
pub use object::{Interface, Object, RESOURCE_TYPES, interface};
pub use problem::{Problem, Severity};
pub use turn::{STATE, Turn};
