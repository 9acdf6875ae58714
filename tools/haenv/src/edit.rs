//! Variables set and taken away.

use crate::look;
use ha_environment::EnvironmentFile;
use ha_file::Durability;
use ha_json::answer::Answer;
use ha_json::{Error, Map, Status, Tool, Value, put_bytes};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// What everybody may read, as /etc/environment is.
const MODE_WHEN_NEW: u32 = 0o644;

pub(crate) const FIELDS: [&str; 4] = ["file", "dry_run", "changed", "changes"];

/// The file to change, and how.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    pub(crate) dry_run: bool,
    pub(crate) lock_wait: Duration,
    pub(crate) verbose: Option<Tool>,
}

/// A variable as it shall be; without a value it shall not be there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) value: Option<Vec<u8>>,
}

/// What became of a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    name: String,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
    changed: bool,
}

/// Reads `NAME=VALUE` and `NAME`, each name once.
pub(crate) fn wanted(set: &[OsString], unset: &[String]) -> Result<Vec<Wanted>, Error> {
    let mut all: Vec<Wanted> = Vec::new();
    for argument in set {
        let what = || format!("--set {}", argument.display());
        let bytes = argument.as_bytes();
        let equals = bytes
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(|| Error::usage(what(), "is not NAME=VALUE"))?;
        let name = std::str::from_utf8(&bytes[..equals])
            .map_err(|_| Error::usage(what(), "the name is not UTF-8"))?;
        all.push(Wanted { name: name.to_owned(), value: Some(bytes[equals + 1..].to_vec()) });
    }
    all.extend(unset.iter().map(|name| Wanted { name: name.clone(), value: None }));
    for (index, one) in all.iter().enumerate() {
        if all[..index].iter().any(|other| other.name == one.name) {
            return Err(Error::usage(&one.name, "is set or taken away twice"));
        }
    }
    Ok(all)
}

/// Makes every variable what it shall be.
pub(crate) fn apply(file: &mut EnvironmentFile, wanted: &[Wanted]) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for Wanted { name, value } in wanted {
        let old = file.get(name).map(<[u8]>::to_vec);
        let changed = match value {
            Some(value) => file.set(name, value)?,
            None => file.unset(name)?,
        };
        changes.push(Change { name: name.clone(), old, new: value.clone(), changed });
    }
    Ok(changes)
}

/// The edit as an answer.
pub(crate) fn answer(target: &Target<'_>, wanted: &[Wanted]) -> Result<Answer, Error> {
    let changes = edit(target, |file| apply(file, wanted))?;
    Ok((told(target, &changes), Status::Done))
}

/// The fields that tell of an edit.
pub(crate) fn told(target: &Target<'_>, changes: &[Change]) -> Map<String, Value> {
    let mut fields = Map::new();
    put_bytes(&mut fields, "file", target.path.as_os_str().as_bytes());
    fields.insert("dry_run".into(), Value::from(target.dry_run));
    fields.insert("changed".into(), Value::from(changes.iter().any(|change| change.changed)));
    let changes = changes.iter().map(|change| {
        let mut object = Map::new();
        object.insert("name".into(), Value::from(change.name.as_str()));
        for (name, value) in [("old", &change.old), ("new", &change.new)] {
            match value {
                Some(value) => put_bytes(&mut object, name, value),
                None => drop(object.insert(name.into(), Value::Null)),
            }
        }
        object.insert("changed".into(), Value::from(change.changed));
        Value::from(object)
    });
    fields.insert("changes".into(), changes.collect());
    fields
}

/// Changes the file by what `changing` does to it, under its lock, in one step.
pub(crate) fn edit(
    target: &Target<'_>,
    changing: impl FnOnce(&mut EnvironmentFile) -> Result<Vec<Change>, Error>,
) -> Result<Vec<Change>, Error> {
    let _lock = match target.dry_run {
        true => None,
        false => Some(ha_file::lock(target.path, target.lock_wait)?),
    };
    let mut file = look::file_if_there(target.path)?.unwrap_or_else(|| EnvironmentFile::parse(b""));
    let changes = changing(&mut file)?;
    let changed = changes.iter().any(|change| change.changed);
    if changed && !target.dry_run {
        ha_file::replace(target.path, &file.bytes(), MODE_WHEN_NEW, Durability::Synced)?;
    }
    if let Some(tool) = target.verbose {
        let done = match (changed, target.dry_run) {
            (false, _) => "is as it shall be",
            (true, false) => "is replaced",
            (true, true) => "would be replaced",
        };
        tool.say(&format!("{}: {done}", target.path.display()));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(all: &[&str]) -> Vec<OsString> {
        all.iter().map(OsString::from).collect()
    }

    #[test]
    fn names_and_values_are_split_at_the_first_equals_sign() {
        let wanted = wanted(&arguments(&["A=b=c", "B="]), &["C".to_owned()]).unwrap();
        let seen: Vec<_> =
            wanted.iter().map(|one| (one.name.as_str(), one.value.as_deref())).collect();
        assert_eq!(seen, [("A", Some(&b"b=c"[..])), ("B", Some(b"")), ("C", None)]);
    }

    #[test]
    fn no_equals_sign_and_a_name_twice_are_wrong_usage() {
        for (set, unset) in [(&["A"][..], &[][..]), (&["A=1", "A=2"], &[]), (&["A=1"], &["A"])] {
            let unset: Vec<String> = unset.iter().map(ToString::to_string).collect();
            assert_eq!(wanted(&arguments(set), &unset).unwrap_err().kind, ha_json::Kind::Usage);
        }
    }

    #[test]
    fn old_and_new_values_are_told() {
        let mut file = EnvironmentFile::parse(b"A=1\nB=2\n");
        let wanted = wanted(&arguments(&["A=1", "B=3"]), &["C".to_owned()]).unwrap();
        let changes = apply(&mut file, &wanted).unwrap();
        let changed: Vec<bool> = changes.iter().map(|change| change.changed).collect();
        assert_eq!(changed, [false, true, false]);
        assert_eq!(changes[1].old.as_deref(), Some(&b"2"[..]));
        assert_eq!(changes[2].old, None);
    }
}
