//! The tables of a dump: found, checked before anything is done with them, and then read as they were
//! checked.

use super::{Entry, MANIFEST, entry};
use crate::csv::{Next, Reader};
use crate::database::{Rows, Snapshot};
use crate::fingerprint::Fingerprint;
use crate::schema::{Kind, Table};
use crate::table::{Cell, Layout, Order};
use ha_json::{Error, Input, Value, reason};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// What is read for one row, in bytes.
const ROW_BYTES: usize = 4 << 10;

/// The longest manifest that is read, in bytes: ours has some 200 for each table.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// What is wrong with a dump, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, or the table of a stream.
    pub item: String,
    /// Which record, the header being 0; none for the whole file.
    pub record: Option<u64>,
    /// The line of the file in which it begins, from 1.
    pub line: Option<u64>,
    /// The column.
    pub column: Option<String>,
    /// What is wrong; nothing of a value stands in it.
    pub why: String,
}

impl Fault {
    pub(super) fn of(item: &str, why: impl Into<String>) -> Fault {
        Fault { item: item.to_owned(), record: None, line: None, column: None, why: why.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.item)?;
        match (self.record, self.line) {
            (Some(0), _) => f.write_str(", the header")?,
            (Some(record), Some(line)) => write!(f, ", record {record} (line {line})")?,
            (Some(record), None) => write!(f, ", record {record}")?,
            _ => {}
        }
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// How many faults a dump has.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How many.
    pub count: u64,
    first: Option<String>,
}

impl Faults {
    /// Counts a fault.
    pub fn add(&mut self, fault: &Fault) {
        self.count += 1;
        self.first.get_or_insert_with(|| fault.to_string());
    }

    /// Refuses a dump that has any.
    ///
    /// # Errors
    /// `input`, with the first.
    pub fn refuse(&self, what: &str) -> Result<(), Error> {
        match (&self.first, self.count) {
            (None, _) => Ok(()),
            (Some(first), 1) => Err(Error::input(what, format!("has a fault: {first}"))),
            (Some(first), count) => {
                Err(Error::input(what, format!("has {count} faults, the first: {first}")))
            }
        }
    }
}

/// A dump.
#[derive(Debug)]
pub struct Source {
    /// The directory, absolute and without symbolic links, or `standard input`.
    pub what: String,
    /// The moment that it is of, where it says so.
    pub as_of: Option<String>,
    /// The host that it is of, where it says so.
    pub host: Option<String>,
    /// Its tables, by name.
    pub parts: Vec<Part>,
    /// Names in the directory that are no part of a dump.
    pub others: Vec<OsString>,
    /// True where a manifest tells what the files are to be.
    pub has_manifest: bool,
}

/// A table of a dump.
#[derive(Debug)]
pub struct Part {
    /// Which table.
    pub table: &'static Table,
    /// The columns in their order; known once it is checked, as all that follows.
    pub columns: Vec<String>,
    /// For each of them, whether any row has something there.
    pub used: Vec<bool>,
    /// Its rows.
    pub fingerprint: Fingerprint,
    /// The places of columns in which NULL is an empty value.
    pub(super) not_null: Vec<usize>,
    pub(super) file: File,
    /// The name of the file, or of the table of a stream.
    pub(super) name: String,
    pub(super) blake3: blake3::Hash,
    pub(super) size_bytes: u64,
    /// What the manifest says of it.
    pub(super) meant: Option<Meant>,
}

/// What a manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) size_bytes: u64,
    pub(super) blake3: String,
    pub(super) rows: u64,
}

