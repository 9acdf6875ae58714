//! JSON Lines in, read to change something: nothing is believed before all of it was read.

use crate::{Error, Map, Value};
use std::io::{BufRead, IsTerminal};

/// A line or pretty-printed value longer than this is refused.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// A whole stream that said of itself that it is whole and ok.
#[derive(Debug)]
pub struct Input {
    /// The name before the slash of the schema, such as `haxcat`.
    pub schema: String,
    /// The number after the slash.
    pub version: u64,
    /// The sender only told what it would do: the things that it names need not be there.
    pub dry_run: bool,
    /// The records between `begin` and `end`.
    pub records: Vec<Map<String, Value>>,
}

/// Refuses a terminal where JSON is due.
///
/// # Errors
/// Usage, when stdin is a terminal.
pub fn refuse_terminal(expected: &str) -> Result<(), Error> {
    if std::io::stdin().is_terminal() {
        return Err(Error::usage(
            "standard input",
            format!("is a terminal: {expected} is read here from a pipe or a file"),
        ));
    }
    Ok(())
}

/// Reads a stream to act on it: whole, begun once, ended with `ok`, as many records as it says.
/// Pretty-printed JSON is accepted.
///
/// # Errors
/// Kind `input`, with what is wrong, when the stream is empty, cut, failed, doubled or not JSON.
pub fn read_to_change(mut reader: impl BufRead) -> Result<Input, Error> {
    let mut schema = None;
    let mut dry_run = false;
    let mut end: Option<Map<String, Value>> = None;
    let mut records = Vec::new();
    let mut number = 0u64;
    while let Some(text) = next_value(&mut reader)? {
        number += 1;
        let object = match serde_json::from_slice(&text) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(bad(format!("value {number} is not an object"))),
            Err(error) => return Err(bad(format!("value {number} is not JSON: {error}"))),
        };
        if end.is_some() {
            return Err(bad("something follows the end of the stream: two streams in one?"));
        }
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        match (kind, &schema) {
            ("begin", None) => {
                schema = Some(schema_of(&object)?);
                dry_run = object.get("dry_run") == Some(&Value::Bool(true));
            }
            ("begin", Some(_)) => return Err(bad("a second begin stands in the stream")),
            (_, None) => return Err(bad("the first value is not a begin record with a schema")),
            ("end", Some(_)) => end = Some(object),
            _ => records.push(object),
        }
    }
    let Some((schema, version)) = schema else {
        return Err(bad("is empty: the sender failed, or wrote nothing"));
    };
    let Some(end) = end else {
        return Err(bad("is cut: the end record is missing, so the sender did not finish"));
    };
    if end.get("ok") != Some(&Value::Bool(true)) {
        let status = end.get("status").and_then(Value::as_u64).unwrap_or_default();
        return Err(bad(format!("the sender says that it failed (status {status})")));
    }
    if let Some(said) = end.get("records").and_then(Value::as_u64)
        && said != records.len() as u64
    {
        let read = records.len();
        return Err(bad(format!("{read} records came, and the end record says {said}")));
    }
    Ok(Input { schema, version, dry_run, records })
}

fn bad(why: impl Into<String>) -> Error {
    Error::input("standard input", why)
}

fn schema_of(begin: &Map<String, Value>) -> Result<(String, u64), Error> {
    let text = begin.get("schema").and_then(Value::as_str).unwrap_or_default();
    text.split_once('/')
        .filter(|(name, _)| !name.is_empty())
        .and_then(|(name, version)| Some((name.to_owned(), version.parse().ok()?)))
        .ok_or_else(|| bad(format!("the begin record has no schema such as haxcat/1: {text:?}")))
}

