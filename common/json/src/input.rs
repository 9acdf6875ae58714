//! JSON Lines in, read to change something: nothing is believed before all of it was read.

use crate::{Error, Map, Reader, Value, trust};
use std::io::{IsTerminal, Read};

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
    /// The records between `begin` and `end`; none where each was handed out as it came.
    pub records: Vec<Map<String, Value>>,
    /// The `begin` record.
    pub begin: Map<String, Value>,
    /// The `end` record.
    pub end: Map<String, Value>,
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
pub fn read_to_change(reader: impl Read) -> Result<Input, Error> {
    let mut records = Vec::new();
    let mut input = read_each(reader, &mut |record| {
        records.push(record);
        Ok(())
    })?;
    input.records = records;
    Ok(input)
}

/// As [`read_to_change`], but hands out each record as it comes: for streams that are too long to be
/// held. What `each` makes of them is not to be acted on before all of it was read.
///
/// # Errors
/// As [`read_to_change`], and what `each` fails with.
pub fn read_each(
    reader: impl Read,
    each: &mut dyn FnMut(Map<String, Value>) -> Result<(), Error>,
) -> Result<Input, Error> {
    let mut reader = Reader::new(reader);
    let mut begun: Option<Input> = None;
    let mut end: Option<Map<String, Value>> = None;
    let (mut number, mut records) = (0u64, 0u64);
    while reader.advance().map_err(|error| bad(crate::reason(&error)))? {
        number += 1;
        let object = match serde_json::from_slice(reader.text()) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(bad(format!("value {number} is not an object"))),
            Err(error) if error.is_eof() => return Err(bad(trust::CUT)),
            Err(error) => return Err(bad(format!("value {number} is not JSON: {error}"))),
        };
        if end.is_some() {
            return Err(bad(trust::AFTER_END));
        }
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        match (kind, &begun) {
            ("begin", None) => {
                let (schema, version) = trust::schema_of(&object).map_err(bad)?;
                let dry_run = object.get("dry_run") == Some(&Value::Bool(true));
                let (records, end) = (Vec::new(), Map::new());
                begun = Some(Input { schema, version, dry_run, records, begin: object, end });
            }
            ("begin", Some(_)) => return Err(bad(trust::SECOND_BEGIN)),
            (_, None) => return Err(bad("the first value is not a begin record with a schema")),
            ("end", Some(_)) => end = Some(object),
            _ => {
                records += 1;
                each(object)?;
            }
        }
    }
    let Some(mut input) = begun else { return Err(bad(trust::EMPTY)) };
    input.end = end.ok_or_else(|| bad(trust::NO_END))?;
    trust::ended_well(&input.end, records).map_err(bad)?;
    Ok(input)
}

fn bad(why: impl Into<String>) -> Error {
    Error::input("standard input", why)
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
