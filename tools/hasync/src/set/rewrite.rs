//! What of the primary's own is in a file: changed as the set says, or told.

use regex::bytes::{Captures, Regex};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Larger files are no configuration that a person wrote; in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Texts, each of which becomes another, all at once.
#[derive(Debug)]
pub(super) struct Substitutions {
    pattern: Regex,
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Substitutions {
    /// `None` where there are none.
    pub(super) fn new(pairs: &BTreeMap<String, String>) -> Option<Substitutions> {
        let pattern = any_of(pairs.keys())?;
        let bytes = |text: &String| text.clone().into_bytes();
        let pairs = pairs.iter().map(|(from, to)| (bytes(from), bytes(to))).collect();
        Some(Substitutions { pattern, pairs })
    }

    /// The text with all of them made; `None` where nothing changes.
    pub(super) fn made_in(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !is_text(text) {
            return None;
        }
        let other = |found: &Captures<'_>| {
            let found = &found[0];
            self.pairs.get(found).cloned().unwrap_or_else(|| found.to_vec())
        };
        let mut result = Vec::with_capacity(text.len());
        let mut end = 0;
        let mut from = 0;
        while let Some(captures) = self.pattern.captures_at(text, from) {
            let Some(found) = captures.get(0) else { break };
            if !stands_alone(text, found.start(), found.end()) {
                from = found.start() + 1;
                continue;
            }
            result.extend_from_slice(&text[end..found.start()]);
            result.extend_from_slice(&other(&captures));
            end = found.end();
            from = end;
        }
        result.extend_from_slice(&text[end..]);
        (result != text).then_some(result)
    }
}

/// The first of these names and addresses that the text holds.
pub(super) fn named_in<'a>(text: &[u8], names: &'a [String]) -> Option<&'a str> {
    if !is_text(text) {
        return None;
    }
    let holds = |name: &&String| {
        let name = name.as_bytes();
        !name.is_empty()
            && text
                .windows(name.len())
                .enumerate()
                .any(|(at, window)| window == name && stands_alone(text, at, at + name.len()))
    };
    names.iter().find(holds).map(String::as_str)
}

/// The longest that stands at a place is found first.
fn any_of<'a>(texts: impl Iterator<Item = &'a String>) -> Option<Regex> {
    let mut texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    if texts.is_empty() {
        return None;
    }
    let any: Vec<_> = texts.into_iter().map(|text| regex::escape(text)).collect();
    Regex::new(&any.join("|")).ok()
}

fn is_text(text: &[u8]) -> bool {
    text.len() as u64 <= MOST_BYTES && !text.contains(&0)
}

/// True where what stands there is no part of a longer word, number or address.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let joins = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let before = start.checked_sub(1).map(|at| &text[at]);
    if before.is_some_and(joins) || text.get(end).is_some_and(joins) {
        return false;
    }
    // A dot, or a colon, that the number goes on behind.
    let joint = match str::from_utf8(&text[start..end]).map(str::parse) {
        Ok(Ok(IpAddr::V4(_))) => b'.',
        Ok(Ok(IpAddr::V6(_))) => b':',
        _ => return true,
    };
    let goes_on = |at: Option<&u8>, beyond: Option<&u8>| {
        at == Some(&joint) && beyond.is_some_and(u8::is_ascii_hexdigit)
    };
    let above = start.checked_sub(2).map(|at| &text[at]);
    !goes_on(before, above) && !goes_on(text.get(end), text.get(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(pairs: &[(&str, &str)], text: &str) -> Option<String> {
        let pairs = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let made = Substitutions::new(&pairs)?.made_in(text.as_bytes())?;
        Some(String::from_utf8(made).unwrap())
    }

    #[test]
    fn names_and_addresses_are_replaced_where_they_stand_alone() {
        let pairs = [("mn1", "mn2"), ("10.0.0.1", "10.0.0.2"), ("mn1-ib", "mn2-ib")];
        for (text, becomes) in [
            ("server mn1", Some("server mn2")),
            ("mn1.cluster.com mn1", Some("mn2.cluster.com mn2")),
            ("mn10 xmn1 mn1_a", None),
            ("mn1-ib", Some("mn2-ib")),
            ("10.0.0.1/24, 10.0.0.11 10.0.0.1.", Some("10.0.0.2/24, 10.0.0.11 10.0.0.2.")),
            ("110.0.0.1 9.10.0.0.1 10.0.0.1.5", None),
            ("10.0.0.1:53", Some("10.0.0.2:53")),
            ("[10.0.0.1]:53", Some("[10.0.0.2]:53")),
            ("", None),
        ] {
            assert_eq!(made(&pairs, text).as_deref(), becomes, "{text}");
        }
    }

    #[test]
    fn two_that_are_swapped_are_swapped() {
        let swap = [("mn1", "mn2"), ("mn2", "mn1")];
        assert_eq!(made(&swap, "mn1 mn2 mn1").as_deref(), Some("mn2 mn1 mn2"));
    }

    #[test]
    fn what_is_no_text_is_left() {
        assert_eq!(made(&[("mn1", "mn2")], "mn1\0"), None);
        assert_eq!(named_in(b"mn1\0", &["mn1".to_owned()]), None);
        assert_eq!(named_in(b"is mn1 here", &["x".to_owned(), "mn1".to_owned()]), Some("mn1"));
        assert_eq!(named_in(b"is mn11 here", &["mn1".to_owned()]), None);
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_same_text(text in "(mn1|mn3| |\\.|-|a|\n){0,30}") {
            let there = made(&[("mn1", "mn2")], &text).unwrap_or_else(|| text.clone());
            let back = made(&[("mn2", "mn1")], &there).unwrap_or(there);
            prop_assert_eq!(back, text);
        }
    }
}
