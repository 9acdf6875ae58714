//! Whose a file is, and what is attached to it.

use nix::errno::Errno;
use std::ffi::OsStr;
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use xattr::FileExt;

const MODE_BITS: u32 = 0o7777;

/// What speaks of the content, which is another one now: a signature of the old content would make
/// the new one unreadable, and the kernel takes capabilities away from what is written to.
const OF_THE_CONTENT: [&str; 3] = ["security.ima", "security.evm", "security.capability"];

/// What a directory hands on to files made in it.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Gives `new` the owner, the mode and the extended attributes of `old`; the error says which of
/// them could not be kept.
pub(crate) fn carry_over(
    old: &File,
    new: &File,
    known: &Metadata,
) -> Result<(), (String, io::Error)> {
    let made = new.metadata().map_err(|error| ("its state cannot be read".to_owned(), error))?;
    if (made.uid(), made.gid()) != (known.uid(), known.gid()) {
        fchown(new, Some(known.uid()), Some(known.gid())).map_err(|error| {
            let (user, group) = (known.uid(), known.gid());
            (format!("its owner (user {user}, group {group}) cannot be kept"), error)
        })?;
    }
    extended(old, new)?;
    // Last: a change of the owner takes bits away, and so does an access list.
    new.set_permissions(Permissions::from_mode(known.mode() & MODE_BITS))
        .map_err(|error| ("its mode cannot be kept".to_owned(), error))
}

fn extended(old: &File, new: &File) -> Result<(), (String, io::Error)> {
    let kept = match old.list_xattr() {
        Ok(names) => names.collect::<Vec<_>>(),
        Err(error) if none_here(&error) => return Ok(()),
        Err(error) => return Err(("its extended attributes cannot be read".to_owned(), error)),
    };
    let failed = |name: &OsStr| {
        let text = format!("its extended attribute {} cannot be kept", name.display());
        move |error| (text, error)
    };
    for name in &kept {
        if OF_THE_CONTENT.iter().any(|other| name == other) {
            continue;
        }
        let value = old.get_xattr(name).map_err(failed(name))?;
        if let Some(value) = value
            && new.get_xattr(name).map_err(failed(name))?.as_ref() != Some(&value)
        {
            new.set_xattr(name, &value).map_err(failed(name))?;
        }
    }
    let access_list = OsStr::new(ACCESS_LIST);
    if !kept.iter().any(|name| name == access_list)
        && new.get_xattr(access_list).is_ok_and(|list| list.is_some())
    {
        new.remove_xattr(access_list).map_err(failed(access_list))?;
    }
    Ok(())
}

fn none_here(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32)
}
