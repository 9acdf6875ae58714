//! Every file of a dump read to its end: its header, its rows, its keys, and what the database would
//! not take.

use super::source::{BUFFER_BYTES, Fault, Part, Source, meaning};
use crate::csv::{self, Next, Reader};
use crate::fingerprint::{Digester, Fingerprint};
use crate::limits::{ColumnLimit, Limits};
use crate::schema::Table;
use crate::table::Cell;
use ha_json::Error;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io;

/// What columns a part may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Those that xCAT knows.
    Known,
    /// Any, as a stream may have them.
    Any,
}

impl Source {
    /// Reads all of it. What is wrong goes to `fault`, whatever it is; only what had no fault is to be
    /// used.
    ///
    /// # Errors
    /// `failed`, where a file cannot be read.
    pub fn check(&mut self, limits: &Limits, fault: &mut dyn FnMut(Fault)) -> Result<(), Error> {
        self.parts.iter_mut().try_for_each(|part| part.check(limits, Header::Known, fault))
    }
}

impl Part {
    pub(super) fn check(
        &mut self,
        limits: &Limits,
        header: Header,
        fault: &mut dyn FnMut(Fault),
    ) -> Result<(), Error> {
        let checked = {
            let mut check = Check {
                part: self,
                reader: Reader::new(self.reader(0, BUFFER_BYTES)),
                fingerprint: Fingerprint::default(),
                hashes: RandomState::new(),
                keys: Vec::new(),
                used: Vec::new(),
                not_null: Vec::new(),
                fault,
            };
            let Some(columns) = check.header(header)? else { return Ok(()) };
            let limits: Vec<ColumnLimit> =
                columns.iter().map(|column| limits.column(check.part.table, column)).collect();
            check.rows(&columns, &limits)?;
            check.end();
            let blake3 = check.reader.digest();
            Checked {
                size_bytes: check.reader.offset(),
                blake3,
                columns,
                fingerprint: check.fingerprint,
                keys: check.keys,
                used: check.used,
                not_null: check.not_null,
                hashes: check.hashes,
            }
        };
        (self.size_bytes, self.blake3) = (checked.size_bytes, checked.blake3);
        (self.columns, self.fingerprint) = (checked.columns, checked.fingerprint);
        (self.used, self.not_null) = (checked.used, checked.not_null);
        self.check_manifest(fault);
        self.check_keys(checked.keys, &checked.hashes, fault)
    }

    fn check_manifest(&self, fault: &mut dyn FnMut(Fault)) {
        let Some(meant) = &self.meant else { return };
        let found = (self.size_bytes, self.blake3.to_hex().to_string());
        if (meant.size_bytes, &meant.blake3) != (found.0, &found.1) {
            let why = "is not what the manifest says: it was cut or changed after the dump (where the \
                       change is meant, remove the manifest)";
            fault(Fault::of(&self.name, why));
        } else if meant.rows != self.fingerprint.rows {
            let rows = self.fingerprint.rows;
            fault(Fault::of(
                &self.name,
                format!("has {rows} rows, and the manifest says {}", meant.rows),
            ));
        }
    }

    /// Keys that seem to stand twice are looked at again.
    fn check_keys(
        &self,
        mut keys: Vec<u64>,
        hashes: &RandomState,
        fault: &mut dyn FnMut(Fault),
    ) -> Result<(), Error> {
        keys.sort_unstable();
        let twice: HashSet<u64> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if twice.is_empty() {
            return Ok(());
        }
        let places = key_places(self.table, &self.columns);
        let mut reader = Reader::new(self.reader(0, BUFFER_BYTES));
        let said = |error: io::Error| Error::io(&self.name, &error);
        let mut first: HashMap<Vec<Vec<u8>>, u64> = HashMap::new();
        // The header.
        reader.advance().map_err(said)?;
        reader.expect(self.columns.len());
        loop {
            match reader.advance().map_err(said)? {
                Next::End => return Ok(()),
                Next::Fault(_) => {}
                Next::Row => {
                    let cells = meaning(reader.cells(), &self.not_null);
                    if !twice.contains(&hash_key(hashes, &cells, &places)) {
                        continue;
                    }
                    let key: Vec<Vec<u8>> = places
                        .iter()
                        .map(|at| cells[*at].as_deref().unwrap_or_default().to_vec())
                        .collect();
                    if let Some(record) = first.get(&key) {
                        let fault_of = Fault {
                            record: Some(reader.record()),
                            line: Some(reader.line()),
                            column: Some(self.table.keys.join(", ")),
                            ..Fault::of(&self.name, format!("has the key of record {record} again"))
                        };
                        fault(fault_of);
                    } else {
                        first.insert(key, reader.record());
                    }
                }
            }
        }
    }
}

