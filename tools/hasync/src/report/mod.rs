//! What hasync says: records on stdout, progress and totals for a person on stderr.

mod format;
mod log;

pub(crate) use format::{Format, Run};
pub(crate) use log::Log;

use crate::clock::Measured;
use crate::options::Options;
use crate::wire::{Action, Change, Event, Outcome, Totals};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, put_bytes};
use serde_json::json;
use std::io::{Stdout, Write};
use std::time::{Duration, Instant};

/// The schema of the stream.
pub(crate) const SCHEMA: &str = "hasync/1";
/// The schema of the stream of `hasync verify`.
const VERIFY_SCHEMA: &str = "hasync-verify/1";

pub(crate) struct Report {
    stream: Stream<Stdout>,
    tool: Tool,
    started: Instant,
    dry_run: bool,
    verify: bool,
    stats: bool,
    progress: bool,
    shown: bool,
    lines: Lines,
    /// The other end's name, where it is on a host.
    host: Option<String>,
}

/// How changes are told.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Records of them are written.
    pub(crate) records: bool,
    /// Each record has such a line.
    pub(crate) out: Option<Format>,
    /// Such lines are written to a log.
    pub(crate) log: Option<(Log, Format)>,
    pub(crate) run: Run,
}

/// Bytes that went over the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// The far side's clock against this one, where there is a far side and it told its time.
    pub(crate) skew: Option<Measured>,
}

impl Report {
    pub(crate) fn begin(tool: Tool, options: &Options, stats: bool, lines: Lines) -> Report {
        let dry_run = Map::from_iter([("dry_run".to_owned(), Value::from(options.dry_run))]);
        let stream = match options.verify {
            true => Stream::begin_with(std::io::stdout(), tool, VERIFY_SCHEMA, &Map::new()),
            false => Stream::begin_with(std::io::stdout(), tool, SCHEMA, &dry_run),
        };
        Report {
            stream,
            tool,
            started: Instant::now(),
            dry_run: options.dry_run,
            verify: options.verify,
            stats,
            progress: options.progress,
            shown: false,
            lines,
            host: None,
        }
    }

    /// The other end is on this host.
    pub(crate) fn names_host(&mut self, name: &str) {
        self.host = Some(name.to_owned());
    }

    pub(crate) fn event(&mut self, event: Event) {
        match event {
            Event::Change(change) => self.change(&change),
            Event::Failed { path, reason, message } => {
                self.clear();
                self.stream.item_failed(Kind::Failed, &reason, &path, &message);
                self.log(|_, _| [&path[..], b": ", message.as_bytes()].concat());
            }
            Event::Skipped { path, why } => {
                let mut key = Map::new();
                put_bytes(&mut key, "path", &path);
                self.stream.record("skipped", &json!({"key": key, "reason": why}));
            }
            Event::Progress { files, bytes, total_files, total_bytes, walked } => {
                let elapsed = self.started.elapsed();
                let line = progress(files, bytes, total_files, total_bytes, walked, elapsed);
                self.show(&line);
            }
        }
    }

    fn change(&mut self, change: &Change) {
        if self.verify {
            self.stream.record("drift", &drift(change));
            return;
        }
        if self.lines.records {
            let mut record = record(change);
            if let Some(format) = &self.lines.out {
                put_bytes(&mut record, "line", &format.line(&self.lines.run, change));
            }
            self.stream.record("change", &record);
        }
        self.log(|format, run| format.line(run, change));
    }

    /// Writes a line to the log. That it cannot be written is told, and ends nothing.
    fn log(&mut self, line: impl FnOnce(&Format, &Run) -> Vec<u8>) {
        let Some((log, format)) = &mut self.lines.log else { return };
        if let Some(why) = log.line(&line(format, &self.lines.run)) {
            let name = log.name().to_owned();
            self.clear();
            self.stream.item_failed(Kind::Failed, "write_error", name.as_bytes(), &why);
        }
    }

    fn show(&mut self, line: &str) {
        if self.progress {
            // Progress that cannot be shown is no reason to stop.
            let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
            self.shown = true;
        }
    }

    fn clear(&mut self) {
        if self.shown {
            self.show("");
            let _ = write!(std::io::stderr(), "\r");
            self.shown = false;
        }
    }

    /// Writes the end of the stream.
    pub(crate) fn end(mut self, outcome: Outcome, traffic: Traffic) -> Result<Status, Error> {
        self.clear();
        let elapsed = self.started.elapsed();
        let Outcome { totals, error } = outcome;
        if let Some(skew) = traffic.skew.filter(|skew| skew.is_worth_a_warning()) {
            let item = self.host.take().unwrap_or_default();
            self.stream.record("warning", &json!({"item": item, "message": skew.words()}));
        }
        if self.verify {
            return self.end_verify(&totals, error, traffic, elapsed);
        }
        if self.stats {
            self.tell_stats(&totals, traffic, elapsed);
        }
        let totals = end_totals(&totals, traffic, elapsed, self.dry_run);
        match error {
            None => self.stream.end(&totals),
            Some(error) => Err(self.stream.end_failed(&totals, error)),
        }
    }

