//! The document of a set, schema `hasync-set/1`: `man/hasync-set.5`.

use ha_json::{Error, Kind};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, HashSet};

pub(crate) const SCHEMA: &str = "hasync-set/1";
const PAGE: &str = "hasync-set(5)";
/// Names of groups are names of directories, and parts of names of transactions.
const LONGEST_NAME: usize = 64;

/// What belongs together on the standbys, and who they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    schema: String,
    /// For people.
    #[serde(default)]
    #[allow(dead_code)]
    comment: Option<Comment>,
    /// The tree that the groups' paths are of.
    #[serde(default = "whole_machine")]
    pub(crate) root: String,
    pub(crate) targets: Vec<Target>,
    pub(crate) groups: Vec<Group>,
}

/// Any text, or a list of texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Comment {
    Line(String),
    Lines(Vec<String>),
}

/// A standby.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// As ssh takes it: `[USER@]HOST`.
    pub(crate) host: String,
    /// The tree there that is made the same.
    #[serde(default = "whole_machine")]
    pub(crate) root: String,
    /// Where it keeps what it knows of its sets, in place of the usual directory beneath its root.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// What of this node's becomes what of that node's, in the files that a group rewrites.
    #[serde(default, deserialize_with = "each_once")]
    pub(crate) substitutions: BTreeMap<String, String>,
}

/// Paths that change together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) paths: Vec<String>,
    /// Filter patterns, as of rsync's `--exclude`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    #[serde(default)]
    pub(crate) links: Links,
    #[serde(default)]
    pub(crate) compare: Compare,
    /// What goes over the line is compressed.
    #[serde(default)]
    pub(crate) compress: bool,
    /// Access control lists are brought.
    #[serde(default)]
    pub(crate) acls: bool,
    /// Extended attributes are brought, labels of SELinux among them.
    #[serde(default)]
    pub(crate) xattrs: bool,
    #[serde(default)]
    pub(crate) delete: Delete,
    #[serde(default)]
    pub(crate) max_delete: MaxDelete,
    #[serde(default)]
    pub(crate) require_mount: Vec<String>,
    #[serde(default)]
    pub(crate) on_conflict: OnConflict,
    /// How much of a path's entries or bytes may be gone before it is held back, in percent.
    #[serde(default = "half")]
    pub(crate) max_shrink_percent: u8,
    /// Files that may become empty, by their whole paths.
    #[serde(default)]
    pub(crate) allow_empty: Vec<String>,
    #[serde(default)]
    pub(crate) validate: Vec<Validation>,
    #[serde(default)]
    pub(crate) hooks: Vec<Hook>,
    /// Files in which the target's substitutions are made.
    #[serde(default)]
    pub(crate) rewrite: Vec<String>,
    /// Files that may hold this node's name and addresses as they are.
    #[serde(default)]
    pub(crate) may_name_node: Vec<String>,
    /// How many transactions can be rolled back.
    #[serde(default = "five")]
    pub(crate) generations: u32,
    /// Where the standby keeps what waits and what was, on the file system of the paths.
    #[serde(default)]
    pub(crate) store: Option<String>,
}

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Links {
    /// They are brought as they are.
    #[default]
    Keep,
    /// What they lead to is brought in their place.
    Follow,
    /// Those that lead out of the tree are left out.
    Safe,
}

/// How a file that did not change is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compare {
    /// By size and time of change.
    #[default]
    Time,
    /// By its content.
    Content,
}

/// What becomes of what the primary does not have any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delete {
    #[default]
    Never,
    /// It is kept as long as the transaction that took it away.
    Trash,
}

/// More deletions than this are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MaxDelete {
    pub(crate) count: u64,
    /// Of the group's entries.
    pub(crate) percent: u8,
}

impl Default for MaxDelete {
    fn default() -> MaxDelete {
        MaxDelete { count: 1000, percent: 25 }
    }
}

/// What is done where a file was changed on the standby since it was brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnConflict {
    /// Nothing of the group.
    #[default]
    Refuse,
    /// The primary's takes its name; the standby's stays beside it.
    KeepBoth,
    /// The primary's takes its place; the standby's stays in the transaction.
    Primary,
}