impl Source {
    /// Finds the tables of a dump in a directory, as far as they are `wanted`; with `all` each of those
    /// must be there. What is wrong with the dump goes to `fault`.
    ///
    /// # Errors
    /// `failed`, where the directory cannot be read.
    pub fn open(
        path: &Path,
        wanted: &[&'static Table],
        all: bool,
        fault: &mut dyn FnMut(Fault),
    ) -> Result<Source, Error> {
        let said = |error: io::Error| Error::failed(path.display().to_string(), reason(&error));
        let path = &path.canonicalize().map_err(said)?;
        let (mut tables, mut others, mut manifest) = (BTreeMap::new(), Vec::new(), None);
        for found in std::fs::read_dir(path).map_err(said)? {
            let name = found.map_err(said)?.file_name();
            match entry(&name) {
                Some(Entry::Manifest) => manifest = Some(path.join(&name)),
                Some(Entry::Table(table)) => drop(tables.insert(table.name, table)),
                None => others.push(name),
            }
        }
        others.sort();
        let has_manifest = manifest.is_some();
        let told = manifest.and_then(|path| read_manifest(&path, fault));
        let meant = told.as_ref().map(|told| meant(told, fault)).unwrap_or_default();
        let mut source = Source {
            what: path.display().to_string(),
            as_of: text_of(told.as_ref().and_then(|told| told.end.get("as_of"))),
            host: text_of(told.as_ref().and_then(|told| told.begin.get("host"))),
            parts: Vec::new(),
            others,
            has_manifest,
        };
        for name in meant.keys() {
            let gone = name.strip_suffix(".csv").is_none_or(|table| !tables.contains_key(table));
            let asked = crate::schema::table(name.trim_end_matches(".csv"))
                .is_none_or(|table| wanted.contains(&table));
            if gone && asked {
                fault(Fault::of(name, "is in the manifest, and not in the directory"));
            }
        }
        for table in tables.into_values().filter(|table| wanted.contains(table)) {
            let name = format!("{}.csv", table.name);
            let meant = meant.get(&name).cloned();
            if told.is_some() && meant.is_none() {
                fault(Fault::of(&name, "is not in the manifest"));
            }
            match open(&path.join(&name)) {
                Ok(file) => source.parts.push(Part::new(table, name, file, meant)),
                Err(why) => fault(Fault::of(&name, why)),
            }
        }
        for table in wanted.iter().filter(|_| all) {
            if source.part(table).is_none() {
                let why = "is asked for, and not in the directory";
                fault(Fault::of(&format!("{}.csv", table.name), why));
            }
        }
        if source.parts.is_empty() && !all {
            let why = "holds no dump: no file TABLE.csv of a table that xCAT knows";
            fault(Fault::of(&source.what, why));
        }
        Ok(source)
    }

    /// The table of this name.
    pub fn part(&self, table: &Table) -> Option<&Part> {
        self.parts.iter().find(|part| part.table == table)
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn read_manifest(path: &Path, fault: &mut dyn FnMut(Fault)) -> Option<Input> {
    let read = || -> Result<Input, String> {
        let file = open(path)?;
        let length = file.metadata().map_err(|error| reason(&error))?.len();
        if length > MAX_MANIFEST_BYTES {
            return Err("is too long to be one".to_owned());
        }
        let input = ha_json::read_to_change(file).map_err(|error| error.why)?;
        match (input.schema.as_str(), input.version) {
            ("haxcat-manifest", 1) => Ok(input),
            (schema, version) => {
                Err(format!("is of the schema {schema}/{version}, and not haxcat-manifest/1"))
            }
        }
    };
    read().map_err(|why| fault(Fault::of(MANIFEST, why))).ok()
}

fn meant(manifest: &Input, fault: &mut dyn FnMut(Fault)) -> BTreeMap<String, Meant> {
    let mut all = BTreeMap::new();
    for record in
        manifest.records.iter().filter(|record| record.get("type") == Some(&"file".into()))
    {
        let values = record.get("values");
        let number = |name: &str| values?.get(name)?.as_u64();
        let name = text_of(record.get("key").and_then(|key| key.get("file")));
        let told = (
            name,
            number("size_bytes"),
            text_of(values.and_then(|v| v.get("blake3"))),
            number("rows"),
        );
        match told {
            (Some(name), Some(size_bytes), Some(blake3), Some(rows)) => {
                all.insert(name, Meant { size_bytes, blake3, rows });
            }
            _ => fault(Fault::of(
                MANIFEST,
                "has a record of a file without name, size, digest or rows",
            )),
        }
    }
    all
}

/// Opens a file that is one: a pipe would be waited for.
fn open(path: &Path) -> Result<File, String> {
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| reason(&error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err("is not a file".to_owned()),
        Err(error) => Err(reason(&error)),
    }
}

impl Part {
    pub(super) fn new(
        table: &'static Table,
        name: String,
        file: File,
        meant: Option<Meant>,
    ) -> Part {
        Part {
            table,
            columns: Vec::new(),
            used: Vec::new(),
            not_null: Vec::new(),
            fingerprint: Fingerprint::default(),
            file,
            name,
            blake3: blake3::hash(b""),
            size_bytes: 0,
            meant,
        }
    }

    pub(super) fn reader(&self, offset: u64, buffer_bytes: usize) -> BufReader<Hashing<'_>> {
        let hashing = Hashing { file: &self.file, offset, hasher: blake3::Hasher::new() };
        BufReader::with_capacity(buffer_bytes, hashing)
    }

    /// Its rows, in the order of the file.
    pub fn rows(&self) -> PartRows<'_> {
        PartRows { part: self, reader: Reader::new(self.reader(0, BUFFER_BYTES)), begun: false }
    }

    /// The row that begins at `offset`.
    ///
    /// # Errors
    /// `input`, where no row begins there any more.
    pub fn row_at(&self, offset: u64) -> Result<Vec<Cell<'static>>, Error> {
        let mut reader =
            Reader::at(self.reader(offset, ROW_BYTES), self.columns.len(), offset, 1, 1);
        match reader.advance() {
            Ok(Next::Row) => {
                Ok(meaning(reader.cells(), &self.not_null).into_iter().map(owned).collect())
            }
            _ => Err(self.changed()),
        }
    }

    fn changed(&self) -> Error {
        Error::input(&self.name, "changed while it was read: nothing of it is taken")
    }
}

