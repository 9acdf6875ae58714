//! Configuration files of the tools: one object of JSON, taken key by key.
//!
//! Law: a key that nobody knows, one that stands there twice, and a value of another type are
//! refused with the name of the key; a file that others could have written is refused, because it
//! names programs that root will run. It knows no product.

mod keys;
mod read;
mod site;
mod strict;

pub use keys::Keys;
pub use read::read;
pub use site::{distinct, steps};
