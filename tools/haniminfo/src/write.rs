//! A niminfo file written back.

use crate::backup;
use crate::content::{self, LIMIT_BYTES};
use crate::look::{problems, put_value};
use crate::request::Request;
use ha_file::Durability;
use ha_json::answer::Answer;
use ha_json::{Error, Map, Status, Tool, Value, json, put_bytes, refuse_terminal};
use ha_nim::niminfo::{Assignment, Niminfo, Piece};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// What everybody may read, as NIM makes it; with secrets in it nobody but its owner.
const MODE_WHEN_NEW: u32 = 0o644;
const MODE_WITH_SECRETS: u32 = 0o600;

pub(crate) const FIELDS: [&str; 6] =
    ["file", "dry_run", "changed", "backup", "changes", "problems"];

/// The file to write, and how.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    pub(crate) lf: bool,
    pub(crate) dry_run: bool,
    pub(crate) agreed: bool,
    pub(crate) lock_wait: Duration,
    pub(crate) verbose: Option<Tool>,
}

impl Target<'_> {
    /// Writes the file as the answer on standard input says.
    pub(crate) fn answer(&self) -> Result<Answer, Error> {
        if content::is_standard_input(self.path) {
            return Err(Error::usage("--write -", "a file is due here"));
        }
        refuse_terminal("an answer of haniminfo")?;
        let request = Request::read(std::io::stdin().lock())?;
        if !self.agreed && !self.dry_run {
            return Err(self.better_way(&request));
        }
        let _lock = match self.dry_run {
            true => None,
            false => Some(ha_file::lock(self.path, self.lock_wait)?),
        };
        let current = ha_file::read(self.path, LIMIT_BYTES)?;
        let before = Niminfo::parse(current.as_deref().unwrap_or_default());
        let new = self.composed(&request, current.as_deref(), &before)?;
        let changed = current.as_ref() != Some(&new);
        let after = Niminfo::parse(&new);
        let mut kept = None;
        if changed && !self.dry_run {
            kept = match &current {
                Some(content) => Some(backup::keep(self.path, content)?),
                None => None,
            };
            let is_hidden = |piece: &Piece| matches!(piece, Piece::Hidden { .. });
            let secret = after.pieces().iter().any(is_hidden);
            let mode = if secret { MODE_WITH_SECRETS } else { MODE_WHEN_NEW };
            let replaced = ha_file::replace(self.path, &new, mode, Durability::Synced);
            replaced.inspect_err(|_| {
                if let Some(kept) = &kept {
                    backup::discard(kept, self.path, current.as_deref());
                }
            })?;
        }
        if let Some(tool) = self.verbose {
            let done = match (changed, self.dry_run) {
                (false, _) => "is as it shall be",
                (true, false) => "is replaced",
                (true, true) => "would be replaced",
            };
            tool.say(&format!("{}: {done}", self.path.display()));
        }
        let mut fields = Map::new();
        put_bytes(&mut fields, "file", self.path.as_os_str().as_bytes());
        fields.insert("dry_run".into(), json!(self.dry_run));
        fields.insert("changed".into(), json!(changed));
        put_value(&mut fields, "backup", kept.as_ref().map(|path| path.as_os_str().as_bytes()));
        fields.insert("changes".into(), changes(&before, &after));
        fields.insert("problems".into(), problems(after.problems()));
        Ok((fields, Status::Done))
    }

    /// The new content.
    fn composed(
        &self,
        request: &Request,
        current: Option<&[u8]>,
        before: &Niminfo,
    ) -> Result<Vec<u8>, Error> {
        let what = self.path.display().to_string();
        let read = request.file().is_some_and(|read| is_same(&read, self.path));
        let changed = || {
            let why = "has changed since it was read: read it again, or set .file of the answer to \
                       null to put it in place all the same";
            Error::input(&what, why)
        };
        let bytes = request
            .original(&what, before)
            .map_err(|error| if read && error.what == what { changed() } else { error })?;
        if read && current.is_some_and(|current| current != bytes) {
            return Err(changed());
        }
        let original = Niminfo::parse(&bytes);
        let wanted = request.wanted(&original)?;
        let new = original
            .edited(&wanted)
            .map_err(|refused| Error::input("standard input", refused.0))?;
        if new.len() as u64 > LIMIT_BYTES {
            return Err(Error::input(
                "standard input",
                format!("makes more than {LIMIT_BYTES} bytes"),
            ));
        }
        Ok(if self.lf { without_carriage_returns(&new) } else { new })
    }

    /// The refusal, with the command of IBM's that is to be run.
    fn better_way(&self, request: &Request) -> Error {
        let or = |field, unknown: &'static str| request.field(field).unwrap_or(unknown).to_owned();
        let better = match request.field("role") {
            Some("master" | "alternate_master") => "nimconfig -r".to_owned(),
            _ => format!(
                "niminit -a name={} -a master={} -a master_port={}",
                or("name", "NAME"),
                or("master_hostname", "MASTER"),
                or("master_port", "1058")
            ),
        };
        let why = format!(
            "belongs to NIM, which makes it anew with `{better}`; \
             to write it all the same, say --yes-nim-owns-this-file"
        );
        Error::usage(self.path.display().to_string(), why)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).ok().map(|known| (known.dev(), known.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

/// Line ends of Unix; a carriage return at the end of the file is one, too.
fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let strip = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
    bytes.split(|byte| *byte == b'\n').map(strip).collect::<Vec<_>>().join(&b'\n')
}

/// What became of each variable, those of one name in their order.
fn changes(before: &Niminfo, after: &Niminfo) -> Value {
    let numbered = |file: &Niminfo| -> BTreeMap<(String, u64), (Assignment, bool)> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let number = |one: &Assignment| {
            let count = counts.entry(one.name.clone()).or_default();
            *count += 1;
            ((one.name.clone(), *count), (one.clone(), file.is_hidden(one)))
        };
        file.assignments().iter().map(number).collect()
    };
    let (old, new) = (numbered(before), numbered(after));
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let told = |key: &(String, u64)| {
        let (old, new) = (old.get(key), new.get(key));
        let same = |(old, _): &(Assignment, bool), (new, _): &(Assignment, bool)| {
            old.value == new.value && old.exported == new.exported
        };
        let change = match (old, new) {
            (Some(old), Some(new)) if same(old, new) => return None,
            (Some(_), Some(_)) => "changed",
            (None, _) => "added",
            (_, None) => "removed",
        };
        let hidden = [old, new].into_iter().flatten().any(|(_, hidden)| *hidden);
        let mut object = Map::new();
        object.insert("name".into(), json!(key.0));
        object.insert("change".into(), json!(change));
        for (field, one) in [("old", old), ("new", new)] {
            let value = one.and_then(|(one, _)| one.value.as_deref());
            put_value(&mut object, field, value.filter(|_| !hidden));
        }
        object.insert("hidden".into(), json!(hidden));
        object.insert("exported".into(), json!(new.map(|(one, _)| one.exported)));
        Some(Value::from(object))
    };
    keys.into_iter().filter_map(told).collect()
}
