//! Bytes to rows, strictly: what a reader would have to guess is a fault, named with where it is.
//! However long a field is and however many there are, no more than a row's worth is kept.

use crate::table::Cell;
use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

/// The longest row that is taken, in bytes.
pub const MAX_ROW_BYTES: usize = 64 << 20;

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which record it is, the header being 0.
    pub record: u64,
    /// The line of the file in which the record begins, from 1.
    pub line: u64,
    /// The fault.
    pub why: String,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A row, which [`Reader::cells`] gives.
    Row,
    /// A record that is none.
    Fault(Fault),
    /// Nothing more.
    End,
}

/// Reads records. Where nothing stands between commas is NULL; two quotes are an empty value.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// How many fields a record has; 0 for the header, which tells.
    fields: usize,
    /// Of the record last read.
    record: u64,
    line: u64,
    offset: u64,
    /// Of what is read next.
    next_record: u64,
    next_line: u64,
    next_offset: u64,
    bytes: Vec<u8>,
    cells: Vec<Option<Range<usize>>>,
    /// The last record ended with the file, and not with a line.
    cut: bool,
}

/// Where in a record a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FieldStart,
    Bare,
    Quoted,
    /// Behind a quote within quotes: it ends the value, or stands for itself.
    Quote,
    /// A carriage return behind a closing quote, or before anything.
    Return,
    /// To the end of the line, behind a fault.
    Skipping,
}

/// A record in the making.
struct Making {
    state: State,
    start: usize,
    quoted: bool,
    count: usize,
    too_long: bool,
    why: Option<&'static str>,
}

impl<R: BufRead> Reader<R> {
    /// Reads from the header on.
    pub fn new(input: R) -> Reader<R> {
        Reader::at(input, 0, 0, 0, 1)
    }

    /// Reads from `offset` on, where record `record` begins in line `line`; it has as many `fields`.
    pub fn at(input: R, fields: usize, offset: u64, record: u64, line: u64) -> Reader<R> {
        Reader {
            input,
            fields,
            record,
            line,
            offset,
            next_record: record,
            next_line: line,
            next_offset: offset,
            bytes: Vec::new(),
            cells: Vec::new(),
            cut: false,
        }
    }

    /// True where the file ended within a line.
    pub fn ended_within_line(&self) -> bool {
        self.cut
    }

    /// From now on a record has so many fields.
    pub fn expect(&mut self, fields: usize) {
        self.fields = fields;
    }

    /// The number of the record last read; the header is 0.
    pub fn record(&self) -> u64 {
        self.record
    }

    /// The line in which it begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Where it begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its cells.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let cell = |range: &Option<Range<usize>>| {
            range.clone().map(|range| Cow::Borrowed(&self.bytes[range]))
        };
        self.cells.iter().map(cell).collect()
    }

    /// What is read from.
    pub fn get_ref(&self) -> &R {
        &self.input
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Those of reading.
    pub fn advance(&mut self) -> io::Result<Next> {
        (self.record, self.line, self.offset) =
            (self.next_record, self.next_line, self.next_offset);
        self.bytes.clear();
        self.cells.clear();
        let mut making = Making {
            state: State::FieldStart,
            start: 0,
            quoted: false,
            count: 0,
            too_long: false,
            why: None,
        };
        let mut any = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let kept = Kept { bytes: &mut self.bytes, cells: &mut self.cells, fields: self.fields };
            let (used, lines, whole) = making.take(buffer, kept);
            self.input.consume(used);
            self.next_offset += used as u64;
            self.next_line += lines;
            if whole {
                self.next_record += 1;
                return Ok(self.made(&making));
            }
        }
        if !any {
            return Ok(Next::End);
        }
        self.next_record += 1;
        self.cut = true;
        if making.state == State::Quoted {
            making.why = Some(
                "a quote was opened and never closed: the file is cut, or a quote in a value is not doubled",
            );
        } else {
            making.end_field(&mut Kept {
                bytes: &mut self.bytes,
                cells: &mut self.cells,
                fields: self.fields,
            });
        }
        Ok(self.made(&making))
    }

    fn made(&self, making: &Making) -> Next {
        let wrong = match making.why {
            Some(why) => why.to_owned(),
            None if making.too_long => format!("is longer than {} MiB", MAX_ROW_BYTES >> 20),
            None if making.count == 1
                && self.bytes.is_empty()
                && self.fields != 1
                && !making.quoted =>
            {
                "is a blank line".to_owned()
            }
            None if self.fields != 0 && making.count != self.fields => {
                format!("has {} fields, and the header {}", making.count, self.fields)
            }
            None => return Next::Row,
        };
        Next::Fault(Fault { record: self.record, line: self.line, why: wrong })
    }
}

