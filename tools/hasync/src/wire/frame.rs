//! What both kinds of message have in common.

use super::payload::Payload;
use ha_json::Error;

/// A message that can be sent as a frame.
pub(crate) trait Frame: Sized + Send + 'static {
    /// What is sent when there is nothing to say for a while.
    const PING: Self;
    /// Nothing is said after it.
    fn is_last(&self) -> bool;
    /// Appends the type byte and the fields, but for the bytes of the payload.
    fn encode(&self, out: &mut Vec<u8>);
    /// The content with which the frame ends.
    fn payload(&self) -> Option<&Payload> {
        None
    }
    /// Reads a frame of [`Frame::encode`] and [`Frame::payload`]. It is taken where it holds content.
    fn decode(frame: &mut Vec<u8>) -> Result<Self, Error>;
    /// What tells the far side why this one stops.
    fn fatal(error: Error) -> Self;
}
