//! A rule as it is written: rsync's prefixes and modifiers.
//!
//! Source: rsync(1), FILTER RULES, and rsync 3.5.0 where that is silent.

use crate::options::{Merge, Modifiers, Rule};

/// Longer than any path.
const LONGEST: usize = 4096;

/// How the rules of a text are written, and what they are where they do not say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    pub(super) include: bool,
    pub(super) modifiers: Modifiers,
    pub(super) merge: Merge,
    /// Only `+ `, `- ` and `!` say what a pattern is: `--exclude` and its kin.
    pub(super) old: bool,
}

impl Style {
    /// How the file of a merge rule is written.
    pub(super) fn of(rule: &Rule) -> Style {
        Style {
            include: rule.include,
            modifiers: rule.modifiers,
            merge: rule.merge.unwrap_or_default(),
            old: false,
        }
    }
}

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The rules so far are forgotten.
    Clear,
    Rule(Rule),
    /// Files of this name are left out: those that the rule after this one reads.
    Itself(Vec<u8>),
    /// A file that is read once, now.
    File(Rule),
    /// What CVS leaves out.
    Cvs(Rule),
}

/// The rules in a text: where each begins, in bytes, and what it says. Comments are left out.
pub(super) fn split(text: &[u8], merge: Merge) -> impl Iterator<Item = (usize, &[u8])> {
    let ends = move |byte: &u8| match (merge.words, merge.null) {
        (true, _) => byte.is_ascii_whitespace() || *byte == 0x0b,
        (false, true) => *byte == 0,
        (false, false) => matches!(byte, b'\n' | b'\r'),
    };
    let mut at = 0;
    text.split(ends)
        .map(move |line| {
            let start = at;
            at += line.len() + 1;
            (start, line)
        })
        .filter(move |(_, line)| {
            !line.is_empty() && (merge.words || !matches!(line[0], b'#' | b';'))
        })
}

/// Reads what one rule says; an own exclusion of a merge file comes before it.
///
/// # Errors
/// Why it cannot be understood.
pub(super) fn parse(text: &[u8], style: &Style) -> Result<Vec<Written>, String> {
    let mut rule = Rule {
        include: style.include,
        modifiers: Modifiers { source: false, standby: false, ..style.modifiers },
        ..Rule::default()
    };
    let (mut letters, mut clear, mut without_itself) = (Letters::default(), false, false);
    let pattern = if style.merge.plain {
        clear = style.merge.clears && text == b"!";
        text
    } else if style.old {
        match text {
            [b'-', b' ', pattern @ ..] => {
                rule.include = false;
                pattern
            }
            [b'+', b' ', pattern @ ..] => {
                rule.include = true;
                pattern
            }
            b"!" => {
                clear = true;
                text
            }
            _ => text,
        }
    } else {
        let (letter, rest) = prefix(text).ok_or("is no filter rule")?;
        if letter == b'!' {
            if !rest.is_empty() {
                return Err("has something after the \"!\"".into());
            }
            return Ok(vec![Written::Clear]);
        }
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'_')).unwrap_or(rest.len());
        letters = Letters::read(letter, &rest[..end], &mut rule)?;
        without_itself = letters.without_itself;
        rest.get(end + 1..).unwrap_or_default()
    };
    if clear {
        return Ok(vec![Written::Clear]);
    }
    let sided = |modifiers: &Modifiers| modifiers.source || modifiers.standby;
    if sided(&style.modifiers) {
        if sided(&rule.modifiers) {
            return Err("names a side, as the rule that reads it does".into());
        }
        rule.modifiers.source = style.modifiers.source;
        rule.modifiers.standby = style.modifiers.standby;
    }
    if pattern.len() >= LONGEST {
        return Err("is longer than a path can be".into());
    }
    rule.pattern = pattern.to_vec();
    let cvs = letters.merge.clears;
    if pattern.is_empty() {
        match (cvs, letters.is_merge) {
            (true, true) => rule.pattern = b".cvsignore".to_vec(),
            (true, false) => {}
            _ => return Err("ends before its pattern".into()),
        }
    }
    let mut written = Vec::new();
    if letters.is_merge {
        if without_itself {
            let name = rule.pattern.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            written.push(Written::Itself(name.to_vec()));
        }
        rule.merge = Some(Merge { null: style.merge.null, ..letters.merge });
        written.push(match letters.is_everywhere {
            true => Written::Rule(rule),
            false => Written::File(rule),
        });
    } else {
        written.push(if cvs { Written::Cvs(rule) } else { Written::Rule(rule) });
    }
    Ok(written)
}

/// The letter of a rule's prefix, and what stands after it.
fn prefix(text: &[u8]) -> Option<(u8, &[u8])> {
    const WORDS: [(&[u8], u8); 9] = [
        (b"clear", b'!'),
        (b"dir-merge", b':'),
        (b"exclude", b'-'),
        (b"hide", b'H'),
        (b"include", b'+'),
        (b"merge", b'.'),
        (b"protect", b'P'),
        (b"risk", b'R'),
        (b"show", b'S'),
    ];
    let word = WORDS.iter().find(|(word, _)| word[0] == text[0]);
    let (letter, rest) = match word {
        Some((word, letter)) => (*letter, text.strip_prefix(*word)?),
        None => (text[0], &text[1..]),
    };
    match rest {
        [b',', rest @ ..] => Some((letter, rest)),
        [] | [b' ' | b'_', ..] => Some((letter, rest)),
        _ => word.is_none().then_some((letter, rest)),
    }
}

/// What the letters between a prefix and its pattern say.
#[derive(Debug, Default)]
struct Letters {
    is_merge: bool,
    is_everywhere: bool,
    without_itself: bool,
    merge: Merge,
}

