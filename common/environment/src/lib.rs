//! Files such as /etc/environment: which variables they set, what is wrong with them, and edits that
//! touch no other line.
//!
//! Law: bytes in, bytes out, and nothing else: this crate opens no file. Every byte that an edit does
//! not have to change stays, and an edit that changes nothing changes no byte.
//!
//! Two programs read such files, and they read them differently: AIX takes a line as it stands;
//! Linux's pam_env knows `export`, quotes around a value, comments behind one, and lines that go on.
//! What such a line takes in can be far below it (pam_env passes over blank lines and comments on its
//! way), so that a file with one is read, and not edited.

mod dialect;
mod edit;
pub mod excluded;
mod parse;
mod problems;

pub use dialect::Dialect;
pub use parse::{EnvironmentFile, Variable};
pub use problems::{Problem, is_name};

#[cfg(test)]
mod tests;
