//! An account of this machine as its sshd sees it: what it would refuse or ignore.

use crate::authorized;
use crate::direction::Fault;
use ha_command::{Fate, capture};
use ha_json::Error;
use ha_ssh::account;
use nix::unistd::User;
use ssh_key::PublicKey;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No file of keys is longer.
pub(crate) const MOST_BYTES: u64 = 16 << 20;

/// What sshd says of a user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Daemon {
    pub(crate) authorized_keys: Vec<PathBuf>,
    strict_modes: bool,
    pubkey: bool,
    root_login: bool,
    /// Its public host keys.
    pub(crate) host_keys: Vec<PathBuf>,
}

impl Daemon {
    /// What `sshd -T` says, where this is root's and there is an sshd; else what it has by default.
    pub(crate) fn of(user: &User, client: Option<IpAddr>) -> Daemon {
        let address = client.map_or("127.0.0.1".to_owned(), |client| client.to_string());
        let about = format!("user={},host={address},addr={address}", user.name);
        for sshd in ["/usr/sbin/sshd", "/opt/ssh/sbin/sshd", "/usr/local/sbin/sshd"] {
            if !user.uid.is_root() || !Path::new(sshd).exists() {
                continue;
            }
            if let Ok(said) = capture(&[sshd, "-T", "-C", &about], Duration::from_secs(10))
                && said.fate == Fate::Exited(0)
            {
                return Daemon::parse(&String::from_utf8_lossy(&said.stdout), user);
            }
        }
        Daemon::parse("", user)
    }

    fn parse(text: &str, user: &User) -> Daemon {
        let mut daemon = Daemon {
            authorized_keys: Vec::new(),
            strict_modes: true,
            pubkey: true,
            root_login: true,
            host_keys: Vec::new(),
        };
        let mut files = ".ssh/authorized_keys .ssh/authorized_keys2";
        for line in text.lines() {
            let Some((word, value)) = line.split_once(' ') else { continue };
            match word {
                "authorizedkeysfile" => files = value,
                "strictmodes" => daemon.strict_modes = value != "no",
                "pubkeyauthentication" => daemon.pubkey = value != "no",
                "permitrootlogin" => daemon.root_login = value != "no",
                "hostkey" => daemon.host_keys.push(format!("{value}.pub").into()),
                _ => {}
            }
        }
        let expand = |name: &str| {
            let home = user.dir.display().to_string();
            let text = name.replace("%%", "\0").replace("%h", &home).replace("%u", &user.name);
            // An absolute one stays what it is.
            user.dir.join(text.replace('\0', "%"))
        };
        let files = files.split(' ').filter(|name| !name.is_empty() && *name != "none");
        daemon.authorized_keys = files.map(expand).collect();
        daemon
    }
}

/// Whose a component of a path is, and who may write to it.
#[derive(Clone, Debug)]
struct Component {
    path: PathBuf,
    uid: u32,
    mode: u32,
}

/// What StrictModes refuses: a component that is neither root's nor the user's, or that others may write.
fn strict(components: &[Component], uid: u32) -> Vec<Fault> {
    let mut faults = Vec::new();
    for component in components {
        let item = component.path.display().to_string();
        if component.uid != 0 && component.uid != uid {
            let why = format!("belongs to uid {}: sshd ignores the keys", component.uid);
            faults.push(Fault::new("owner", &item, &why));
        }
        if component.mode & 0o022 != 0 {
            let why = format!(
                "has mode {:04o}, so others may write to it: sshd ignores the keys; chmod go-w",
                component.mode & 0o7777
            );
            faults.push(Fault::new("mode", &item, &why));
        }
    }
    faults
}

/// The components that sshd looks at: from the file up to the home directory, or else to the root.
fn components(file: &Path, home: &Path) -> Result<Vec<Component>, Error> {
    let failed = |path: &Path, error: &std::io::Error| Error::io(path.display().to_string(), error);
    let real = fs::canonicalize(file).map_err(|error| failed(file, &error))?;
    let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let mut all = Vec::new();
    for path in real.ancestors() {
        let known = fs::metadata(path).map_err(|error| failed(path, &error))?;
        all.push(Component { path: path.to_owned(), uid: known.uid(), mode: known.mode() });
        if path == home {
            break;
        }
    }
    Ok(all)
}

