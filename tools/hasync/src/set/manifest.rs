//! What was brought last: the standby's own record, by which it knows what was changed here since.

use super::bytes;
use super::plan::beneath;
use super::state::read;
use super::tree::Mark;
use crate::entry::Kind;
use ha_file::{Durability, replace};
use ha_json::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const SCHEMA: &str = "hasync-manifest/1";

/// Of which transaction, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    schema: String,
    /// The last one that changed something; 0 for none.
    pub(super) transaction: u64,
    pub(super) primary: String,
    /// When the two were the same last.
    pub(super) time: String,
}

/// An entry as it was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    #[serde(with = "bytes")]
    pub(super) path: Vec<u8>,
    pub(super) mark: Mark,
    /// Of a file's content; not known of what was the same already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// What the primary has, where it was rewritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The size of that, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_size: Option<u64>,
    /// The primary does not have it any more, and it stayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone: bool,
}

impl Known {
    /// What the primary has in `size` bytes, as it is here.
    pub(super) fn new(
        path: &[u8],
        mark: Mark,
        digest: Option<String>,
        source: Option<String>,
        size: u64,
    ) -> Known {
        let source_size = source.is_some().then_some(size);
        Known { path: path.to_vec(), mark, digest, source, source_size, gone: false }
    }

    /// What the primary had, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.source_size.unwrap_or(self.mark.size)
    }

    /// True where `live` is not what was left here; `digest` reads it.
    ///
    /// # Errors
    /// What `digest` says.
    pub(super) fn is_changed<E>(
        &self,
        live: &Mark,
        digest: impl FnOnce() -> Result<String, E>,
    ) -> Result<bool, E> {
        if self.mark == *live || live.is_directory() && self.mark.is_directory() {
            return Ok(false);
        }
        if !self.mark.same_attributes(live) {
            return Ok(true);
        }
        match &self.digest {
            Some(old) if self.mark.size == live.size => Ok(digest()? != *old),
            Some(_) => Ok(true),
            None => Ok(live.kind == Kind::File && !self.mark.looks_like(live)),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) header: Header,
    known: BTreeMap<Vec<u8>, Known>,
}

impl Manifest {
    pub(super) fn new(
        transaction: u64,
        primary: &str,
        known: BTreeMap<Vec<u8>, Known>,
    ) -> Manifest {
        let header = Header {
            schema: SCHEMA.to_owned(),
            transaction,
            primary: primary.to_owned(),
            time: ha_json::now(),
        };
        Manifest { header, known }
    }

    /// `None` where there is none yet.
    ///
    /// # Errors
    /// Input, where it is damaged.
    pub(super) fn read(file: &Path) -> Result<Option<Manifest>, Error> {
        read(file, |text| {
            Manifest::parse(text).map_err(|why| {
                format!(
                    "is damaged ({why}): move it away, and what is here counts as never brought"
                )
            })
        })
    }

    pub(super) fn parse(text: &[u8]) -> Result<Manifest, String> {
        let mut lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let header = lines.next().ok_or("is empty")?;
        let header: Header = serde_json::from_slice(header).map_err(|error| error.to_string())?;
        if header.schema != SCHEMA {
            return Err(format!("is {:?} and not {SCHEMA:?}", header.schema));
        }
        let mut known = BTreeMap::new();
        for (number, line) in lines.enumerate() {
            let one: Known = serde_json::from_slice(line)
                .map_err(|error| format!("line {}: {error}", number + 2))?;
            known.insert(one.path.clone(), one);
        }
        Ok(Manifest { header, known })
    }

    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub(super) fn write(&self, file: &Path) -> Result<(), Error> {
        let bad =
            |error: serde_json::Error| Error::failed(file.display().to_string(), error.to_string());
        let mut text = serde_json::to_vec(&self.header).map_err(bad)?;
        text.push(b'\n');
        for known in self.known.values() {
            serde_json::to_writer(&mut text, known).map_err(bad)?;
            text.push(b'\n');
        }
        replace(file, &text, 0o600, Durability::Synced)
    }

    pub(super) fn get(&self, path: &[u8]) -> Option<&Known> {
        self.known.get(path)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// True where something at or beneath a path was brought.
    pub(super) fn has_beneath(&self, top: &[u8]) -> bool {
        beneath(&self.known, top).next().is_some()
    }

    /// The entries at and beneath a path that the primary had, and their bytes.
    pub(super) fn amount(&self, top: &[u8]) -> (u64, u64) {
        let there = beneath(&self.known, top).filter(|(_, known)| !known.gone);
        there.fold((0, 0), |(entries, bytes), (_, known)| (entries + 1, bytes + known.size()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn manifests_of_every_version_are_read() {
        let file = "../../tests/contract/hasync-manifest-1/names.jsonl";
        let manifest = Manifest::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
        let manifest = manifest.unwrap().unwrap();
        assert_eq!(manifest.header.primary, "mn1");
        assert!(manifest.get(b"etc/hosts").is_some_and(|known| known.digest.is_some()));
        assert!(manifest.get(b"etc/\xff").is_some_and(|known| known.gone));
    }

    proptest! {
        #[test]
        fn any_text_is_a_manifest_or_an_error(soup: Vec<u8>) {
            let _ = Manifest::parse(&soup);
        }
    }
}
