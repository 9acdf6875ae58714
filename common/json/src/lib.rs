//! The contract every tool keeps: how it speaks on stdout, what it accepts on stdin, how it ends.
//!
//! Law: stdout is JSON Lines; the first line says `schema`, the last says `ok`; a person reads
//! stderr, which is silent on success; only [`run`] turns a result into an exit status.
//! The format is documented for its readers in `man/ha-json.7`. This crate knows no product.

pub mod answer;
mod bytes;
mod error;
mod input;
mod output;
mod reader;
mod status;
mod tool;
pub mod trust;

pub use bytes::{bytes_of, put_bytes};
pub use error::{Error, Kind, reason};
pub use input::{Input, MAX_RECORD_BYTES, read_each, read_to_change, refuse_terminal};
pub use output::{Stream, now, one_line};
pub use reader::Reader;
pub use serde_json::{Map, Value, json};
pub use status::{EXIT_STATUSES, Status};
pub use tool::{Tool, run};
