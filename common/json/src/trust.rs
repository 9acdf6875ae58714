//! What makes a stream one to be trusted, and the words for what does not.

use crate::{Map, Value};

/// Of a stream in which nothing stands.
pub const EMPTY: &str = "is empty: the sender failed, or wrote nothing";
/// Of a stream without an `end`.
pub const NO_END: &str = "is cut: the end record is missing, so the sender did not finish";
/// Of a stream that ends within a value.
pub const CUT: &str = "is cut in the middle of a record";
/// Of a stream with two begins.
pub const SECOND_BEGIN: &str = "a second begin stands in the stream";
/// Of a stream that goes on after its `end`.
pub const AFTER_END: &str = "something follows the end of the stream: two streams in one?";

/// The name before the slash of a schema such as `haxcat/1`, and the number after it.
///
/// # Errors
/// What is wrong, where a `begin` or an answer has no such schema.
pub fn schema_of(begin: &Map<String, Value>) -> Result<(String, u64), String> {
    let text = begin.get("schema").and_then(Value::as_str).unwrap_or_default();
    text.split_once('/')
        .filter(|(name, _)| !name.is_empty())
        .and_then(|(name, version)| Some((name.to_owned(), version.parse().ok()?)))
        .ok_or_else(|| format!("has no schema such as haxcat/1: {text:?}"))
}

/// Whether an answer, or the `end` of a stream, says that all went well.
///
/// # Errors
/// What it says instead.
pub fn said_ok(end: &Map<String, Value>) -> Result<(), String> {
    if end.get("ok") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    let status = end.get("status").and_then(Value::as_u64).unwrap_or_default();
    Err(format!("the sender says that it failed (status {status})"))
}

/// Whether the `end` of a stream says that all went well, and counts as many records as came.
///
/// # Errors
/// What it says instead.
pub fn ended_well(end: &Map<String, Value>, records: u64) -> Result<(), String> {
    said_ok(end)?;
    match end.get("records").and_then(Value::as_u64) {
        Some(said) if said != records => {
            Err(format!("{records} records came, and the end record says {said}"))
        }
        _ => Ok(()),
    }
}