/// Where what is read is kept.
struct Kept<'a> {
    bytes: &'a mut Vec<u8>,
    cells: &'a mut Vec<Option<Range<usize>>>,
    fields: usize,
}

/// The most columns that a header may have.
const MAX_COLUMNS: usize = 4096;

impl Making {
    /// Takes what belongs to this record: how many bytes, how many lines ended in them, and whether
    /// the record is whole.
    fn take(&mut self, buffer: &[u8], mut kept: Kept<'_>) -> (usize, u64, bool) {
        let (mut at, mut lines) = (0, 0);
        while at < buffer.len() {
            let rest = &buffer[at..];
            match self.state {
                State::Quoted => {
                    let length = memchr::memchr(b'"', rest).unwrap_or(rest.len());
                    self.keep(&rest[..length], &mut kept);
                    lines += memchr::memchr_iter(b'\n', &rest[..length]).count() as u64;
                    at += length;
                    if length < rest.len() {
                        self.state = State::Quote;
                        at += 1;
                    }
                }
                State::Bare => {
                    let length = memchr::memchr3(b',', b'\n', b'"', rest).unwrap_or(rest.len());
                    self.keep(&rest[..length], &mut kept);
                    at += length;
                    match rest.get(length) {
                        Some(b',') => {
                            self.end_field(&mut kept);
                            at += 1;
                        }
                        Some(b'"') => self.fail("a quote stands within a value that is not quoted"),
                        Some(_) => {
                            if kept.bytes.len() > self.start && kept.bytes.last() == Some(&b'\r') {
                                kept.bytes.pop();
                            }
                            self.end_field(&mut kept);
                            return (at + 1, lines + 1, true);
                        }
                        None => {}
                    }
                }
                State::FieldStart | State::Quote | State::Return => {
                    let byte = rest[0];
                    at += 1;
                    match (self.state, byte) {
                        (State::Quote, b'"') => {
                            self.keep(b"\"", &mut kept);
                            self.state = State::Quoted;
                        }
                        (State::FieldStart | State::Quote, b',') => self.end_field(&mut kept),
                        (_, b'\n') => {
                            self.end_field(&mut kept);
                            return (at, lines + 1, true);
                        }
                        (State::FieldStart | State::Quote, b'\r') => self.state = State::Return,
                        (State::FieldStart, b'"') => {
                            (self.state, self.quoted) = (State::Quoted, true)
                        }
                        (State::FieldStart, _) => {
                            self.state = State::Bare;
                            at -= 1;
                        }
                        (State::Return, _) if !self.quoted => {
                            self.keep(b"\r", &mut kept);
                            self.state = State::Bare;
                            at -= 1;
                        }
                        _ => {
                            self.fail("something stands between a closing quote and the comma");
                            at -= 1;
                        }
                    }
                }
                State::Skipping => {
                    let Some(length) = memchr::memchr(b'\n', rest) else {
                        return (buffer.len(), lines, false);
                    };
                    return (at + length + 1, lines + 1, true);
                }
            }
        }
        (at, lines, false)
    }

    fn fail(&mut self, why: &'static str) {
        self.why = Some(why);
        self.state = State::Skipping;
    }

