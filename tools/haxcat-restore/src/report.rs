//! What is told: faults of the dump, what becomes of each table, and the totals.

use crate::Arguments;
use crate::comparison::{Compared, Counts};
use ha_json::{Error, Map, Status, Stream, Tool, Value, json, put_bytes};
use ha_xcat::Place;
use ha_xcat::dump::{Fault, Faults, Source};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Seek, Stdout, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

/// The records on standard output, and what is counted.
pub(crate) struct Report {
    tool: Tool,
    stream: Stream<Stdout>,
    verbose: bool,
    dry_run: bool,
    started: Instant,
    place: Place,
    source: Value,
    faults: Faults,
    tables: u64,
    replaced: u64,
    rows: u64,
    committed: bool,
    /// Differences, in a file without a name: who reads slowly is not to hold up the database.
    held: Option<BufWriter<File>>,
}

impl Report {
    pub(crate) fn new(tool: Tool, stream: Stream<Stdout>, arguments: &Arguments) -> Report {
        Report {
            tool,
            stream,
            verbose: arguments.verbose,
            dry_run: arguments.dry_run,
            started: Instant::now(),
            place: Place::default(),
            source: Value::Null,
            faults: Faults::default(),
            tables: 0,
            replaced: 0,
            rows: 0,
            committed: false,
            held: None,
        }
    }

    /// From here on the work is done, whatever becomes of its report.
    pub(crate) fn committed(&mut self) {
        self.committed = true;
    }

    /// Tells the person who asked for it.
    pub(crate) fn verbose(&self, text: &str) {
        if self.verbose {
            self.tool.say(text);
        }
    }

    pub(crate) fn place(&mut self, place: Place) {
        self.place = place;
    }

    /// Where the dump is from.
    pub(crate) fn source(&mut self, source: &Source) {
        self.source = json!({"path": source.what, "host": source.host, "as_of": source.as_of});
        for name in &source.others {
            let mut record =
                Map::from_iter([("reason".to_owned(), Value::from("no_part_of_a_dump"))]);
            put_bytes(&mut record, "item", name.as_bytes());
            record.insert(
                "message".to_owned(),
                "is no table that xCAT knows: it is not restored".into(),
            );
            self.stream.record("warning", &record);
        }
    }

    /// A fault of the dump.
    pub(crate) fn fault(&mut self, fault: &Fault) {
        self.faults.add(fault);
        self.verbose(&fault.to_string());
        self.stream.record(
            "problem",
            &json!({
                "item": fault.item,
                "record": fault.record,
                "line": fault.line,
                "column": fault.column,
                "severity": "error",
                "what": fault.why,
            }),
        );
    }

    /// Refuses a dump that has faults.
    ///
    /// # Errors
    /// `input`, where it has.
    pub(crate) fn refuse_faults(&self, what: &str) -> Result<(), Error> {
        self.faults.refuse(what)
    }

    /// Columns of the database that the dump does not have.
    pub(crate) fn unsaid(&mut self, table: &str, columns: &[String]) {
        if columns.is_empty() {
            return;
        }
        let message = "has columns that the dump does not have: their values go";
        self.stream.record(
            "warning",
            &json!({"reason": "unsaid_columns", "item": table, "columns": columns, "message": message}),
        );
    }

    /// A row that differs, which is told once the database is closed.
    ///
    /// # Errors
    /// `failed`, where it cannot be kept until then.
    pub(crate) fn difference(&mut self, difference: &Map<String, Value>) -> Result<(), Error> {
        let mut held = match self.held.take() {
            Some(held) => held,
            None => {
                BufWriter::new(tempfile::tempfile().map_err(|error| Error::temporary_file(&error))?)
            }
        };
        writeln!(held, "{}", Value::from(difference.clone()))
            .map_err(|error| Error::temporary_file(&error))?;
        self.held = Some(held);
        Ok(())
    }

    /// Tells the rows that differ.
    ///
    /// # Errors
    /// `failed`, where they cannot be read again.
    pub(crate) fn release(&mut self) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let mut file = held.into_inner().map_err(|error| Error::temporary_file(error.error()))?;
        file.rewind().map_err(|error| Error::temporary_file(&error))?;
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| Error::temporary_file(&error))?;
            let record: Value =
                line.parse().map_err(|_| Error::temporary_file(&ErrorKind::InvalidData.into()))?;
            self.stream.record("difference", &record);
        }
        Ok(())
    }

    /// What becomes of a table.
    pub(crate) fn table(&mut self, table: &str, rows: u64, found: &Compared, replaced: bool) {
        self.tables += 1;
        self.rows += rows;
        self.replaced += u64::from(replaced);
        self.verbose(&format!(
            "{table}: {rows} rows, {} before{}",
            found.rows,
            if replaced { "" } else { ", unchanged" }
        ));
        let count = |of: fn(&Counts) -> u64| found.counts.as_ref().map(of);
        self.stream.record(
            "change",
            &json!({
                "key": {"table": table},
                "values": {
                    "change": if replaced { "replaced" } else { "none" },
                    "rows": rows,
                    "rows_before": found.rows,
                    "same": count(|counts| counts.same),
                    "changed": count(|counts| counts.changed),
                    "added": count(|counts| counts.added),
                    "removed": count(|counts| counts.removed),
                },
            }),
        );
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// What ended the work; `failed`, where standard output cannot be written.
    pub(crate) fn end(self, done: Result<(), Error>) -> Result<Status, Error> {
        let milliseconds = u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let engine = Some(self.place.engine).filter(|engine| !engine.is_empty());
        let mut totals = Map::new();
        totals.insert("dry_run".into(), self.dry_run.into());
        totals.insert("engine".into(), engine.into());
        match &self.place.directory {
            Some(directory) => {
                put_bytes(&mut totals, "directory", directory.as_os_str().as_bytes())
            }
            None => drop(totals.insert("directory".into(), Value::Null)),
        }
        totals.insert("server".into(), self.place.server.clone().into());
        totals.insert("database".into(), self.place.database.clone().into());
        totals.insert("source".into(), self.source.clone());
        totals.insert("tables".into(), self.tables.into());
        totals.insert("replaced".into(), self.replaced.into());
        totals.insert("rows".into(), self.rows.into());
        totals.insert("faults".into(), self.faults.count.into());
        totals.insert("elapsed_seconds".into(), (f64::from(milliseconds) / 1000.0).into());
        match done {
            Ok(()) => self.stream.end(&totals).map_err(|error| match self.committed {
                true => {
                    let why = "the restore is done and committed; only its report was not written";
                    Error::failed(error.what, format!("{}: {why}", error.why))
                }
                false => error,
            }),
            Err(error) => Err(self.stream.end_failed(&totals, error)),
        }
    }
}
