//! What `lsnim` printed, as a stream.

mod source;
mod values;

use ha_json::{Error, Kind, MAX_RECORD_BYTES, Map, Status, Stream, Tool, Value, put_bytes};
use ha_nim::lsnim::{self, Entries, Entry, Shape};
use ha_nim::{Problem, Severity, message};
use source::Source;
use std::io::Write;
use std::path::Path;

const SCHEMA: &str = "hanim/1";

/// Of an object as it stands in a listing; JSON makes at most six bytes of one.
const LONGEST_BYTES: usize = MAX_RECORD_BYTES / 8;

/// Reads a listing from the file, or from standard input without one and for `-`, and writes its
/// objects. Without `empty_ok` a listing in which nothing stands is not believed: it is also what a
/// command leaves that failed.
///
/// # Errors
/// Kind `input` for what is no listing; what the file or standard output say.
pub(crate) fn listing(tool: Tool, path: Option<&Path>, empty_ok: bool) -> Result<Status, Error> {
    let source = Source::of(path);
    source.refuse_terminal()?;
    tell(Stream::begin(tool, SCHEMA), &source.name(), source.read(), empty_ok)
}

/// Writes the stream of a listing that was read, or could not be.
fn tell<W: Write>(
    mut stream: Stream<W>,
    name: &str,
    listing: Result<Vec<u8>, Error>,
    empty_ok: bool,
) -> Result<Status, Error> {
    let read = listing.and_then(|listing| read(name, &listing, empty_ok));
    let (shape, read) = match read {
        Ok(read) => read,
        Err(error) => return Err(stream.end_failed(&totals(None, 0, 0), error)),
    };
    let Entries { mut entries, mut problems } = read;
    let class = |entry: &Entry| values::first(entry, "class").map(<[u8]>::to_vec);
    entries.sort_by_cached_key(|entry| (entry.name.clone(), class(entry), entry.line));
    let mut objects = 0;
    let mut before: Option<(&Entry, Map<String, Value>)> = None;
    for entry in &entries {
        if stream.reader_gone() {
            break;
        }
        if let Some(what) = unlistable(entry) {
            problems.push(Problem { line: entry.line, what, severity: Severity::Error });
            continue;
        }
        let (values, told) = values::of(entry, shape == Some(Shape::Long));
        if let Some((first, known)) = before.as_ref().filter(|(one, _)| one.name == entry.name) {
            // Once is enough where it is the same; which of two would hold is not known.
            if *known != values {
                let name = String::from_utf8_lossy(&entry.name);
                let what = format!("{name} is not what line {} says of it", first.line);
                problems.push(Problem { line: entry.line, what, severity: Severity::Error });
            }
            continue;
        }
        problems.extend(told);
        let mut key = Map::new();
        put_bytes(&mut key, "name", &entry.name);
        let record = Map::from_iter([
            ("key".to_owned(), Value::from(key)),
            ("values".to_owned(), Value::from(values.clone())),
        ]);
        stream.record("object", &record);
        objects += 1;
        before = Some((entry, values));
    }
    problems.sort_by_key(|problem| problem.line);
    let warnings = problems.iter().filter(|problem| problem.severity == Severity::Warning);
    let mut warned = 0;
    for warning in warnings {
        stream.record("problem", warning);
        warned += 1;
    }
    for error in problems.iter().filter(|problem| problem.severity == Severity::Error) {
        let item = format!("{name} line {}", error.line);
        stream.item_failed(Kind::Input, "unreadable", item.as_bytes(), &error.what);
    }
    stream.end(&totals(shape, objects, warned))
}

fn read(name: &str, listing: &[u8], empty_ok: bool) -> Result<(Option<Shape>, Entries), Error> {
    if let Some(shape) = lsnim::shape(listing) {
        let mut read = lsnim::read(shape, listing);
        if !listing.ends_with(b"\n") {
            let line = listing.split(|byte| *byte == b'\n').count() as u64;
            let what =
                "the line has no end: the listing was cut, or lost its last newline".to_owned();
            read.problems.push(Problem { line, what, severity: Severity::Error });
        }
        return Ok((Some(shape), read));
    }
    if listing.trim_ascii().is_empty() {
        return match empty_ok {
            true => Ok((None, Entries::default())),
            false => Err(Error::input(
                name,
                "is empty: lsnim failed, or there is no such object; where that may be, say --empty-ok",
            )),
        };
    }
    Err(Error::input(name, no_listing(listing)))
}

/// Why a text in which something stands is no listing.
fn no_listing(text: &[u8]) -> String {
    let Some(said) = message::cause(&String::from_utf8_lossy(text)) else {
        return "is no listing of lsnim: no object is in it".to_owned();
    };
    let told = format!("is no listing: {} says {}: {}", said.method, said.code, said.text);
    let told = told.trim_end_matches('.');
    match message::explain(&said.code) {
        Some(known) => format!("{told}; {}: {}", known.cause, known.next_step),
        None => told.to_owned(),
    }
}

/// Why an object cannot be a record.
fn unlistable(entry: &Entry) -> Option<String> {
    let length: usize = entry.attributes.iter().map(|one| one.value.len() + one.name.len()).sum();
    let name = String::from_utf8_lossy(&entry.name);
    (length > LONGEST_BYTES).then(|| {
        let name: String = name.chars().take(100).collect();
        format!("{name} is longer than {} MiB", LONGEST_BYTES >> 20)
    })
}

fn totals(shape: Option<Shape>, objects: u64, problems: u64) -> Map<String, Value> {
    let shape = shape.map(|shape| match shape {
        Shape::Long => "long",
        Shape::Short => "short",
        Shape::Columns => "columns",
    });
    Map::from_iter([
        ("listing".to_owned(), Value::from(shape)),
        ("objects".to_owned(), Value::from(objects)),
        ("problems".to_owned(), Value::from(problems)),
    ])
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
