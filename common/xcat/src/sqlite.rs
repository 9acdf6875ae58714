//! SQLite: a directory with a file per table.

mod attached;
mod directory;
mod file;
mod files;
mod rows;

pub(crate) use directory::Directory;
