//! The answer that is to be written back, as it came on standard input.

use crate::SCHEMA;
use ha_json::{Error, MAX_RECORD_BYTES, Map, Value, bytes_of};
use ha_nim::niminfo::{Niminfo, Piece, Wanted};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// An answer that says of itself that it is whole and ok.
#[derive(Debug)]
pub(crate) struct Request {
    answer: Map<String, Value>,
}

fn bad(why: impl Into<String>) -> Error {
    Error::input("standard input", why)
}

impl Request {
    /// Reads all that comes.
    pub(crate) fn read(reader: impl Read) -> Result<Request, Error> {
        let mut text = Vec::new();
        let limit = MAX_RECORD_BYTES as u64;
        reader
            .take(limit + 1)
            .read_to_end(&mut text)
            .map_err(|error| bad(ha_json::reason(&error)))?;
        if text.len() as u64 > limit {
            return Err(bad(format!("is longer than {} MiB", limit >> 20)));
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(bad("is empty: the sender failed, or wrote nothing"));
        }
        let value = serde_json::from_slice(&text)
            .map_err(|error| bad(format!("is not one answer in JSON: {error}")))?;
        let Value::Object(answer) = value else {
            return Err(bad("is not an answer: it is no object"));
        };
        if answer.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
            return Err(bad(format!("is no answer {SCHEMA}")));
        }
        if answer.get("ok") != Some(&Value::Bool(true)) {
            return Err(bad("is an answer that says that it failed"));
        }
        for field in ["variables", "original"] {
            if !answer.get(field).is_some_and(Value::is_array) {
                let why = "what haniminfo tells of a file is due, as it told it or edited";
                return Err(bad(format!("has no {field}: {why}")));
            }
        }
        Ok(Request { answer })
    }

    /// The file that the answer tells of; none where it was read from standard input.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        Some(PathBuf::from(OsString::from_vec(bytes_of(&self.answer, "file")?)))
    }

    fn list(&self, field: &str) -> impl Iterator<Item = Result<&Map<String, Value>, Error>> {
        let elements = self.answer.get(field).and_then(Value::as_array);
        let field = field.to_owned();
        elements.into_iter().flatten().map(move |element| {
            element
                .as_object()
                .ok_or_else(|| bad(format!("{field} has an element that is no object")))
        })
    }

    /// The file as it was when it was read, with what is hidden as the file to be replaced has it.
    pub(crate) fn original(&self, target: &str, current: &Niminfo) -> Result<Vec<u8>, Error> {
        let secrets = current.pieces();
        let mut bytes = Vec::new();
        for piece in self.list("original") {
            let piece = piece?;
            if let Some(text) = bytes_of(piece, "text") {
                bytes.extend(text);
                continue;
            }
            let Some(Value::Object(hidden)) = piece.get("hidden") else {
                return Err(bad("original has an element that is neither text nor hidden"));
            };
            let name = hidden.get("name").and_then(Value::as_str);
            let number = hidden.get("occurrence").and_then(Value::as_u64);
            let secret = secrets.iter().find_map(|piece| match piece {
                Piece::Hidden { name: of, occurrence, secret }
                    if of.as_deref() == name && Some(*occurrence) == number =>
                {
                    Some(secret)
                }
                _ => None,
            });
            let Some(secret) = secret else {
                let what = name.unwrap_or("a line that is not read");
                let why = "is hidden in the answer, and the file to be replaced does not have it: \
                           read with --show-secrets";
                return Err(Error::input(target, format!("{what} {why}")));
            };
            bytes.extend(secret);
        }
        Ok(bytes)
    }

    /// The variables as they shall be.
    pub(crate) fn wanted(&self, original: &Niminfo) -> Result<Vec<Wanted>, Error> {
        self.list("variables").map(|variable| wanted(variable?, original)).collect()
    }

    /// The name and the master of the machine that the answer tells of, for a person to read.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.answer.get(name).and_then(Value::as_str)
    }
}

fn wanted(variable: &Map<String, Value>, original: &Niminfo) -> Result<Wanted, Error> {
    let Some(name) = variable.get("name").and_then(Value::as_str) else {
        return Err(bad("variables has an element without a name"));
    };
    let place = match variable.get("place") {
        None | Some(Value::Null) => None,
        Some(place) => {
            let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
            Some(place.ok_or_else(|| bad(format!("{name}: place is no number")))?)
        }
    };
    let old = place.and_then(|place| original.assignments().get(place.checked_sub(1)?));
    let given = |field| variable.get(field).is_some_and(|value| !value.is_null());
    let value = bytes_of(variable, "value");
    if value.is_none() && (given("value") || given("value_base64")) {
        return Err(bad(format!("{name}: the value is no text: put it in quotes")));
    }
    let may_stay = old.is_some_and(|old| old.value.is_none() || original.is_hidden(old));
    if value.is_none() && !may_stay {
        let why = match old {
            Some(_) => "has no value: to take it away, take it out of variables",
            None => "is new and has no value",
        };
        return Err(bad(format!("{name}: {why}")));
    }
    let exported = match variable.get("exported") {
        None | Some(Value::Null) => old.is_none_or(|old| old.exported),
        Some(Value::Bool(exported)) => *exported,
        Some(_) => return Err(bad(format!("{name}: exported is neither true nor false"))),
    };
    Ok(Wanted { place, name: name.to_owned(), value, exported })
}
