//! A dump as dumpxCATdb writes it: a directory with a CSV file per table.

use crate::directory::{Stage, Target};
use crate::manifest;
use crate::run::{Run, Totals, warn_of_columns, warn_of_values};
use ha_json::{Error, Stream, Value, json};
use ha_xcat::dump::MANIFEST;
use ha_xcat::{Concerns, Order, Snapshot, Table, csv};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// How often a dump is begun anew, when the database was changed behind SQLite's back.
const ATTEMPTS: usize = 3;

/// One file of a dump.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) name: String,
    pub(crate) table: Option<&'static Table>,
    pub(crate) rows: u64,
    pub(crate) size_bytes: u64,
    pub(crate) blake3: blake3::Hash,
    /// Columns that the schema does not have.
    unknown: Vec<String>,
    concerns: Concerns,
    /// Open until it is on disk; none in a dry run.
    open: Option<File>,
}

/// Dumps the tables to `path`, and tells every file of the dump on `stream` once all is in place.
///
/// # Errors
/// Any; then an earlier dump in `path` stands as it stood.
pub(crate) fn dump<W: Write>(
    run: &mut Run,
    totals: &mut Totals,
    stream: &mut Stream<W>,
    path: &Path,
) -> Result<(), Error> {
    let target = Target::resolve(path, !run.dry_run)?;
    let _lock = if run.dry_run { None } else { Some(target.lock(run.lock_wait)?) };
    if !run.dry_run {
        target.recover()?;
    }
    target.check(run.named.then_some(&run.selection.tables))?;
    let files = attempts(run, totals, &target)?;
    report(run, stream, &target.path(), &files);
    Ok(())
}

fn attempts(run: &mut Run, totals: &mut Totals, target: &Target) -> Result<Vec<Rendered>, Error> {
    // What was there when the directory was listed is missed when it is gone, too.
    let selected = |name: &&str| run.selection.tables.iter().any(|table| table.name == *name);
    let mut seen: BTreeSet<_> = run.listing.known.iter().copied().filter(selected).collect();
    let mut attempt = 1;
    loop {
        match once(run, totals, target, &mut seen) {
            Err(Attempt::Changed(error)) if attempt < ATTEMPTS => {
                run.verbose(&format!("{error}: reading all tables again"));
                attempt += 1;
            }
            Err(Attempt::Changed(error) | Attempt::Failed(error)) => return Err(error),
            Ok(files) => return Ok(files),
        }
    }
}

/// Why an attempt came to nothing.
enum Attempt {
    /// The database was changed behind SQLite's back: another attempt may do.
    Changed(Error),
    Failed(Error),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Attempt {
        Attempt::Failed(error)
    }
}

