//! What is changed on this machine: a host key pinned, a key let in, a key made.

use crate::account::{self, Daemon, MOST_BYTES};
use crate::authorized;
use crate::orders::{Change, Changed, Manner, What};
use ha_command::{Fate, Lock, capture, lock_directory};
use ha_file::Durability;
use ha_json::Error;
use ha_ssh::{Private, Settings, account, known_hosts};
use ssh_key::{HashAlg, PublicKey};
use std::fs::{self, DirBuilder, File, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn change(file: &Path, what: What, detail: Option<String>) -> Change {
    Change { file: shown(file), what, detail }
}

fn fingerprint(key: &PublicKey) -> Option<String> {
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}

/// Makes the directory of `file` where that is the user's own `.ssh`, and locks it.
fn enter(file: &Path, manner: Manner, changes: &mut Vec<Change>) -> Result<Option<Lock>, Error> {
    let directory = file.parent().unwrap_or(Path::new("/"));
    if !directory.exists() {
        if directory != account()?.dir.join(".ssh") {
            return Err(Error::failed(shown(directory), "is not there"));
        }
        changes.push(change(directory, What::DirectoryMade, None));
        if manner.dry_run {
            return Ok(None);
        }
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if !directory.is_dir() => return Err(Error::io(shown(directory), &error)),
            _ => {}
        }
    }
    if manner.dry_run {
        return Ok(None);
    }
    let open = File::open(directory).map_err(|error| Error::io(shown(directory), &error))?;
    lock_directory(open.into(), &shown(directory), manner.lock_wait).map(Some)
}

fn write(file: &Path, content: &[u8], manner: Manner) -> Result<(), Error> {
    match manner.dry_run {
        true => Ok(()),
        false => ha_file::replace(file, content, 0o600, Durability::Synced),
    }
}

/// Pins `keys` for the host of `settings`, in the first of the user's own files.
///
/// # Errors
/// Failed, with the file as it was; busy, where another run holds its directory.
pub(crate) fn pin(
    settings: &Settings,
    keys: &[PublicKey],
    keep: &dyn Fn(&PublicKey) -> bool,
    manner: Manner,
) -> Result<Vec<Change>, Error> {
    let file = settings.user_known_hosts.first().filter(|file| file.as_os_str() != "/dev/null");
    let file = file.ok_or_else(|| {
        Error::failed(&settings.hostname, "ssh_config names no file of known hosts to pin it in")
    })?;
    let mut changes = Vec::new();
    let _lock = enter(file, manner, &mut changes)?;
    let old = ha_file::read(file, MOST_BYTES)?.unwrap_or_default();
    let edit = known_hosts::pin(&old, &settings.names()[0], keys, keep);
    if edit.content != old {
        write(file, &edit.content, manner)?;
    }
    let told = |keys: &[PublicKey], what| -> Vec<Change> {
        keys.iter().map(|key| change(file, what, fingerprint(key))).collect()
    };
    changes.extend(told(&edit.removed, What::RemovedStaleLine));
    changes.extend(told(&edit.pinned, What::Pinned));
    Ok(changes)
}

/// Lets `key` in to this account from `from`, once; and takes from others the right to write to the
/// file and to `.ssh`. What else keeps it out is told as faults.
///
/// # Errors
/// As [`pin`].
pub(crate) fn authorize(
    key: &PublicKey,
    from: IpAddr,
    comment: &str,
    manner: Manner,
) -> Result<Changed, Error> {
    let user = account()?;
    let daemon = Daemon::of(&user, Some(from));
    let Some(file) = daemon.authorized_keys.first() else {
        return Err(Error::failed("sshd", "has no AuthorizedKeysFile"));
    };
    let mut changes = Vec::new();
    let _lock = enter(file, manner, &mut changes)?;
    let mut known = false;
    for other in &daemon.authorized_keys[1..] {
        let content = ha_file::read(other, MOST_BYTES)?.unwrap_or_default();
        known |= matches!(authorized::find(&content, key, Some(from)), authorized::Found::Admitted);
    }
    let old = ha_file::read(file, MOST_BYTES)?.unwrap_or_default();
    if fs::metadata(file).is_ok_and(|known| known.uid() != user.uid.as_raw()) {
        return Err(Error::failed(shown(file), "belongs to another user: it is left as it is"));
    }
    if !known && let Some(new) = authorized::authorize(&old, key, Some(from), comment) {
        write(file, &new, manner)?;
        changes.push(change(file, What::Authorized, fingerprint(key)));
    }
    let ssh = user.dir.join(".ssh");
    for path in [&ssh, file].into_iter().filter(|path| path.starts_with(&ssh)) {
        changes.extend(close(path, manner)?);
    }
    let faults = account::look(Some(key), Some(from))?;
    Ok(Changed { changes, faults })
}

