//! One run: what is dumped, of which database, and what came of it.

use crate::Arguments;
use crate::csv_files::Rendered;
use crate::origin::{self, Named, Origin};
use crate::selection::{self, Selection};
use ha_json::{Error, Kind, Map, Stream, Tool, Value, json, put_bytes};
use ha_xcat::{Concerns, Listing, Place, Snapshot, Table};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{Duration, Instant};

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tool: Tool,
    origin: Origin,
    pub(crate) listing: Listing,
    pub(crate) selection: Selection,
    /// True where the tables were named on the command line.
    pub(crate) named: bool,
    pub(crate) dry_run: bool,
    pub(crate) show_secrets: bool,
    pub(crate) lock_wait: Duration,
    verbose: bool,
}

impl Run {
    /// Finds the tables. `named` are those of the command line.
    ///
    /// # Errors
    /// `failed`, where there is no database; `busy`, where it is locked; `input`, where a dump is not
    /// whole.
    pub(crate) fn prepare(
        tool: Tool,
        arguments: &Arguments,
        named: Vec<&'static Table>,
        origin: Named,
        totals: &mut Totals,
    ) -> Result<Run, Error> {
        let say = |text: &str| {
            if arguments.verbose {
                tool.say(text);
            }
        };
        let mut origin = origin.open(origin::patience(arguments), &named, &say)?;
        totals.place = origin.place();
        let listing = origin.list()?;
        let from_dump = matches!(origin, Origin::Dump(..));
        let mut run = Run {
            tool,
            origin,
            listing,
            named: !named.is_empty(),
            selection: Selection { tables: named, skipped: Vec::new() },
            dry_run: arguments.dry_run,
            show_secrets: arguments.show_secrets,
            lock_wait: Duration::from_secs(arguments.lock_wait),
            verbose: arguments.verbose,
        };
        if from_dump && !run.named {
            // What was left out of it was left out when it was made.
            run.selection.tables =
                run.listing.known.iter().filter_map(|name| ha_xcat::table(name)).collect();
        } else if !run.named {
            run.selection = selection::all_but(&run.skip_list()?, arguments.all);
        }
        totals.skipped = run.selection.skipped.clone();
        Ok(run)
    }

    /// `XCAT_SKIPTABLES`, else site.skiptables. A damaged site table skips nothing, and is told when
    /// its turn comes.
    fn skip_list(&mut self) -> Result<Vec<u8>, Error> {
        if let Some(list) = std::env::var_os("XCAT_SKIPTABLES").filter(|list| !list.is_empty()) {
            return Ok(list.into_vec());
        }
        let site: Vec<_> = ha_xcat::table("site").into_iter().collect();
        let mut snapshot = self.origin.snapshot(&site)?;
        match ha_xcat::site_value(&mut *snapshot, "skiptables") {
            Err(error) if error.kind == Kind::Busy => Err(error),
            found => Ok(found.ok().flatten().unwrap_or_default()),
        }
    }

    /// Opens all tables.
    ///
    /// # Errors
    /// As [`Origin::snapshot`].
    pub(crate) fn snapshot(&mut self) -> Result<Box<dyn Snapshot + '_>, Error> {
        self.origin.snapshot(&self.selection.tables)
    }

    /// The file of a table, for messages; the table where it has none.
    pub(crate) fn place_of(&self, table: &str) -> String {
        let place = self.origin.place();
        match (&place.directory, place.engine) {
            (Some(directory), "SQLite") => {
                directory.join(format!("{table}.sqlite")).display().to_string()
            }
            _ => format!("{place}: table {table}"),
        }
    }

    /// Tells the person who asked for it.
    pub(crate) fn verbose(&self, text: &str) {
        if self.verbose {
            self.tool.say(text);
        }
    }

    /// Tells of tables that the schema does not have.
    pub(crate) fn warn_of_tables<W: Write>(&self, stream: &mut Stream<W>) {
        if self.named {
            return;
        }
        for name in &self.listing.unknown {
            let mut record = Map::from_iter([("reason".into(), Value::from("unknown_table"))]);
            put_bytes(&mut record, "item", name);
            let message = "is no table that xCAT knows: it is not dumped";
            record.insert("message".into(), Value::from(message));
            stream.record("warning", &record);
        }
    }
}

