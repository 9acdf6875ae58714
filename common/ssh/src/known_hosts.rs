//! known_hosts: what it says of a name, and a name pinned in it. A line that cannot be read is left
//! as it is, and never trusted.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use ssh_key::PublicKey;
use ssh_key::known_hosts::HostPatterns;
use std::ops::Range;

/// What the word before a line's names makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// The key of the host.
    Plain,
    /// A key that signs certificates of hosts.
    Authority,
    /// A key that is never to be trusted.
    Revoked,
}

/// One line that can be read.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it makes of its key.
    pub marker: Marker,
    /// The key.
    pub key: PublicKey,
    names: String,
    /// Where the names stand in the line.
    at: Range<usize>,
}

impl Line {
    /// Reads a line; `None` for a comment, a blank line, and what cannot be read.
    pub fn parse(line: &[u8]) -> Option<Line> {
        // A comment may be of any bytes: what counts is ASCII, and so are the places in the line.
        let text = &ascii(line);
        let mut words = Words { text, at: 0 };
        let mut names = words.next()?;
        let marker = match &text[names.clone()] {
            "@cert-authority" => Marker::Authority,
            "@revoked" => Marker::Revoked,
            word if word.starts_with(['@', '#']) => return None,
            _ => Marker::Plain,
        };
        if marker != Marker::Plain {
            names = words.next()?;
        }
        let (kind, blob) = (words.next()?, words.next()?);
        let key = PublicKey::from_openssh(&format!("{} {}", &text[kind], &text[blob])).ok()?;
        Some(Line { marker, key, names: text[names.clone()].to_owned(), at: names })
    }

    /// Whether the line speaks of this name.
    pub fn is_of(&self, name: &str) -> bool {
        if self.names.starts_with('|') {
            return is_hash_of(&self.names, name);
        }
        matches(&self.names, name)
    }

    /// The names that are left without `name`, where it stands there itself and not as a pattern.
    fn without(&self, name: &str) -> Option<String> {
        if self.names.starts_with('|') {
            return is_hash_of(&self.names, name).then(String::new);
        }
        let (gone, left): (Vec<&str>, Vec<&str>) =
            self.names.split(',').partition(|other| other.eq_ignore_ascii_case(name));
        let alone = left.iter().all(|other| other.starts_with('!'));
        (!gone.is_empty()).then(|| if alone { String::new() } else { left.join(",") })
    }
}

/// The line with a byte for each byte, so that what stands where stays true.
fn ascii(line: &[u8]) -> String {
    line.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
}

struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let blank = |c: char| c == ' ' || c == '\t' || c == '\r' || c == '\n';
        let start = self.at + self.text[self.at..].find(|c| !blank(c))?;
        let rest = &self.text[start..];
        self.at = start + rest.find(blank).unwrap_or(rest.len());
        Some(start..self.at)
    }
}

fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Ok(HostPatterns::HashedName { salt, hash }) = hashed.parse() else { return false };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    mac.update(name.to_ascii_lowercase().as_bytes());
    mac.verify_slice(&hash).is_ok()
}

/// Whether a list of patterns, parted by commas, matches: one of them does, and none behind a `!`.
pub fn matches(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `*` is any text, `?` any character; in linear space and at most quadratic time.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    (p, n) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// A line, and where it was read: `file:line`.
#[derive(Clone, Debug)]
pub struct Known {
    /// `file:line`.
    pub place: String,
    /// What stands there.
    pub line: Line,
}

/// The lines of `content`, the file `file`, that can be read.
pub fn read(content: &[u8], file: &str) -> Vec<Known> {
    let known = |(number, line): (usize, &[u8])| {
        Some(Known { place: format!("{file}:{}", number + 1), line: Line::parse(line)? })
    };
    content.split(|&b| b == b'\n').enumerate().filter_map(known).collect()
}

/// What became of a file's content.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new one.
    pub content: Vec<u8>,
    /// The keys that were taken away from the name.
    pub removed: Vec<PublicKey>,
    /// The keys that were appended.
    pub pinned: Vec<PublicKey>,
}

/// Pins `keys` under `name`: another key's plain line of this very name goes, unless `keep` says
/// that it is right, too; each key that no line has for the name is appended. All else stays.
pub fn pin(
    content: &[u8],
    name: &str,
    keys: &[PublicKey],
    keep: &dyn Fn(&PublicKey) -> bool,
) -> Edit {
    let mut edit = Edit::default();
    let mut missing: Vec<&PublicKey> = Vec::new();
    for key in keys {
        if !missing.iter().any(|other| other.key_data() == key.key_data()) {
            missing.push(key);
        }
    }
    for line in content.split_inclusive(|&b| b == b'\n') {
        let read = Line::parse(line).filter(|line| line.marker == Marker::Plain);
        let Some(read) = read else {
            edit.content.extend_from_slice(line);
            continue;
        };
        let right = keys.iter().any(|key| key.key_data() == read.key.key_data());
        let left = if right || keep(&read.key) { None } else { read.without(name) };
        match left {
            None => {
                if read.is_of(name) {
                    missing.retain(|key| key.key_data() != read.key.key_data());
                }
                edit.content.extend_from_slice(line);
            }
            Some(left) => {
                if !left.is_empty() {
                    edit.content.extend_from_slice(&line[..read.at.start]);
                    edit.content.extend_from_slice(left.as_bytes());
                    edit.content.extend_from_slice(&line[read.at.end..]);
                }
                edit.removed.push(read.key);
            }
        }
    }
    for key in missing {
        let bare = PublicKey::from(key.key_data().clone());
        // A key that was read can be written.
        let Ok(text) = bare.to_openssh() else { continue };
        if edit.content.last().is_some_and(|&b| b != b'\n') {
            edit.content.push(b'\n');
        }
        edit.content.extend_from_slice(format!("{name} {}\n", text.trim_end()).as_bytes());
        edit.pinned.push(bare);
    }
    edit
}

#[cfg(test)]
mod tests;
