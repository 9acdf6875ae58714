//! The fuzz targets of filter rules, which are read from the command line, a job, and files in
//! directories that anybody may have written.

use super::pattern::{Base, Pattern, Subject};
use super::rule::{Style, Written, parse, split};
use super::{Filters, Scope};
use crate::fs;
use crate::fuzz::Scene;
use crate::options::{Merge, Modifiers, Options, Rule};

const PATHS: [(&[u8], bool); 6] = [
    (b"a", false),
    (b"a/b.o", false),
    (b"core", true),
    (b"a/CVS/x y", true),
    (b"\xff/[a]", false),
    (b"a/b/c/d/e/f/g.bak", false),
];

/// Rules as arguments, and as the file of a directory.
pub(crate) fn rules(data: &[u8]) {
    let Some((&how, text)) = data.split_first() else { return };
    let on = |bit: u8| how & 1 << bit != 0;
    let merge = Merge { plain: on(0), words: on(1), clears: on(2), alone: on(3), null: on(4) };
    let modifiers = Modifiers { source: on(5), ..Modifiers::default() };
    let mut rules = Vec::new();
    for old in [false, true] {
        let style = Style { include: on(6), modifiers, merge, old };
        for (at, line) in split(text, merge) {
            assert_eq!(&text[at..at + line.len()], line);
            for written in parse(line, &style).unwrap_or_default() {
                if let Written::Rule(rule) = written {
                    rules.push(rule);
                }
            }
        }
    }
    let pattern = b".rules".to_vec();
    rules.push(Rule { include: on(6), pattern, modifiers, merge: Some(merge) });
    // One that asks for files above the root has none here.
    rules.retain(|rule| rule.merge.is_none() || !rule.pattern.contains(&b'/'));
    let options = Options { rules, delete_excluded: on(7), ..Options::default() };
    let json = serde_json::to_vec(&options).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<Options>(&json).ok().as_ref(), Some(&options));
    let Ok(filters) = Filters::new(&options) else { return };
    let scene = Scene::empty();
    scene.write(".rules", text);
    let Ok(directory) = fs::open_named_directory(scene.path()) else { return };
    for filter in [&filters.hide, &filters.protect] {
        let top = Scope::top(filter, scene.path().as_os_str().as_encoded_bytes().to_vec(), true);
        let Ok(scope) = top.enter(filter, &directory, b"") else { continue };
        let beneath = scope.enter(filter, &directory, b"a");
        for (path, is_directory) in PATHS {
            let excludes = filter.excludes(&scope, path, is_directory);
            assert!(excludes || !scope.is_unknown());
            filter.keeps(&scope, path, is_directory);
            if let Ok(beneath) = &beneath {
                filter.excludes(beneath, path, is_directory);
            }
            let honest = filter.has_merges() || filter.excludes(&top, path, is_directory);
            assert!(honest || !filter.forbids(path, is_directory), "an honest source is refused");
        }
    }
}

/// A pattern, and after a null byte a path.
pub(crate) fn patterns(data: &[u8]) {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let (text, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    for absolute in [false, true] {
        let pattern = Pattern::new(text, absolute);
        for base in
            [Base::ROOT, Base::Within(2), Base::Within(usize::MAX), Base::Above(b"x/".into())]
        {
            for is_directory in [false, true] {
                for root in [&b"/"[..], b"/r", b""] {
                    pattern.matches(&Subject { path, is_directory, root }, &base);
                }
            }
        }
    }
    let plain = !path.iter().any(|byte| b"*?[".contains(byte));
    if plain && !path.is_empty() && !path.ends_with(b"/") {
        let itself = Pattern::new(&[b"/", path].concat(), false);
        let subject = Subject { path, is_directory: false, root: b"/" };
        assert!(itself.matches(&subject, &Base::ROOT), "a path is not matched by itself");
    }
}
