//! What is told: a record for each difference, and the totals.

use crate::comparison::Orders;
use crate::fields::{self, Compared};
use crate::side::Side;
use ha_json::{Map, Stream, Tool, Value, json, put_bytes};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

const SCHEMA: &str = "hadiff/1";

/// More fields than this that are hidden are counted, and not named.
const HIDDEN_NAMES: usize = 1000;

/// Begins the stream of differences.
pub(crate) fn begin<W: Write>(tool: Tool, out: W, names: &[OsString; 2]) -> Stream<W> {
    let mut fields = Map::new();
    for (side, name) in ["left", "right"].iter().zip(names) {
        put_bytes(&mut fields, side, name.as_bytes());
    }
    Stream::begin_with(out, tool, SCHEMA, &fields)
}

/// What was found so far.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) same: u64,
    pub(crate) changed: u64,
    /// Only on the left, only on the right.
    pub(crate) only: [u64; 2],
    /// Fields that differ, and are ignored.
    pub(crate) ignored: u64,
    /// Fields that cannot be compared.
    pub(crate) hidden: u64,
    hidden_fields: BTreeSet<String>,
}

impl Totals {
    pub(crate) fn differ(&self) -> bool {
        self.changed + self.only[0] + self.only[1] > 0
    }

    /// The fields of the end record.
    pub(crate) fn fields(&self, sides: &[Side<'_>; 2], not_trusted: &[&str]) -> Map<String, Value> {
        let run = |side: &Side<'_>| side.beginning.as_ref().map(|beginning| beginning.run.clone());
        let fields = json!({
            "left": run(&sides[0]),
            "right": run(&sides[1]),
            "left_records": sides[0].records,
            "right_records": sides[1].records,
            "left_unkeyed": sides[0].unkeyed,
            "right_unkeyed": sides[1].unkeyed,
            "same": self.same,
            "changed": self.changed,
            "only_left": self.only[0],
            "only_right": self.only[1],
            "ignored": self.ignored,
            "hidden": self.hidden,
            "hidden_fields": self.hidden_fields,
            "not_trusted": not_trusted,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// Tells each difference, and counts.
pub(crate) struct Report<'a, W: Write> {
    pub(crate) stream: Stream<W>,
    pub(crate) totals: Totals,
    orders: &'a Orders,
}

impl<'a, W: Write> Report<'a, W> {
    pub(crate) fn new(stream: Stream<W>, orders: &'a Orders) -> Self {
        Report { stream, totals: Totals::default(), orders }
    }

    /// Two records of one type and key. The same text is the same record, but where a side hides
    /// something.
    ///
    /// # Errors
    /// The side whose text is not JSON.
    pub(crate) fn pair(
        &mut self,
        [left, right]: [&[u8]; 2],
        hidden: bool,
        occurrence: u64,
    ) -> Result<(), (usize, serde_json::Error)> {
        if left == right && !hidden {
            self.totals.same += 1;
            return Ok(());
        }
        let left = tree(left).map_err(|error| (0, error))?;
        let right = tree(right).map_err(|error| (1, error))?;
        let compared = fields::records(&left, &right, &self.orders.ignored);
        self.compared(&name(&left, occurrence), compared);
        Ok(())
    }

    /// Two answers.
    pub(crate) fn answers(&mut self, left: &Map<String, Value>, right: &Map<String, Value>) {
        let compared = fields::answers(left, right, &self.orders.ignored);
        self.compared(&json!({"type": "answer", "key": {}, "occurrence": 1}), compared);
    }

    fn compared(&mut self, key: &Value, compared: Compared) {
        self.totals.ignored += compared.ignored;
        self.totals.hidden += compared.hidden.len() as u64;
        let room = HIDDEN_NAMES.saturating_sub(self.totals.hidden_fields.len());
        self.totals.hidden_fields.extend(compared.hidden.into_iter().take(room));
        if compared.fields.is_empty() {
            self.totals.same += 1;
            return;
        }
        self.totals.changed += 1;
        self.tell(key, "changed", compared.fields, [Value::Null, Value::Null]);
    }

    /// A record that only one side has.
    ///
    /// # Errors
    /// That its text is not JSON.
    pub(crate) fn only(
        &mut self,
        side: usize,
        text: &[u8],
        occurrence: u64,
    ) -> Result<(), (usize, serde_json::Error)> {
        self.totals.only[side] += 1;
        if self.orders.brief {
            return Ok(());
        }
        let record = tree(text).map_err(|error| (side, error))?;
        let key = name(&record, occurrence);
        let mut values = [Value::Null, Value::Null];
        values[side] = record.into();
        let change = if side == 0 { "only_left" } else { "only_right" };
        self.tell(&key, change, Vec::new(), values);
        Ok(())
    }

    fn tell(&mut self, key: &Value, change: &str, fields: Vec<Value>, [left, right]: [Value; 2]) {
        if !self.orders.brief {
            let values = json!({"change": change, "fields": fields, "left": left, "right": right});
            self.stream.record("difference", &json!({"key": key, "values": values}));
        }
    }
}

fn tree(text: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_slice(text)
}

/// What names a difference: type and key of the record, and which of those with them it is.
fn name(record: &Map<String, Value>, occurrence: u64) -> Value {
    let kind = record.get("type").and_then(Value::as_str).unwrap_or_default();
    json!({"type": kind, "key": record.get("key"), "occurrence": occurrence})
}