/// Takes the right to write from the group and from others.
fn close(path: &Path, manner: Manner) -> Result<Option<Change>, Error> {
    let failed = |error: std::io::Error| Error::io(shown(path), &error);
    let Ok(known) = fs::symlink_metadata(path) else { return Ok(None) };
    let mode = known.mode() & 0o7777;
    // What a link leads to may be anybody's.
    if known.is_symlink() || mode & 0o022 == 0 {
        return Ok(None);
    }
    let new = mode & !0o022;
    if !manner.dry_run {
        fs::set_permissions(path, Permissions::from_mode(new)).map_err(failed)?;
    }
    Ok(Some(change(path, What::Mode, Some(format!("{mode:04o} to {new:04o}")))))
}

/// The key with which one goes to the host of `settings`: the first that needs no passphrase, else
/// the first; made, where `make` says so and there is none.
///
/// # Errors
/// Failed, where none can be made.
pub(crate) fn own_key(
    settings: &Settings,
    make: bool,
    manner: Manner,
) -> Result<(Option<PublicKey>, Vec<Change>), Error> {
    let mut changes = Vec::new();
    if let Some(key) = existing(settings) {
        return Ok((Some(key), changes));
    }
    let ed25519 = |file: &&PathBuf| file.file_name().is_some_and(|name| name == "id_ed25519");
    let files = &settings.identity_files;
    let Some(file) = files.iter().find(ed25519).or(files.first()).filter(|_| make) else {
        return Ok((None, changes));
    };
    let _lock = enter(file, manner, &mut changes)?;
    // Another run may have been faster.
    if let Some(key) = existing(settings) {
        return Ok((Some(key), changes));
    }
    if file.exists() {
        return Err(Error::failed(shown(file), "is no key that can be used, and is left as it is"));
    }
    changes.push(change(file, What::KeyMade, None));
    if manner.dry_run {
        return Ok((None, changes));
    }
    let name = shown(file);
    let comment = comment()?;
    let argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f", &name];
    let said = capture(&argv, Duration::from_secs(30))?;
    match (said.fate, existing(settings)) {
        (Fate::Exited(0), Some(key)) => Ok((Some(key), changes)),
        _ => {
            let text = String::from_utf8_lossy(&said.stderr);
            Err(Error::failed(name, format!("ssh-keygen makes no key: {}", text.trim())))
        }
    }
}

fn existing(settings: &Settings) -> Option<PublicKey> {
    let mut locked = None;
    for file in &settings.identity_files {
        match Private::look(file) {
            Private::Usable(Some(key)) => return Some(key),
            Private::Locked(Some(key)) if locked.is_none() => locked = Some(key),
            _ => {}
        }
    }
    locked
}

/// `user@host`, as ssh-keygen has it.
pub(crate) fn comment() -> Result<String, Error> {
    let host = nix::unistd::gethostname().unwrap_or_default();
    Ok(format!("{}@{}", account()?.name, host.to_string_lossy()))
}

/// The public keys of this very host.
///
/// # Errors
/// Failed, where there are none.
pub(crate) fn host_keys() -> Result<Vec<PublicKey>, Error> {
    let mut files = Daemon::of(&account()?, None).host_keys;
    if files.is_empty() {
        let kinds = ["ed25519", "ecdsa", "rsa"];
        files =
            kinds.iter().map(|kind| format!("/etc/ssh/ssh_host_{kind}_key.pub").into()).collect();
    }
    let mut keys = Vec::new();
    for file in &files {
        keys.extend(public_keys(file)?);
    }
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Error::failed(shown(&files[0]), "this host has no public host key")),
    }
}

/// The public keys in a file: lines as of a `.pub`, or as of known_hosts. None where it is not there.
///
/// # Errors
/// Failed, where it cannot be read.
pub(crate) fn public_keys(file: &Path) -> Result<Vec<PublicKey>, Error> {
    let content = ha_file::read(file, MOST_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let key = |line: &str| {
        let line = line.trim();
        let bare = PublicKey::from_openssh(line).ok();
        bare.or_else(|| {
            let read = known_hosts::Line::parse(line.as_bytes())?;
            (read.marker == known_hosts::Marker::Plain).then_some(read.key)
        })
    };
    Ok(text.lines().filter_map(key).collect())
}