/// The text of the next JSON value: the lines up to the one that closes what the first opened.
fn next_value(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>, Error> {
    let mut text = Vec::new();
    let mut nesting = Nesting::default();
    loop {
        let start = text.len();
        let read = std::io::Read::take(&mut *reader, (MAX_RECORD_BYTES - start) as u64)
            .read_until(b'\n', &mut text)
            .map_err(|error| bad(crate::reason(&error)))?;
        if read == 0 {
            return match text.iter().all(u8::is_ascii_whitespace) {
                true => Ok(None),
                false if text.len() >= MAX_RECORD_BYTES => {
                    Err(bad(format!("a record is longer than {} MiB", MAX_RECORD_BYTES >> 20)))
                }
                false => Err(bad("is cut in the middle of a record")),
            };
        }
        if text[start..].iter().all(u8::is_ascii_whitespace) && !nesting.open() {
            text.truncate(start);
            continue;
        }
        nesting.read(&text[start..]);
        if !nesting.open() {
            return Ok(Some(text));
        }
    }
}

#[derive(Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    fn open(&self) -> bool {
        self.depth > 0 || self.in_string
    }

    fn read(&mut self, text: &[u8]) {
        for &byte in text {
            match (self.in_string, byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.in_string = !self.in_string,
                (false, b'{' | b'[') => self.depth += 1,
                (false, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEGIN: &str = r#"{"type":"begin","schema":"haxcat/1"}"#;
    const FILE: &str = r#"{"type":"file","key":{"path":"/a"}}"#;
    const END: &str = r#"{"type":"end","ok":true,"status":0,"records":1}"#;

    fn read(text: &str) -> Result<Input, Error> {
        read_to_change(text.as_bytes())
    }

    fn why(text: &str) -> String {
        let error = read(text).unwrap_err();
        assert_eq!(error.kind, crate::Kind::Input);
        error.why
    }

    #[test]
    fn a_whole_stream_is_read() {
        let input = read(&format!("{BEGIN}\n{FILE}\n{END}\n")).unwrap();
        assert_eq!((input.schema.as_str(), input.version, input.records.len()), ("haxcat", 1, 1));
    }

    #[test]
    fn pretty_printed_json_is_read() {
        let pretty: String = [BEGIN, FILE, END]
            .map(|line| {
                let value: Value = serde_json::from_str(line).unwrap();
                serde_json::to_string_pretty(&value).unwrap() + "\n\n"
            })
            .concat();
        assert_eq!(read(&pretty).unwrap().records.len(), 1);
    }

    #[test]
    fn braces_and_quotes_inside_strings_do_not_end_a_record() {
        let odd = "{\n\"type\":\"file\",\"key\":{\"path\":\"/}\\\"{\"}}";
        let input = read(&format!("{BEGIN}\n{odd}\n{END}")).unwrap();
        assert_eq!(input.records[0]["key"]["path"], "/}\"{");
    }

    #[test]
    fn a_stream_that_is_empty_cut_failed_or_doubled_is_not_trusted() {
        assert!(why("").contains("empty"));
        assert!(why("\n\n").contains("empty"));
        assert!(why(&format!("{BEGIN}\n{FILE}\n")).contains("cut"));
        assert!(why(&format!("{BEGIN}\n{FILE}\n{{\"type\":")).contains("cut in the middle"));
        let failed = r#"{"type":"end","ok":false,"status":6}"#;
        assert!(why(&format!("{BEGIN}\n{FILE}\n{failed}")).contains("status 6"));
        let whole = format!("{BEGIN}\n{FILE}\n{END}\n");
        assert!(why(&format!("{whole}{whole}")).contains("two streams"));
        assert!(why(&format!("{BEGIN}\n{BEGIN}\n{END}")).contains("second begin"));
        assert!(why(&format!("{FILE}\n{END}")).contains("first value"));
        assert!(why(&format!("{BEGIN}\n{END}")).contains("0 records came"));
        assert!(why(&format!("{BEGIN}\n[1]\n{END}")).contains("not an object"));
        assert!(why("{\"type\":\"begin\",\"schema\":\"x\"}").contains("no schema"));
    }

    proptest! {
        #[test]
        fn byte_soup_gives_an_answer_or_an_input_error(soup: Vec<u8>) {
            if let Err(error) = read_to_change(&soup[..]) {
                prop_assert_eq!(error.kind, crate::Kind::Input);
            }
        }

        #[test]
        fn a_stream_cut_anywhere_is_not_trusted(at in 0usize..1000) {
            let whole = format!("{BEGIN}\n{FILE}\n{END}\n");
            let at = at % (whole.len() - 1);
            prop_assert!(read_to_change(&whole.as_bytes()[..at]).is_err());
        }
    }
}
