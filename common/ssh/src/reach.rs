//! The whole way to a host: connected, its key known, logged in; or the exact reason why not, with the next step.

use crate::host_key::{self, HostKey, Verdict};
use crate::pump::Running;
use crate::{Connection, Means, Met, Peer, Settings, Tried, identity, words};
use ha_json::{Error, one_line};
use ssh_key::{HashAlg, PublicKey};
use std::time::{Duration, Instant};

/// Goes there within `patience`.
///
/// # Errors
/// Failed, where no other time helps: a key that is not known or not let in, a configuration that cannot be
/// followed. Busy, where the host does not answer.
fn reach(peer: &Peer, port: Option<u16>, patience: Duration) -> Result<Connection, Error> {
    let ends = Instant::now() + patience;
    let host = peer.host.as_str();
    let settings = Settings::of(peer, None, port)?;
    if let Some(what) = &settings.not_followed {
        let why = format!("{what}, which libssh2 does not follow: --transport ssh does");
        return Err(Error::failed(host, why));
    }
    let known = host_key::known(&settings)?;
    let Met { outcome, .. } =
        Connection::open(&settings, patience, &host_key::preference(&known, &settings));
    let connection = outcome.map_err(|(_, why)| no_connection(&settings, host, &why))?;
    let Some(key) = connection.host_key() else {
        return Err(Error::failed(host, "its host key cannot be read"));
    };
    let verdict = host_key::judge(&known, &settings, &key, connection.address(), patience);
    if !matches!(verdict.word, HostKey::Pinned | HostKey::Ca) {
        return Err(Error::failed(host, refusal(peer, &settings, &key, &verdict)));
    }
    connection.allow(ends.saturating_duration_since(Instant::now()));
    let mut tried = Vec::new();
    match identity::log_in(&connection, &settings, &Means::default(), &mut tried) {
        Some(_) => Ok(connection),
        None if connection.is_late() => {
            let why = format!("gave no answer within {} s", patience.as_secs());
            Err(no_connection(&settings, host, &why))
        }
        None => Err(Error::failed(host, not_let_in(&settings.user, &tried))),
    }
}

/// The same, and has the login shell there run `command`.
///
/// # Errors
/// The same.
pub(crate) fn run(
    peer: &Peer,
    port: Option<u16>,
    command: &str,
    patience: Duration,
) -> Result<Running, Error> {
    let connection = reach(peer, port, patience)?;
    let begun = connection.session.channel_session().and_then(|mut channel| {
        channel.exec(command)?;
        Ok(channel)
    });
    match begun {
        Ok(channel) => Ok(connection.carries(channel)),
        Err(_) if connection.is_late() => {
            let why = format!("no connection (no answer within {} s)", patience.as_secs());
            Err(Error::busy(&peer.host, why))
        }
        Err(error) => {
            let why = format!("no command can be run there: {}", words(&error));
            Err(Error::failed(&peer.host, why))
        }
    }
}

fn no_connection(settings: &Settings, host: &str, why: &str) -> Error {
    Error::busy(host, format!("no connection to {} ({why})", settings.place()))
}

/// Why a key that the host proved to have is not taken, and what to do.
fn refusal(peer: &Peer, settings: &Settings, key: &PublicKey, verdict: &Verdict) -> String {
    let actual = key.fingerprint(HashAlg::Sha256);
    let kind = key.algorithm();
    let file = match kind.as_str() {
        "ssh-rsa" => "rsa",
        word if word.starts_with("ecdsa") => "ecdsa",
        _ => "ed25519",
    };
    let port = if settings.port == 22 { String::new() } else { format!("-p {} ", settings.port) };
    let pin = format!("hassh --setup --fingerprint {actual} {port}{peer}");
    let reason = &verdict.reason;
    match verdict.word {
        HostKey::Revoked => format!("{reason} ({actual}): the host needs a new one"),
        HostKey::Changed => {
            let known = verdict.expected.as_deref().unwrap_or("another one");
            format!(
                "{reason}: {actual}, not {known}: find out who answers at {}; where the new key is its \
                 own: {pin}",
                settings.place()
            )
        }
        _ => {
            let files = settings.user_known_hosts.iter().chain(&settings.global_known_hosts);
            let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
            let files = if files.is_empty() { "any file".to_owned() } else { files.join(", ") };
            format!(
                "{reason} in {files}: it shows {actual} ({kind}); where ssh-keygen -lf \
                 /etc/ssh/ssh_host_{file}_key.pub says the same there: {pin}"
            )
        }
    }
}

/// Who was not let in. What is not there is told only where nothing else is.
fn not_let_in(user: &str, tried: &[Tried]) -> String {
    let there: Vec<&Tried> = tried.iter().filter(|tried| tried.why != "absent").collect();
    let all: Vec<String> = match there.is_empty() {
        true => tried.iter().map(|tried| format!("{} is absent", tried.identity)).collect(),
        false => there.iter().map(|tried| format!("{}: {}", tried.identity, tried.why)).collect(),
    };
    let all =
        if all.is_empty() { "there is no key and no agent".to_owned() } else { all.join("; ") };
    let all: String = one_line(&all).chars().take(1000).collect();
    format!("nobody gets in as {user} without a password ({all}): hassh --setup lets a key in")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            hostname: "10.0.0.2".to_owned(),
            port: 2222,
            user_known_hosts: vec!["/r/.ssh/known_hosts".into()],
            ..Settings::default()
        }
    }

    fn told(word: HostKey, reason: &str) -> String {
        let key = PublicKey::from(ssh_key::public::KeyData::Ed25519(
            ssh_key::public::Ed25519PublicKey([1; 32]),
        ));
        let verdict = Verdict {
            word,
            expected: Some("SHA256:old".to_owned()),
            place: None,
            reason: reason.to_owned(),
        };
        refusal(&Peer::parse("root@mn2").unwrap(), &settings(), &key, &verdict)
    }

    #[test]
    fn a_key_that_is_not_taken_is_told_with_the_next_step() {
        let unknown = told(HostKey::Unknown, "no host key of [10.0.0.2]:2222 is known");
        assert!(
            unknown.contains("/r/.ssh/known_hosts") && unknown.contains("SHA256:"),
            "{unknown}"
        );
        assert!(unknown.ends_with("-p 2222 root@mn2"), "{unknown}");
        assert!(unknown.contains("ssh_host_ed25519_key.pub"), "{unknown}");
        let changed = told(HostKey::Changed, "its host key is another one than f:1 has for x");
        assert!(changed.contains("f:1") && changed.contains("not SHA256:old"), "{changed}");
        assert!(!told(HostKey::Revoked, "its host key is revoked at f:2").contains("hassh"));
    }

    #[test]
    fn absent_keys_are_told_only_where_there_are_no_others() {
        let tried = |identity: &str, why: &str| Tried {
            identity: identity.to_owned(),
            why: why.to_owned(),
        };
        let (absent, refused) = (tried("/k", "absent"), tried("/l", "refused by the far side"));
        let both = not_let_in("root", &[absent.clone(), refused]);
        assert!(both.contains("/l: refused") && !both.contains("/k"), "{both}");
        assert!(not_let_in("root", &[absent]).contains("/k is absent"));
        assert!(not_let_in("root", &[]).contains("no key"));
    }
}
