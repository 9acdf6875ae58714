//! Run a program, and hold a lock.
//!
//! Law: a program is an argument vector, never a line for a shell; it has a deadline and a process
//! group of its own; when the deadline comes the whole group is killed; what became of it is data.

mod beside;
mod capture;
mod lock;
mod program;

pub use beside::beside;
pub use capture::{Captured, Fate, capture, capture_unless};
pub use lock::{Lock, lock_directory, lock_unless};
pub use program::{Running, start};
