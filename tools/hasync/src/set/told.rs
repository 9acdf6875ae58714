//! What a set's run says: records on stdout, and in a log where one is kept.

use crate::report::Log;
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use std::io::Stdout;

/// The stream, and its copy.
pub(super) struct Told {
    stream: Stream<Stdout>,
    log: Option<Log>,
}

impl Told {
    pub(super) fn begin(
        tool: Tool,
        schema: &str,
        fields: &Map<String, Value>,
        log: Option<Log>,
    ) -> Told {
        let mut told =
            Told { stream: Stream::begin_with(std::io::stdout(), tool, schema, fields), log };
        told.log("begin", fields);
        told
    }

    pub(super) fn record(&mut self, kind: &str, record: &Map<String, Value>) {
        self.stream.record(kind, record);
        self.stream.flush();
        self.log(kind, record);
    }

    pub(super) fn failed(&mut self, kind: Kind, reason: &str, item: &str, message: &str) {
        self.stream.item_failed(kind, reason, item.as_bytes(), message);
        let words =
            [("kind", kind.word()), ("reason", reason), ("item", item), ("message", message)];
        let record = words.map(|(key, text)| (key.to_owned(), Value::from(text)));
        self.log("error", &Map::from_iter(record));
    }

    fn log(&mut self, kind: &str, record: &Map<String, Value>) {
        let Some(log) = &mut self.log else { return };
        let mut line = Map::from_iter([("type".to_owned(), Value::from(kind))]);
        line.extend(record.clone());
        if let Some(why) = log.line(Value::from(line).to_string().as_bytes()) {
            let name = log.name().to_owned();
            self.stream.item_failed(Kind::Failed, "write_error", name.as_bytes(), &why);
        }
    }

    pub(super) fn end(mut self, totals: &Map<String, Value>) -> Result<Status, Error> {
        self.log("end", totals);
        self.stream.end(totals)
    }

    pub(super) fn end_failed(mut self, totals: &Map<String, Value>, error: Error) -> Error {
        let mut end = totals.clone();
        let kind = Value::from(error.kind.word());
        end.insert("error".to_owned(), json!({"kind": kind, "message": error.to_string()}));
        self.log("end", &end);
        self.stream.end_failed(totals, error)
    }
}