impl Letters {
    fn read(prefix: u8, modifiers: &[u8], rule: &mut Rule) -> Result<Letters, String> {
        let mut letters = Letters::default();
        let mut sided = true;
        match prefix {
            b':' | b'.' => {
                letters.is_merge = true;
                letters.is_everywhere = prefix == b':';
                sided = false;
            }
            b'+' | b'-' => {
                rule.include |= prefix == b'+';
                sided = false;
            }
            b'S' | b'H' => {
                rule.include |= prefix == b'S';
                rule.modifiers.source = true;
            }
            b'R' | b'P' => {
                rule.include |= prefix == b'R';
                rule.modifiers.standby = true;
            }
            _ => return Err("is no filter rule".into()),
        }
        for &letter in modifiers {
            let fits = match letter {
                b'-' | b'+' => letters.is_merge && !letters.merge.plain,
                b'C' => !letters.merge.plain && !sided,
                b'e' | b'n' | b'w' => letters.is_merge,
                b'!' => !letters.is_merge,
                b'r' | b's' => !sided,
                b'/' | b'p' => true,
                b'x' => {
                    let why = "is for the names of extended attributes, which this version has no rules for";
                    return Err(why.into());
                }
                _ => false,
            };
            if !fits {
                let shown = char::from(letter).escape_default();
                return Err(format!("has a modifier that does not belong there: {shown}"));
            }
            match letter {
                b'-' => letters.merge.plain = true,
                b'+' => {
                    letters.merge.plain = true;
                    rule.include = true;
                }
                b'C' => {
                    letters.merge = Merge {
                        plain: true,
                        words: true,
                        clears: true,
                        alone: true,
                        ..letters.merge
                    }
                }
                b'e' => letters.without_itself = true,
                b'n' => letters.merge.alone = true,
                b'w' => letters.merge.words = true,
                b'!' => rule.modifiers.negated = true,
                b'r' => rule.modifiers.standby = true,
                b's' => rule.modifiers.source = true,
                b'/' => rule.modifiers.absolute = true,
                _ => rule.modifiers.perishable = true,
            }
        }
        Ok(letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Written {
        parse(text.as_bytes(), &Style::default()).unwrap().remove(0)
    }

    fn pattern(include: bool, pattern: &str, letters: &str) -> Written {
        let modifiers = Modifiers {
            source: letters.contains('s'),
            standby: letters.contains('r'),
            negated: letters.contains('!'),
            absolute: letters.contains('/'),
            perishable: letters.contains('p'),
        };
        Written::Rule(Rule { include, pattern: pattern.into(), modifiers, merge: None })
    }

    #[test]
    fn a_rule_is_written_short_or_long_with_a_blank_or_an_underscore() {
        for (text, expected) in [
            ("- foo", pattern(false, "foo", "")),
            ("-_foo_bar", pattern(false, "foo_bar", "")),
            ("-,  foo", pattern(false, " foo", "")),
            ("exclude foo", pattern(false, "foo", "")),
            ("exclude,s foo", pattern(false, "foo", "s")),
            ("+/ /etc/x", pattern(true, "/etc/x", "/")),
            ("include,p! a", pattern(true, "a", "p!")),
            ("hide,! */", pattern(false, "*/", "s!")),
            ("S a", pattern(true, "a", "s")),
            ("protect a", pattern(false, "a", "r")),
            ("R_a", pattern(true, "a", "r")),
            ("-sr a", pattern(false, "a", "sr")),
            ("!", Written::Clear),
            ("clear", Written::Clear),
            ("clear,", Written::Clear),
        ] {
            assert_eq!(one(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "excludes foo",
            "- ",
            "-",
            "! x",
            "H,r foo",
            "-s,r foo",
            ":nonsense x",
            ".p! f",
            "-e a",
            "foo",
            "merge",
            ":",
            "-n a",
            ":-+ a",
            "hide,C",
        ] {
            assert!(parse(text.as_bytes(), &Style::default()).is_err(), "{text}");
        }
        let style = Style {
            modifiers: Modifiers { source: true, ..Modifiers::default() },
            ..Style::default()
        };
        assert!(parse(b"P x", &style).is_err());
        assert!(parse(b"- x", &style).is_ok());
    }

    #[test]
    fn a_merge_rule_says_how_its_files_are_read() {
        let Written::Rule(rule) = one(":C") else { panic!() };
        let merge = Merge { plain: true, words: true, clears: true, alone: true, null: false };
        assert_eq!((&rule.pattern[..], rule.merge), (&b".cvsignore"[..], Some(merge)));
        let both = parse(b"dir-merge,en- a/.x", &Style::default()).unwrap();
        assert_eq!(both[0], Written::Itself(b".x".to_vec()));
        assert!(matches!(one("merge x"), Written::File(_)));
        assert!(matches!(one("-C"), Written::Cvs(_)));
    }

    #[test]
    fn a_text_has_lines_or_words_and_comments_only_in_lines() {
        let of = |text: &'static [u8], merge| {
            split(text, merge).map(|(_, line)| line).collect::<Vec<_>>()
        };
        let text = b"a b\r\n#c\r;d\n\n e";
        assert_eq!(of(text, Merge::default()), [&b"a b"[..], b" e"]);
        let words = Merge { words: true, ..Merge::default() };
        assert_eq!(of(text, words), [&b"a"[..], b"b", b"#c", b";d", b"e"]);
        let null = Merge { null: true, ..Merge::default() };
        assert_eq!(of(b"a\nb\0#c\0d", null), [&b"a\nb"[..], b"d"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_rule_or_an_error(text in proptest::collection::vec(any::<u8>(), 1..40), include: bool, old: bool) {
            let _ = parse(&text, &Style { include, old, ..Style::default() });
        }
    }
}
