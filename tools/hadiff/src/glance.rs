//! What a record says of itself, without a tree of it being made: its type, its key, and whether
//! something in it is hidden.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{Formatter, Result as Formatted};
use std::io::Write;

/// Whole numbers below this are the same as floating point and as integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A record at a glance. What [`Glance::read`] takes for JSON becomes a tree without error.
#[derive(Debug, Default)]
pub(crate) struct Glance {
    /// Its `type`; empty where it has none.
    pub(crate) kind: String,
    /// Its key, the same bytes for equal keys however they are written; empty where it has none.
    pub(crate) key: Vec<u8>,
    /// The fields of the key, in the order of the bytes.
    fields: Vec<Field>,
    /// The name of the key's first field, in the order of the text, with the colon.
    first: Vec<u8>,
    /// Something in the record is called `hidden`.
    pub(crate) hidden: bool,
}

/// Where a field of an object stands among the bytes.
#[derive(Clone, Copy, Debug)]
struct Field {
    start: usize,
    end: usize,
}

impl Glance {
    /// Reads the text of one record.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<(), serde_json::Error> {
        self.kind.clear();
        self.hidden = false;
        self.no_key();
        // All of it is looked at, so that no byte is taken for text that is none.
        let text = std::str::from_utf8(text).map_err(serde_json::Error::custom)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.deserialize_any(Record(self))?;
        reader.end()
    }

    /// Becomes what another record was read as, whose text is the same.
    pub(crate) fn read_like(&mut self, other: &Glance) {
        self.kind.clone_from(&other.kind);
        self.key.clone_from(&other.key);
        self.fields.clone_from(&other.fields);
        self.first.clone_from(&other.first);
        self.hidden = other.hidden;
    }

    /// Whether both have the same type and the same key.
    pub(crate) fn names_the_same(&self, other: &Glance) -> bool {
        self.kind == other.kind && self.key == other.key
    }

    /// The name of the field by which records of its type are grouped, where this is the first of
    /// them with more than one field in its key.
    pub(crate) fn grouped_by(&self) -> Option<&[u8]> {
        (self.fields.len() > 1).then_some(&self.first)
    }

    /// What the field with this name says; `None` where the key has no other field.
    pub(crate) fn group(&self, name: &[u8]) -> Option<&[u8]> {
        let all = self.fields.iter().map(|field| &self.key[field.start..field.end]);
        all.filter(|_| self.fields.len() > 1).find(|text| text.starts_with(name))
    }

    fn no_key(&mut self) {
        self.key.clear();
        self.fields.clear();
        self.first.clear();
    }
}

struct Record<'a>(&'a mut Glance);

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Formatted {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let glance = self.0;
        while let Some(name) = map.next_key_seed(Name)? {
            match name {
                Named::Type => {
                    glance.kind.clear();
                    let text = Some(&mut glance.kind);
                    map.next_value_seed(Passed { hidden: &mut glance.hidden, text })?;
                }
                Named::Key => {
                    glance.no_key();
                    let (fields, first) = (&mut glance.fields, &mut glance.first);
                    map.next_value_seed(Written {
                        out: &mut glance.key,
                        top: Some((fields, first)),
                    })?;
                    if glance.key == b"null" {
                        glance.no_key();
                    }
                }
                Named::Hidden | Named::Other => {
                    glance.hidden |= matches!(name, Named::Hidden);
                    map.next_value_seed(Passed { hidden: &mut glance.hidden, text: None })?;
                }
            }
        }
        Ok(())
    }
}

enum Named {
    Type,
    Key,
    Hidden,
    Other,
}

/// The name of a field.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Named;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Named, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Named;

    fn expecting(&self, f: &mut Formatter<'_>) -> Formatted {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Named, E> {
        Ok(match name {
            "type" => Named::Type,
            "key" => Named::Key,
            "hidden" => Named::Hidden,
            _ => Named::Other,
        })
    }
}

/// A value that is checked as strictly as one that becomes a tree, and not kept.
struct Passed<'a> {
    /// Becomes true where something is called `hidden`.
    hidden: &'a mut bool,
    /// Where a string is kept all the same.
    text: Option<&'a mut String>,
}

impl<'de> DeserializeSeed<'de> for Passed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Passed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Formatted {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if let Some(text) = self.text {
            text.push_str(value);
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element_seed(Passed { hidden: self.hidden, text: None })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            *self.hidden |= matches!(name, Named::Hidden);
            map.next_value_seed(Passed { hidden: self.hidden, text: None })?;
        }
        Ok(())
    }
}

/// A value written so that equal ones are equal bytes: objects by the names of their fields, numbers
/// and strings in one way only.
struct Written<'a> {
    out: &'a mut Vec<u8>,
    /// Of the key itself: where its fields are told, and the name of the first.
    top: Option<(&'a mut Vec<Field>, &'a mut Vec<u8>)>,
}

impl Written<'_> {
    fn string(self, text: &str) {
        // A Vec takes whatever is written to it.
        let _ = serde_json::to_writer(self.out, text);
    }
}

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Formatted {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        // 0.0 takes the sign from a zero.
        let _ = match value.fract() == 0.0 && value.abs() < EXACT {
            true => write!(self.out, "{:.0}", value + 0.0),
            false => write!(self.out, "{value:e}"),
        };
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.string(value);
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        self.out.push(b'[');
        while seq.next_element_seed(Written { out: &mut *self.out, top: None })?.is_some() {
            self.out.push(b',');
        }
        self.out.push(b']');
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let (out, mut own, mut unused) = (self.out, Vec::new(), Vec::new());
        let (fields, first) = self.top.unwrap_or((&mut own, &mut unused));
        out.push(b'{');
        let begin = out.len();
        loop {
            let start = out.len();
            if map.next_key_seed(Written { out: &mut *out, top: None })?.is_none() {
                break;
            }
            out.push(b':');
            if start == begin {
                first.extend_from_slice(&out[start..]);
            }
            map.next_value_seed(Written { out: &mut *out, top: None })?;
            fields.push(Field { start, end: out.len() });
        }
        sort(&mut out[begin..], begin, fields);
        out.push(b'}');
        Ok(())
    }
}

/// Sorts the fields, which are all of `bytes` and counted from `begin` before them.
fn sort(bytes: &mut [u8], begin: usize, fields: &mut [Field]) {
    let of = |bytes: &[u8], field: &Field| bytes[field.start - begin..field.end - begin].to_vec();
    let ordered = |pair: &[Field]| match pair {
        [a, b] => bytes[a.start - begin..a.end - begin] <= bytes[b.start - begin..b.end - begin],
        _ => true,
    };
    if fields.windows(2).all(ordered) {
        return;
    }
    let mut parts: Vec<Vec<u8>> = fields.iter().map(|field| of(bytes, field)).collect();
    parts.sort();
    let mut at = 0;
    for (part, field) in parts.iter().zip(fields) {
        bytes[at..at + part.len()].copy_from_slice(part);
        *field = Field { start: begin + at, end: begin + at + part.len() };
        at += part.len();
    }
}