/// A program that says whether a new file may be put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validation {
    pub(crate) path: String,
    /// `{}` is the path of the new file.
    pub(crate) run: Vec<String>,
    #[serde(default = "thirty")]
    pub(crate) timeout_seconds: u64,
}

/// A program that is run on the standby when something changed there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hook {
    pub(crate) run: Vec<String>,
    /// Only when something at or beneath one of these changed; else at any change.
    #[serde(default)]
    pub(crate) when: Vec<String>,
    #[serde(default = "thirty")]
    pub(crate) timeout_seconds: u64,
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
}

/// What becomes of a change whose hook failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    #[default]
    Keep,
    RollBack,
}

/// A map in which no key stands twice.
fn each_once<'a, D: Deserializer<'a>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct EachOnce;
    impl<'a> Visitor<'a> for EachOnce {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut all = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if all.insert(key.clone(), value).is_some() {
                    return Err(de::Error::custom(format!("{key:?} stands there twice")));
                }
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(EachOnce)
}

fn whole_machine() -> String {
    "/".to_owned()
}

fn half() -> u8 {
    50
}

fn five() -> u32 {
    5
}

fn thirty() -> u64 {
    30
}

impl Document {
    /// Reads the file, which nobody else may have written: it names programs.
    ///
    /// # Errors
    /// Usage, with the file and the line.
    pub(crate) fn read(file: &str) -> Result<Document, Error> {
        ha_configuration::read(file, SCHEMA, PAGE, Document::parse)
    }

    pub(super) fn parse(text: &[u8]) -> Result<Document, Error> {
        let document: Document = serde_json::from_slice(text)
            .map_err(|error| Error::usage(SCHEMA, error.to_string()))?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), Error> {
        if self.schema != SCHEMA {
            let why = format!("is {:?}, and must be {SCHEMA:?} ({PAGE})", self.schema);
            return Err(Error::usage("schema", why));
        }
        root("root", &self.root)?;
        if self.targets.is_empty() {
            return Err(Error::usage("targets", "is empty: no standby is named"));
        }
        let mut known = HashSet::new();
        for target in &self.targets {
            ha_remote::Host::parse(&target.host)?;
            root("root", &target.root)?;
            target.state.iter().try_for_each(|state| root("state", state))?;
            if !known.insert((&target.host, &target.root)) {
                return Err(Error::usage(
                    "targets",
                    format!("{:?} stands there twice", target.host),
                ));
            }
            if target.substitutions.keys().any(String::is_empty) {
                return Err(Error::usage("substitutions", "an empty text cannot be replaced"));
            }
        }
        if self.groups.is_empty() {
            return Err(Error::usage("groups", "is empty: nothing is named"));
        }
        let mut names = HashSet::new();
        for (number, group) in self.groups.iter().enumerate() {
            group.check()?;
            let meet = |other: &&Group| {
                other.paths.iter().any(|path| group.holds(path.as_bytes()))
                    || group.paths.iter().any(|path| other.holds(path.as_bytes()))
            };
            if let Some(other) = self.groups[..number].iter().find(meet) {
                let why = format!("a path is in {:?} and in {:?}", other.name, group.name);
                return Err(Error::usage("groups", why));
            }
            if !names.insert(&group.name) {
                return Err(Error::usage("groups", format!("{:?} stands there twice", group.name)));
            }
        }
        Ok(())
    }
}

impl Target {
    /// What records and messages call it.
    pub(crate) fn name(&self) -> String {
        match self.root.as_str() {
            "/" => self.host.clone(),
            root => format!("{}:{root}", self.host),
        }
    }
}

impl Group {
    /// The deadline of the program that may take longest, in seconds.
    pub(super) fn longest_program(&self) -> u64 {
        let validations = self.validate.iter().map(|one| one.timeout_seconds);
        validations.chain(self.hooks.iter().map(|one| one.timeout_seconds)).max().unwrap_or(0)
    }

