//! What a niminfo file says, and what is wrong with it.

use crate::content;
use ha_json::answer::Answer;
use ha_json::{Error, Map, Status, Value, json, put_bytes};
use ha_nim::Problem;
use ha_nim::niminfo::{Assignment, Niminfo, Piece};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) const FIELDS: [&str; 17] = [
    "file",
    "role",
    "name",
    "hostname",
    "configuration",
    "master_hostname",
    "master_hostname_list",
    "alternate_masters",
    "master_port",
    "registration_port",
    "shell",
    "hosts",
    "mounts",
    "routes",
    "variables",
    "problems",
    "original",
];

/// The answer; it is no where what the file says cannot be relied on.
pub(crate) fn answer(path: &Path, show_secrets: bool) -> Result<Answer, Error> {
    let content = content::of(path)?;
    let file = Niminfo::parse(&content);
    if !file.is_one() {
        let why = match content.is_empty() {
            true => "is empty: NIM has not set this machine up, or the file was lost",
            false => "is no niminfo: it sets no variable",
        };
        return Err(Error::input(content::name(path), why));
    }
    let mut answer = Map::new();
    match content::is_standard_input(path) {
        true => drop(answer.insert("file".into(), Value::Null)),
        false => put_bytes(&mut answer, "file", path.as_os_str().as_bytes()),
    }
    let seen = Seen { file: &file, show_secrets };
    seen.machine(&mut answer);
    answer.insert("variables".into(), seen.variables());
    answer.insert("problems".into(), problems(file.problems()));
    answer.insert("original".into(), seen.original());
    Ok((answer, if file.is_sound() { Status::Done } else { Status::No }))
}

/// Problems as they are told.
pub(crate) fn problems(all: &[Problem]) -> Value {
    json!(all)
}

struct Seen<'a> {
    file: &'a Niminfo,
    show_secrets: bool,
}

impl Seen<'_> {
    fn is_hidden(&self, assignment: &Assignment) -> bool {
        !self.show_secrets && self.file.is_hidden(assignment)
    }

    /// The value of a variable that is there and may be seen.
    fn text(&self, name: &str) -> Value {
        let seen = self.file.assignment(name).filter(|one| !self.is_hidden(one));
        json!(seen.and_then(Assignment::text))
    }

    /// What was read from a variable, where there is one whose value is known and may be seen.
    fn list<T>(&self, name: &str, entries: Vec<T>, told: impl Fn(T) -> Value) -> Value {
        match self.text(name) {
            Value::Null => Value::Null,
            _ => entries.into_iter().map(told).collect(),
        }
    }

    fn machine(&self, answer: &mut Map<String, Value>) {
        let file = self.file;
        let role = file.role();
        let role = match self.text("NIM_CONFIGURATION") {
            Value::Null => Value::Null,
            _ => json!(role.word()),
        };
        let mounts = if file.assignment("NIM_MOUNTS").is_some() { "NIM_MOUNTS" } else { "MOUNTS" };
        let fields = [
            ("role", role),
            ("name", self.text("NIM_NAME")),
            ("hostname", self.text("NIM_HOSTNAME")),
            ("configuration", self.text("NIM_CONFIGURATION")),
            ("master_hostname", self.text("NIM_MASTER_HOSTNAME")),
            (
                "master_hostname_list",
                self.list("NIM_MASTER_HOSTNAME_LIST", file.master_hostname_list(), Value::from),
            ),
            (
                "alternate_masters",
                self.list("NIM_ALTERNATE_MASTER", file.alternate_masters(), Value::from),
            ),
            ("master_port", self.text("NIM_MASTER_PORT")),
            ("registration_port", self.text("NIM_REGISTRATION_PORT")),
            ("shell", self.text("NIM_SHELL")),
            (
                "hosts",
                self.list(
                    "NIM_HOSTS",
                    file.hosts(),
                    |host| json!({"address": host.address, "names": host.names}),
                ),
            ),
            (
                "mounts",
                self.list(mounts, file.mounts(), |mount| {
                    json!({
                        "host": mount.host,
                        "remote": mount.remote,
                        "local": mount.local,
                        "kind": mount.kind,
                    })
                }),
            ),
            (
                "routes",
                self.list("ROUTES", file.routes(), |route| {
                    json!({
                        "destination": route.destination,
                        "mask": route.mask,
                        "gateway": route.gateway,
                    })
                }),
            ),
        ];
        answer.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }

    fn variables(&self) -> Value {
        let told = |(index, one): (usize, &Assignment)| {
            let hidden = self.is_hidden(one);
            let mut object = Map::new();
            object.insert("name".into(), json!(one.name));
            put_value(&mut object, "value", one.value.as_deref().filter(|_| !hidden));
            object.insert("hidden".into(), json!(hidden));
            object.insert("exported".into(), json!(one.exported));
            object.insert("line".into(), json!(one.line));
            object.insert("place".into(), json!(index + 1));
            Value::from(object)
        };
        self.file.assignments().iter().enumerate().map(told).collect()
    }

    /// The whole text, so that it can be written back.
    fn original(&self) -> Value {
        let pieces = match self.show_secrets {
            true => vec![Piece::Text(self.file.to_bytes())],
            false => self.file.pieces(),
        };
        let told = |piece| {
            let mut object = Map::new();
            match piece {
                Piece::Text(text) => put_bytes(&mut object, "text", &text),
                Piece::Hidden { name, occurrence, secret: _ } => {
                    let hidden = json!({"name": name, "occurrence": occurrence});
                    object.insert("hidden".into(), hidden);
                }
            }
            Value::from(object)
        };
        pieces.into_iter().map(told).collect()
    }
}

/// Puts a value, or null where there is none to be told.
pub(crate) fn put_value(object: &mut Map<String, Value>, name: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => put_bytes(object, name, value),
        None => drop(object.insert(name.to_owned(), Value::Null)),
    }
}