/// `seen` holds the tables that earlier attempts had: one that is gone now vanished half-way, and
/// is not to be dumped as an empty table.
fn once(
    run: &mut Run,
    totals: &mut Totals,
    target: &Target,
    seen: &mut BTreeSet<&'static str>,
) -> Result<Vec<Rendered>, Attempt> {
    let dry_run = run.dry_run;
    let tables = run.selection.tables.clone();
    let mut snapshot = run.snapshot()?;
    let present: BTreeSet<_> = snapshot.present().into_iter().collect();
    let vanished = seen.difference(&present).next().copied();
    if let Some(table) = vanished {
        drop(snapshot);
        let why = "vanished while the tables were read: nothing was dumped";
        return Err(Attempt::Failed(Error::busy(run.place_of(table), why)));
    }
    seen.extend(present);
    let stage = if dry_run { None } else { Some(target.stage()?) };
    let written = write_tables(&tables, &mut *snapshot, stage.as_ref());
    // A file that was overwritten reads like a damaged one: what changed is the better answer.
    for table in &tables {
        snapshot.check_table(table).map_err(Attempt::Changed)?;
    }
    let mut files = written?;
    totals.count(&files, snapshot.as_of());
    // Nobody who wants to write to the database waits for our disk.
    drop(snapshot);
    for file in &files {
        run.verbose(&format!("{}: {} rows, {} bytes", file.name, file.rows, file.size_bytes));
    }
    if let Some(stage) = stage {
        let bytes = manifest::render(run.tool, &files, &totals.fields())?;
        let mut out = Digest::new(Some(stage.create(MANIFEST)?));
        out.write_all(&bytes).map_err(|error| stage.write_error(MANIFEST, &error))?;
        files.push(out.rendered(MANIFEST.to_owned(), None, Written::default()));
        for file in &mut files {
            let synced = file.open.take().map_or(Ok(()), |open| open.sync_all());
            synced.map_err(|error| stage.write_error(&file.name, &error))?;
        }
        stage.commit()?;
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn write_tables(
    tables: &[&'static Table],
    snapshot: &mut dyn Snapshot,
    stage: Option<&Stage<'_>>,
) -> Result<Vec<Rendered>, Error> {
    let mut files = Vec::with_capacity(tables.len() + 1);
    for table in tables {
        let name = format!("{}.csv", table.name);
        // Before the file: a table that cannot be read leaves none.
        let layout = snapshot.layout(table)?;
        let mut out = BufWriter::with_capacity(
            256 << 10,
            Digest::new(stage.map(|stage| stage.create(&name)).transpose()?),
        );
        let said = |error: io::Error| match stage {
            Some(stage) => stage.write_error(&name, &error),
            None => Error::io(&name, &error),
        };
        csv::write_header(&mut out, &table.columns).map_err(said)?;
        let mut written = Written::default();
        if let Some(layout) = layout {
            let Written { rows, concerns, .. } = &mut written;
            snapshot.each_row(table, &layout, Order::Kept, &mut |cells| {
                *rows += 1;
                let known = &cells[..table.columns.len()];
                for (column, value) in known.iter().enumerate() {
                    value.iter().for_each(|value| concerns.look(*rows, column, value));
                }
                csv::write_row(&mut out, known.iter().map(Option::as_deref)).map_err(said)?;
                Ok(true)
            })?;
            written.unknown = layout.unknown;
        }
        let out = out.into_inner().map_err(|error| said(error.into_error()))?;
        files.push(out.rendered(name, Some(table), written));
    }
    Ok(files)
}

/// What was found while a table was written.
#[derive(Debug, Default)]
struct Written {
    rows: u64,
    unknown: Vec<String>,
    concerns: Concerns,
}

/// Tells what the schema does not have, then the files, by path.
fn report<W: Write>(run: &Run, stream: &mut Stream<W>, path: &Path, files: &[Rendered]) {
    run.warn_of_tables(stream);
    for file in files {
        if let Some(table) = file.table {
            warn_of_columns(stream, table, &file.unknown, "are not in the CSV file");
            warn_of_values(stream, table, &[], &file.concerns, true);
        }
    }
    for file in files {
        let rows = file.table.map(|_| file.rows);
        file_record(stream, path, &file.name, file.table, rows, Some(file));
    }
    if run.dry_run {
        file_record(stream, path, MANIFEST, None, None, None);
    }
}

/// `digest` is none for the manifest of a dry run: it would hold the moment of the run.
fn file_record<W: Write>(
    stream: &mut Stream<W>,
    directory: &Path,
    name: &str,
    table: Option<&Table>,
    rows: Option<u64>,
    digest: Option<&Rendered>,
) {
    let mut key = ha_json::Map::new();
    ha_json::put_bytes(&mut key, "path", directory.join(name).as_os_str().as_encoded_bytes());
    let values = json!({
        "size_bytes": digest.map(|file| file.size_bytes),
        "blake3": digest.map(|file| file.blake3.to_hex().to_string()),
        "rows": rows,
        "table": table.map(|table| table.name),
    });
    stream.record("file", &json!({"key": Value::from(key), "values": values}));
}

/// A file, or nothing in a dry run, and the digest of what goes there.
struct Digest {
    file: Option<File>,
    hasher: blake3::Hasher,
}

impl Digest {
    fn new(file: Option<File>) -> Digest {
        Digest { file, hasher: blake3::Hasher::new() }
    }

    fn rendered(self, name: String, table: Option<&'static Table>, written: Written) -> Rendered {
        let (size_bytes, blake3) = (self.hasher.count(), self.hasher.finalize());
        let Written { rows, unknown, concerns } = written;
        Rendered { name, table, rows, size_bytes, blake3, unknown, concerns, open: self.file }
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &mut self.file {
            Some(file) => file.write(bytes)?,
            None => bytes.len(),
        };
        self.hasher.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
