//! Whether a host is who known_hosts says it is.

use crate::certificate;
use crate::known_hosts::{self, Known, Marker};
use crate::settings::Settings;
use ha_json::Error;
use serde::{Deserialize, Serialize};
use ssh_key::{HashAlg, PublicKey};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// No file of known hosts is longer.
const MOST_BYTES: u64 = 16 << 20;

/// The types of keys that are asked for, in the order of ssh.
const TYPES: [(&str, &[&str]); 5] = [
    ("ssh-ed25519", &["ssh-ed25519"]),
    ("ecdsa-sha2-nistp256", &["ecdsa-sha2-nistp256"]),
    ("ecdsa-sha2-nistp384", &["ecdsa-sha2-nistp384"]),
    ("ecdsa-sha2-nistp521", &["ecdsa-sha2-nistp521"]),
    ("ssh-rsa", &["rsa-sha2-512", "rsa-sha2-256"]),
];

/// What known_hosts says of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKey {
    /// Nobody looked.
    #[default]
    NotChecked,
    /// It has it for this host.
    Pinned,
    /// It has none for this host.
    Unknown,
    /// It has another one for this host.
    Changed,
    /// The host shows a certificate by an authority that it has for this host.
    Ca,
    /// It is never to be trusted.
    Revoked,
}

/// What is known of a key.
pub struct Verdict {
    /// In a word.
    pub word: HostKey,
    /// The fingerprint of the key that is known.
    pub expected: Option<String>,
    /// `file:line` of the line that decides.
    pub place: Option<String>,
    /// Why the key is not trusted.
    pub reason: String,
}

/// All lines of the files that apply.
///
/// # Errors
/// Failed, where a file is there and cannot be read: what it revokes would not be seen.
pub fn known(settings: &Settings) -> Result<Vec<Known>, Error> {
    let files: Vec<&PathBuf> =
        settings.user_known_hosts.iter().chain(&settings.global_known_hosts).collect();
    let mut all = Vec::new();
    for file in files {
        if file.as_os_str() == "/dev/null" {
            continue;
        }
        if let Some(content) = ha_file::read(file, MOST_BYTES)? {
            all.extend(known_hosts::read(&content, &file.display().to_string()));
        }
    }
    Ok(all)
}

/// The types to ask for: those that are known of this host first, so that a host of many keys is
/// not taken for another one.
pub fn preference(known: &[Known], settings: &Settings) -> Vec<&'static str> {
    let names = settings.names();
    let of_host = |kind: &str| {
        known.iter().any(|known| {
            known.line.marker == Marker::Plain
                && known.line.key.algorithm().to_string() == kind
                && names.iter().any(|name| known.line.is_of(name))
        })
    };
    let (first, rest): (Vec<_>, Vec<_>) = TYPES.iter().partition(|(kind, _)| of_host(kind));
    first.into_iter().chain(rest).flat_map(|(_, algorithms)| algorithms.iter().copied()).collect()
}

/// Judges the key that the host proved to have.
pub fn judge(
    known: &[Known],
    settings: &Settings,
    actual: &PublicKey,
    address: SocketAddr,
    timeout: Duration,
) -> Verdict {
    let names = settings.names();
    let verdict = plain(known, &names, actual);
    if matches!(verdict.word, HostKey::Pinned | HostKey::Revoked) {
        return verdict;
    }
    let of_name = |known: &&Known| known.line.is_of(&names[0]);
    let authorities: Vec<&Known> = known
        .iter()
        .filter(|known| known.line.marker == Marker::Authority)
        .filter(of_name)
        .collect();
    if authorities.is_empty() {
        return verdict;
    }
    let revoked: Vec<&PublicKey> = known
        .iter()
        .filter(|known| known.line.marker == Marker::Revoked)
        .filter(of_name)
        .map(|known| &known.line.key)
        .collect();
    match certificate::judge(&authorities, &revoked, settings.principal(), actual, address, timeout)
    {
        Ok(place) => {
            let expected = Some(fingerprint(actual));
            Verdict { word: HostKey::Ca, expected, place: Some(place), reason: String::new() }
        }
        Err(why) => {
            Verdict { reason: format!("{}; and by certificate: {why}", verdict.reason), ..verdict }
        }
    }
}

