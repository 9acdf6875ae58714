//! The keys of an object, taken one by one and each with its type.

use ha_json::{Error, Map, Value};
use ha_plan::MAX_SECONDS;
use std::net::{IpAddr, Ipv4Addr};

/// The keys of an object. What is wrong is said with the key before it.
#[derive(Debug)]
pub struct Keys {
    object: Map<String, Value>,
    /// What stands before the names of keys in messages.
    within: &'static str,
}

impl Keys {
    /// Refuses a key that is not among `known`, before any other is missed: a typo is both.
    ///
    /// # Errors
    /// Usage, naming the key.
    pub fn new(
        object: Map<String, Value>,
        within: &'static str,
        known: &[&str],
    ) -> Result<Keys, Error> {
        let keys = Keys { object, within };
        match keys.object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                Err(keys.bad(key, format!("there is no such key: {} are known", known.join(", "))))
            }
            None => Ok(keys),
        }
    }

    /// What is wrong with the value of `key`.
    pub fn bad(&self, key: &str, why: impl Into<String>) -> Error {
        Error::usage(format!("{}{key}", self.within), why)
    }

    /// The value of `key`, null or not; `None` where the key is absent.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.object.remove(key)
    }

    /// As [`Keys::take`], but null is as good as absent.
    fn take_unless_null(&mut self, key: &str) -> Option<Value> {
        self.take(key).filter(|value| !value.is_null())
    }

    /// True or false; `default` where it is absent.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn flag(&mut self, key: &str, default: bool) -> Result<bool, Error> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => Err(self.bad(key, format!("is {other}, and must be true or false"))),
        }
    }

    /// A text, where there is one.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.bad(key, format!("is {other}, and must be a text"))),
        }
    }

    /// A text; null is as good as absent.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn text_or_null(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take_unless_null(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.bad(key, format!("is {other}, and must be a text or null"))),
        }
    }

    /// A time in whole seconds; `default` where it is absent.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn seconds(&mut self, key: &str, default: u64) -> Result<u64, Error> {
        match self.take(key) {
            None => Ok(default),
            Some(value) => {
                value.as_u64().filter(|number| (1..=MAX_SECONDS).contains(number)).ok_or_else(
                    || self.bad(key, format!("is {value}, and must be 1 to {MAX_SECONDS} seconds")),
                )
            }
        }
    }

    /// A list, where there is one.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(other) => Err(self.bad(key, format!("is {other}, and must be a list"))),
        }
    }

    /// A list of texts, none of them twice.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(values) = self.list(key)? else {
            return Ok(None);
        };
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::String(text) if texts.contains(&text) => {
                    return Err(self.bad(key, format!("{text:?} stands there twice")));
                }
                Value::String(text) => texts.push(text),
                other => return Err(self.bad(key, format!("has {other}, which is no text"))),
            }
        }
        Ok(Some(texts))
    }

    /// A list of some of the words that `choices` stand for. An absent list is empty.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn choices<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<Vec<T>, Error> {
        let texts = self.texts(key)?.unwrap_or_default();
        texts.iter().map(|text| self.chosen(key, text, choices)).collect()
    }

    /// What `text`, the value of `key`, stands for among the `choices`.
    ///
    /// # Errors
    /// Usage, naming the words that are allowed.
    pub fn chosen<T: Copy>(
        &self,
        key: &str,
        text: &str,
        choices: &[(&str, T)],
    ) -> Result<T, Error> {
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.bad(key, format!("{text:?} is none of {}", words.join(", ")))
        })
    }

    /// A list of IPv4 addresses that a host can have.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn addresses(&mut self, key: &str) -> Result<Vec<Ipv4Addr>, Error> {
        let texts = self.texts(key)?.unwrap_or_default();
        let address = |text: &String| {
            let usable =
                |a: &Ipv4Addr| !a.is_unspecified() && !a.is_broadcast() && !a.is_multicast();
            text.parse()
                .ok()
                .filter(usable)
                .ok_or_else(|| self.bad(key, format!("{text:?} is no IPv4 address of a host")))
        };
        texts.iter().map(address).collect()
    }

    /// The address of a host, IPv4 or IPv6, where there is one.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn address(&mut self, key: &str) -> Result<Option<IpAddr>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let usable = |address: &IpAddr| !address.is_unspecified() && !address.is_multicast();
        match text.parse().ok().filter(usable) {
            Some(address) => Ok(Some(address)),
            None => Err(self.bad(key, format!("{text:?} is no address of a host"))),
        }
    }

    /// The keys of the object under `key`; none where it is absent. `within` stands before their names
    /// in messages.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn object(
        &mut self,
        key: &str,
        within: &'static str,
        known: &[&str],
    ) -> Result<Keys, Error> {
        match self.take(key) {
            None => Keys::new(Map::new(), within, known),
            Some(Value::Object(object)) => Keys::new(object, within, known),
            Some(other) => Err(self.bad(key, format!("is {other}, and must be an object"))),
        }
    }

    /// An absolute path below `/`, where there is one.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn path(&mut self, key: &str) -> Result<Option<String>, Error> {
        let path = self.text(key)?;
        path.iter().try_for_each(|path| self.plain_path(key, path))?;
        Ok(path)
    }

    /// A list of absolute paths below `/`, where there is one.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn paths(&mut self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let paths = self.texts(key)?;
        paths.iter().flatten().try_for_each(|path| self.plain_path(key, path))?;
        Ok(paths)
    }

    /// Refuses what the table of mounts would never show.
    ///
    /// # Errors
    /// Usage, naming the key.
    pub fn plain_path(&self, key: &str, path: &str) -> Result<(), Error> {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match path.strip_prefix('/') {
            Some(rest) if rest.split('/').all(plain) => Ok(()),
            _ => Err(self.bad(
                key,
                format!(
                    "{path:?} is no absolute path below / without ., .. and a slash at its end"
                ),
            )),
        }
    }

    /// A program and its arguments; null is as good as absent.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn program(&mut self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(value) = self.take_unless_null(key) else {
            return Ok(None);
        };
        self.argv(key, value).map(Some)
    }

    /// A program and its arguments, out of a value of `key`.
    ///
    /// # Errors
    /// Usage, naming the key, where the value is of another kind.
    pub fn argv(&self, key: &str, value: Value) -> Result<Vec<String>, Error> {
        let words = value.as_array().into_iter().flatten();
        let argv: Option<Vec<String>> =
            words.map(|word| word.as_str().map(str::to_owned)).collect();
        let Some(argv) = argv.filter(|argv| !argv.is_empty()) else {
            let why = "must be a list of words such as [\"/usr/bin/start.dce\", \"core\"]";
            return Err(self.bad(key, format!("is {value}, and {why}")));
        };
        let name = &argv[0];
        // Programs run in /, whatever directory the caller stands in.
        if name.is_empty() || (name.contains('/') && !name.starts_with('/')) {
            let why = "is neither an absolute path nor the name of a program in PATH";
            return Err(self.bad(key, format!("{name:?} {why}")));
        }
        match argv.iter().any(|word| word.contains('\0')) {
            true => Err(self.bad(key, "has a NUL character")),
            false => Ok(argv),
        }
    }
}
