//! JSON Lines out.

use crate::{Error, Kind, Map, Status, Tool, Value, json};
use serde::Serialize;
use std::io::{BufWriter, ErrorKind, Stdout, Write};

/// How many failed items are told one by one on stderr; stdout tells them all.
const TOLD_ON_STDERR: u64 = 20;

/// A stream on its way out: `begin`, records, `end`. Dropped without an end it stays without one,
/// and a reader answers 4: that is how a sender that died is known.
pub struct Stream<W: Write> {
    tool: Tool,
    out: BufWriter<W>,
    records: u64,
    failed: u64,
    broken: Option<std::io::Error>,
}

impl Stream<Stdout> {
    /// Opens the stream on stdout and writes its `begin` line.
    pub fn begin(tool: Tool, schema: &str) -> Self {
        Stream::begin_on(std::io::stdout(), tool, schema)
    }
}

impl<W: Write> Stream<W> {
    /// Opens the stream on `out` and writes its `begin` line.
    pub fn begin_on(out: W, tool: Tool, schema: &str) -> Self {
        Stream::begin_with(out, tool, schema, &Map::new())
    }

    /// As [`Stream::begin_on`], with more fields in the `begin` line, such as `dry_run`.
    pub fn begin_with(out: W, tool: Tool, schema: &str, fields: &Map<String, Value>) -> Self {
        let mut stream = Stream {
            tool,
            out: BufWriter::with_capacity(64 << 10, out),
            records: 0,
            failed: 0,
            broken: None,
        };
        let mut begin = Map::new();
        begin.insert("type".into(), Value::from("begin"));
        begin.insert("schema".into(), Value::from(schema));
        begin.insert("tool".into(), Value::from(tool.name));
        begin.insert("version".into(), Value::from(tool.version));
        begin.insert("host".into(), Value::from(host()));
        begin.insert("time".into(), Value::from(now()));
        begin.extend(fields.clone());
        stream.line(&begin);
        stream
    }

    /// Writes one record. `record` serializes to an object; `kind` becomes its `type`.
    pub fn record(&mut self, kind: &str, record: &impl Serialize) {
        #[derive(Serialize)]
        struct Typed<'a, T: Serialize> {
            r#type: &'a str,
            #[serde(flatten)]
            record: &'a T,
        }
        self.records += 1;
        self.line(&Typed { r#type: kind, record });
    }

    /// Writes an `error` record for an item that failed while the work goes on, and tells the
    /// person. `reason` is one word for programs: why this item failed.
    pub fn item_failed(&mut self, kind: Kind, reason: &str, item: &[u8], message: &str) {
        self.records += 1;
        self.failed += 1;
        let mut record = Map::new();
        record.insert("type".into(), Value::from("error"));
        record.insert("kind".into(), Value::from(kind.word()));
        record.insert("reason".into(), Value::from(reason));
        crate::put_bytes(&mut record, "item", item);
        record.insert("message".into(), Value::from(message));
        self.line(&record);
        if self.failed <= TOLD_ON_STDERR {
            self.tool.say(&format!("{}: {message}", String::from_utf8_lossy(item)));
        }
    }

    /// How many items failed so far.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// True once the reader has gone: a tool that only looks may stop.
    pub fn reader_gone(&self) -> bool {
        self.broken.is_some()
    }

    /// Brings what was written so far to the reader.
    pub fn flush(&mut self) {
        if self.broken.is_none()
            && let Err(error) = self.out.flush()
        {
            self.broken = Some(error);
        }
    }

    /// Writes the `end` line for work that came to its end: status 0, or 3 when an item failed.
    ///
    /// # Errors
    /// When stdout could not be written, unless its reader left.
    pub fn end(self, totals: &Map<String, Value>) -> Result<Status, Error> {
        let status = if self.failed == 0 { Status::Done } else { Status::Partial };
        self.close(status, totals, None)
    }

    /// Like [`Stream::end`] for work whose answer is no: status 1, or 3 when an item failed.
    ///
    /// # Errors
    /// As [`Stream::end`].
    pub fn end_with_no(self, totals: &Map<String, Value>) -> Result<Status, Error> {
        let status = if self.failed == 0 { Status::No } else { Status::Partial };
        self.close(status, totals, None)
    }

    /// Writes the `end` line of work that an error ended, and gives the error back for [`crate::run`].
    pub fn end_failed(self, totals: &Map<String, Value>, error: Error) -> Error {
        let tool = self.tool;
        if let Err(closing) = self.close(error.kind.status(), totals, Some(&error)) {
            // It is the lesser of the two: the status is that of what ended the work.
            tool.say(&closing.to_string());
        }
        error
    }

    fn close(
        mut self,
        status: Status,
        totals: &Map<String, Value>,
        error: Option<&Error>,
    ) -> Result<Status, Error> {
        let ok = matches!(status, Status::Done | Status::No);
        let mut end = Map::new();
        end.insert("type".into(), Value::from("end"));
        end.insert("ok".into(), Value::from(ok));
        end.insert("status".into(), Value::from(status.code()));
        end.insert("records".into(), Value::from(self.records));
        end.insert("failed".into(), Value::from(self.failed));
        end.extend(totals.clone());
        if let Some(error) = error {
            end.insert(
                "error".into(),
                json!({"kind": error.kind.word(), "message": error.to_string()}),
            );
        }
        if self.failed > TOLD_ON_STDERR {
            let more = self.failed - TOLD_ON_STDERR;
            self.tool.say(&format!("{more} more failed: the error records on stdout name them"));
        }
        self.line(&end);
        self.flush();
        match self.broken {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::io("standard output", &error))
            }
            _ => Ok(status),
        }
    }

    fn line(&mut self, value: &impl Serialize) {
        if self.broken.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.out, value)
            .map_err(std::io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"));
        if let Err(error) = written {
            self.broken = Some(error);
        }
    }
}

