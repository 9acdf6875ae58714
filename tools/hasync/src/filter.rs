//! Which paths take part: rsync's include and exclude patterns, first match wins.
//!
//! Source of the rules: rsync(1), FILTER RULES and PATTERN MATCHING RULES.

use crate::options::Rule;
use ha_json::Error;
use regex::bytes::{Regex, RegexBuilder};

/// Rules, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    include: bool,
    only_directories: bool,
    /// It begins with `**`, which also stands for the root itself: `**/x` matches `x`.
    from_root: bool,
    regex: Regex,
}

impl Filter {
    /// Reads the rules' patterns.
    ///
    /// # Errors
    /// Usage, naming a pattern that is empty or too large.
    pub(crate) fn new(rules: &[Rule]) -> Result<Filter, Error> {
        let patterns = rules.iter().map(Pattern::new).collect::<Result<_, _>>()?;
        Ok(Filter { patterns })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True when the path, relative to the root of the transfer, takes no part.
    pub(crate) fn excludes(&self, path: &[u8], is_directory: bool) -> bool {
        self.patterns
            .iter()
            .find(|p| (is_directory || !p.only_directories) && p.matches(path))
            .is_some_and(|p| !p.include)
    }
}

impl Pattern {
    fn matches(&self, path: &[u8]) -> bool {
        match self.from_root {
            true => self.regex.is_match(&[b"/", path].concat()),
            false => self.regex.is_match(path),
        }
    }

    fn new(rule: &Rule) -> Result<Pattern, Error> {
        let shown = || String::from_utf8_lossy(&rule.pattern).into_owned();
        let text = rule.pattern.strip_suffix(b"/").unwrap_or(&rule.pattern);
        if text.is_empty() {
            return Err(Error::usage("pattern", format!("{:?} matches nothing", shown())));
        }
        let regex = RegexBuilder::new(&translate(text))
            .unicode(false)
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| Error::usage("pattern", format!("{:?}: {error}", shown())))?;
        let only_directories = text.len() < rule.pattern.len();
        let from_root = text.starts_with(b"**");
        Ok(Pattern { include: rule.include, only_directories, from_root, regex })
    }
}

/// The regular expression that matches the paths that a pattern matches. It is ASCII: other bytes
/// stand as `\xHH`.
fn translate(pattern: &[u8]) -> String {
    let anchored = pattern.strip_prefix(b"/");
    let (body, tail) = match anchored.unwrap_or(pattern) {
        // "dir/***" is the directory and all that is beneath it.
        body if body.ends_with(b"/***") => (&body[..body.len() - 4], "(?:/.*)?"),
        body => (body, ""),
    };
    let mut regex = String::from(if anchored.is_some() { r"\A" } else { r"(?:\A|/)" });
    // Without a wildcard a pattern is a plain string, in which a backslash is a backslash.
    let wild = pattern.iter().any(|byte| b"*?[".contains(byte));
    let mut at = 0;
    while at < body.len() {
        let rest = &body[at..];
        at += match rest[0] {
            b'*' if rest.starts_with(b"**") => {
                regex.push_str(".*");
                rest.iter().take_while(|&&byte| byte == b'*').count()
            }
            b'*' => {
                regex.push_str("[^/]*");
                1
            }
            b'?' => {
                regex.push_str("[^/]");
                1
            }
            b'[' => match class(rest) {
                Some((text, length)) => {
                    regex.push_str(&text);
                    length
                }
                None => {
                    // A class that never closes matches nothing, as in rsync.
                    regex.push_str("[^\\x00-\\xff]");
                    1
                }
            },
            b'\\' if wild && rest.len() > 1 => {
                literal(&mut regex, rest[1]);
                2
            }
            byte => {
                literal(&mut regex, byte);
                1
            }
        };
    }
    regex.push_str(tail);
    regex.push_str(r"\z");
    regex
}

fn literal(regex: &mut String, byte: u8) {
    regex.push_str(&format!("\\x{byte:02x}"));
}

