//! Files of the system, changed so that nobody ever sees half of a change.
//!
//! Law: a file is the old one or the new one, whatever fails and whoever is killed; the new one
//! belongs to whom the old one did, with its mode and its extended attributes (access lists and
//! SELinux labels are such on Linux); a symbolic link stays, and what it leads to is replaced.
//!
//! The access lists of AIX are no extended attributes and are not carried over.

mod attributes;
mod lock;
mod mounts;
mod read;
mod replace;

pub use lock::lock;
pub use mounts::{Mounted, Mounts};
pub use read::read;
pub use replace::{Durability, replace};
