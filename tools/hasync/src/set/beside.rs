//! What stands beside owner, mode and time of a directory: access control lists, and extended attributes.

use super::bytes;
use crate::acl;
use crate::extra::Scope;
use crate::xattr::Place;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;

/// Which of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) acls: bool,
    pub(super) xattrs: bool,
}

/// That of one directory, as the system has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beside {
    kept: Kept,
    /// Sorted by name.
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    #[serde(with = "bytes")]
    name: Vec<u8>,
    #[serde(with = "bytes")]
    value: Vec<u8>,
}

impl Kept {
    fn has(self, name: &[u8]) -> bool {
        let is_list = [acl::ACCESS, acl::DEFAULT].iter().any(|list| list.as_bytes() == name);
        self.acls && is_list || self.xattrs && Scope::All.has(name)
    }
}

impl Beside {
    /// # Errors
    /// The system's own.
    pub(super) fn read(directory: &OwnedFd, kept: Kept) -> nix::Result<Beside> {
        let place = Place::open(directory);
        let mut attributes = Vec::new();
        for name in place.names()?.into_iter().filter(|name| kept.has(name)) {
            // One that went meanwhile is none.
            if let Some(value) = place.get(&name)? {
                attributes.push(Attribute { name, value });
            }
        }
        attributes.sort_unstable();
        Ok(Beside { kept, attributes })
    }

    /// Makes it so, before the mode is set: a list has a part of that.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn write(&self, directory: &OwnedFd) -> nix::Result<()> {
        let place = Place::open(directory);
        let there = Beside::read(directory, self.kept)?;
        for Attribute { name, .. } in &there.attributes {
            if !self.attributes.iter().any(|wanted| wanted.name == *name) {
                match place.remove(name) {
                    // A label that the system itself gives to all that is made.
                    Err(Errno::EACCES | Errno::EPERM) if name.starts_with(b"security.") => {}
                    result => result?,
                }
            }
        }
        let new = self.attributes.iter().filter(|wanted| !there.attributes.contains(wanted));
        new.into_iter().try_for_each(|wanted| place.set(&wanted.name, &wanted.value))
    }
}