/// This moment, RFC 3339, UTC, whole milliseconds.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// `text` with control characters escaped, so that a file's name can forge no line of a log.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

fn host() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: Tool = Tool { name: "tool", version: "1" };

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(out: &[u8]) -> Vec<Value> {
        out.split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn a_stream_begins_with_its_schema_and_ends_with_ok() {
        let mut out = Vec::new();
        let mut stream = Stream::begin_on(&mut out, TOOL, "thing/1");
        stream.record("row", &json!({"key": {"node": "n1"}, "values": {}}));
        assert_eq!(stream.end(&Map::new()).unwrap(), Status::Done);
        let lines = lines(&out);
        assert_eq!(lines[0]["schema"], "thing/1");
        assert_eq!(lines[1]["type"], "row");
        assert_eq!(lines[2], json!({"type":"end","ok":true,"status":0,"records":1,"failed":0}));
    }

    #[test]
    fn more_fields_of_the_begin_line_stand_behind_its_own() {
        let mut out = Vec::new();
        let fields = Map::from_iter([("dry_run".to_owned(), Value::from(true))]);
        Stream::begin_with(&mut out, TOOL, "thing/1", &fields).end(&Map::new()).unwrap();
        let begin = &lines(&out)[0];
        assert_eq!((&begin["type"], &begin["dry_run"]), (&json!("begin"), &json!(true)));
    }

    #[test]
    fn a_failed_item_makes_the_end_not_ok_and_the_status_3() {
        let mut out = Vec::new();
        let mut stream = Stream::begin_on(&mut out, TOOL, "thing/1");
        stream.item_failed(Kind::Failed, "vanished", b"a\xff", "vanished");
        assert_eq!(stream.end(&Map::new()).unwrap(), Status::Partial);
        let lines = lines(&out);
        assert_eq!(lines[1]["item_base64"], "Yf8=");
        assert_eq!(lines[2]["ok"], false);
        assert_eq!(lines[2]["failed"], 1);
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        let mut gone = Stream::begin_on(Broken(ErrorKind::BrokenPipe), TOOL, "thing/1");
        gone.flush();
        assert!(gone.reader_gone());
        assert_eq!(gone.end(&Map::new()).unwrap(), Status::Done);
        let full = Stream::begin_on(Broken(ErrorKind::StorageFull), TOOL, "thing/1");
        assert_eq!(full.end(&Map::new()).unwrap_err().kind, Kind::Failed);
    }

    #[test]
    fn a_full_disk_does_not_hide_what_ended_the_work() {
        let full = Stream::begin_on(Broken(ErrorKind::StorageFull), TOOL, "thing/1");
        assert_eq!(full.end_failed(&Map::new(), Error::busy("mn", "is locked")).kind, Kind::Busy);
    }

    #[test]
    fn control_characters_never_reach_a_log_as_they_are() {
        assert_eq!(one_line("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
    }

    #[test]
    fn moments_are_utc_with_a_z() {
        let now = now();
        assert!(now.ends_with('Z') && now.len() == "2026-01-01T00:00:00.000Z".len(), "{now}");
    }
}
