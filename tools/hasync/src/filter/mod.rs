//! Which paths take part: rsync's filter rules, of which the first that matches decides.
//!
//! Source of the rules: rsync(1), FILTER RULES, and rsync 3.5.0 where that is silent.

mod cvs;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod glob;
mod list;
mod pattern;
mod rule;
mod scope;

pub(crate) use list::{List, contents};
pub(crate) use scope::{Fault, Scope, absolute};

use crate::options::{Options, Rule};
use ha_json::Error;
use pattern::{Base, Pattern, Subject};
use scope::Spec;
use std::sync::Arc;

/// What a rule is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// What is sent.
    Source,
    /// What may be deleted.
    Standby,
}

/// The rules of a run.
#[derive(Debug)]
pub(crate) struct Filters {
    /// What the source leaves out.
    pub(crate) hide: Filter,
    /// What the standby does not delete.
    pub(crate) protect: Filter,
}

impl Filters {
    /// Reads the rules' patterns.
    ///
    /// # Errors
    /// Usage, for a rule of files in directories that names none.
    pub(crate) fn new(options: &Options) -> Result<Filters, Error> {
        Ok(Filters {
            hide: Filter::new(options, Side::Source)?,
            protect: Filter::new(options, Side::Standby)?,
        })
    }
}

/// The rules of one side, ready to be asked.
#[derive(Debug)]
pub(crate) struct Filter {
    side: Side,
    /// Rules that name no side are for the source alone.
    delete_excluded: bool,
    items: Vec<Item>,
    merges: Vec<Arc<Spec>>,
}

#[derive(Debug)]
enum Item {
    Pattern(Box<Judged>),
    /// What the files of a per-directory rule say, by its number in the scope.
    Merge(usize),
}

/// A pattern and what follows when it matches.
#[derive(Debug)]
struct Judged {
    pattern: Pattern,
    include: bool,
    negated: bool,
    perishable: bool,
}

impl Judged {
    fn matches(&self, subject: &Subject<'_>, base: &Base) -> bool {
        self.pattern.matches(subject, base) != self.negated
    }
}

impl Filter {
    fn new(options: &Options, side: Side) -> Result<Filter, Error> {
        let mut filter = Filter {
            side,
            delete_excluded: options.delete_excluded,
            items: Vec::new(),
            merges: Vec::new(),
        };
        let mut names: Vec<&[u8]> = Vec::new();
        for rule in &options.rules {
            if rule.merge.is_some() {
                // Of rules that read the same files the first stands.
                let name = scope::file_name(&rule.pattern);
                if name.is_empty() {
                    let shown = String::from_utf8_lossy(&rule.pattern);
                    return Err(Error::usage(shown, "names no file in a directory"));
                }
                if !names.contains(&name) {
                    names.push(name);
                    if filter.concerns(rule) {
                        filter.items.push(Item::Merge(filter.merges.len()));
                        filter.merges.push(Arc::new(Spec::new(rule)));
                    }
                }
            } else {
                filter.items.extend(filter.item(rule));
            }
        }
        Ok(filter)
    }

    /// True for a rule that is for this side.
    fn concerns(&self, rule: &Rule) -> bool {
        let modifiers = &rule.modifiers;
        match (modifiers.source, modifiers.standby, self.side) {
            (false, false, Side::Source) => true,
            (false, false, Side::Standby) => !self.delete_excluded || rule.merge.is_some(),
            (source, _, Side::Source) => source,
            (_, standby, Side::Standby) => standby,
        }
    }

