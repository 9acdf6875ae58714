//! Users and groups by name: the same name is the same owner on both nodes, whatever its number.

use crate::options::Options;
use ha_json::Error;
use nix::unistd::{Gid, Group, Uid, User};
use regex::Regex;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Looks names and numbers up, once each.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numeric: bool,
    name_of: HashMap<(bool, u32), Vec<u8>>,
    /// The user and the group that were asked for last: mostly the next ones, too.
    last: [Option<(u32, Vec<u8>)>; 2],
    /// The number here of a number of the far side, told by name.
    here: HashMap<(bool, u32), u32>,
    users: Vec<Mapped>,
    groups: Vec<Mapped>,
}

/// Owners of the source that get another at the standby.
#[derive(Debug)]
struct Mapped {
    from: From,
    to: u32,
}

#[derive(Debug)]
enum From {
    Everyone,
    Numbers(RangeInclusive<u32>),
    /// Without a name, the empty one.
    Name(Regex),
}

impl From {
    fn parse(text: &str) -> Option<From> {
        if text == "*" {
            return Some(From::Everyone);
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let (low, high) = text.split_once('-').unwrap_or((text, text));
            return Some(From::Numbers(low.parse().ok()?..=high.parse().ok()?));
        }
        let mut pattern = String::from(r"\A(?s:");
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            match next {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                '[' => {
                    let (class, tail) = rest.as_str().split_once(']')?;
                    let class = class.strip_prefix('!').map_or(class.into(), |c| format!("^{c}"));
                    pattern.push_str(&format!("[{class}]"));
                    rest = tail.chars();
                }
                letter => pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push_str(r")\z");
        Regex::new(&pattern).ok().map(From::Name)
    }

    fn is(&self, id: u32, name: &str) -> bool {
        match self {
            From::Everyone => true,
            From::Numbers(range) => range.contains(&id),
            From::Name(pattern) => pattern.is_match(name),
        }
    }
}

/// Reads a list like `FROM:TO,...`, whose second names are looked up here.
fn mapped(option: &str, text: &str, group: bool) -> Result<Vec<Mapped>, Error> {
    let one = |part: &str| {
        let wrong = |why| Error::usage(option, format!("{part:?} {why}"));
        let (from, to) = split(option, part)?;
        let from =
            From::parse(from).ok_or_else(|| wrong("begins with no name, number or range"))?;
        let number = to.parse().ok().or_else(|| number_of(group, to));
        let to = number.ok_or_else(|| {
            let what = if group { "group" } else { "user" };
            Error::failed(option, format!("there is no {what} {to:?} where the files go"))
        })?;
        Ok(Mapped { from, to })
    };
    text.split(',').map(one).collect()
}

/// Checks the form of a list like `FROM:TO,...`, as far as it can be where the names are not known.
///
/// # Errors
/// Usage, naming the part that has another form.
pub(crate) fn check_map(option: &str, text: &str) -> Result<(), Error> {
    text.split(',').try_for_each(|part| match split(option, part) {
        Ok((from, _)) if From::parse(from).is_none() => {
            Err(Error::usage(option, format!("{part:?} begins with no name, number or range")))
        }
        other => other.map(drop),
    })
}

fn split<'a>(option: &str, part: &'a str) -> Result<(&'a str, &'a str), Error> {
    part.split_once(':')
        .filter(|(_, to)| !to.is_empty())
        .ok_or_else(|| Error::usage(option, format!("{part:?} is not like FROM:TO")))
}

/// The name of a user or group here, if it has one.
pub(crate) fn name_of(group: bool, id: u32) -> Option<String> {
    if group {
        Group::from_gid(Gid::from_raw(id)).ok().flatten().map(|group| group.name)
    } else {
        User::from_uid(Uid::from_raw(id)).ok().flatten().map(|user| user.name)
    }
}

fn number_of(group: bool, name: &str) -> Option<u32> {
    if group {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    } else {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }
}

impl Names {
    pub(crate) fn new(numeric: bool) -> Names {
        Names { numeric, ..Names::default() }
    }

    /// The names as the standby takes them: with `--usermap` and `--groupmap`.
    ///
    /// # Errors
    /// When one of these is malformed, or names somebody who is not known here.
    pub(crate) fn of_standby(options: &Options) -> Result<Names, Error> {
        let mut names = Names::new(options.numeric_ids);
        if let Some(map) = &options.usermap {
            names.users = mapped("--usermap", map, false)?;
        }
        if let Some(map) = &options.groupmap {
            names.groups = mapped("--groupmap", map, true)?;
        }
        Ok(names)
    }

