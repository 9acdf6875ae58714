//! What is said of an object: each thing in one place.

use ha_json::{Map, Value, json, put_bytes};
use ha_nim::lsnim::{Attribute, Entry};
use ha_nim::{Problem, RESOURCE_TYPES, Severity};
use std::collections::BTreeMap;

/// Attributes that stand once for each resource that a machine serves.
const SERVES: &str = "serves";

/// The first value of an attribute.
pub(super) fn first<'a>(entry: &'a Entry, name: &str) -> Option<&'a [u8]> {
    entry.attributes.iter().find(|one| one.name == name).map(|one| one.value.as_slice())
}

/// The values of an object's record, and what is wrong with its attributes. `long` where the listing
/// is one that can show all of an object.
pub(super) fn of(entry: &Entry, long: bool) -> (Map<String, Value>, Vec<Problem>) {
    let class = first(entry, "class").and_then(|class| std::str::from_utf8(class).ok());
    let mut parts = Parts { class: class.unwrap_or_default(), ..Parts::default() };
    for (name, all) in by_name(entry) {
        parts.take(name, &all);
    }
    // Without its class it was -a that showed some attributes.
    let whole = long && class.is_some();
    let object = String::from_utf8_lossy(&entry.name);
    for problem in &mut parts.problems {
        problem.what = format!("{} of {object} {}", problem.about, problem.what);
    }
    let problems = parts.problems.drain(..).map(Told::problem).collect();
    (parts.values(whole), problems)
}

/// The attributes in their order, each name once, where it first stands.
fn by_name(entry: &Entry) -> Vec<(&str, Vec<&Attribute>)> {
    let mut places = BTreeMap::new();
    let mut all: Vec<(&str, Vec<&Attribute>)> = Vec::new();
    for attribute in &entry.attributes {
        let name = attribute.name.as_str();
        let at = *places.entry(name).or_insert_with(|| {
            all.push((name, Vec::new()));
            all.len() - 1
        });
        all[at].1.push(attribute);
    }
    all
}

struct Told {
    about: String,
    line: u64,
    what: String,
}

impl Told {
    fn problem(self) -> Problem {
        Problem { line: self.line, what: self.what, severity: Severity::Warning }
    }
}

#[derive(Default)]
struct Parts<'a> {
    class: &'a str,
    own: Map<String, Value>,
    attributes: Map<String, Value>,
    /// By the number in the name.
    interfaces: BTreeMap<u64, Value>,
    routes: BTreeMap<u64, Value>,
    members: BTreeMap<u64, Value>,
    allocations: BTreeMap<&'a str, Vec<Value>>,
    resources: BTreeMap<&'a str, Vec<Value>>,
    serves: Vec<Value>,
    problems: Vec<Told>,
}

impl<'a> Parts<'a> {
    /// Puts an attribute where it belongs; as it stands where it belongs nowhere else.
    fn take(&mut self, name: &'a str, all: &[&Attribute]) {
        let texts: Option<Vec<&str>> = all.iter().map(|one| one_line(&one.value)).collect();
        if let Some(texts) = texts
            && (self.take_list(name, &texts) || self.take_numbered(name, &texts, all))
        {
            return;
        }
        let values: Vec<&[u8]> = all.iter().map(|one| one.value.as_slice()).collect();
        let value = values.join(&b'\n');
        let own = matches!(name, "class" | "type");
        put_bytes(if own { &mut self.own } else { &mut self.attributes }, name, &value);
        if let [_, second, ..] = all {
            self.tell(name, second.line, format!("is there {} times: all are told", all.len()));
        }
    }

    /// What may stand several times.
    fn take_list(&mut self, name: &'a str, texts: &[&str]) -> bool {
        let values = texts.iter().map(|text| Value::from(*text));
        let into = match self.class {
            "machines" if name == SERVES => &mut self.serves,
            "machines" if RESOURCE_TYPES.contains(&name) => {
                self.allocations.entry(name).or_default()
            }
            "groups" if RESOURCE_TYPES.contains(&name) => self.resources.entry(name).or_default(),
            _ => return false,
        };
        into.extend(values);
        true
    }