/// What an empty field means: NULL, but where the database has no place for it.
pub(super) fn meaning<'a>(mut cells: Vec<Cell<'a>>, not_null: &[usize]) -> Vec<Cell<'a>> {
    for at in not_null {
        if let Some(cell @ None) = cells.get_mut(*at) {
            *cell = Some(Cow::Borrowed(b""));
        }
    }
    cells
}

fn owned(cell: Cell<'_>) -> Cell<'static> {
    cell.map(|bytes| Cow::Owned(bytes.into_owned()))
}

/// A file read from a place of its own, and the digest of what was read.
#[derive(Debug)]
pub(super) struct Hashing<'a> {
    file: &'a File,
    offset: u64,
    pub(super) hasher: blake3::Hasher,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(into, self.offset)?;
        self.offset += count as u64;
        self.hasher.update(&into[..count]);
        Ok(count)
    }
}

/// The rows of a part that was checked. At their end they are known to be those that were.
#[derive(Debug)]
pub struct PartRows<'a> {
    part: &'a Part,
    reader: Reader<BufReader<Hashing<'a>>>,
    begun: bool,
}

impl PartRows<'_> {
    /// Where the row begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Goes on to the next row; false at the end.
    ///
    /// # Errors
    /// `input`, where the file changed since it was checked.
    pub fn advance(&mut self) -> Result<bool, Error> {
        let said = |error: io::Error| Error::io(&self.part.name, &error);
        if !self.begun {
            self.begun = true;
            if self.reader.advance().map_err(said)? != Next::Row {
                return Err(self.part.changed());
            }
            self.reader.expect(self.part.columns.len());
        }
        match self.reader.advance().map_err(said)? {
            Next::Row => Ok(true),
            Next::Fault(_) => Err(self.part.changed()),
            Next::End if self.reader.digest() == self.part.blake3 => Ok(false),
            Next::End => Err(self.part.changed()),
        }
    }

    /// The cells of the row, one for each column.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        meaning(self.reader.cells(), &self.part.not_null)
    }
}

impl Reader<BufReader<Hashing<'_>>> {
    pub(super) fn digest(&self) -> blake3::Hash {
        self.get_ref().get_ref().hasher.finalize()
    }
}

impl Snapshot for &Source {
    fn as_of(&self) -> Option<&str> {
        self.as_of.as_deref()
    }

    fn present(&self) -> Vec<&'static str> {
        self.parts.iter().map(|part| part.table.name).collect()
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn layout(&mut self, table: &'static Table) -> Result<Option<Layout>, Error> {
        Ok(self.part(table).map(|part| Layout::new(table, &part.columns)))
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        Ok(self.part(table).map_or(0, |part| part.fingerprint.rows))
    }

    fn each_row(
        &mut self,
        table: &'static Table,
        layout: &Layout,
        order: Order,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let Some(part) = self.part(table) else { return Ok(()) };
        let names = table.columns.iter().copied().chain(layout.unknown.iter().map(String::as_str));
        let places: Vec<Option<usize>> =
            names.map(|name| part.columns.iter().position(|column| column == name)).collect();
        let arranged = |cells: &[Cell<'_>]| -> Vec<Cell<'static>> {
            let cell =
                |place: &Option<usize>| (*place).and_then(|at| owned(cells.get(at)?.clone()));
            places.iter().map(cell).collect()
        };
        if order == Order::Key {
            return part.each_by_key(&mut |cells| each(&arranged(cells)));
        }
        let mut rows = part.rows();
        while rows.advance()? {
            if !each(&arranged(&rows.cells()))? {
                break;
            }
        }
        Ok(())
    }
}

impl Part {
    /// Hands out the rows by the bytes of their keys: of each row only the key and its place are held.
    fn each_by_key(
        &self,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let keys: Vec<(usize, bool)> = self
            .table
            .keys
            .iter()
            .filter_map(|key| {
                let at = self.columns.iter().position(|column| column == key)?;
                Some((at, self.table.kind(key) == Kind::Counter))
            })
            .collect();
        let (mut rows, mut found) = (self.rows(), Vec::new());
        while rows.advance()? {
            let cells = rows.cells();
            // The shorter of two numbers is the smaller.
            let part = |(at, counter): &(usize, bool)| {
                let cell = owned(cells[*at].clone());
                let digits = cell.as_ref().filter(|_| *counter).map_or(0, |cell| cell.len());
                (digits, cell)
            };
            let key: Vec<(usize, Cell<'static>)> = keys.iter().map(part).collect();
            found.push((key, rows.offset()));
        }
        found.sort_unstable();
        for (_, offset) in found {
            if !each(&self.row_at(offset)?)? {
                break;
            }
        }
        Ok(())
    }
}

impl Rows for PartRows<'_> {
    fn next_row(&mut self) -> Result<Option<Vec<Cell<'_>>>, Error> {
        Ok(if self.advance()? { Some(self.cells()) } else { None })
    }
}