    fn mapped(&self, group: bool, id: u32, name: &str) -> Option<u32> {
        let map = if group { &self.groups } else { &self.users };
        map.iter().find(|mapped| mapped.from.is(id, name)).map(|mapped| mapped.to)
    }

    /// What stands for an owner in a digest and on the wire: the name, or the number in digits
    /// where it has none. Root is 0 everywhere.
    pub(crate) fn key(&mut self, group: bool, id: u32) -> &[u8] {
        let last = &mut self.last[usize::from(group)];
        if last.as_ref().is_none_or(|(last, _)| *last != id) {
            let numeric = self.numeric || id == 0;
            let key = self.name_of.entry((group, id)).or_insert_with(|| {
                let name = if numeric { None } else { name_of(group, id) };
                name.unwrap_or_else(|| id.to_string()).into_bytes()
            });
            *last = Some((id, key.clone()));
        }
        last.as_ref().map_or(&[], |(_, key)| key)
    }

    /// Takes the far side's word for the name of its number.
    pub(crate) fn learn(&mut self, group: bool, id: u32, name: &[u8]) {
        if self.numeric {
            return;
        }
        let Ok(name) = std::str::from_utf8(name) else { return };
        let number = self.mapped(group, id, name);
        let number = number.or_else(|| if id == 0 { None } else { number_of(group, name) });
        self.here.insert((group, id), number.unwrap_or(id));
    }

    /// The number here for a number of the far side.
    pub(crate) fn here(&self, group: bool, id: u32) -> u32 {
        let told = self.here.get(&(group, id)).copied();
        told.or_else(|| self.mapped(group, id, "")).unwrap_or(id)
    }

    /// The same for who is named in an access control list. With `--numeric-ids` a list stays as it
    /// is, also where owners are mapped: as with rsync, but for what it does when it reads the whole
    /// tree first.
    pub(crate) fn in_list(&self, group: bool, id: u32) -> u32 {
        if self.numeric { id } else { self.here(group, id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(map: &str, numeric_ids: bool) -> Result<Names, Error> {
        let usermap = Some(map.to_owned());
        Names::of_standby(&Options { usermap, numeric_ids, ..Options::default() })
    }

    #[test]
    fn the_first_rule_that_fits_says_who_owns_it_here() {
        let mut names = users("5000-6000:bin,da[!x]m?n:3,r*t:sys,:daemon,*:4", false).unwrap();
        for (id, name) in [(0, "root"), (7, "daemon"), (8, "daxmon"), (5001, "daemon")] {
            names.learn(false, id, name.as_bytes());
        }
        let here = |id| names.here(false, id);
        assert_eq!([here(0), here(7), here(8), here(5001)], [3, 3, 4, 2]);
        assert_eq!([here(9), here(5500)], [1, 2]);
        assert_eq!(names.here(true, 9), 9);
        let mut numeric = users("root:bin,0:sys", true).unwrap();
        numeric.learn(false, 0, b"root");
        assert_eq!([numeric.here(false, 0), numeric.in_list(false, 0)], [3, 0]);
    }

    #[test]
    fn what_is_no_map_and_who_is_not_known_is_refused() {
        for text in ["", "0-", "1:", "1-x:2", "root:bin,", "[a:b"] {
            assert!(users(text, false).is_err() && check_map("--usermap", text).is_err(), "{text}");
        }
        assert!(check_map("--usermap", "*:nobody-has-this-name").is_ok());
        assert!(users("*:nobody-has-this-name", false).is_err());
    }

    #[test]
    fn root_is_root_and_a_name_that_is_unknown_here_keeps_its_number() {
        let mut names = Names::new(false);
        assert_eq!(names.key(false, 0), b"0");
        names.learn(false, 4242, b"nobody-has-this-name");
        assert_eq!(names.here(false, 4242), 4242);
        names.learn(false, 4242, b"daemon");
        assert_eq!(names.here(false, 4242), 1);
        let mut numeric = Names::new(true);
        numeric.learn(false, 4242, b"daemon");
        assert_eq!(numeric.here(false, 4242), 4242);
    }
}
