//! One of the two inputs: what it is, how far it is read, and whether it is to be trusted.

use crate::glance::Glance;
use ha_json::{Error, Kind, Map, Reader, Value, json, reason, trust};
use serde_json::error::Category;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An input that may have failed to open.
pub(crate) struct Source<'a> {
    /// As it was given.
    pub(crate) name: String,
    /// Where it is read from.
    pub(crate) read: Result<Box<dyn Read + 'a>, std::io::Error>,
}

impl Source<'_> {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(name: OsString) -> Source<'static> {
        if name.as_bytes() == b"-" {
            let read: Box<dyn Read> = Box::new(std::io::stdin());
            return Source { name: "standard input".into(), read: Ok(read) };
        }
        let file = File::open(Path::new(&name));
        let read = file.map(|file| Box::new(file) as Box<dyn Read>);
        Source { name: name.to_string_lossy().into_owned(), read }
    }
}

/// Refuses standard input where it is a terminal or both sides.
///
/// # Errors
/// Usage.
pub(crate) fn refuse_standard_input(names: &[OsString; 2]) -> Result<(), Error> {
    match names.iter().filter(|name| name.as_bytes() == b"-").count() {
        0 => Ok(()),
        1 => ha_json::refuse_terminal("a stream or an answer of a tool"),
        _ => Err(Error::usage("-", "standard input cannot be both sides: name a file for one")),
    }
}

/// What stands at the beginning of an input.
pub(crate) struct Beginning {
    schema: (String, u64),
    /// All of an answer.
    pub(crate) answer: Option<Map<String, Value>>,
    /// For the report: which run it was.
    pub(crate) run: Value,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Nothing is read yet.
    Closed,
    /// The next value is to be read.
    Wanting,
    /// A value is read, and not looked at.
    Unseen,
    /// A record with a key waits for its partner.
    Record,
    /// The end was read, and it is trusted.
    Ended,
}

pub(crate) struct Side<'a> {
    /// Its name and the word for it.
    pub(crate) name: String,
    reader: Result<Reader<Box<dyn Read + 'a>>, Error>,
    state: State,
    glance: Glance,
    pub(crate) beginning: Option<Beginning>,
    /// How many lines stood between begin and end so far; 1 for an answer.
    pub(crate) records: u64,
    /// How many of them have no key.
    pub(crate) unkeyed: u64,
}

