//! `--chmod`: what permissions become on their way.

use crate::entry::{Kind, Stamp};
use ha_json::Error;
use serde::{Deserialize, Serialize};

/// Changes of permissions, one after the other. The umask of whoever asked is in them already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes(Vec<Change>);

/// One change: what it is for, and which bits it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    scope: Scope,
    operation: Operation,
    bits: u32,
    /// Bits that count for directories and for what somebody could execute before all changes.
    if_executable: u32,
    /// What `=` takes away first.
    cleared: u32,
    copied: Option<Copied>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    All,
    Directories,
    Files,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Add,
    Remove,
    Set,
}

/// The permissions of one class of users, given to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Copied {
    from: Class,
    /// The bits that may be touched.
    to: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    User,
    Group,
    Other,
}

impl Class {
    /// How far its three bits lie from the right.
    fn place(self) -> u32 {
        match self {
            Class::User => 6,
            Class::Group => 3,
            Class::Other => 0,
        }
    }
}

impl Changes {
    /// Reads arguments of `--chmod`, each a list with commas, for a process with this umask.
    ///
    /// # Errors
    /// Usage, naming the part that is no change of permissions.
    pub(crate) fn parse(arguments: &[String], umask: u32) -> Result<Changes, Error> {
        let parts = arguments.iter().flat_map(|argument| argument.split(','));
        let changes = parts.map(|part| {
            Change::parse(part, umask).ok_or_else(|| {
                let why = format!("{part:?} is not like u=rwX, go-w, D755 or F644");
                Error::usage("--chmod", why)
            })
        });
        changes.collect::<Result<_, _>>().map(Changes)
    }

    /// What the permission bits of the thing become; those of a symbolic link stay.
    pub(crate) fn of(&self, stamp: &Stamp) -> u32 {
        match stamp.kind {
            _ if self.0.is_empty() => stamp.mode,
            Kind::Symlink => stamp.mode,
            kind => self.apply(stamp.mode, kind == Kind::Directory),
        }
    }

    fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let executable = is_directory || mode & 0o111 != 0;
        let concerns = |change: &&Change| match change.scope {
            Scope::All => true,
            Scope::Directories => is_directory,
            Scope::Files => !is_directory,
        };
        let changes = self.0.iter().filter(concerns);
        changes.fold(mode, |mode, change| change.apply(mode, executable)) & 0o7777
    }
}

impl Change {
    fn parse(text: &str, umask: u32) -> Option<Change> {
        let (scope, text) = match text.as_bytes().first()? {
            b'D' => (Scope::Directories, &text[1..]),
            b'F' => (Scope::Files, &text[1..]),
            _ => (Scope::All, text),
        };
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777)?;
            let operation = Operation::Set;
            let cleared = 0o7777;
            return Some(Change {
                scope,
                operation,
                bits,
                if_executable: 0,
                cleared,
                copied: None,
            });
        }
        let at = text.find(['+', '-', '='])?;
        let (who, rest) = text.split_at(at);
        let operation = match rest.as_bytes().first()? {
            b'+' => Operation::Add,
            b'-' => Operation::Remove,
            _ => Operation::Set,
        };
        let who = Who::parse(who, umask)?;
        let cleared = who.all;
        let change = Change { scope, operation, bits: 0, if_executable: 0, cleared, copied: None };
        match &rest[1..] {
            "u" => Some(change.copying(&who, Class::User)),
            "g" => Some(change.copying(&who, Class::Group)),
            "o" => Some(change.copying(&who, Class::Other)),
            letters => letters.chars().try_fold(change, |change, letter| change.with(&who, letter)),
        }
    }

    fn copying(self, who: &Who, from: Class) -> Change {
        let copied = Some(Copied { from, to: who.touched });
        // A class that is made what another is loses its own special bit, too.
        Change { copied, cleared: self.cleared | who.special_of_classes, ..self }
    }

    fn with(mut self, who: &Who, letter: char) -> Option<Change> {
        match letter {
            'r' => self.bits |= 0o444 & who.touched,
            'w' => self.bits |= 0o222 & who.touched,
            'x' => self.bits |= 0o111 & who.touched,
            'X' => self.if_executable |= 0o111 & who.touched,
            's' => self.bits |= who.set_id,
            't' => self.bits |= 0o1000,
            _ => return None,
        }
        Some(self)
    }

    fn apply(&self, mode: u32, executable: bool) -> u32 {
        let copied = self.copied.map_or(0, |Copied { from, to }| {
            let bits = mode >> from.place() & 0o7;
            (bits | bits << 3 | bits << 6) & to
        });
        let value = self.bits | copied | if executable { self.if_executable } else { 0 };
        match self.operation {
            Operation::Add => mode | value,
            Operation::Remove => mode & !value,
            Operation::Set => mode & !self.cleared | value,
        }
    }
}

