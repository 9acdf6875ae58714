//! The file that says of a dump that it is whole: a stream of its own, whose `end` is the end mark.

use crate::csv_files::Rendered;
use ha_json::{Error, Map, Stream, Tool, Value, json};

/// What the manifest's lines follow.
const SCHEMA: &str = "haxcat-manifest/1";

/// The bytes of the manifest of `files`.
///
/// # Errors
/// None that writing to memory can have.
pub(crate) fn render(
    tool: Tool,
    files: &[Rendered],
    totals: &Map<String, Value>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut stream = Stream::begin_on(&mut bytes, tool, SCHEMA);
    for file in files {
        stream.record(
            "file",
            &json!({
                "key": {"file": file.name},
                "values": {
                    "size_bytes": file.size_bytes,
                    "blake3": file.blake3.to_hex().as_str(),
                    "rows": file.rows,
                    "table": file.table.map(|table| table.name),
                },
            }),
        );
    }
    stream.end(totals)?;
    Ok(bytes)
}
