//! A stream of rows, as haxcat-dump writes it: kept in files without a name, one for each table, until
//! all of it came and said of itself that it is whole.

use super::check::Header;
use super::source::{Fault, Part, Source};
use crate::csv;
use crate::limits::Limits;
use crate::schema::{self, Table};
use ha_json::{Error, Map, Value, bytes_of};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read};

const STREAM: &str = "standard input";

/// The rows of a table that came so far.
struct Kept {
    table: &'static Table,
    columns: Vec<String>,
    out: BufWriter<File>,
}

impl Source {
    /// Reads a stream to its end, and checks it, as far as its tables are `wanted`; with `all` each of
    /// those must be there. What is wrong with a row goes to `fault`.
    ///
    /// # Errors
    /// `input`, where the stream is none that can be trusted, or hides secrets; `failed`, where it
    /// cannot be kept.
    pub fn of_stream(
        input: impl Read,
        wanted: &[&'static Table],
        all: bool,
        limits: &Limits,
        fault: &mut dyn FnMut(Fault),
    ) -> Result<Source, Error> {
        let mut kept: BTreeMap<&'static str, Kept> = BTreeMap::new();
        let mut number = 0;
        let told = ha_json::read_each(input, &mut |record| {
            number += 1;
            match record.get("type").and_then(Value::as_str) {
                Some("row") => keep(&record, number, wanted, &mut kept, fault),
                Some("file") => {
                    let why = "is a stream of files: name their directory with -p";
                    Err(Error::input(STREAM, why))
                }
                _ => Ok(()),
            }
        })?;
        if (told.schema.as_str(), told.version) != ("haxcat", 1) {
            let why =
                format!("is of the schema {}/{}, and not haxcat/1", told.schema, told.version);
            return Err(Error::input(STREAM, why));
        }
        // A table without rows is told at the end alone.
        let empty = told.end.get("empty").and_then(Value::as_array).into_iter().flatten();
        for table in empty.filter_map(Value::as_str).filter_map(schema::table) {
            if wanted.contains(&table) && !kept.contains_key(table.name) {
                let columns = table.columns.iter().map(|column| (*column).to_owned()).collect();
                kept.insert(table.name, Kept::new(table, columns)?);
            }
        }
        let text = |map: &Map<String, Value>, name: &str| {
            map.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let mut source = Source {
            what: STREAM.to_owned(),
            as_of: text(&told.end, "as_of"),
            host: text(&told.begin, "host"),
            parts: Vec::new(),
            others: Vec::new(),
            has_manifest: false,
        };
        for (name, kept) in kept {
            let file =
                kept.out.into_inner().map_err(|error| Error::temporary_file(error.error()))?;
            let mut part = Part::new(kept.table, format!("table {name}"), file, None);
            part.check(limits, Header::Any, fault)?;
            source.parts.push(part);
        }
        for table in wanted.iter().filter(|_| all) {
            if source.part(table).is_none() {
                let why = "is asked for, and not in the stream";
                fault(Fault::of(&format!("table {}", table.name), why));
            }
        }
        if source.parts.is_empty() && !all {
            return Err(Error::input(STREAM, "has no row and names no table"));
        }
        Ok(source)
    }
}

impl Kept {
    fn new(table: &'static Table, columns: Vec<String>) -> Result<Kept, Error> {
        let file = tempfile::tempfile().map_err(|error| Error::temporary_file(&error))?;
        let mut out = BufWriter::with_capacity(64 << 10, file);
        csv::write_header(&mut out, &columns).map_err(|error| Error::temporary_file(&error))?;
        Ok(Kept { table, columns, out })
    }
}

/// A row, and what is wrong with it.
fn keep(
    record: &Map<String, Value>,
    number: u64,
    wanted: &[&'static Table],
    kept: &mut BTreeMap<&'static str, Kept>,
    fault: &mut dyn FnMut(Fault),
) -> Result<(), Error> {
    let mut wrong = |why: &str| {
        fault(Fault { record: Some(number), ..Fault::of(STREAM, why) });
        Ok(())
    };
    let object = |name: &str| record.get(name).and_then(Value::as_object);
    let (Some(key), Some(values)) = (object("key"), object("values")) else {
        return wrong("is a row without key and values");
    };
    let Some(table) = key.get("table").and_then(Value::as_str).and_then(schema::table) else {
        return wrong("is a row of no table that xCAT knows");
    };
    if !wanted.contains(&table) {
        return Ok(());
    }
    if record.get("hidden").and_then(Value::as_array).is_some_and(|hidden| !hidden.is_empty()) {
        let why = "hides secrets, which a restore would lose: make it with --show-secrets";
        return Err(Error::input(STREAM, why));
    }
    let kept = match kept.entry(table.name) {
        std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
        std::collections::btree_map::Entry::Vacant(new) => {
            new.insert(Kept::new(table, columns_of(table, key, values))?)
        }
    };
    if count(key, values) != kept.columns.len() {
        return wrong("has other columns than the rows of its table before");
    }
    let mut cells = Vec::with_capacity(kept.columns.len());
    for column in &kept.columns {
        let of = if table.keys.contains(&column.as_str()) { key } else { values };
        match (of.get(column), bytes_of(of, column)) {
            (Some(Value::Null), _) => cells.push(None),
            (_, Some(bytes)) => cells.push(Some(bytes)),
            (None, None) => return wrong("has other columns than the rows of its table before"),
            (Some(_), None) => return wrong("has a value that is neither text nor null"),
        }
    }
    let written = csv::write_exact(&mut kept.out, cells.iter().map(|cell| cell.as_deref()));
    written.map_err(|error| Error::temporary_file(&error))
}

/// How many columns a row has, `table` not being one.
fn count(key: &Map<String, Value>, values: &Map<String, Value>) -> usize {
    (key.len() + values.len()).saturating_sub(1)
}

/// The columns that a row has: those of the schema in its order, then the others.
fn columns_of(table: &Table, key: &Map<String, Value>, values: &Map<String, Value>) -> Vec<String> {
    let names: Vec<&str> = key.keys().chain(values.keys()).map(String::as_str).collect();
    let plain = |name: &str| {
        let bare = name.strip_suffix("_base64").filter(|bare| !names.contains(bare));
        bare.unwrap_or(name).to_owned()
    };
    let found: Vec<String> =
        names.iter().filter(|name| **name != "table").map(|name| plain(name)).collect();
    let known = table.columns.iter().map(|column| (*column).to_owned());
    let known: Vec<String> = known.filter(|column| found.contains(column)).collect();
    let others = found.into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>();
    known.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Rows;
    use proptest::prelude::*;

    fn all() -> Vec<&'static Table> {
        schema::tables().iter().collect()
    }

    fn read(rows: &[&str], end: &str) -> Result<(Source, Vec<String>), Error> {
        let count = rows.len();
        let text = format!(
            "{{\"type\":\"begin\",\"schema\":\"haxcat/1\",\"host\":\"mn1\"}}\n{}\n\
             {{\"type\":\"end\",\"ok\":true,\"status\":0,\"records\":{count}{end}}}\n",
            rows.join("\n")
        );
        let mut faults = Vec::new();
        let source =
            Source::of_stream(text.as_bytes(), &all(), false, &Limits::default(), &mut |fault| {
                faults.push(fault.to_string());
            })?;
        Ok((source, faults))
    }

    const MAC: &str = r#"{"type":"row","key":{"table":"mac","node":"n1"},"values":{"interface":null,"mac":"","comments":"a\nb","disable":null}}"#;

    #[test]
    fn null_is_told_from_nothing_and_bytes_come_back() {
        let vpd = r#"{"type":"row","key":{"table":"vpd","node":"n1"},"values":{"serial_base64":"/w==","own":"x"}}"#;
        let (source, faults) = read(&[MAC, vpd], r#","as_of":"2026-11-28T00:00:00.000Z""#).unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!((source.host.as_deref(), source.parts.len()), (Some("mn1"), 2));
        let mut rows = source.parts[0].rows();
        let cells = rows.next_row().unwrap().unwrap();
        let cells: Vec<Option<&[u8]>> = cells.iter().map(|cell| cell.as_deref()).collect();
        assert_eq!(cells, [Some(&b"n1"[..]), None, Some(b""), Some(b"a\nb"), None]);
        assert_eq!(source.parts[1].columns, ["node", "serial", "own"]);
        assert_eq!(
            source.parts[1].rows().next_row().unwrap().unwrap()[1].as_deref(),
            Some(&b"\xff"[..])
        );
    }

    #[test]
    fn a_table_without_rows_is_one_where_the_end_says_so() {
        let (source, _) = read(&[MAC], r#","empty":["vpd","nonsense"]"#).unwrap();
        let names: Vec<&str> = source.parts.iter().map(|part| part.table.name).collect();
        assert_eq!(names, ["mac", "vpd"]);
        assert_eq!(source.parts[1].fingerprint.rows, 0);
    }

    #[test]
    fn what_is_not_whole_hides_secrets_or_is_no_dump_is_not_trusted() {
        let hidden = MAC.replace("\"type\"", "\"hidden\":[\"mac\"],\"type\"");
        assert!(read(&[&hidden], "").unwrap_err().why.contains("--show-secrets"));
        assert!(read(&[], "").unwrap_err().why.contains("no row"));
        assert!(read(&[r#"{"type":"file"}"#], "").unwrap_err().why.contains("-p"));
        let mut none = |_: Fault| ();
        let cut = "{\"type\":\"begin\",\"schema\":\"haxcat/1\"}\n";
        assert!(
            Source::of_stream(cut.as_bytes(), &all(), false, &Limits::default(), &mut none)
                .is_err()
        );
        let other = "{\"type\":\"begin\",\"schema\":\"hanim/1\"}\n{\"type\":\"end\",\"ok\":true}\n";
        let error =
            Source::of_stream(other.as_bytes(), &all(), false, &Limits::default(), &mut none)
                .unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Input);
    }

    #[test]
    fn a_row_that_is_none_is_a_fault_with_its_number() {
        let number = MAC.replace("\"mac\":\"\"", "\"mac\":7").replace("n1", "n2");
        let other = MAC.replace(",\"disable\":null", "").replace("n1", "n3");
        let unknown = MAC.replace("\"table\":\"mac\"", "\"table\":\"mc\"");
        let (_, faults) =
            read(&[MAC, &number, &other, &unknown, r#"{"type":"row"}"#, MAC], "").unwrap();
        let meant = [
            "record 2: has a value",
            "record 3: has other columns",
            "record 4: is a row of no table",
            "record 5: is a row without",
            "has the key of record 1 again",
        ];
        assert_eq!(faults.len(), meant.len(), "{faults:?}");
        assert!(faults.iter().zip(meant).all(|(fault, meant)| fault.contains(meant)), "{faults:?}");
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in proptest::collection::vec(proptest::option::of(any::<Vec<u8>>()), 4)) {
            let mac = schema::table("mac").unwrap();
            let cells: Vec<crate::Cell<'_>> = std::iter::once(Some(b"n".as_slice().into()))
                .chain(values.iter().map(|cell| cell.as_deref().map(Into::into)))
                .collect();
            let record = Value::from(crate::record::record(mac, &[], &cells, true).unwrap());
            let mut record = record;
            record["type"] = "row".into();
            let (source, faults) = read(&[&record.to_string()], "").unwrap();
            prop_assert!(faults.is_empty());
            let mut rows = source.parts[0].rows();
            prop_assert_eq!(rows.next_row().unwrap().unwrap(), cells);
        }
    }
}