impl<'a> Side<'a> {
    /// `word` is `left` or `right`.
    pub(crate) fn new(word: &str, source: Source<'a>) -> Side<'a> {
        let name = format!("{} ({word})", source.name);
        let reader = source.read.map(Reader::new).map_err(|error| Error::io(&name, &error));
        let (state, glance, beginning) = (State::Closed, Glance::default(), None);
        Side { name, reader, state, glance, beginning, records: 0, unkeyed: 0 }
    }

    fn bad(&self, why: impl Into<String>) -> Error {
        Error::input(&self.name, why)
    }

    /// The text of the value that was read last.
    pub(crate) fn text(&self) -> &[u8] {
        self.reader.as_ref().map(Reader::text).unwrap_or_default()
    }

    /// What the record says of itself.
    pub(crate) fn glance(&self) -> &Glance {
        &self.glance
    }

    pub(crate) fn at_record(&self) -> bool {
        self.state == State::Record
    }

    pub(crate) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether the next value must be read before there is a record to compare.
    pub(crate) fn wanting(&self) -> bool {
        self.state == State::Wanting
    }

    /// The record was dealt with.
    pub(crate) fn drop_record(&mut self) {
        self.state = State::Wanting;
    }

    fn advance(&mut self) -> Result<bool, Error> {
        let reader = self.reader.as_mut().map_err(|error| error.clone())?;
        reader.advance().map_err(|error| match error.kind() {
            ErrorKind::InvalidData => Error::input(&self.name, reason(&error)),
            _ => Error::io(&self.name, &error),
        })
    }

    fn no_json(&self, error: &serde_json::Error) -> Error {
        let number = self.records + 1 + u64::from(self.beginning.is_some());
        match error.classify() {
            Category::Eof => self.bad(trust::CUT),
            // What serde says of these has the value in it, which may be long, or a secret.
            Category::Data => {
                let why = match std::str::from_utf8(self.text()) {
                    Ok(_) => "another value stands there",
                    Err(_) => "it is not UTF-8",
                };
                self.bad(format!("value {number} is not a JSON object: {why}"))
            }
            _ => self.bad(format!("value {number} is not a JSON object: {error}")),
        }
    }

    fn object(&self) -> Result<Map<String, Value>, Error> {
        serde_json::from_slice(self.text()).map_err(|error| self.no_json(&error))
    }

    /// Reads the begin of a stream, or an answer to its end.
    ///
    /// # Errors
    /// Where it cannot be read, or is not to be trusted.
    pub(crate) fn begin(&mut self) -> Result<&Beginning, Error> {
        if !self.advance()? {
            return Err(self.bad(trust::EMPTY));
        }
        let first = self.object()?;
        let is_begin = first.get("type").and_then(Value::as_str) == Some("begin");
        let is_answer = first.contains_key("schema") && first.contains_key("ok");
        if !is_begin && !is_answer {
            return Err(self.bad(
                "the first value is neither a begin record nor an answer, which has schema and ok",
            ));
        }
        let schema = trust::schema_of(&first).map_err(|why| self.bad(why))?;
        let run = json!({
            "schema": first.get("schema"),
            "host": first.get("host"),
            "time": first.get("time"),
            "dry_run": first.get("dry_run").and_then(Value::as_bool).unwrap_or(false),
        });
        self.state = State::Wanting;
        if !is_begin {
            trust::said_ok(&first).map_err(|why| self.bad(why))?;
            if self.advance()? {
                return Err(self.bad("something follows the answer: two answers in one?"));
            }
            self.state = State::Ended;
            self.records = 1;
        }
        let answer = (!is_begin).then_some(first);
        Ok(self.beginning.insert(Beginning { schema, answer, run }))
    }

    /// Reads the next value, and does not look at it yet.
    ///
    /// # Errors
    /// Where it cannot be read, or there is none.
    pub(crate) fn fetch(&mut self) -> Result<(), Error> {
        if !self.advance()? {
            return Err(self.bad(trust::NO_END));
        }
        self.state = State::Unseen;
        Ok(())
    }

    /// Looks at the value that was fetched. `like` is the other side where the same text stands
    /// there and was looked at.
    ///
    /// # Errors
    /// Where it is not JSON, or says that the input is not to be trusted.
    pub(crate) fn look(&mut self, like: Option<&Glance>) -> Result<(), Error> {
        let mut glance = std::mem::take(&mut self.glance);
        let read = match like {
            Some(like) => {
                glance.read_like(like);
                Ok(())
            }
            None => glance.read(self.text()),
        };
        self.glance = glance;
        read.map_err(|error| self.no_json(&error))?;
        match self.glance.kind.as_str() {
            "begin" => return Err(self.bad(trust::SECOND_BEGIN)),
            "error" => return Err(self.failed_item()),
            "end" => return self.end(),
            _ => self.records += 1,
        }
        self.state = match self.glance.key.is_empty() {
            true => {
                self.unkeyed += 1;
                State::Wanting
            }
            false => State::Record,
        };
        Ok(())
    }

    fn failed_item(&self) -> Error {
        let record = self.object().unwrap_or_default();
        let word = |name| record.get(name).and_then(Value::as_str).unwrap_or("(no text)");
        self.bad(format!(
            "an item failed there, and so it is not whole: {}: {}",
            word("item"),
            word("message")
        ))
    }

    fn end(&mut self) -> Result<(), Error> {
        let end = self.object()?;
        trust::ended_well(&end, self.records).map_err(|why| self.bad(why))?;
        if self.advance()? {
            return Err(self.bad(trust::AFTER_END));
        }
        self.state = State::Ended;
        Ok(())
    }

    /// Reads on to the end, without comparing, to know whether this side is to be trusted.
    ///
    /// # Errors
    /// Where it is not.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        if self.state == State::Closed {
            self.begin()?;
        }
        if self.state == State::Unseen {
            self.look(None)?;
        }
        while !self.ended() {
            self.fetch()?;
            self.look(None)?;
        }
        Ok(())
    }
}

/// Makes sure that two inputs are of one kind.
///
/// # Errors
/// Both schemas, or what both are.
pub(crate) fn same_schema(sides: &[Side<'_>; 2]) -> Result<(), Error> {
    let [Some(left), Some(right)] = [&sides[0].beginning, &sides[1].beginning] else {
        return Ok(());
    };
    let refused = |what: [&str; 2], advice: &str| {
        let why = format!("is {}, and {} is {}: {advice}", what[0], sides[1].name, what[1]);
        Err(Error::input(&sides[0].name, why))
    };
    if left.schema != right.schema {
        let name = |beginning: &Beginning| format!("{}/{}", beginning.schema.0, beginning.schema.1);
        return refused([&name(left), &name(right)], "they say different things");
    }
    let word = |beginning: &Beginning| match beginning.answer {
        Some(_) => "an answer",
        None => "a stream",
    };
    match word(left) == word(right) {
        true => Ok(()),
        false => refused([word(left), word(right)], "they cannot be compared"),
    }
}

/// One error of those of both sides.
pub(crate) fn together(errors: Vec<Error>) -> Option<Error> {
    errors.into_iter().reduce(|one, other| {
        let kind = if one.kind == Kind::Failed { one.kind } else { other.kind };
        let why = format!("{}; {other}", one.why);
        Error::new(kind, one.what, why)
    })
}
