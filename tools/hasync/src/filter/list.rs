//! The rules of a command line, gathered in its order: from arguments and from the files they name.

use super::cvs;
use super::rule::{Style, Written, parse, split};
use crate::options::{Merge, Rule};
use crate::trusted;
use ha_json::{Error, reason};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A file may merge another, so deep.
const DEEPEST: u32 = 32;

/// Rules so far.
#[derive(Debug, Default)]
pub(crate) struct List {
    rules: Vec<Rule>,
    /// Null bytes part the rules of files (`--from0`).
    null: bool,
}

impl List {
    pub(crate) fn new(null: bool) -> List {
        List { rules: Vec::new(), null }
    }

    pub(crate) fn into_rules(self) -> Vec<Rule> {
        self.rules
    }

    /// Adds a pattern of `--exclude` or `--include`.
    ///
    /// # Errors
    /// Usage, naming it.
    pub(crate) fn pattern(&mut self, text: &[u8], include: bool) -> Result<(), Error> {
        self.argument(text, &self.old(include))
    }

    /// Adds a rule of `--filter`.
    ///
    /// # Errors
    /// Usage, naming it, or a file in it that cannot be read.
    pub(crate) fn rule(&mut self, text: &[u8]) -> Result<(), Error> {
        let merge = Merge { null: self.null, ..Merge::default() };
        self.argument(text, &Style { merge, ..Style::default() })
    }

    /// Adds the patterns in a file of `--exclude-from` or `--include-from`.
    ///
    /// # Errors
    /// Usage, naming the file when it cannot be read, and the line that cannot be understood.
    pub(crate) fn file(&mut self, file: &OsStr, include: bool) -> Result<(), Error> {
        let style = self.old(include);
        self.read(file, &style, 0)
    }

    /// Adds what CVS leaves out, in every directory and everywhere.
    ///
    /// # Errors
    /// Usage, for a file that cannot be read.
    pub(crate) fn cvs(&mut self) -> Result<(), Error> {
        self.rule(b":C")?;
        self.rule(b"-C")
    }

    fn old(&self, include: bool) -> Style {
        let merge = Merge { null: self.null, ..Merge::default() };
        Style { include, merge, old: true, ..Style::default() }
    }

    fn argument(&mut self, text: &[u8], style: &Style) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(text).into_owned();
        let written = parse(text, style).map_err(|why| Error::usage(shown, why))?;
        self.add(written, 0)
    }

    fn read(&mut self, file: &OsStr, style: &Style, depth: u32) -> Result<(), Error> {
        let shown = file.to_string_lossy().into_owned();
        if depth > DEEPEST {
            return Err(Error::usage(shown, "is merged by a file that it merges"));
        }
        let text = contents(file)?;
        for (at, line) in split(&text, style.merge) {
            // Its number, not its words: the file may be one that was not meant to be told.
            let number = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
            let written = parse(line, style)
                .map_err(|why| Error::usage(format!("{shown}: line {number}"), why))?;
            self.add(written, depth)?;
        }
        Ok(())
    }

    fn add(&mut self, written: Vec<Written>, depth: u32) -> Result<(), Error> {
        for written in written {
            match written {
                Written::Clear => self.rules.clear(),
                Written::Rule(rule) => self.rules.push(rule),
                Written::Itself(pattern) => {
                    self.rules.push(Rule { pattern, ..Rule::default() });
                }
                Written::File(rule) => {
                    self.read(OsStr::from_bytes(&rule.pattern), &Style::of(&rule), depth + 1)?;
                }
                Written::Cvs(rule) => self.rules.extend(cvs::rules(&rule)?),
            }
        }
        Ok(())
    }
}

/// All that is in a file; `-` is standard input.
///
/// # Errors
/// Usage, naming the file.
pub(crate) fn contents(file: &OsStr) -> Result<Vec<u8>, Error> {
    let read = if file == "-" {
        let mut text = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut text);
        read.map(|_| text).map_err(|error| reason(&error))
    } else {
        trusted::read(Path::new(file))
    };
    read.map_err(|why| Error::usage(file.to_string_lossy(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_keep_their_order_and_a_mark_forgets_those_before() {
        let mut list = List::new(false);
        list.pattern(b"a", false).unwrap();
        list.pattern(b"!", false).unwrap();
        list.pattern(b"+ *.c", false).unwrap();
        list.pattern(b"!x", true).unwrap();
        list.rule(b"").unwrap();
        list.rule(b"P y").unwrap();
        let told: Vec<_> =
            list.into_rules().into_iter().map(|rule| (rule.include, rule.pattern)).collect();
        assert_eq!(told, [(true, b"*.c".to_vec()), (true, b"!x".to_vec()), (false, b"y".to_vec())]);
    }

    #[test]
    fn a_file_that_cannot_be_read_or_understood_is_named_and_its_words_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rules");
        let mut list = List::new(false);
        assert!(list.file(file.as_os_str(), false).unwrap_err().what.ends_with("rules"));
        std::fs::write(&file, "- a\nroot:secret\n").unwrap();
        let merge = [b". ", file.as_os_str().as_bytes()].concat();
        let error = list.rule(&merge).unwrap_err();
        assert!(error.what.ends_with("rules: line 2"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        std::fs::write(&file, &merge).unwrap();
        assert!(list.rule(&merge).unwrap_err().why.contains("merged"));
    }
}
