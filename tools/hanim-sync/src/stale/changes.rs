//! What hasync says, as far as it is about a resource as a whole: man/hasync.8.

use ha_json::{Map, Reader, Value, trust};
use std::io::Read;

/// So many paths are named.
const NAMED: usize = 5;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Files and the like that are new or have another content.
    pub(crate) changed: u64,
    /// What only the alternate has.
    pub(crate) deleted: u64,
    /// What is the same but for mode, owner or time: NIM may not keep them.
    pub(crate) attributes: u64,
    /// The size of the changed files.
    pub(crate) size_bytes: u64,
    /// The first of their paths.
    pub(crate) some: Vec<String>,
}

impl Changes {
    /// Whether the content differs.
    pub(crate) fn are_stale(&self) -> bool {
        self.changed + self.deleted > 0
    }

    fn take(&mut self, record: &Map<String, Value>) {
        let action = record.get("action").and_then(Value::as_str).unwrap_or_default();
        match action {
            "delete" => self.deleted += 1,
            "attributes" => self.attributes += 1,
            _ => {
                self.changed += 1;
                self.size_bytes += record.get("size_bytes").and_then(Value::as_u64).unwrap_or(0);
            }
        }
        let path = record.get("key").and_then(|key| key.get("path")).and_then(Value::as_str);
        if action != "attributes" && self.some.len() < NAMED {
            self.some.extend(path.map(str::to_owned));
        }
    }
}

/// Reads a stream `hasync/1` to its end.
///
/// # Errors
/// A sentence: what hasync says of itself, or what is wrong with the stream.
pub(crate) fn read(stream: impl Read) -> Result<Changes, String> {
    let mut reader = Reader::new(stream);
    let mut changes = Changes::default();
    let mut records = 0u64;
    let mut begun = false;
    let mut failed: Option<String> = None;
    let mut end: Option<Map<String, Value>> = None;
    while reader.advance().map_err(|error| format!("hasync's output: {error}"))? {
        let record: Map<String, Value> = serde_json::from_slice(reader.text())
            .map_err(|error| format!("hasync's output: {error}"))?;
        if end.is_some() {
            return Err(format!("hasync's output: {}", trust::AFTER_END));
        }
        match record.get("type").and_then(Value::as_str).unwrap_or_default() {
            "begin" => match trust::schema_of(&record) {
                Ok((name, 1)) if name == "hasync" && !begun => begun = true,
                Ok((name, version)) => return Err(format!("hasync answers {name}/{version}")),
                Err(why) => return Err(format!("hasync's output: {why}")),
            },
            "end" => end = Some(record),
            kind => {
                records += 1;
                match kind {
                    "change" => changes.take(&record),
                    "error" => failed = failed.or_else(|| item(&record)),
                    _ => {}
                }
            }
        }
    }
    let end = match end {
        Some(end) if begun => end,
        // On wrong usage it says nothing on standard output.
        _ if !begun => return Err("hasync said nothing".to_owned()),
        _ => return Err(format!("hasync's output {}", trust::NO_END)),
    };
    trust::ended_well(&end, records).map_err(|why| {
        let message = end.get("error").and_then(|error| error.get("message"));
        message.and_then(Value::as_str).map(str::to_owned).or(failed).unwrap_or(why)
    })?;
    Ok(changes)
}

fn item(record: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    Some(format!("{}: {}", text("item").unwrap_or("an item"), text("message")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/hasync-1/");

    fn kept(name: &str) -> Result<Changes, String> {
        read(std::fs::File::open(format!("{CONTRACT}{name}")).unwrap())
    }

    #[test]
    fn what_hasync_has_published_is_read() {
        assert!(kept("changes.jsonl").unwrap().are_stale());
        assert!(kept("dry-run.jsonl").unwrap().are_stale());
        assert_eq!(kept("unchanged.jsonl"), Ok(Changes::default()));
        for failed in ["busy.jsonl", "failed.jsonl", "partial.jsonl"] {
            let why = kept(failed).unwrap_err();
            assert!(!why.starts_with("hasync's output"), "{why}");
        }
    }

    #[test]
    fn a_stream_without_an_end_is_none() {
        let text = std::fs::read_to_string(format!("{CONTRACT}changes.jsonl")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for cut in 0..lines.len() {
            let part = lines[..cut].join("\n");
            assert!(read(part.as_bytes()).is_err(), "{cut}");
        }
        assert!(read(format!("{text}{text}").as_bytes()).is_err());
    }

    #[test]
    fn another_time_alone_is_no_other_content() {
        let mut changes = Changes::default();
        let record =
            serde_json::json!({"action": "attributes", "key": {"path": "a"}, "size_bytes": 9});
        changes.take(record.as_object().unwrap());
        assert!(!changes.are_stale());
        assert_eq!((changes.attributes, changes.size_bytes, changes.some.len()), (1, 0, 0));
    }

    proptest! {
        #[test]
        fn byte_soup_is_no_panic(soup: Vec<u8>) {
            prop_assert!(read(soup.as_slice()).is_err());
        }
    }
}
