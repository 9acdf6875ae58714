//! authorized_keys: whether a key gets in from an address, and a key added to it.

use crate::direction::Fault;
use ha_ssh::known_hosts::matches;
use ssh_key::PublicKey;
use std::net::IpAddr;

/// A line that can be read.
struct Line {
    options: String,
    key: PublicKey,
}

/// Reads a line; `None` for a comment, a blank line, and what cannot be read.
fn parse(line: &[u8]) -> Option<Line> {
    // A comment may be of any bytes.
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    if let Some(key) = key_of(text) {
        return Some(Line { options: String::new(), key });
    }
    let end = end_of_options(text)?;
    Some(Line { options: text[..end].to_owned(), key: key_of(text[end..].trim_start())? })
}

fn key_of(text: &str) -> Option<PublicKey> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    PublicKey::from_openssh(&format!("{} {}", words.next()?, words.next()?)).ok()
}

/// Options end at the first blank that is not between quotes.
fn end_of_options(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// The options, one by one: name in lower case, and value without its quotes.
fn options(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let (mut quoted, mut escaped, mut value) = (false, false, None::<String>);
    let mut name = String::new();
    for c in text.chars().chain([',']) {
        match c {
            ',' if !quoted => {
                all.push((
                    std::mem::take(&mut name).to_lowercase(),
                    value.take().unwrap_or_default(),
                ));
            }
            '"' if !escaped => quoted = !quoted,
            '=' if value.is_none() => value = Some(String::new()),
            c => value.as_mut().unwrap_or(&mut name).push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    all
}

/// Whether `from=` lets this address in: patterns, and addresses with the length of a prefix.
fn admits(patterns: &str, address: IpAddr) -> bool {
    let text = address.to_string();
    let mut found = false;
    for pattern in patterns.split(',') {
        let (refused, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        let hit = match pattern.split_once('/') {
            Some((network, length)) => in_network(network, length, address),
            None => matches(pattern, &text),
        };
        match (hit, refused) {
            (true, true) => return false,
            (hit, _) => found |= hit,
        }
    }
    found
}

fn in_network(network: &str, length: &str, address: IpAddr) -> bool {
    let Ok(length) = length.parse::<u32>() else { return false };
    let same = |bits: u32, a: u128, b: u128| {
        let shift = bits.saturating_sub(length);
        length <= bits && (length == 0 || a >> shift == b >> shift)
    };
    match (network.parse::<IpAddr>(), address) {
        (Ok(IpAddr::V4(a)), IpAddr::V4(b)) => same(32, a.to_bits().into(), b.to_bits().into()),
        (Ok(IpAddr::V6(a)), IpAddr::V6(b)) => same(128, a.to_bits(), b.to_bits()),
        _ => false,
    }
}

/// Of a content: where the key stands, and whether one of its lines lets the address in.
pub(crate) enum Found {
    /// No line has it.
    Missing,
    /// A line lets it in.
    Admitted,
    /// Only lines that do not: the number of the first, and why.
    Refused(usize, String),
}

/// Looks for `key` in `content`; without an address `from=` is not judged.
pub(crate) fn find(content: &[u8], key: &PublicKey, client: Option<IpAddr>) -> Found {
    let mut found = Found::Missing;
    for (number, line) in content.split(|&b| b == b'\n').enumerate() {
        let Some(line) = parse(line).filter(|line| line.key.key_data() == key.key_data()) else {
            continue;
        };
        let options = options(&line.options);
        if options.iter().any(|(name, _)| name == "cert-authority") {
            continue;
        }
        let from = options.iter().find(|(name, _)| name == "from");
        match (from, client) {
            (Some((_, patterns)), Some(client)) if !admits(patterns, client) => {
                if matches!(found, Found::Missing) {
                    let why = format!("from=\"{patterns}\" does not let {client} in");
                    found = Found::Refused(number + 1, why);
                }
            }
            _ => return Found::Admitted,
        }
    }
    found
}

/// The faults of a key in `file`, whose content this is.
pub(crate) fn faults(
    file: &str,
    content: &[u8],
    key: &PublicKey,
    client: Option<IpAddr>,
) -> Option<Fault> {
    match find(content, key, client) {
        Found::Admitted => None,
        Found::Missing => Some(Fault::new("key_missing", file, "the key is not in it")),
        Found::Refused(line, why) => Some(Fault::new("from", &format!("{file}:{line}"), &why)),
    }
}

/// `content` with a line for `key` from this address; `None` where a line has the key already.
pub(crate) fn authorize(
    content: &[u8],
    key: &PublicKey,
    from: Option<IpAddr>,
    comment: &str,
) -> Option<Vec<u8>> {
    if !matches!(find(content, key, None), Found::Missing) {
        return None;
    }
    let text = PublicKey::from(key.key_data().clone()).to_openssh().ok()?;
    let mut new = content.to_vec();
    if new.last().is_some_and(|&b| b != b'\n') {
        new.push(b'\n');
    }
    let from = from.map(|address| format!("from=\"{address}\" ")).unwrap_or_default();
    new.extend_from_slice(format!("{from}{} {comment}\n", text.trim_end()).as_bytes());
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> PublicKey {
        let bytes = ssh_key::public::Ed25519PublicKey([seed; 32]);
        PublicKey::from(ssh_key::public::KeyData::Ed25519(bytes))
    }

    fn text(seed: u8) -> String {
        key(seed).to_openssh().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn word(content: &str, client: &str) -> &'static str {
        match find(content.as_bytes(), &key(1), Some(address(client))) {
            Found::Missing => "missing",
            Found::Admitted => "admitted",
            Found::Refused(..) => "refused",
        }
    }

    #[test]
    fn a_key_is_found_by_its_blob_behind_any_options() {
        for options in ["", "restrict ", "command=\"a b, \\\"c\\\"\",no-pty ", "from=\"10.0.0.1\" "]
        {
            let line = format!("# c\n\n{options}{} a comment of words\n", text(1));
            assert_eq!(word(&line, "10.0.0.1"), "admitted", "{options}");
        }
        let others = format!("{}\n#{}\ncert-authority {}\nsoup", text(2), text(1), text(1));
        assert_eq!(word(&others, "10.0.0.1"), "missing");
    }

    #[test]
    fn from_is_judged_as_sshd_does() {
        for (from, client, want) in [
            ("10.0.0.2", "10.0.0.1", "refused"),
            ("10.0.0.?", "10.0.0.1", "admitted"),
            ("10.0.0.0/24", "10.0.0.1", "admitted"),
            ("10.0.1.0/24", "10.0.0.1", "refused"),
            ("10.0.0.0/33", "10.0.0.1", "refused"),
            ("0.0.0.0/0,!10.0.0.1", "10.0.0.1", "refused"),
            ("!10.0.0.2", "10.0.0.1", "refused"),
            ("fe80::/10", "fe80::1", "admitted"),
            ("mn1.example.com", "10.0.0.1", "refused"),
        ] {
            let line = format!("from=\"{from}\" {}", text(1));
            assert_eq!(word(&line, client), want, "{from}");
        }
    }

    #[test]
    fn a_second_line_may_let_in_what_the_first_does_not() {
        let lines = format!("from=\"1.2.3.4\" {0}\nfrom=\"10.*\" {0}\n", text(1));
        assert_eq!(word(&lines, "10.0.0.1"), "admitted");
    }

    #[test]
    fn a_key_is_added_once_with_its_address() {
        let new = authorize(b"x", &key(1), Some(address("10.0.0.1")), "root@mn1").unwrap();
        let want = format!("x\nfrom=\"10.0.0.1\" {} root@mn1\n", text(1));
        assert_eq!(String::from_utf8(new.clone()).unwrap(), want);
        assert_eq!(authorize(&new, &key(1), Some(address("10.0.0.9")), "other"), None);
    }

    proptest! {
        #[test]
        fn whatever_was_there_stays_and_the_key_is_found(soup: Vec<u8>) {
            let new = authorize(&soup, &key(1), Some(address("10.0.0.1")), "c").unwrap();
            prop_assert!(new.starts_with(&soup));
            prop_assert!(matches!(find(&new, &key(1), Some(address("10.0.0.1"))), Found::Admitted));
            prop_assert_eq!(authorize(&new, &key(1), None, "c"), None);
        }
    }
}
