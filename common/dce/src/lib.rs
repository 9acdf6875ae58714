//! What a cluster serves of DCE and DFS, and by which programs.
//!
//! Law: a configuration is one that the guide "HACMP for DCE and DFS" supports, or it is refused
//! with the reason; a key that nobody knows is refused, too; every default is filled in once, here.
//! The format is documented in `man/hadce-config.5`.

mod configuration;
mod read;
mod rules;
mod service;
mod site;
mod table;

pub use configuration::{Client, Configuration, DceServer, DfsServer, HostnameRestore, SCHEMA};
pub use read::DEFAULT_FILE;
pub use service::Service;
pub use table::{Kind, NOTE_1, NOTE_2};

#[cfg(test)]
mod tests;
