//! Steps in order, as data, and the one runner of them.
//!
//! Law: a plan is pure data, made by one tool and run by the same or another; it is checked whole
//! before anything is touched; every step has a deadline and a process group; what a failed run
//! did is undone in reverse order, by the run itself or, when it was killed, by the next one.
//! The formats are documented in `man/ha-plan.5`.

mod act;
mod condition;
mod event;
mod held;
mod interrupt;
mod orders;
mod plan;
mod probe;
#[cfg(test)]
mod properties;
mod rehearsal;
mod runner;
mod state;
mod step;
mod stream;
mod sys;

pub use event::EVENTS;
pub use held::{Held, hold};
pub use interrupt::Interrupt;
pub use orders::Orders;
pub use plan::{Act, Answer, Check, Condition, OnFailure, Plan, Probe, SCHEMA, Step};
pub use probe::ask;
pub use rehearsal::rehearse;
pub use runner::run;
pub use stream::{MAX_SECONDS, is_host_name};
