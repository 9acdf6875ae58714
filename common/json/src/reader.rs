//! The values of a stream one after another, each as the text that it came in.

use crate::MAX_RECORD_BYTES;
use std::io::{BufRead, Error, ErrorKind, Read};
use std::ops::Range;

const BUFFER_BYTES: usize = 256 << 10;

/// Parts what is read into JSON values, in lines or laid out over several, and hands out the text of
/// one at a time. It is not checked to be JSON: text that is none is handed out in some parts.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// How much of the buffer was read into.
    filled: usize,
    value: Range<usize>,
    /// Where what follows the value stands.
    next: usize,
}

impl<R: Read> Reader<R> {
    /// Nothing is read yet.
    pub fn new(inner: R) -> Self {
        Reader { inner, buffer: vec![0; BUFFER_BYTES], filled: 0, value: 0..0, next: 0 }
    }

    /// The text of the value, without blanks around it; empty before the first and after the last.
    pub fn text(&self) -> &[u8] {
        &self.buffer[self.value.clone()]
    }

    /// Goes on to the next value; false where there is none.
    ///
    /// A value ends with a line. As no line ends within a string, two lines are of one value only
    /// where the first ends with what something must follow, or the second begins with what must
    /// follow something. So the beginning of the next line is waited for.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` where a value is longer than [`MAX_RECORD_BYTES`].
    pub fn advance(&mut self) -> Result<bool, Error> {
        self.value = self.next..self.next;
        let mut line = 0;
        if !self.find_text(&mut line)? {
            self.value = self.filled..self.filled;
            return Ok(false);
        }
        self.value.start += line;
        line = 0;
        loop {
            let end = self.line_end(line)?;
            let length =
                self.buffer[self.value.start..self.value.start + end].trim_ascii_end().len();
            self.value.end = self.value.start + length;
            line = end;
            let more = self.find_text(&mut line)?;
            self.next = self.value.start + line;
            let last = self.buffer[self.value.end - 1];
            if !more
                || !(matches!(last, b'{' | b'[' | b',' | b':')
                    || matches!(self.buffer[self.next], b'}' | b']' | b',' | b':'))
            {
                return Ok(true);
            }
        }
    }

    /// Moves `at`, counted from the value's start, to what is no blank; false where nothing is.
    fn find_text(&mut self, at: &mut usize) -> Result<bool, Error> {
        loop {
            let rest = &self.buffer[self.value.start + *at..self.filled];
            let blanks = rest.len() - rest.trim_ascii_start().len();
            *at += blanks;
            if self.value.start + *at < self.filled {
                return Ok(true);
            }
            if self.value.is_empty() {
                // Nothing before it is wanted any more.
                (self.value, *at) = (self.filled..self.filled, 0);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Where the line at `at` ends, counted from the value's start.
    fn line_end(&mut self, at: usize) -> Result<usize, Error> {
        let mut end = at;
        loop {
            let mut rest = &self.buffer[self.value.start + end..self.filled];
            end += rest.skip_until(b'\n')?;
            let found = end > at && self.buffer[self.value.start + end - 1] == b'\n';
            if found || !self.fill()? {
                return Ok(end);
            }
        }
    }

    /// Reads more behind what is there, and keeps the value; false at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.filled == self.buffer.len() {
            let start = self.value.start;
            if self.filled - start >= MAX_RECORD_BYTES {
                let why = format!("a record is longer than {} MiB", MAX_RECORD_BYTES >> 20);
                return Err(Error::new(ErrorKind::InvalidData, why));
            }
            self.buffer.copy_within(start..self.filled, 0);
            self.filled -= start;
            self.value = 0..self.value.len();
            if self.filled * 2 > self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        loop {
            match self.inner.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.filled += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Gives its bytes in pieces of `size`.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> Result<usize, Error> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn values(text: &[u8], piece: usize) -> Vec<String> {
        let mut reader = Reader::new(Pieces(text, piece));
        let mut all = Vec::new();
        while reader.advance().unwrap() {
            all.push(String::from_utf8_lossy(reader.text()).into_owned());
        }
        assert!(!reader.advance().unwrap() && reader.text().is_empty());
        all
    }

    #[test]
    fn blanks_around_a_value_are_not_of_it() {
        assert_eq!(values(b"\r\n {\"a\":1} \r\n\n\t{\"b\":2}", 3), ["{\"a\":1}", "{\"b\":2}"]);
        assert!(values(b" \n\r\n\t", 1).is_empty());
    }

    #[test]
    fn a_value_may_be_longer_than_the_buffer_but_not_endless() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * BUFFER_BYTES));
        let text = format!("{{}}\n{long}\n{{}}");
        assert_eq!(values(text.as_bytes(), 100_000), ["{}", &long, "{}"]);
        let mut endless = Reader::new(std::io::repeat(b'x'));
        assert_eq!(endless.advance().unwrap_err().kind(), ErrorKind::InvalidData);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a{}\\[\\],:\"\\\\\n]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec(("[a-c:{]", inner), 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_come_back_however_they_are_laid_out(
            all in proptest::collection::vec((json(), any::<bool>()), 0..6), piece in 1usize..40
        ) {
            let text: String = all
                .iter()
                .map(|(value, pretty)| match pretty {
                    true => serde_json::to_string_pretty(value).unwrap() + "\n",
                    false => format!("{value}\n"),
                })
                .collect();
            let read: Vec<Value> =
                values(text.as_bytes(), piece).iter().map(|text| text.parse().unwrap()).collect();
            let meant: Vec<Value> = all.into_iter().map(|(value, _)| value).collect();
            prop_assert_eq!(read, meant);
        }

        #[test]
        fn no_byte_but_blanks_is_lost(soup: Vec<u8>, piece in 1usize..9) {
            let mut reader = Reader::new(Pieces(&soup, piece));
            let mut read = Vec::new();
            while reader.advance().unwrap() {
                read.extend_from_slice(reader.text());
            }
            let dense = |bytes: &[u8]| -> Vec<u8> {
                bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
            };
            prop_assert_eq!(dense(&read), dense(&soup));
        }
    }
}
