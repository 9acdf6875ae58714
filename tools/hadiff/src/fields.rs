//! Two records, or answers, field by field.

use ha_json::{Error, Map, Value, json};

/// The fields that `--ignore` names.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    names: Vec<String>,
    paths: Vec<String>,
}

impl Ignored {
    /// Takes paths with dots and bare names apart.
    ///
    /// # Errors
    /// Usage, for what names no field that is compared.
    pub(crate) fn parse(fields: &[String]) -> Result<Ignored, Error> {
        let mut ignored = Ignored::default();
        for field in fields {
            let refused = |why: &str| Err(Error::usage(format!("--ignore {field}"), why));
            if field.split('.').any(str::is_empty) {
                return refused("is not the name of a field, or names with dots between");
            }
            if matches!(field.split('.').next(), Some("key" | "type")) {
                return refused("records are paired by type and key: name a field of values");
            }
            match field.contains('.') {
                true => ignored.paths.push(field.clone()),
                false => ignored.names.push(field.clone()),
            }
        }
        Ok(ignored)
    }

    fn has(&self, path: &str, name: &str) -> bool {
        self.names.iter().any(|one| one == name) || self.paths.iter().any(|one| one == path)
    }
}

/// What came of comparing two records.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Compared {
    /// Each field that differs: `field, change, left, right`.
    pub(crate) fields: Vec<Value>,
    /// Paths of the fields of which a side hides what they hold.
    pub(crate) hidden: Vec<String>,
    /// How many fields differ that are ignored.
    pub(crate) ignored: u64,
}

/// Compares two records, but for their types and keys.
pub(crate) fn records(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    ignored: &Ignored,
) -> Compared {
    let mut walk = Walk::new(ignored);
    let marks = [left, right].map(|record| Marks { own: record.get("hidden"), above: None });
    // Their keys are equal.
    if let Some(Value::Object(key)) = left.get("key") {
        let hidden = |name: &str, value| marks.iter().any(|marks| marks.hide(name, value));
        let hidden = key.iter().filter(|(name, value)| hidden(name, value));
        walk.found.hidden.extend(hidden.map(|(name, _)| format!("key.{name}")));
    }
    walk.objects(left, right, [None, None], &["type", "key"]);
    walk.found
}

/// Compares two answers, but for what is said of the tool and the run.
pub(crate) fn answers(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    ignored: &Ignored,
) -> Compared {
    let mut walk = Walk::new(ignored);
    let of_the_run = ["schema", "ok", "tool", "version", "host", "time"];
    walk.objects(left, right, [None, None], &of_the_run);
    walk.found
}

/// What is marked as hidden: `"hidden":true` beside it or above it, or its name in a list there.
#[derive(Clone, Copy)]
struct Marks<'a> {
    own: Option<&'a Value>,
    above: Option<&'a Marks<'a>>,
}

impl Marks<'_> {
    fn hide(&self, name: &str, value: &Value) -> bool {
        let named = match self.own {
            Some(Value::Bool(all)) => *all,
            Some(Value::Array(names)) => names.iter().any(|one| one == name),
            _ => false,
        };
        value.is_null() && (named || self.above.is_some_and(|above| above.hide(name, value)))
    }
}

/// Whether fields called `hidden` say what is hidden: then they are no more than marks.
fn are_marks(pair: Pair<'_>) -> bool {
    let could_be = |value: &Value| match value {
        Value::Array(names) => names.iter().all(Value::is_string),
        other => other.is_boolean() || other.is_null(),
    };
    let hides = |value: &Value| *value == Value::Bool(true) || value.is_array();
    let there = || pair.into_iter().flatten();
    there().all(could_be) && there().any(hides)
}

struct Walk<'a> {
    ignored: &'a Ignored,
    path: String,
    /// Within a list, which is told as a whole.
    in_list: bool,
    found: Compared,
}

type Pair<'a> = [Option<&'a Value>; 2];

impl<'a> Walk<'a> {
    fn new(ignored: &'a Ignored) -> Walk<'a> {
        Walk { ignored, path: String::new(), in_list: false, found: Compared::default() }
    }

    /// Whether they are the same, as far as can be seen.
    fn objects(
        &mut self,
        left: &Map<String, Value>,
        right: &Map<String, Value>,
        above: [Option<&Marks<'_>>; 2],
        left_out: &[&str],
    ) -> bool {
        let marks = [
            Marks { own: left.get("hidden"), above: above[0] },
            Marks { own: right.get("hidden"), above: above[1] },
        ];
        let only_right = right.iter().filter(|(name, _)| !left.contains_key(*name));
        let pairs = left
            .iter()
            .map(|(name, value)| (name, [Some(value), right.get(name)]))
            .chain(only_right.map(|(name, value)| (name, [None, Some(value)])));
        let length = self.path.len();
        let mut same = true;
        for (name, pair) in pairs {
            if left_out.contains(&name.as_str()) || name == "hidden" && are_marks(pair) {
                continue;
            }
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
            same &= self.field(name, pair, &marks);
            self.path.truncate(length);
        }
        same
    }

    fn field(&mut self, name: &str, pair: Pair<'_>, marks: &[Marks<'_>; 2]) -> bool {
        if self.ignored.has(&self.path, name) {
            let same = matches!(pair, [Some(left), Some(right)] if equal(left, right));
            self.found.ignored += u64::from(!same);
            return true;
        }
        let hides = |(value, marks): (Option<&Value>, &Marks<'_>)| {
            value.is_some_and(|value| marks.hide(name, value))
        };
        if pair.into_iter().zip(marks).any(hides) {
            self.found.hidden.push(self.path.clone());
            return true;
        }
        let [Some(left), Some(right)] = pair else {
            let change = if pair[0].is_some() { "only_left" } else { "only_right" };
            return self.differ(change, pair);
        };
        self.values(left, right, [Some(&marks[0]), Some(&marks[1])])
    }

    fn values(&mut self, left: &Value, right: &Value, marks: [Option<&Marks<'_>>; 2]) -> bool {
        let same = match (left, right) {
            (Value::Object(left), Value::Object(right)) => {
                return self.objects(left, right, marks, &[]);
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                let outside = std::mem::replace(&mut self.in_list, true);
                // All of them are looked at, because of what is hidden.
                let same = left
                    .iter()
                    .zip(right)
                    .fold(true, |same, (left, right)| self.values(left, right, marks) && same);
                self.in_list = outside;
                same
            }
            _ => equal(left, right),
        };
        same || self.differ("changed", [Some(left), Some(right)])
    }

    fn differ(&mut self, change: &str, [left, right]: Pair<'_>) -> bool {
        if !self.in_list {
            let field = &self.path;
            self.found
                .fields
                .push(json!({"field": field, "change": change, "left": left, "right": right}));
        }
        false
    }
}

/// Equal as JSON means it: 1 is 1.0, whatever a filter made of it.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => left == right,
    }
}
