//! What the two ends say to each other: `man/hasync-protocol.5`.

mod bytes;
mod frame;
mod greeting;
mod link;
mod message;
mod parts;
mod payload;
mod to_source;
mod to_standby;

pub(crate) use bytes::{Decoder, Encoder, damaged};
pub(crate) use frame::Frame;
pub(crate) use greeting::greet;
pub(crate) use link::{Counted, Outgoing, Packing, never_block, read_frame, unpacked, write_frame};
pub(crate) use message::{
    Action, Change, Details, Event, FileId, Head, MOST_ZEROS, Outcome, Part, Plea, SmallFile,
    Start, ToSource, ToStandby, Totals, Why,
};
pub(crate) use payload::{Payload, buffer};
