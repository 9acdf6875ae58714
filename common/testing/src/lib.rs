//! What the tests of several tools need.
//!
//! Law: tests of a tool run the real program, and read what it says as its users do. The lines of
//! every published version of a schema are kept in `tests/contract`; a field of a published line is
//! never renamed, removed or given another type.

mod contract;
mod ran;

pub use contract::{compare, directory};
pub use ran::{Ran, run};