    fn end_verify(
        self,
        totals: &Totals,
        error: Option<Error>,
        traffic: Traffic,
        elapsed: Duration,
    ) -> Result<Status, Error> {
        let differing = totals.created + totals.updated + totals.attributes + totals.deleted;
        if self.stats {
            let Totals { files, unchanged, .. } = totals;
            self.tool.say(&format!(
                "{files} entries: {unchanged} the same, {differing} differing, {} failed; {} read \
                 in {:.2} s",
                self.stream.failed(),
                size(totals.bytes_read),
                elapsed.as_secs_f64()
            ));
        }
        let mut map = Map::new();
        for (name, value) in [
            ("files", totals.files),
            ("same", totals.unchanged),
            ("differing", differing),
            ("only_in_source", totals.created),
            ("only_in_destination", totals.deleted),
            ("read_bytes", totals.bytes_read),
            ("sent_bytes", traffic.sent),
            ("received_bytes", traffic.received),
        ] {
            map.insert(name.into(), Value::from(value));
        }
        put_elapsed(&mut map, traffic, elapsed);
        match error {
            None if differing == 0 => self.stream.end(&map),
            None => self.stream.end_with_no(&map),
            Some(error) => Err(self.stream.end_failed(&map, error)),
        }
    }

    fn tell_stats(&self, totals: &Totals, traffic: Traffic, elapsed: Duration) {
        let Totals { files, created, updated, attributes, deleted, unchanged, .. } = totals;
        self.tool.say(&format!(
            "{files} entries: {created} created, {updated} updated, {attributes} with new \
             attributes, {deleted} deleted, {unchanged} unchanged, {} failed",
            self.stream.failed()
        ));
        self.tool.say(&format!(
            "{} of content sent, {} found at the destination, {} on the way there and {} back, \
             in {:.2} s",
            size(totals.literal),
            size(totals.matched),
            size(traffic.sent),
            size(traffic.received),
            elapsed.as_secs_f64()
        ));
    }
}

/// How source and destination differ at one path.
fn drift(change: &Change) -> Map<String, Value> {
    let mut key = Map::new();
    put_bytes(&mut key, "path", &change.path);
    let only_in = match change.action {
        Action::Create => Value::from("source"),
        Action::Delete => Value::from("destination"),
        Action::Update | Action::Attributes => Value::Null,
    };
    let mut record = Map::new();
    record.insert("key".into(), Value::Object(key));
    record.insert("only_in".into(), only_in);
    record.insert("what".into(), Value::from(change.kind.word()));
    record.insert("why".into(), change.why.words().collect());
    record.insert("size_bytes".into(), Value::from(change.size));
    record
}

fn record(change: &Change) -> Map<String, Value> {
    let mut key = Map::new();
    put_bytes(&mut key, "path", &change.path);
    let mut record = Map::new();
    record.insert("key".into(), Value::Object(key));
    let action = match change.action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Attributes => "attributes",
        Action::Delete => "delete",
    };
    record.insert("action".into(), Value::from(action));
    record.insert("what".into(), Value::from(change.kind.word()));
    record.insert("why".into(), change.why.words().collect());
    record.insert("size_bytes".into(), Value::from(change.size));
    record
}

fn end_totals(
    totals: &Totals,
    traffic: Traffic,
    elapsed: Duration,
    dry_run: bool,
) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in [
        ("files", totals.files),
        ("created", totals.created),
        ("updated", totals.updated),
        ("attributes", totals.attributes),
        ("deleted", totals.deleted),
        ("unchanged", totals.unchanged),
        ("read_bytes", totals.bytes_read),
        ("literal_bytes", totals.literal),
        ("matched_bytes", totals.matched),
        ("sent_bytes", traffic.sent),
        ("received_bytes", traffic.received),
    ] {
        map.insert(name.into(), Value::from(value));
    }
    put_elapsed(&mut map, traffic, elapsed);
    map.insert("dry_run".into(), Value::from(dry_run));
    map
}

fn put_elapsed(map: &mut Map<String, Value>, traffic: Traffic, elapsed: Duration) {
    // Milliseconds are as fine as a whole process can be told.
    let seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
    map.insert("elapsed_seconds".into(), Value::from(seconds));
    map.insert("clock_skew_seconds".into(), Value::from(traffic.skew.map(Measured::seconds)));
}

fn progress(
    files: u64,
    bytes: u64,
    total_files: u64,
    total_bytes: u64,
    walked: bool,
    elapsed: Duration,
) -> String {
    let more = if walked { "" } else { "+" };
    let mut line = format!(
        "{files} of {total_files}{more} entries, {} of {}{more}",
        size(bytes),
        size(total_bytes)
    );
    // An entry costs about as much as 16 KiB of content.
    let weight = |files: u64, bytes: u64| bytes as f64 + files as f64 * 16384.0;
    let (done, all) = (weight(files, bytes), weight(total_files, total_bytes));
    if walked && done > 0.0 {
        let left = elapsed.as_secs_f64() * (all - done).max(0.0) / done;
        let left = left.round() as u64;
        line += &format!(", {:.0} %, {}:{:02} left", done / all * 100.0, left / 60, left % 60);
    }
    line
}

fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_only_when_the_total_is_known() {
        let second = Duration::from_secs(1);
        let line = progress(5, 0, 10, 0, true, second);
        assert_eq!(line, "5 of 10 entries, 0 bytes of 0 bytes, 50 %, 0:01 left");
        let line = progress(5, 0, 10, 0, false, second);
        assert_eq!(line, "5 of 10+ entries, 0 bytes of 0 bytes+");
    }

    #[test]
    fn sizes_are_told_in_binary_units() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1536), "1.5 KiB");
    }
}
