//! `--from-json`: the paths that a stream's `file` records name.

use crate::source::{Expected, Node};
use ha_json::{Error, Map, Value, bytes_of, read_to_change};
use std::io::Read;

/// Reads the whole stream on stdin before anything is done.
///
/// # Errors
/// Kind `input` when the stream is not to be trusted, names no file, or only says what would be
/// done, unless this run does the same.
pub(crate) fn read(dry_run: bool) -> Result<Node, Error> {
    parse(std::io::stdin().lock(), dry_run)
}

/// As [`read`], from anywhere.
pub(crate) fn parse(stream: impl Read, dry_run: bool) -> Result<Node, Error> {
    let input = read_to_change(stream)?;
    if input.dry_run && !dry_run {
        let why = "is of a dry run: what it names was not written (with -n it can be read)";
        return Err(Error::input("standard input", why));
    }
    select(&input.records)
}

fn select(records: &[Map<String, Value>]) -> Result<Node, Error> {
    let mut node = Node::default();
    let files = || records.iter().filter(|record| record.get("type") == Some(&"file".into()));
    for record in files() {
        let (path, expected) = file(record)?;
        if !node.add(&path, Some(expected)) {
            return Err(bad(&path, "has a component \"..\" or is too long"));
        }
    }
    if files().next().is_none() {
        return Err(Error::input(
            "standard input",
            "has no file record: there is nothing to bring",
        ));
    }
    Ok(node)
}

fn file(record: &Map<String, Value>) -> Result<(Vec<u8>, Expected), Error> {
    let path = record
        .get("key")
        .and_then(Value::as_object)
        .and_then(|key| bytes_of(key, "path"))
        .ok_or_else(|| Error::input("standard input", "a file record has no key.path"))?;
    if !path.starts_with(b"/") || path.contains(&0) {
        return Err(bad(&path, "is not an absolute path"));
    }
    let values = record.get("values").and_then(Value::as_object);
    let value = |name| values.and_then(|values| values.get(name)).filter(|v| !v.is_null());
    let size = match value("size_bytes") {
        Some(size) => {
            Some(size.as_u64().ok_or_else(|| bad(&path, "has a size_bytes that is no number"))?)
        }
        None => None,
    };
    let digest = match value("blake3") {
        Some(digest) => {
            let digest = digest.as_str().and_then(|hex| blake3::Hash::from_hex(hex).ok());
            Some(*digest.ok_or_else(|| bad(&path, "has a blake3 that is no digest"))?.as_bytes())
        }
        None => None,
    };
    Ok((path, Expected { size, digest }))
}

fn bad(path: &[u8], why: &str) -> Error {
    Error::input(String::from_utf8_lossy(path), why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn from(record: Value) -> Result<Node, Error> {
        match record {
            Value::Object(record) => select(&[record]),
            _ => Err(Error::input("test", "no object")),
        }
    }

    #[test]
    fn a_record_names_a_path_and_what_it_holds() {
        let digest = blake3::hash(b"x").to_hex().to_string();
        let node = from(json!({"type": "file", "key": {"path": "/d/site.csv"},
            "values": {"size_bytes": 1, "blake3": digest, "rows": null}}))
        .unwrap();
        let file = &node.children[&b"d"[..]].children[&b"site.csv"[..]];
        let expected = file.expected.clone().unwrap();
        assert_eq!(expected.size, Some(1));
        assert_eq!(expected.digest, Some(*blake3::hash(b"x").as_bytes()));
    }

    #[test]
    fn a_record_that_could_lead_astray_is_not_trusted() {
        for record in [
            json!({"type": "file", "key": {"path": "relative"}}),
            json!({"type": "file", "key": {"path": "/a/../../b"}}),
            json!({"type": "file", "key": {}}),
            json!({"type": "file", "key": {"path": "/a"}, "values": {"size_bytes": "1"}}),
            json!({"type": "file", "key": {"path": "/a"}, "values": {"blake3": "00"}}),
            json!({"type": "row", "key": {"path": "/a"}}),
        ] {
            assert_eq!(from(record.clone()).unwrap_err().kind, ha_json::Kind::Input, "{record}");
        }
    }
}
