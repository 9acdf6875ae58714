//! rsync's pattern language, as regular expressions: those match in linear time whatever they are.
//!
//! Source: rsync(1), PATTERN MATCHING RULES, and rsync 3.5.0 where that is silent.

use regex::bytes::{Regex, RegexBuilder};

/// What a pattern is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// Relative to the root of the transfer.
    pub(super) path: &'a [u8],
    pub(super) is_directory: bool,
    /// Where the root of the transfer lies, from the root of the file system.
    pub(super) root: &'a [u8],
}

/// Where a pattern that begins with a slash begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// So many bytes into the path.
    Within(usize),
    /// So much above the root of the transfer; it ends with a slash.
    Above(Vec<u8>),
}

impl Base {
    pub(super) const ROOT: Base = Base::Within(0);
}

/// A pattern, ready to be asked.
#[derive(Debug)]
pub(super) struct Pattern {
    matcher: Matcher,
    from: From,
    only_directories: bool,
    /// It ends with `***`, which stands for a directory and all beneath it.
    with_directory: bool,
}

#[derive(Debug)]
enum Matcher {
    Never,
    Equal(Vec<u8>),
    /// The last names of the path.
    Tail(Vec<u8>),
    Regex(Regex),
}

/// What of the path is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Path,
    /// With a slash before it: `**/x` is for `x` in the root, too.
    Slash,
    /// From where the rule's file lies.
    Base,
    /// From the root of the file system.
    Absolute,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is too large.
    pub(super) fn new(pattern: &[u8], absolute: bool) -> Result<Pattern, String> {
        let text = match pattern {
            [text @ .., b'/'] if !text.is_empty() => text,
            text => text,
        };
        let anchored = text.starts_with(b"/");
        let crosses = text.windows(2).any(|two| two == b"**");
        let wild = text.iter().any(|byte| b"*?[".contains(byte));
        let from = match () {
            // Without a slash only the last name counts.
            () if absolute && (text.contains(&b'/') || crosses) => From::Absolute,
            () if anchored => From::Base,
            () if text.starts_with(b"**") => From::Slash,
            () => From::Path,
        };
        let body = if anchored { &text[1..] } else { text };
        let whole = anchored || text.starts_with(b"**");
        let matcher = match (wild, whole) {
            (false, true) => Matcher::Equal(body.to_vec()),
            (false, false) => Matcher::Tail(body.to_vec()),
            (true, _) => match translate(body, !whole && !crosses) {
                None => Matcher::Never,
                Some(body) => {
                    let start = if whole { r"\A" } else { r"(?:\A|/)" };
                    RegexBuilder::new(&format!(r"{start}{body}\z"))
                        .unicode(false)
                        .dot_matches_new_line(true)
                        .build()
                        .map(Matcher::Regex)
                        .map_err(|_| "is too large a pattern".to_owned())?
                }
            },
        };
        Ok(Pattern {
            matcher,
            from,
            only_directories: text.len() < pattern.len(),
            with_directory: crosses && text.ends_with(b"***"),
        })
    }

    /// True when what it matches depends on where the root of the transfer lies.
    pub(super) fn is_absolute(&self) -> bool {
        self.from == From::Absolute
    }

    pub(super) fn matches(&self, subject: &Subject<'_>, base: &Base) -> bool {
        if self.only_directories && !subject.is_directory {
            return false;
        }
        let slash = self.with_directory && subject.is_directory;
        let before = match (self.from, base) {
            (From::Absolute, _) => {
                let inner = subject.root.strip_prefix(b"/").unwrap_or(subject.root);
                if inner.is_empty() { Vec::new() } else { [inner, b"/"].concat() }
            }
            (From::Slash, _) => b"/".to_vec(),
            (From::Base, Base::Above(names)) => names.clone(),
            _ => Vec::new(),
        };
        let path = match (self.from, base) {
            (From::Base, Base::Within(start)) => subject.path.get(*start..).unwrap_or_default(),
            _ => subject.path,
        };
        if before.is_empty() && !slash {
            self.matcher.matches(path)
        } else {
            let after: &[u8] = if slash { b"/" } else { b"" };
            self.matcher.matches(&[&before, path, after].concat())
        }
    }
}

impl Matcher {
    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Matcher::Never => false,
            Matcher::Equal(text) => path == text,
            Matcher::Tail(text) => path
                .strip_suffix(&text[..])
                .is_some_and(|before| before.is_empty() || before.ends_with(b"/")),
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }
}

/// The regular expression that matches what the body of a pattern matches; `None` when that is
/// nothing. It is ASCII: bytes stand as `\xHH`. `counted`: the slashes of the pattern say how many
/// names of the path it is for, so that one in a class, which never matches one, is one too many.
fn translate(body: &[u8], counted: bool) -> Option<String> {
    let mut regex = String::new();
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
            b'[' => {
                let (text, length) = class(rest)?;
                if counted && rest[..length].contains(&b'/') {
                    return None;
                }
                regex.push_str(&text);
                length
            }
            b'\\' => {
                literal(&mut regex, *rest.get(1)?);
                2
            }
            byte => {
                literal(&mut regex, byte);
                1
            }
        };
    }
    Some(regex)
}

fn literal(regex: &mut String, byte: u8) {
    regex.push_str(&format!("\\x{byte:02x}"));
}