/// What keeps `key` from getting in to this very account from `client`, as far as it can be seen.
///
/// # Errors
/// Failed, where the account is not known.
pub(crate) fn look(key: Option<&PublicKey>, client: Option<IpAddr>) -> Result<Vec<Fault>, Error> {
    let user = account()?;
    let daemon = Daemon::of(&user, client);
    let mut faults = Vec::new();
    if !daemon.pubkey {
        faults.push(Fault::new(
            "pubkey_authentication",
            "sshd_config",
            "PubkeyAuthentication is no",
        ));
    }
    if !daemon.root_login && user.uid.is_root() {
        faults.push(Fault::new("permit_root_login", "sshd_config", "PermitRootLogin is no"));
    }
    let there: Vec<&PathBuf> = daemon.authorized_keys.iter().filter(|file| file.exists()).collect();
    let mut missing = Vec::new();
    let mut admitted = false;
    for file in &there {
        if daemon.strict_modes {
            match components(file, &user.dir) {
                Ok(components) => faults.extend(strict(&components, user.uid.as_raw())),
                Err(error) => faults.push(Fault::new("unreadable", &error.what, &error.why)),
            }
        }
        let Some(key) = key else { continue };
        match ha_file::read(file, MOST_BYTES) {
            Ok(content) => {
                let name = file.display().to_string();
                match authorized::faults(&name, &content.unwrap_or_default(), key, client) {
                    Some(fault) => missing.push(fault),
                    None => admitted = true,
                }
            }
            Err(error) => faults.push(Fault::new("unreadable", &error.what, &error.why)),
        }
    }
    if there.is_empty() && key.is_some() {
        let first = daemon.authorized_keys.first();
        let first = first.map_or("authorized_keys".to_owned(), |file| file.display().to_string());
        missing.push(Fault::new("key_missing", &first, "there is no such file"));
    }
    if !admitted {
        // That a second file lacks the key is no news where the first has it with another address.
        let refused = missing.iter().any(|fault| fault.fault == "from");
        faults.extend(missing.into_iter().filter(|fault| !refused || fault.fault == "from"));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(table: &[(&str, u32, u32)], uid: u32) -> Vec<String> {
        let components: Vec<Component> = table
            .iter()
            .map(|&(path, uid, mode)| Component { path: path.into(), uid, mode })
            .collect();
        strict(&components, uid).iter().map(|f| format!("{} {}", f.fault, f.item)).collect()
    }

    #[test]
    fn strict_modes_are_judged_as_sshd_judges_them() {
        let file = |mode| ("/h/.ssh/authorized_keys", 7, mode);
        assert!(
            words(&[file(0o100_644), ("/h/.ssh", 7, 0o40_755), ("/h", 0, 0o40_755)], 7).is_empty()
        );
        assert_eq!(words(&[file(0o100_666)], 7), ["mode /h/.ssh/authorized_keys"]);
        assert_eq!(words(&[file(0o100_620)], 7), ["mode /h/.ssh/authorized_keys"]);
        assert_eq!(words(&[file(0o100_600)], 8), ["owner /h/.ssh/authorized_keys"]);
        // Sticky or not.
        assert_eq!(words(&[("/tmp", 0, 0o41_777)], 7), ["mode /tmp"]);
    }

    #[test]
    fn what_sshd_says_of_a_user_is_read() {
        let mut user = account().unwrap();
        user.dir = "/home/x".into();
        user.name = "x".to_owned();
        let said = "strictmodes no\npermitrootlogin without-password\npubkeyauthentication no\n\
                    authorizedkeysfile /keys/%u%%/k .ssh/ak\nhostkey /etc/ssh/k\n";
        let daemon = Daemon::parse(said, &user);
        assert_eq!(daemon.authorized_keys, [Path::new("/keys/x%/k"), Path::new("/home/x/.ssh/ak")]);
        assert!(!daemon.strict_modes && !daemon.pubkey && daemon.root_login);
        assert_eq!(daemon.host_keys, [Path::new("/etc/ssh/k.pub")]);
        assert_eq!(Daemon::parse("", &user).authorized_keys.len(), 2);
    }
}
