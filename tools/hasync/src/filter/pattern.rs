//! A rule's pattern: what of a path it is asked about, and how.
//!
//! Source: rsync(1), PATTERN MATCHING RULES, and rsync 3.5.0 where that is silent.

use super::glob::{Glob, Start};

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
    Glob(Glob),
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
    pub(super) fn new(pattern: &[u8], absolute: bool) -> Pattern {
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
            (true, _) => {
                let start = match (whole, crosses) {
                    (true, _) => Start::Path,
                    (false, true) => Start::AnyName,
                    (false, false) => Start::SameDepth,
                };
                Glob::new(body, start).map_or(Matcher::Never, Matcher::Glob)
            }
        };
        Pattern {
            matcher,
            from,
            only_directories: text.len() < pattern.len(),
            with_directory: crosses && text.ends_with(b"***"),
        }
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
            Matcher::Glob(glob) => glob.matches(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str, is_directory: bool) -> bool {
        let subject = Subject { path: path.as_bytes(), is_directory, root: b"/srv/data" };
        Pattern::new(pattern.as_bytes(), false).matches(&subject, &Base::ROOT)
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
            Pattern::new(pattern.as_bytes(), absolute).matches(&subject, &base)
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
        fn any_bytes_are_a_pattern(pattern: Vec<u8>, path: Vec<u8>, absolute: bool) {
            let subject = Subject { path: &path, is_directory: true, root: b"/" };
            Pattern::new(&pattern, absolute).matches(&subject, &Base::ROOT);
        }

        #[test]
        fn a_plain_name_matches_itself(name in "[a-z\\\\. ]{1,12}") {
            prop_assert!(matches(&name, &name, false));
            let deeper = format!("x/{name}");
            prop_assert!(matches(&name, &deeper, false));
        }
    }
}
