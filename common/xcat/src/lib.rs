//! The xCAT database: where it is, what its tables are, and what a dump of it holds.
//!
//! Law: it is read as of one moment, and never changed by reading; it is replaced in one transaction
//! that holds all tables, or not at all; a password, and what a table holds, stands in no message.

mod cfgloc;
pub mod csv;
mod database;
pub mod dump;
pub mod fingerprint;
mod limits;
mod mysql;
#[cfg(feature = "odbc")]
mod odbc;
mod patience;
mod postgres;
pub mod record;
mod schema;
mod secrets;
mod sql;
mod sqlite;
mod table;
mod values;

pub use cfgloc::{Engine, Location, Server, locate};
pub use database::{Database, Listing, Place, Rows, Snapshot, Transaction, site_value};
pub use limits::{ColumnLimit, Limits};
pub use patience::Patience;
pub use schema::{Kind, Table, table, tables};
pub use secrets::is_secret;
pub use table::{Cell, Layout, Order, is_enabled};
pub use values::{Concern, Concerns};
