//! The bytes of a table as dumpxCATdb writes them and tabrestore reads them: a line with `#` and the
//! names of the columns, then the rows, every value in quotes.

mod read;
mod write;

pub use read::{Fault, MAX_ROW_BYTES, Next, Reader};
pub use write::{write_exact, write_header, write_row};
