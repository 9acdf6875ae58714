//! Files such as /etc/environment: which variables they set, what is wrong with them, and edits that
//! touch no other line.
//!
//! Law: bytes in, bytes out, and nothing else: this crate opens no file. Every byte that an edit does
//! not have to change stays, and an edit that changes nothing changes no byte.
//!
//! Two programs read such files, and they read them differently: AIX takes a line as it stands;
//! Linux's pam_env knows `export`, quotes around a value, comments behind one, and lines that go on.

mod dialect;
mod edit;
mod parse;
mod problems;

pub use dialect::Dialect;
pub use parse::{EnvironmentFile, Variable};
pub use problems::{Problem, is_name};

#[cfg(test)]
mod tests;