    fn keep(&mut self, bytes: &[u8], kept: &mut Kept<'_>) {
        if self.too_long || self.count >= most(kept.fields) {
            return;
        }
        if kept.bytes.len() + bytes.len() > MAX_ROW_BYTES {
            self.too_long = true;
            *kept.bytes = Vec::new();
            return;
        }
        kept.bytes.extend_from_slice(bytes);
    }

    fn end_field(&mut self, kept: &mut Kept<'_>) {
        if self.count < most(kept.fields) && !self.too_long {
            let range = self.start..kept.bytes.len();
            kept.cells.push((self.quoted || !range.is_empty()).then_some(range));
        }
        self.count += 1;
        self.start = kept.bytes.len();
        self.quoted = false;
        self.state = State::FieldStart;
    }
}

fn most(fields: usize) -> usize {
    if fields == 0 { MAX_COLUMNS } else { fields }
}

#[cfg(test)]
mod tests {
    use super::super::write::{write_exact, write_row};
    use super::*;
    use proptest::prelude::*;

    type Rows = Vec<Vec<Option<Vec<u8>>>>;

    fn read(bytes: &[u8], fields: usize, capacity: usize) -> (Rows, Vec<Fault>) {
        let input = io::BufReader::with_capacity(capacity, bytes);
        let mut reader = Reader::at(input, fields, 0, 1, 1);
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        loop {
            match reader.advance().unwrap() {
                Next::Row => rows.push(
                    reader.cells().into_iter().map(|cell| cell.map(Cow::into_owned)).collect(),
                ),
                Next::Fault(fault) => faults.push(fault),
                Next::End => return (rows, faults),
            }
        }
    }

    fn one_fault(text: &str, fields: usize) -> Fault {
        let (_, faults) = read(text.as_bytes(), fields, 3);
        assert_eq!(faults.len(), 1, "{text:?} {faults:?}");
        faults[0].clone()
    }

    fn text(value: &str) -> Option<Vec<u8>> {
        Some(value.as_bytes().to_vec())
    }

    #[test]
    fn nothing_is_null_and_two_quotes_are_empty() {
        let (rows, faults) = read(b"\"a\",,\"\",b\n", 4, 64);
        assert_eq!((rows, faults), (vec![vec![text("a"), None, text(""), text("b")]], vec![]));
    }

    #[test]
    fn lines_may_end_as_on_other_systems_and_the_last_need_not_end() {
        let (rows, faults) = read(b"\"a\",\r\nb,c\r\n,\r\n\"d\",\"e\"", 2, 1);
        let meant = vec![
            vec![text("a"), None],
            vec![text("b"), text("c")],
            vec![None, None],
            vec![text("d"), text("e")],
        ];
        assert_eq!((rows, faults), (meant, vec![]));
    }

    #[test]
    fn what_would_have_to_be_guessed_is_a_fault_with_its_record_and_line() {
        let before = "\"a\",\"two\nlines\"\n";
        for (bad, why) in [
            ("a\"b,\"x\"\n", "within a value that is not quoted"),
            ("\"a\"b,\"x\"\n", "between a closing quote and the comma"),
            ("\"a\" ,\"x\"\n", "between a closing quote and the comma"),
            ("\"a\"\n", "has 1 fields, and the header 2"),
            ("\"a\",,\n", "has 3 fields, and the header 2"),
            ("\n", "blank line"),
            ("\r\n", "blank line"),
            ("\"a\",\"b", "never closed"),
        ] {
            let fault = one_fault(&format!("{before}{bad}"), 2);
            assert!(fault.why.contains(why), "{bad:?}: {fault:?}");
            assert_eq!((fault.record, fault.line), (2, 3), "{bad:?}");
        }
    }

    #[test]
    fn after_a_fault_the_next_line_is_read() {
        let (rows, faults) = read(b"a\"b,c\n\"d\",\"e\"\n", 2, 4);
        assert_eq!((rows, faults.len()), (vec![vec![text("d"), text("e")]], 1));
    }

