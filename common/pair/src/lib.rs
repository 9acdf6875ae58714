//! A pair of xCAT management nodes: who they are, what they share, and what runs on the one of them
//! that is the primary.
//!
//! Law: both nodes have the same file, so nothing in it says which of them this is: that is seen by
//! the addresses of the machine. Every default is filled in once, here; what the service manager of a
//! system is told, and how its words are read, stands once, here.
//! The format is documented in `man/hapair-config.5`.

mod configuration;
mod database;
mod keys;
mod manager;
mod parts;
mod proof;
mod service;

pub use configuration::{DEFAULT_FILE, Dump, Node, Pair, SCHEMA, Seconds, Versions, Vip};
pub use database::{Database, Engine};
pub use manager::{BootState, Manager, RunState};
pub use parts::{Parts, script, words, xcatd_processes};
pub use proof::Proof;
pub use service::{Conserver, Nim, Service};

#[cfg(test)]
mod tests;