/// Without certificates.
fn plain(known: &[Known], names: &[String], actual: &PublicKey) -> Verdict {
    let same = |known: &&Known| known.line.key.key_data() == actual.key_data();
    let of = |name: &str, marker: Marker| -> Vec<&Known> {
        let of_name = |known: &&Known| known.line.marker == marker && known.line.is_of(name);
        known.iter().filter(of_name).collect()
    };
    for name in names {
        if let Some(revoked) = of(name, Marker::Revoked).into_iter().find(same) {
            return Verdict {
                word: HostKey::Revoked,
                expected: None,
                place: Some(revoked.place.clone()),
                reason: format!("its host key is revoked at {}", revoked.place),
            };
        }
    }
    let first = of(&names[0], Marker::Plain);
    let pinned = first.iter().find(|known| same(known)).copied();
    // As ssh, which looks without the port where it knows nothing of the name with it.
    let pinned = match (pinned, first.is_empty()) {
        (None, true) => {
            names[1..].iter().find_map(|name| of(name, Marker::Plain).into_iter().find(same))
        }
        (pinned, _) => pinned,
    };
    if let Some(pinned) = pinned {
        return Verdict {
            word: HostKey::Pinned,
            expected: Some(fingerprint(&pinned.line.key)),
            place: Some(pinned.place.clone()),
            reason: String::new(),
        };
    }
    let alike = first
        .iter()
        .find(|known| known.line.key.algorithm() == actual.algorithm())
        .or_else(|| first.first());
    match alike {
        Some(other) => Verdict {
            word: HostKey::Changed,
            expected: Some(fingerprint(&other.line.key)),
            place: Some(other.place.clone()),
            reason: format!(
                "its host key is another one than {} has for {}",
                other.place, names[0]
            ),
        },
        None => Verdict {
            word: HostKey::Unknown,
            expected: None,
            place: None,
            reason: format!("no host key of {} is known", names[0]),
        },
    }
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> PublicKey {
        let bytes = ssh_key::public::Ed25519PublicKey([seed; 32]);
        PublicKey::from(ssh_key::public::KeyData::Ed25519(bytes))
    }

    fn word(text: &str, names: &[&str]) -> HostKey {
        let known = known_hosts::read(text.as_bytes(), "f");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        plain(&known, &names, &key(1)).word
    }

    #[test]
    fn a_key_is_judged_as_ssh_judges_it() {
        let text = |seed| key(seed).to_openssh().unwrap();
        let (one, two) = (text(1), text(2));
        for (lines, want) in [
            (String::new(), HostKey::Unknown),
            (format!("mn1 {one}"), HostKey::Unknown),
            (format!("mn2 {one}"), HostKey::Pinned),
            (format!("mn2 {two}"), HostKey::Changed),
            (format!("mn2 {two}\nmn2 {one}"), HostKey::Pinned),
            (format!("mn2 {one}\n@revoked * {one}"), HostKey::Revoked),
            (format!("mn2 {one}\n@revoked * {two}"), HostKey::Pinned),
            (format!("@cert-authority mn2 {one}"), HostKey::Unknown),
        ] {
            assert_eq!(word(&lines, &["mn2"]), want, "{lines}");
        }
    }

    #[test]
    fn without_its_port_a_name_can_only_be_right() {
        let text = |seed| key(seed).to_openssh().unwrap();
        let names = ["[mn2]:23", "mn2"];
        assert_eq!(word(&format!("mn2 {}", text(1)), &names), HostKey::Pinned);
        assert_eq!(word(&format!("mn2 {}", text(2)), &names), HostKey::Unknown);
        let both = format!("mn2 {}\n[mn2]:23 {}", text(1), text(2));
        assert_eq!(word(&both, &names), HostKey::Changed);
    }

    #[test]
    fn the_type_that_is_known_is_asked_for_first() {
        // Made by ssh-keygen for this test.
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGzsatr5h3JviTObLBW5jCrvUZaMAndz0BFG4/UK3X+hMJzQ/etewlc4Z/7Ee38Umndc2BevSmzitEZNWvKFZ4k=";
        let settings = Settings { hostname: "mn2".to_owned(), port: 22, ..Settings::default() };
        let first =
            |text: String| preference(&known_hosts::read(text.as_bytes(), "f"), &settings)[0];
        assert_eq!(first(String::new()), "ssh-ed25519");
        assert_eq!(first(format!("mn2 {ecdsa}")), "ecdsa-sha2-nistp256");
        assert_eq!(first(format!("mn1 {ecdsa}")), "ssh-ed25519");
        assert_eq!(first(format!("@revoked mn2 {ecdsa}")), "ssh-ed25519");
    }
}