    #[test]
    fn a_row_without_end_and_fields_without_number_take_no_more_memory_than_a_row_may() {
        struct Endless(u64, u8);
        impl io::Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let count = into.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
                into[..count].fill(self.1);
                self.0 -= count as u64;
                Ok(count)
            }
        }
        for (byte, why) in [(b'x', "longer than 64 MiB"), (b',', "fields, and the header 2")] {
            let input = io::BufReader::with_capacity(1 << 16, Endless(200 << 20, byte));
            let mut reader = Reader::at(input, 2, 0, 1, 1);
            let Next::Fault(fault) = reader.advance().unwrap() else { panic!("no fault") };
            assert!(fault.why.contains(why), "{fault:?}");
            assert!(reader.bytes.capacity() <= 2 * MAX_ROW_BYTES && reader.cells.len() <= 2);
        }
    }

    #[test]
    fn reading_goes_on_where_a_record_began() {
        let bytes = b"#a,b\n\"1\",\n\"2\",\"x\ny\"\n\"3\",\n";
        let mut reader = Reader::new(&bytes[..]);
        assert_eq!(reader.advance().unwrap(), Next::Row);
        reader.expect(2);
        for _ in 0..2 {
            assert_eq!(reader.advance().unwrap(), Next::Row);
        }
        let (offset, record, line) = (reader.offset(), reader.record(), reader.line());
        assert_eq!((record, line), (2, 3));
        let from = &bytes[usize::try_from(offset).unwrap()..];
        let mut again = Reader::at(from, 2, offset, record, line);
        assert_eq!(again.advance().unwrap(), Next::Row);
        assert_eq!(again.cells()[1].as_deref(), Some(&b"x\ny"[..]));
    }

    proptest! {
        #[test]
        fn what_was_written_exactly_is_read_exactly(
            rows in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(any::<Vec<u8>>()), 3), 0..6),
            capacity in 1usize..20,
        ) {
            let mut out = Vec::new();
            for row in &rows {
                write_exact(&mut out, row.iter().map(|cell| cell.as_deref())).unwrap();
            }
            prop_assert_eq!(read(&out, 3, capacity), (rows, vec![]));
        }

        #[test]
        fn what_a_dump_has_is_read_but_for_what_it_cannot_tell(
            rows in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of("[a\",\\n\\r ]{0,4}"), 2), 0..6),
        ) {
            let mut out = Vec::new();
            for row in &rows {
                write_row(&mut out, row.iter().map(|cell| cell.as_ref().map(String::as_bytes))).unwrap();
            }
            let told = |cell: &Option<String>| {
                cell.clone().filter(|value| !matches!(value.as_str(), "" | "\n")).map(String::into_bytes)
            };
            let meant: Rows = rows.iter().map(|row| row.iter().map(told).collect()).collect();
            prop_assert_eq!(read(&out, 2, 7), (meant, vec![]));
        }

        #[test]
        fn any_bytes_give_rows_of_the_right_width_or_faults(
            soup in "[a\",\\n\\r]{0,40}", capacity in 1usize..9
        ) {
            let (rows, faults) = read(soup.as_bytes(), 2, capacity);
            prop_assert!(rows.iter().all(|row| row.len() == 2));
            prop_assert_eq!(read(soup.as_bytes(), 2, 64), (rows, faults));
        }

        #[test]
        fn what_is_read_is_what_the_csv_crate_reads_where_that_need_not_guess(
            soup in "(\"[a,\\n]{0,3}\"|[a]{0,3})(,(\"[a,\\n]{0,3}\"|[a]{0,3})){1,1}\\n"
        ) {
            let (rows, faults) = read(soup.as_bytes(), 2, 5);
            prop_assert!(faults.is_empty());
            let theirs: Vec<Vec<Vec<u8>>> = ::csv::ReaderBuilder::new()
                .has_headers(false)
                .terminator(::csv::Terminator::Any(b'\n'))
                .from_reader(soup.as_bytes())
                .byte_records()
                .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            let ours: Vec<Vec<Vec<u8>>> = rows
                .into_iter()
                .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
                .collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
