//! What CVS leaves out, and the likes of it.

use super::rule::{Style, Written, parse, split};
use crate::options::{Merge, Modifiers, Rule};
use ha_json::Error;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// What `-C` leaves out by itself. Source: rsync(1), --cvs-exclude.
const KNOWN: &str = "RCS SCCS CVS CVS.adm RCSLOG cvslog.* tags TAGS .make.state .nse_depinfo \
    *~ #* .#* ,* _$* *$ *.old *.bak *.BAK *.orig *.rej .del-* *.a *.olb *.o *.obj *.so *.exe *.Z \
    *.elc *.ln core .svn/ .git/ .hg/ .bzr/";

/// The rules that the rule `-C` stands for: those that are known, those of `~/.cvsignore`, and
/// those of `CVSIGNORE`.
///
/// # Errors
/// Usage, for a pattern that cannot be one, and a file that is there and cannot be read.
pub(super) fn rules(rule: &Rule) -> Result<Vec<Rule>, Error> {
    let own = std::env::var_os("CVSIGNORE").map(OsStringExt::into_vec).unwrap_or_default();
    let home = match std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cvsignore")) {
        Some(file) if file.is_file() => super::contents(file.as_os_str())?,
        _ => Vec::new(),
    };
    let known = Modifiers { perishable: true, ..rule.modifiers };
    let mut rules = Vec::new();
    for (text, modifiers) in
        [(KNOWN.as_bytes(), known), (&home, rule.modifiers), (&own, rule.modifiers)]
    {
        let merge = Merge { plain: true, words: true, clears: true, ..Merge::default() };
        let style = Style { include: rule.include, modifiers, merge, old: false };
        for (_, word) in split(text, merge) {
            let shown = || String::from_utf8_lossy(word).into_owned();
            for written in parse(word, &style).map_err(|why| Error::usage(shown(), why))? {
                match written {
                    Written::Clear => rules.clear(),
                    Written::Rule(rule) => rules.push(rule),
                    // Words without prefixes are patterns.
                    Written::Itself(_) | Written::File(_) | Written::Cvs(_) => {}
                }
            }
        }
    }
    Ok(rules)
}
