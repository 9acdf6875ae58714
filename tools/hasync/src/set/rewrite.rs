//! What of the primary's own is in a file: changed as the set says, or told.

use regex::bytes::Regex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Larger files are no configuration that a person wrote; in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Texts, each of which becomes another, all at once.
#[derive(Debug)]
pub(super) struct Substitutions {
    all: AnyOf,
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Substitutions {
    /// `None` where there are none.
    pub(super) fn new(pairs: &BTreeMap<String, String>) -> Option<Substitutions> {
        let all = any_of(pairs.keys())?;
        let bytes = |text: &String| text.clone().into_bytes();
        let pairs = pairs.iter().map(|(from, to)| (bytes(from), bytes(to))).collect();
        Some(Substitutions { all, pairs })
    }

    /// The text with all of them made; `None` where nothing changes.
    pub(super) fn made_in(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !is_text(text) {
            return None;
        }
        let mut result = Vec::with_capacity(text.len());
        let mut end = 0;
        for (start, stop) in alone(&self.all, text) {
            result.extend_from_slice(&text[end..start]);
            let found = &text[start..stop];
            result.extend_from_slice(self.pairs.get(found).map_or(found, Vec::as_slice));
            end = stop;
        }
        result.extend_from_slice(&text[end..]);
        (result != text).then_some(result)
    }
}

/// What a node is called, and its addresses.
#[derive(Debug)]
pub(super) struct Names(Option<AnyOf>);

impl Names {
    pub(super) fn new(names: &[String]) -> Names {
        Names(any_of(names.iter()))
    }

    /// The first of them that the text holds.
    pub(super) fn first_in<'a>(&self, text: &'a [u8]) -> Option<Cow<'a, str>> {
        let all = self.0.as_ref().filter(|_| is_text(text))?;
        let (start, end) = alone(all, text).next()?;
        Some(String::from_utf8_lossy(&text[start..end]))
    }
}

/// Where one of them stands by itself, the longest that does.
fn alone<'a>(all: &'a AnyOf, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(found) = all.pattern.find_at(text, from) {
            let start = found.start();
            let fits = |one: &&Vec<u8>| {
                text[start..].starts_with(one) && stands_alone(text, start, start + one.len())
            };
            if let Some(one) = all.texts.iter().find(fits) {
                from = start + one.len();
                return Some((start, from));
            }
            from = start + 1;
        }
        None
    })
}

/// Texts, the longest first, and what finds the next of them.
#[derive(Debug)]
struct AnyOf {
    pattern: Regex,
    texts: Vec<Vec<u8>>,
}

fn any_of<'a>(texts: impl Iterator<Item = &'a String>) -> Option<AnyOf> {
    let mut texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    if texts.is_empty() {
        return None;
    }
    let any: Vec<_> = texts.iter().map(|text| regex::escape(text)).collect();
    let pattern = Regex::new(&any.join("|")).ok()?;
    Some(AnyOf {
        pattern,
        texts: texts.into_iter().map(|text| text.clone().into_bytes()).collect(),
    })
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
        let pairs = [
            ("mn1", "mn2"),
            ("10.0.0.1", "10.0.0.2"),
            ("mn1-ib", "mn2-ib"),
            ("mn1.cluster", "mn2.cluster"),
        ];
        for (text, becomes) in [
            ("server mn1", Some("server mn2")),
            ("mn1.cluster.com mn1", Some("mn2.cluster.com mn2")),
            ("mn10 xmn1 mn1_a", None),
            ("mn1-ib mn1.clusterx mn1-ibx", Some("mn2-ib mn2.clusterx mn1-ibx")),
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
        let names = Names::new(&["x".to_owned(), "mn1".to_owned()]);
        assert_eq!(names.first_in(b"mn1\0"), None);
        assert_eq!(names.first_in(b"is mn1 here").as_deref(), Some("mn1"));
        assert_eq!(names.first_in(b"is mn11 here"), None);
        assert_eq!(Names::new(&[]).first_in(b""), None);
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