    /// A pattern's rule, ready to be asked; `None` when it is for the other side.
    fn item(&self, rule: &Rule) -> Option<Item> {
        let judged = || Judged {
            pattern: Pattern::new(&rule.pattern, rule.modifiers.absolute),
            include: rule.include,
            negated: rule.modifiers.negated,
            perishable: rule.modifiers.perishable,
        };
        self.concerns(rule).then(|| Item::Pattern(Box::new(judged())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True when files in the directories have a say.
    pub(crate) fn has_merges(&self) -> bool {
        !self.merges.is_empty()
    }

    /// True when the path, relative to the root of the transfer, is left out or protected, in the
    /// directory that the scope is of.
    pub(crate) fn excludes(&self, scope: &Scope, path: &[u8], is_directory: bool) -> bool {
        self.judge(scope, path, is_directory, false)
    }

    /// [`Filter::excludes`] in a directory that is to be deleted: perishable rules do not count.
    pub(crate) fn keeps(&self, scope: &Scope, path: &[u8], is_directory: bool) -> bool {
        self.judge(scope, path, is_directory, true)
    }

    fn judge(&self, scope: &Scope, path: &[u8], is_directory: bool, doomed: bool) -> bool {
        let subject = Subject { path, is_directory, root: scope.root() };
        scope.is_unknown()
            || self.decide(&self.items, scope, &subject, &Base::ROOT, doomed) == Some(false)
    }

    /// What the first of the rules that matches says: to include it or not.
    fn decide(
        &self,
        items: &[Item],
        scope: &Scope,
        subject: &Subject<'_>,
        base: &Base,
        doomed: bool,
    ) -> Option<bool> {
        items.iter().find_map(|item| match item {
            Item::Pattern(judged) if judged.perishable && doomed => None,
            Item::Pattern(judged) => judged.matches(subject, base).then_some(judged.include),
            Item::Merge(number) => scope
                .frames(*number)
                .find_map(|frame| self.decide(&frame.items, scope, subject, &frame.base, doomed)),
        })
    }

    /// True when an honest source cannot have sent this path, whatever stands in its own
    /// per-directory files, which are unknown here, and wherever its root lies. Those files may let
    /// through what a rule after theirs would exclude, so that only the rules before the first such
    /// file that can include are held against the source; one that only excludes takes nothing back.
    pub(crate) fn forbids(&self, path: &[u8], is_directory: bool) -> bool {
        let subject = Subject { path, is_directory, root: b"" };
        for item in &self.items {
            match item {
                Item::Merge(number) if self.merges[*number].only_excludes() => {}
                Item::Merge(_) => return false,
                Item::Pattern(judged) if judged.pattern.is_absolute() => {
                    if judged.include {
                        return false;
                    }
                }
                Item::Pattern(judged) => {
                    if judged.matches(&subject, &Base::ROOT) {
                        return !judged.include;
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::OwnedFd;
    use std::path::Path;

    fn filters(rules: &[&str], delete_excluded: bool) -> Filters {
        let mut list = List::new(false);
        for rule in rules {
            list.rule(rule.as_bytes()).unwrap();
        }
        let rules = list.into_rules();
        Filters::new(&Options { rules, delete_excluded, ..Options::default() }).unwrap()
    }

    fn enter(scope: &Scope, filter: &Filter, root: &Path, path: &str) -> Result<Scope, Fault> {
        let directory = OwnedFd::from(File::open(root.join(path)).unwrap());
        scope.enter(filter, &directory, path.as_bytes())
    }

    #[test]
    fn the_first_rule_that_matches_decides_for_its_side() {
        let filters = filters(&["+ *.c", "P keep", "H hidden", "- *.o", "-p junk", "-! *"], false);
        let top = Scope::default();
        for (path, hidden, kept) in [
            ("a.c", false, false),
            ("a.o", true, true),
            ("keep", false, true),
            ("hidden", true, false),
            ("other", false, false),
        ] {
            assert_eq!(filters.hide.excludes(&top, path.as_bytes(), false), hidden, "{path}");
            assert_eq!(filters.protect.excludes(&top, path.as_bytes(), false), kept, "{path}");
        }
        assert!(filters.protect.excludes(&top, b"junk", false));
        assert!(!filters.protect.keeps(&top, b"junk", false));
    }

    #[test]
    fn delete_excluded_leaves_only_rules_that_name_the_standby() {
        let filters = filters(&["- a", "-sr b", "P c"], true);
        let keeps = |name: &[u8]| filters.protect.excludes(&Scope::default(), name, false);
        assert!(!keeps(b"a") && keeps(b"b") && keeps(b"c"));
        assert!(filters.hide.excludes(&Scope::default(), b"a", false));
    }

    #[test]
    fn files_in_directories_hold_beneath_them_the_nearest_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("rules"), "- x\n- /top\n: inner\n").unwrap();
        fs::write(root.join("a/rules"), "+ x\n- /b/only\n").unwrap();
        fs::write(root.join("a/b/rules"), "!\n").unwrap();
        fs::write(root.join("a/inner"), "- y").unwrap();
        let filters = filters(&[": rules", "- last"], false);
        let filter = &filters.hide;
        let top = Scope::top(filter, b"/nowhere".to_vec(), false);
        assert!(!filter.excludes(&top, b"x", false));
        let first = enter(&top, filter, root, "").unwrap();
        let a = enter(&first, filter, root, "a").unwrap();
        let b = enter(&a, filter, root, "a/b").unwrap();
        for (scope, path, expected) in [
            (&first, "x", true),
            (&first, "top", true),
            (&first, "y", false),
            (&a, "a/x", false),
            (&a, "a/top", false),
            (&a, "a/y", true),
            (&b, "a/b/only", false),
            (&b, "a/b/x", false),
            (&b, "a/b/last", true),
        ] {
            assert_eq!(filter.excludes(scope, path.as_bytes(), false), expected, "{path}");
        }
    }

    #[test]
    fn files_above_the_root_are_read_where_the_rule_says_so_and_it_is_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("data");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(directory.path().join("rules"), "- /data/x\n- y\n").unwrap();
        let filters = filters(&[": /rules"], false);
        let place = root.to_str().unwrap().as_bytes().to_vec();
        for (look_above, expected) in [(true, true), (false, false)] {
            let top = Scope::top(&filters.hide, place.clone(), !look_above);
            let scope = enter(&top, &filters.hide, &root, "").unwrap();
            assert_eq!(filters.hide.excludes(&scope, b"x", false), expected);
            assert_eq!(filters.hide.excludes(&scope, b"sub/y", false), expected);
            assert!(!filters.hide.excludes(&scope, b"sub/x", false));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_or_understood_is_named_and_keeps_everything() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let filters = filters(&[": rules"], false);
        let (hide, protect) = (&filters.hide, &filters.protect);
        let top = Scope::top(protect, b"/".to_vec(), true);
        fs::write(root.join("rules"), "- a\nroot:secret\n").unwrap();
        let fault = enter(&top, protect, root, "").unwrap_err();
        assert_eq!(fault.path, b"rules");
        assert!(fault.message.starts_with("line 2 ") && !fault.message.contains("secret"));
        assert!(protect.keeps(&top.unknown(), b"anything", false));
        fs::rename(root.join("rules"), root.join("others")).unwrap();
        std::os::unix::fs::symlink("others", root.join("rules")).unwrap();
        assert!(enter(&top, protect, root, "").unwrap_err().message.contains("symbolic link"));
        fs::write(root.join("others"), "- a\n").unwrap();
        assert!(enter(&Scope::top(hide, b"/".to_vec(), false), hide, root, "").is_ok());
        let confined = Scope::top(hide, b"/".to_vec(), true);
        assert!(enter(&confined, hide, root, "").unwrap_err().message.contains("symbolic link"));
        fs::remove_file(root.join("rules")).unwrap();
        fs::create_dir(root.join("rules")).unwrap();
        assert!(enter(&top, protect, root, "").is_ok());
    }

    #[test]
    fn the_standby_forbids_only_what_no_file_of_the_source_can_let_through() {
        for (rules, expected) in [
            (&["- x"][..], true),
            (&["- x", ": rules"], true),
            (&[":- rules", "- x"], true),
            (&[":C", "- x"], true),
            (&[": rules", "- x"], false),
            (&[":+ rules", "- x"], false),
            (&["+/ /srv/x", "- x"], false),
            (&["-/ /srv/x"], false),
            (&["P x"], false),
            (&["+ x", "- x"], false),
        ] {
            assert_eq!(filters(rules, false).hide.forbids(b"x", false), expected, "{rules:?}");
        }
    }
}