struct Checked {
    size_bytes: u64,
    blake3: blake3::Hash,
    columns: Vec<String>,
    fingerprint: Fingerprint,
    keys: Vec<u64>,
    used: Vec<bool>,
    not_null: Vec<usize>,
    hashes: RandomState,
}

/// Where in a row the columns of the key are.
fn key_places(table: &Table, columns: &[String]) -> Vec<usize> {
    let place = |key: &&str| columns.iter().position(|column| column == key);
    table.keys.iter().filter_map(place).collect()
}

fn hash_key(hashes: &RandomState, cells: &[Cell<'_>], places: &[usize]) -> u64 {
    let mut hasher = hashes.build_hasher();
    for at in places {
        cells[*at].as_deref().hash(&mut hasher);
    }
    hasher.finish()
}

struct Check<'a, 'f> {
    part: &'a Part,
    reader: Reader<io::BufReader<super::source::Hashing<'a>>>,
    fingerprint: Fingerprint,
    hashes: RandomState,
    /// Of each row, a hash of its key.
    keys: Vec<u64>,
    used: Vec<bool>,
    not_null: Vec<usize>,
    fault: &'f mut dyn FnMut(Fault),
}

impl Check<'_, '_> {
    fn told(&mut self, record: u64, line: u64, column: Option<&str>, why: impl Into<String>) {
        let fault = Fault {
            record: Some(record),
            line: Some(line),
            column: column.map(str::to_owned),
            ..Fault::of(&self.part.name, why)
        };
        (self.fault)(fault);
    }

    fn here(&mut self, column: Option<&str>, why: impl Into<String>) {
        self.told(self.reader.record(), self.reader.line(), column, why);
    }

    fn advance(&mut self) -> Result<Next, Error> {
        self.reader.advance().map_err(|error| Error::io(&self.part.name, &error))
    }

    /// The columns; `None` where the header does not tell them, which is told.
    fn header(&mut self, manner: Header) -> Result<Option<Vec<String>>, Error> {
        match self.advance()? {
            Next::Row => {}
            Next::Fault(csv::Fault { record, line, why }) => {
                self.told(record, line, None, why);
                return Ok(None);
            }
            Next::End => {
                (self.fault)(Fault::of(&self.part.name, "is empty: not even a header is there"));
                return Ok(None);
            }
        }
        let text = |cell: &Cell<'_>| {
            String::from_utf8_lossy(cell.as_deref().unwrap_or_default()).trim_end().to_owned()
        };
        let mut columns: Vec<String> = self.reader.cells().iter().map(text).collect();
        let Some(first) = columns.first().and_then(|first| first.strip_prefix('#')) else {
            self.here(None, "does not begin with #, as the first line of a table does");
            return Ok(None);
        };
        columns[0] = first.to_owned();
        let table = self.part.table;
        let mut sound = true;
        for (at, column) in columns.iter().enumerate() {
            let known = table.columns.contains(&column.as_str());
            let why = if columns[..at].contains(column) {
                "is there twice"
            } else if column.is_empty() || (!known && manner == Header::Known) {
                "is no column that xCAT knows of this table"
            } else {
                continue;
            };
            self.here(Some(&ha_json::one_line(column)), why);
            sound = false;
        }
        for key in table.keys.iter().filter(|key| !columns.iter().any(|column| column == *key)) {
            self.here(Some(key), "is missing, and belongs to the key");
            sound = false;
        }
        self.reader.expect(columns.len());
        Ok(sound.then_some(columns))
    }

    fn rows(&mut self, columns: &[String], limits: &[ColumnLimit]) -> Result<(), Error> {
        let table = self.part.table;
        let keys = key_places(table, columns);
        self.used = vec![false; columns.len()];
        let not_null = limits.iter().enumerate().filter(|(_, limit)| limit.is_not_null());
        self.not_null = not_null.map(|(at, _)| at).collect();
        let mut refused: Vec<(usize, String)> = Vec::new();
        let mut digester = Digester::default();
        loop {
            match self.advance()? {
                Next::End => return Ok(()),
                Next::Fault(csv::Fault { record, line, why }) => self.told(record, line, None, why),
                Next::Row => {
                    let cells = meaning(self.reader.cells(), &self.not_null);
                    for (used, cell) in self.used.iter_mut().zip(&cells) {
                        *used |= cell.is_some();
                    }
                    self.fingerprint.add(digester.digest(cells.iter()));
                    self.keys.push(hash_key(&self.hashes, &cells, &keys));
                    for (at, (cell, limit)) in cells.iter().zip(limits).enumerate() {
                        let why = cell.as_deref().and_then(|value| limit.refuses(value));
                        refused.extend(why.map(|why| (at, why)));
                    }
                    if keys.iter().all(|at| cells[*at].as_deref().is_none_or(<[u8]>::is_empty)) {
                        refused.push((keys[0], "is the key, and empty".to_owned()));
                    }
                    for (at, why) in refused.drain(..) {
                        let fault = Fault {
                            record: Some(self.reader.record()),
                            line: Some(self.reader.line()),
                            column: Some(columns[at].clone()),
                            ..Fault::of(&self.part.name, why)
                        };
                        (self.fault)(fault);
                    }
                }
            }
        }
    }

    /// A file that ends within a line was cut, though all of its rows may be whole.
    fn end(&mut self) {
        if self.reader.ended_within_line() {
            self.here(None, "does not end with a newline: the file is cut");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MANIFEST;
    use super::*;
    use crate::limits::{Limit, Text};
    use std::fs;

    fn all() -> Vec<&'static Table> {
        crate::schema::tables().iter().collect()
    }

    fn faults_with(files: &[(&str, &str)], limits: &Limits) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let mut faults = Vec::new();
        let mut fault = |fault: Fault| faults.push(fault.to_string());
        let mut source = Source::open(directory.path(), &all(), false, &mut fault).unwrap();
        source.check(limits, &mut fault).unwrap();
        faults
    }

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        faults_with(files, &Limits::default())
    }

    const MAC: &str = "#node,interface,mac,comments,disable\n";

    fn of_mac(rows: &str) -> Vec<String> {
        faults(&[("mac.csv", &format!("{MAC}{rows}"))])
    }

    #[test]
    fn what_the_real_tool_writes_has_no_fault() {
        assert!(
            of_mac("\"n1\",,\"aa\",,\n\"n2\",\"say \"\"hi\"\"\",,\"two\nlines\",\"1\"\n")
                .is_empty()
        );
        assert!(faults(&[("mac.csv", MAC), ("vpd.csv.bak", "x"), ("README", "x")]).is_empty());
    }

    #[test]
    fn every_fault_is_told_with_its_file_record_and_line() {
        let rows = "\"n1\",,,,\n\"n2\",,\"a\nb\",,\n\"n1\",,,,\n,,,,\n\"n3\",,\n\"n4\",x\"y,,,\n";
        assert_eq!(
            of_mac(rows),
            [
                "mac.csv, record 4 (line 6), node: is the key, and empty",
                "mac.csv, record 5 (line 7): has 3 fields, and the header 5",
                "mac.csv, record 6 (line 8): a quote stands within a value that is not quoted",
                "mac.csv, record 3 (line 5), node: has the key of record 1 again",
            ]
        );
    }

    #[test]
    fn a_header_that_does_not_fit_the_table_is_a_fault() {
        for (header, why) in [
            ("node,mac\n", "does not begin with #"),
            ("#node,mac,mac\n", "mac: is there twice"),
            ("#node,mc\n", "mc: is no column"),
            ("#mac,comments\n", "node: is missing"),
            ("", "is empty"),
            ("#node,\"mac\n", "never closed"),
        ] {
            let faults = faults(&[("mac.csv", header)]);
            assert!(faults.len() == 1 && faults[0].contains(why), "{header:?} {faults:?}");
        }
        assert!(faults(&[("mac.csv", "#\"node\",\"mac\" \n\"n\",\"a\"\n")]).len() <= 1);
    }

    #[test]
    fn a_file_that_was_cut_at_the_end_of_a_row_is_a_fault() {
        assert!(of_mac("\"n1\",,,,").iter().any(|fault| fault.contains("file is cut")));
        assert!(
            faults(&[("mac.csv", "#node,mac")]).iter().any(|fault| fault.contains("file is cut"))
        );
    }

    #[test]
    fn what_the_database_would_not_take_is_told_without_the_value() {
        let limits = Limits::new(Limit { text: Text::Utf8ButNul, ..Limit::default() });
        let long = "x".repeat(129);
        let rows = format!("{MAC}\"{long}\",,\"S3cret\0\",,\n");
        let told = faults_with(&[("mac.csv", &rows)], &limits).join("\n");
        assert!(told.contains("node: has 129 characters") && told.contains("mac: has a NUL byte"));
        assert!(!told.contains("S3cret"));
    }

    #[test]
    fn a_dump_is_what_its_manifest_says_or_has_a_fault() {
        let text = format!("{MAC}\"n1\",,,,\n");
        let record = |name: &str, text: &str, rows: u64| {
            let digest = blake3::hash(text.as_bytes()).to_hex();
            let size = text.len();
            format!(
                "{{\"type\":\"file\",\"key\":{{\"file\":\"{name}\"}},\"values\":{{\"size_bytes\":{size},\
                 \"blake3\":\"{digest}\",\"rows\":{rows},\"table\":null}}}}\n"
            )
        };
        let manifest = |records: &str| {
            let count = records.lines().count();
            format!(
                "{{\"type\":\"begin\",\"schema\":\"haxcat-manifest/1\"}}\n{records}\
                 {{\"type\":\"end\",\"ok\":true,\"status\":0,\"records\":{count}}}\n"
            )
        };
        let of = |records: &str| faults(&[("mac.csv", &text), (MANIFEST, &manifest(records))]);
        assert!(of(&record("mac.csv", &text, 1)).is_empty());
        assert!(of(&record("mac.csv", "other", 1))[0].contains("not what the manifest says"));
        assert!(
            of(&record("mac.csv", &text, 2))[0].contains("has 1 rows, and the manifest says 2")
        );
        assert!(of("")[0].contains("mac.csv: is not in the manifest"));
        let more = record("mac.csv", &text, 1) + &record("vpd.csv", "", 0);
        assert!(of(&more)[0].contains("vpd.csv: is in the manifest, and not in the directory"));
        let cut = faults(&[
            ("mac.csv", &text),
            (MANIFEST, "{\"type\":\"begin\",\"schema\":\"haxcat-manifest/1\"}\n"),
        ]);
        assert!(cut[0].contains(MANIFEST) && cut[0].contains("cut"), "{cut:?}");
    }

    #[test]
    fn a_directory_without_a_table_or_with_something_else_in_its_place_is_no_dump() {
        assert!(faults(&[("README", "x")])[0].contains("holds no dump"));
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("mac.csv")).unwrap();
        let mut told = Vec::new();
        Source::open(directory.path(), &all(), false, &mut |fault| told.push(fault.to_string()))
            .unwrap();
        assert_eq!(told[0], "mac.csv: is not a file");
    }
}