/// Tells of columns that the schema does not have, and what became of them.
pub(crate) fn warn_of_columns<W: Write>(
    stream: &mut Stream<W>,
    table: &Table,
    columns: &[String],
    fate: &str,
) {
    if columns.is_empty() {
        return;
    }
    let message = format!("has columns that xCAT does not know: they {fate}");
    stream.record(
        "warning",
        &json!({
            "reason": "unknown_columns",
            "item": table.name,
            "columns": columns,
            "message": message,
        }),
    );
}

/// Tells what an administrator should know of the values; `columns` are those that were looked at.
pub(crate) fn warn_of_values<W: Write>(
    stream: &mut Stream<W>,
    table: &Table,
    unknown: &[String],
    concerns: &Concerns,
    csv: bool,
) {
    let columns: Vec<&str> =
        table.columns.iter().copied().chain(unknown.iter().map(String::as_str)).collect();
    for (concern, first) in concerns.found().filter(|(concern, _)| csv || !concern.is_of_csv()) {
        stream.record(
            "warning",
            &json!({
                "reason": concern.reason(),
                "item": table.name,
                "column": columns.get(first.column),
                "row": first.row,
                "values": first.count,
                "message": concern.message(),
            }),
        );
    }
}

/// What came of it, for the last line.
#[derive(Debug)]
pub(crate) struct Totals {
    started: Instant,
    dry_run: bool,
    place: Place,
    skipped: Vec<&'static str>,
    /// The moment the tables are as of.
    pub(crate) as_of: Option<String>,
    /// Tables that were read whole.
    pub(crate) tables: u64,
    /// Their rows.
    pub(crate) rows: u64,
    size_bytes: Option<u64>,
    /// The tables without a row, where rows are told.
    pub(crate) empty: Option<Vec<&'static str>>,
}

impl Totals {
    /// Nothing yet.
    pub(crate) fn new(dry_run: bool) -> Totals {
        Totals {
            started: Instant::now(),
            dry_run,
            place: Place::default(),
            empty: None,
            skipped: Vec::new(),
            as_of: None,
            tables: 0,
            rows: 0,
            size_bytes: None,
        }
    }

    /// It is this database.
    pub(crate) fn tell_place(&mut self, place: Place) {
        self.place = place;
    }

    /// Counts the CSV files of a dump.
    pub(crate) fn count(&mut self, files: &[Rendered], as_of: Option<&str>) {
        self.as_of = as_of.map(str::to_owned);
        self.tables = files.len() as u64;
        self.rows = files.iter().map(|file| file.rows).sum();
        self.size_bytes = Some(files.iter().map(|file| file.size_bytes).sum());
    }

    /// The fields of the last line.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("dry_run".into(), self.dry_run.into());
        let engine = Some(self.place.engine).filter(|engine| !engine.is_empty());
        fields.insert("engine".into(), engine.into());
        match &self.place.directory {
            Some(directory) => {
                put_bytes(&mut fields, "directory", directory.as_os_str().as_bytes())
            }
            None => {
                fields.insert("directory".into(), Value::Null);
            }
        }
        fields.insert("server".into(), self.place.server.clone().into());
        fields.insert("database".into(), self.place.database.clone().into());
        fields.insert("as_of".into(), self.as_of.clone().into());
        fields.insert("tables".into(), self.tables.into());
        fields.insert("skipped".into(), self.skipped.clone().into());
        fields.insert("rows".into(), self.rows.into());
        fields.insert("empty".into(), self.empty.clone().into());
        fields.insert("size_bytes".into(), self.size_bytes.into());
        let milliseconds = u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX);
        fields.insert("elapsed_seconds".into(), (f64::from(milliseconds) / 1000.0).into());
        fields
    }
}