    /// What has a number in its name: `ifN`, `routingN`, `memberN`.
    fn take_numbered(&mut self, name: &str, texts: &[&str], all: &[&Attribute]) -> bool {
        let ([text], [attribute]) = (texts, all) else { return false };
        let of = |class: &str| self.class == class || self.class.is_empty();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (into, index, read, wanted) = if let Some(index) = number(name, "if")
            && of("machines")
        {
            let wanted = "a network, a host name, a hardware address, and perhaps an adapter";
            (&mut self.interfaces, index, interface(index, &words), wanted)
        } else if let Some(index) = number(name, "routing")
            && of("networks")
        {
            (&mut self.routes, index, route(index, &words), "a destination and a gateway")
        } else if let Some(index) = number(name, "member")
            && of("groups")
        {
            (&mut self.members, index, member(&words), "one object")
        } else {
            return false;
        };
        match read {
            Some(value) => {
                into.insert(index, value);
                true
            }
            None => {
                self.tell(
                    name,
                    attribute.line,
                    format!("is not {wanted}: it is told as it stands"),
                );
                false
            }
        }
    }

    fn tell(&mut self, about: &str, line: u64, what: String) {
        self.problems.push(Told { about: about.to_owned(), line, what });
    }

    /// What there is; of an object that is not shown whole, null where nothing is shown.
    fn values(mut self, whole: bool) -> Map<String, Value> {
        let shown = |value: Value, is_empty: bool| match is_empty && !whole {
            true => Value::Null,
            false => value,
        };
        let list = |all: BTreeMap<u64, Value>| {
            let is_empty = all.is_empty();
            shown(all.into_values().collect(), is_empty)
        };
        let map = |all: BTreeMap<&str, Vec<Value>>| shown(json!(all), all.is_empty());
        let mut values = Map::new();
        for name in ["class", "type"] {
            let there = self.own.keys().find(|key| key.starts_with(name)).cloned();
            match there {
                Some(key) => {
                    let value = self.own.remove(&key).unwrap_or_default();
                    values.insert(key, value);
                }
                None => {
                    values.insert(name.to_owned(), Value::Null);
                }
            }
        }
        let has_none = self.attributes.is_empty();
        let serves_none = self.serves.is_empty();
        values.extend([
            ("interfaces".to_owned(), list(self.interfaces)),
            ("allocations".to_owned(), map(self.allocations)),
            ("serves".to_owned(), shown(self.serves.into(), serves_none)),
            ("routes".to_owned(), list(self.routes)),
            ("members".to_owned(), list(self.members)),
            ("resources".to_owned(), map(self.resources)),
            ("attributes".to_owned(), shown(self.attributes.into(), has_none)),
        ]);
        values
    }
}

/// A value that is text in one line.
fn one_line(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| !text.contains('\n'))
}

/// The number behind the prefix, written as NIM writes one.
fn number(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?;
    let index: u64 = digits.parse().ok()?;
    (index.to_string() == digits).then_some(index)
}

fn interface(index: u64, words: &[&str]) -> Option<Value> {
    let (network, hostname, mac, adapter) = match *words {
        [network, hostname, mac] => (network, hostname, mac, None),
        [network, hostname, mac, adapter] => (network, hostname, mac, Some(adapter)),
        _ => return None,
    };
    Some(json!({
        "index": index,
        "network": network,
        "hostname": hostname,
        "mac": mac,
        "adapter": adapter,
    }))
}

fn route(index: u64, words: &[&str]) -> Option<Value> {
    match *words {
        [destination, gateway] => {
            Some(json!({"index": index, "destination": destination, "gateway": gateway}))
        }
        _ => None,
    }
}

fn member(words: &[&str]) -> Option<Value> {
    match *words {
        [name] => Some(Value::from(name)),
        _ => None,
    }
}