/// For whom a change is, as bits.
struct Who {
    /// Their permissions.
    all: u32,
    /// Those that the change may touch: where nobody is named, what the umask leaves.
    touched: u32,
    /// What `s` means.
    set_id: u32,
    special_of_classes: u32,
}

impl Who {
    fn parse(text: &str, umask: u32) -> Option<Who> {
        let mut who = Who { all: 0, touched: 0, set_id: 0, special_of_classes: 0 };
        for letter in text.chars() {
            let (all, set_id, special) = match letter {
                'u' => (0o700, 0o4000, 0o4000),
                'g' => (0o070, 0o2000, 0o2000),
                'o' => (0o007, 0, 0o1000),
                'a' => (0o777, 0o6000, 0o7000),
                _ => return None,
            };
            who.all |= all;
            who.set_id |= set_id;
            who.special_of_classes |= special;
        }
        who.touched = who.all;
        if text.is_empty() {
            who =
                Who { all: 0o777, touched: 0o777 & !umask, set_id: 0, special_of_classes: 0o7000 };
        }
        if who.set_id == 0 {
            who.set_id = 0o4000;
        }
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> u32 {
        Changes::parse(&[text.to_owned()], 0o022).unwrap().apply(mode, false)
    }

    fn directory(text: &str, mode: u32) -> u32 {
        Changes::parse(&[text.to_owned()], 0o022).unwrap().apply(mode, true)
    }

    #[test]
    fn permissions_become_what_rsync_3_5_makes_of_them() {
        // Seen with a umask of 022.
        let seen: &[(&str, [u32; 3])] = &[
            ("a+s", [0o7777, 0o6000, 0o6751]),
            ("o+s", [0o7777, 0o4000, 0o4751]),
            ("=", [0o7000, 0, 0]),
            ("=x", [0o7111, 0o111, 0o111]),
            ("-s", [0o3777, 0, 0o751]),
            ("a-s", [0o1777, 0, 0o751]),
            ("a=rwx", [0o7777, 0o777, 0o777]),
            ("u=rws", [0o7677, 0o4600, 0o4651]),
            ("755", [0o755, 0o755, 0o755]),
            ("+rwx", [0o7777, 0o755, 0o755]),
            ("-rwx", [0o7022, 0, 0]),
            ("g=u", [0o5777, 0, 0o771]),
            ("ug=o", [0o1777, 0, 0o111]),
            ("g-u", [0o7707, 0, 0o701]),
            ("a=g", [0o777, 0, 0o555]),
            ("=u", [0o755, 0, 0o755]),
            ("g=o,o=u", [0o4777, 0, 0o717]),
            ("+X", [0o7777, 0, 0o751]),
            ("=X", [0o7111, 0, 0o111]),
        ];
        for (text, modes) in seen {
            assert_eq!([0o7777, 0, 0o751].map(|mode| file(text, mode)), *modes, "{text}");
        }
    }

    #[test]
    fn directories_and_files_may_get_different_ones() {
        assert_eq!((directory("D2775,F664", 0o755), file("D2775,F664", 0o755)), (0o2775, 0o664));
        assert_eq!((directory("Dg+s,Fo=", 0o755), file("Dg+s,Fo=", 0o644)), (0o2755, 0o640));
        assert_eq!((directory("go=rX", 0o700), file("go=rX", 0o600)), (0o755, 0o644));
        // Whether it could be executed is asked before all changes.
        assert_eq!(file("a-x,u+X", 0o755), 0o744);
    }

    #[test]
    fn what_is_no_change_of_permissions_is_refused() {
        for text in ["", "D", "u", "77777", "8", "DF+x", "u=rw+x", ",u+x", "u+x,", "z+x", "u+z"] {
            assert!(Changes::parse(&[text.to_owned()], 0o022).is_err(), "{text}");
        }
        for text in ["o=ug", "X", "F+0600", "D 700", "0o7", "é+x"] {
            assert!(Changes::parse(&[text.to_owned()], 0o022).is_err(), "{text}");
        }
    }
}