    /// What a person may have got wrong, and a peer.
    ///
    /// # Errors
    /// Usage, with the group and the key.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = &self.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let good = name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !good || name.len() > LONGEST_NAME {
            let why =
                "is no name: letters, digits, _ . and -, the first a letter or digit, 64 at most";
            return Err(Error::usage("groups: name", format!("{name:?} {why}")));
        }
        let bad = |key: &str, why: String| Error::usage(format!("group {name}: {key}"), why);
        if self.paths.is_empty() {
            return Err(bad("paths", "is empty".to_owned()));
        }
        let lists = [
            ("paths", &self.paths),
            ("require_mount", &self.require_mount),
            ("allow_empty", &self.allow_empty),
            ("rewrite", &self.rewrite),
            ("may_name_node", &self.may_name_node),
        ];
        for (key, list) in lists {
            for path in list {
                if !is_plain(path) {
                    return Err(bad(
                        key,
                        format!("{path:?} is no absolute path below / without . and .."),
                    ));
                }
            }
        }
        for (number, path) in self.paths.iter().enumerate() {
            let within = |other: &&String| is_within(path.as_bytes(), other.as_bytes());
            let others = self.paths.iter().enumerate().filter(|(at, _)| *at != number);
            if let Some(other) = others.map(|(_, other)| other).find(within) {
                return Err(bad("paths", format!("{path:?} is in {other:?} already")));
            }
        }
        let programs = self.validate.iter().map(|v| ("validate", &v.run, v.timeout_seconds));
        let programs =
            programs.chain(self.hooks.iter().map(|h| ("hooks", &h.run, h.timeout_seconds)));
        for (key, run, seconds) in programs {
            let program = run.first().map(String::as_str).unwrap_or_default();
            if program.is_empty() || (program.contains('/') && !program.starts_with('/')) {
                let why = "run must be a list of words that begins with a program of PATH, or with its whole path";
                return Err(bad(key, why.to_owned()));
            }
            if !(1..=86_400).contains(&seconds) {
                return Err(bad(
                    key,
                    format!("timeout_seconds is {seconds}, and must be 1 to 86400"),
                ));
            }
        }
        for validation in &self.validate {
            if !is_plain(&validation.path) || !self.holds(validation.path.as_bytes()) {
                return Err(bad(
                    "validate",
                    format!("{:?} is in none of its paths", validation.path),
                ));
            }
            if !validation.run.iter().any(|word| word.contains("{}")) {
                return Err(bad(
                    "validate",
                    "run has no {}, which stands for the new file".to_owned(),
                ));
            }
        }
        for path in self.hooks.iter().flat_map(|hook| &hook.when) {
            if !is_plain(path) || !self.holds(path.as_bytes()) {
                return Err(bad("hooks", format!("when: {path:?} is in none of its paths")));
            }
        }
        for path in self.rewrite.iter().chain(&self.allow_empty).chain(&self.may_name_node) {
            if !self.holds(path.as_bytes()) {
                return Err(bad(
                    "rewrite, allow_empty, may_name_node",
                    format!("{path:?} is in none of its paths"),
                ));
            }
        }
        if self.max_shrink_percent > 100 || self.max_delete.percent > 100 {
            return Err(bad("max_shrink_percent, max_delete", "percent is at most 100".to_owned()));
        }
        if let Some(store) = &self.store {
            root("store", store)?;
        }
        Ok(())
    }

    /// True for a path, absolute, that is one of the group's or beneath one.
    pub(crate) fn holds(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|top| is_within(path, top.as_bytes()))
    }
}

/// True where `path` is `top` or beneath it; neither ends with a slash.
pub(crate) fn is_within(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// True for an absolute path that leads where it says.
pub(super) fn is_plain(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain))
}

fn root(key: &str, path: &str) -> Result<(), Error> {
    match path == "/" || is_plain(path) {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Usage,
            key,
            format!("{path:?} is no absolute path without . and .."),
        )),
    }
}

#[cfg(test)]
mod tests;
