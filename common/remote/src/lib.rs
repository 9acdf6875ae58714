//! A program on a host.
//!
//! Law: a host and a path come from one place (`host:path`, read as rsync reads it); the far
//! command is a vector of words, of which none can be taken for an option of the client; why a
//! connection failed is told in the contract's kinds, not in the client's exit status.

mod ask;
mod cipher;
mod place;
mod program;
mod shell;

pub use ask::{Machine, Reply, environment, mark, path, quoted};
pub use place::{Host, Place};
pub use program::{Program, silence, start};
pub use shell::Shell;