/// A bracket expression at the start of `text`: its regular expression and its length.
fn class(text: &[u8]) -> Option<(String, usize)> {
    let mut at = 1;
    let negated = matches!(text.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let mut items = String::new();
    let first = at;
    while text.get(at) != Some(&b']') || at == first {
        if let Some((name, length)) = posix_class(&text[at..]) {
            items.push_str(name);
            at += length;
            continue;
        }
        let (low, length) = class_byte(text.get(at..)?)?;
        at += length;
        let high = match text.get(at) {
            Some(b'-') if text.get(at + 1).is_some_and(|&byte| byte != b']') => {
                let (high, length) = class_byte(&text[at + 1..])?;
                at += 1 + length;
                high
            }
            _ => low,
        };
        if low <= high {
            items.push_str(&format!("\\x{low:02x}-\\x{high:02x}"));
        }
    }
    // A class never matches a slash; an empty one matches nothing.
    let regex = match (negated, items.is_empty()) {
        (false, true) => "[^\\x00-\\xff]".to_owned(),
        (false, false) => format!("[[{items}]--/]"),
        (true, _) => format!("[^/{items}]"),
    };
    Some((regex, at + 1))
}

fn class_byte(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'\\', byte, ..] => Some((*byte, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

fn posix_class(text: &[u8]) -> Option<(&'static str, usize)> {
    const NAMES: [&str; 12] = [
        "[:alnum:]",
        "[:alpha:]",
        "[:blank:]",
        "[:cntrl:]",
        "[:digit:]",
        "[:graph:]",
        "[:lower:]",
        "[:print:]",
        "[:punct:]",
        "[:space:]",
        "[:upper:]",
        "[:xdigit:]",
    ];
    let name = NAMES.iter().find(|name| text.starts_with(name.as_bytes()))?;
    Some((name, name.len()))
}

/// Reads one rule as rsync's `--exclude` and `--exclude-from` do: `+ ` and `- ` before a pattern
/// say what it is, whatever the option says; `!` forgets the rules so far.
pub(crate) fn add_rule(rules: &mut Vec<Rule>, text: &[u8], include: bool) {
    match text {
        b"!" => rules.clear(),
        [b'+', b' ', pattern @ ..] => rules.push(Rule { include: true, pattern: pattern.to_vec() }),
        [b'-', b' ', pattern @ ..] => {
            rules.push(Rule { include: false, pattern: pattern.to_vec() })
        }
        pattern => rules.push(Rule { include, pattern: pattern.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn excludes(pattern: &str, path: &str, is_directory: bool) -> bool {
        let rule = Rule { include: false, pattern: pattern.into() };
        Filter::new(&[rule]).unwrap().excludes(path.as_bytes(), is_directory)
    }

    #[test]
    fn patterns_match_as_rsyncs_manual_says() {
        for (pattern, path, expected) in [
            ("*.o", "a/b.o", true),
            ("/foo", "foo", true),
            ("/foo", "a/foo", false),
            ("foo/bar", "x/foo/bar", true),
            ("foo/bar", "xfoo/bar", false),
            ("/foo/*/bar", "foo/a/b/bar", false),
            ("/foo/**/bar", "foo/a/b/bar", true),
            ("**/foo", "foo", true),
            ("**/foo", "a/b/foo", true),
            ("foo/***", "foo", true),
            ("foo/***", "foo/a/b", true),
            ("f?o", "f/o", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:digit:]]", "7", true),
            ("a\\*b", "a*b", true),
            ("a\\b", "a\\b", true),
            ("[a", "[a", false),
            ("]", "]", true),
            ("[]]", "]", true),
        ] {
            assert_eq!(excludes(pattern, path, false), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_trailing_slash_means_directories_only() {
        assert!(excludes("tmp/", "a/tmp", true));
        assert!(!excludes("tmp/", "a/tmp", false));
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let mut rules = Vec::new();
        add_rule(&mut rules, b"+ *.c", false);
        add_rule(&mut rules, b"*", false);
        let filter = Filter::new(&rules).unwrap();
        assert!(!filter.excludes(b"a.c", false));
        assert!(filter.excludes(b"a.o", false));
        add_rule(&mut rules, b"!", false);
        assert!(rules.is_empty());
    }

    proptest! {
        #[test]
        fn any_pattern_is_read_or_refused(pattern: Vec<u8>, path: Vec<u8>) {
            if let Ok(filter) = Filter::new(&[Rule { include: false, pattern }]) {
                filter.excludes(&path, false);
            }
        }

        #[test]
        fn a_plain_name_matches_itself(name in "[a-z\\\\. ]{1,12}") {
            prop_assert!(excludes(&name, &name, false));
            let deeper = format!("x/{name}");
            prop_assert!(excludes(&name, &deeper, false));
        }
    }
}