/// A bracket expression at the start of `text`: its regular expression and its length; `None` for
/// one that never closes or names a class that there is not, which matches nothing.
fn class(text: &[u8]) -> Option<(String, usize)> {
    let mut at = 1;
    let negated = matches!(text.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let mut items = String::new();
    let first = at;
    // What a range may begin with: the byte before, unless that ended a range or was a class.
    let mut low = None;
    loop {
        let byte = *text.get(at)?;
        match byte {
            b']' if at > first => break,
            b'\\' => {
                at += 1;
                low = Some(*text.get(at)?);
            }
            b'-' if low.is_some() && text.get(at + 1).is_some_and(|&next| next != b']') => {
                at += 1;
                if text[at] == b'\\' {
                    at += 1;
                }
                let (from, to) = (low.take()?, *text.get(at)?);
                if from <= to {
                    items.push_str(&format!("\\x{from:02x}-\\x{to:02x}"));
                }
            }
            b'[' if text.get(at + 1) == Some(&b':') => {
                let end = at + 2 + text[at + 2..].iter().position(|&byte| byte == b']')?;
                match text[at + 2..end].strip_suffix(b":") {
                    Some(name) => {
                        items.push_str(posix_class(name)?);
                        at = end;
                        low = None;
                    }
                    None => low = Some(byte),
                }
            }
            byte => low = Some(byte),
        }
        if let Some(byte) = low {
            literal(&mut items, byte);
        }
        at += 1;
    }
    // A class never matches a slash; an empty one matches nothing.
    let regex = match (negated, items.is_empty()) {
        (false, true) => "[^\\x00-\\xff]".to_owned(),
        (false, false) => format!("[[{items}]--/]"),
        (true, _) => format!("[^/{items}]"),
    };
    Some((regex, at + 1))
}

fn posix_class(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"alnum" => "[:alnum:]",
        b"alpha" => "[:alpha:]",
        b"blank" => "[:blank:]",
        b"cntrl" => "[:cntrl:]",
        b"digit" => "[:digit:]",
        b"graph" => "[:graph:]",
        b"lower" => "[:lower:]",
        b"print" => "[:print:]",
        b"punct" => "[:punct:]",
        b"space" => "[:space:]",
        b"upper" => "[:upper:]",
        b"xdigit" => "[:xdigit:]",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str, is_directory: bool) -> bool {
        let subject = Subject { path: path.as_bytes(), is_directory, root: b"/srv/data" };
        Pattern::new(pattern.as_bytes(), false).unwrap().matches(&subject, &Base::ROOT)
    }

    #[test]
    fn patterns_match_as_rsyncs_manual_says() {
        for (pattern, path, expected) in [
            ("*.o", "a/b.o", true),
            ("/foo", "foo", true),
            ("/foo", "a/foo", false),
            ("//foo", "foo", false),
            ("/", "foo", false),
            ("foo/bar", "x/foo/bar", true),
            ("foo/bar", "xfoo/bar", false),
            ("/foo/*/bar", "foo/a/b/bar", false),
            ("/foo/**/bar", "foo/a/b/bar", true),
            ("/foo/**/bar", "foo/bar", false),
            ("**/foo", "foo", true),
            ("**/foo", "a/b/foo", true),
            ("foo**bar", "x/foo/y/bar", true),
            ("foo/***", "foo", false),
            ("foo/***", "foo/a/b", true),
            ("f?o", "f/o", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:digit:]]", "7", true),
            ("[[:digit]", ":", true),
            ("[[:nonsense:]x]", "x", false),
            ("[a-c-e]", "d", false),
            ("[a-c-e]", "-", true),
            ("[\\a-c]", "b", true),
            ("a[b/]c", "abc", false),
            ("/a[b/]c", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\b", "a\\b", true),
            ("*\\", "a\\", false),
            ("[a", "[a", false),
            ("]", "]", true),
            ("[]]", "]", true),
        ] {
            assert_eq!(matches(pattern, path, false), expected, "{pattern} on {path}");
        }
        assert!(matches("foo/***", "foo", true));
        assert!(matches("*o***", "foo", true));
    }

    #[test]
    fn a_trailing_slash_means_directories_only() {
        assert!(matches("tmp/", "a/tmp", true));
        assert!(!matches("tmp/", "a/tmp", false));
    }

    #[test]
    fn a_pattern_begins_where_its_file_lies_or_at_the_root_of_the_file_system() {
        let at = |pattern: &str, absolute, path: &str, base| {
            let subject =
                Subject { path: path.as_bytes(), is_directory: false, root: b"/srv/data" };
            Pattern::new(pattern.as_bytes(), absolute).unwrap().matches(&subject, &base)
        };
        assert!(at("/x", false, "a/b/x", Base::Within(4)));
        assert!(!at("/x", false, "a/b/x", Base::Within(2)));
        assert!(at("/data/x", false, "x", Base::Above(b"data/".to_vec())));
        assert!(at("/srv/data/x", true, "x", Base::ROOT));
        assert!(at("data/x", true, "x", Base::ROOT));
        assert!(at("x", true, "a/x", Base::ROOT));
    }

    #[test]
    fn many_wildcards_take_no_time() {
        let pattern = "**a*".repeat(200) + "b";
        let started = std::time::Instant::now();
        assert!(!matches(&pattern, &"a/".repeat(2000), false));
        assert!(started.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn any_pattern_is_read_or_refused(pattern: Vec<u8>, path: Vec<u8>, absolute: bool) {
            if let Ok(pattern) = Pattern::new(&pattern, absolute) {
                let subject = Subject { path: &path, is_directory: true, root: b"/" };
                pattern.matches(&subject, &Base::ROOT);
            }
        }

        #[test]
        fn a_plain_name_matches_itself(name in "[a-z\\\\. ]{1,12}") {
            prop_assert!(matches(&name, &name, false));
            let deeper = format!("x/{name}");
            prop_assert!(matches(&name, &deeper, false));
        }
    }
}
