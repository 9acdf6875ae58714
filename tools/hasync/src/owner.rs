//! Users and groups by name: the same name is the same owner on both nodes, whatever its number.

use nix::unistd::{Gid, Group, Uid, User};
use std::collections::HashMap;

/// Looks names and numbers up, once each.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numeric: bool,
    name_of: HashMap<(bool, u32), Vec<u8>>,
    /// The number here of a number of the far side, told by name.
    here: HashMap<(bool, u32), u32>,
}

impl Names {
    pub(crate) fn new(numeric: bool) -> Names {
        Names { numeric, ..Names::default() }
    }

    /// What stands for an owner in a digest and on the wire: the name, or the number in digits
    /// where it has none. Root is 0 everywhere.
    pub(crate) fn key(&mut self, group: bool, id: u32) -> &[u8] {
        let numeric = self.numeric || id == 0;
        self.name_of.entry((group, id)).or_insert_with(|| {
            let name = match (numeric, group) {
                (true, _) => None,
                (_, true) => Group::from_gid(Gid::from_raw(id)).ok().flatten().map(|g| g.name),
                (_, false) => User::from_uid(Uid::from_raw(id)).ok().flatten().map(|u| u.name),
            };
            name.unwrap_or_else(|| id.to_string()).into_bytes()
        })
    }

    /// Takes the far side's word for the name of its number.
    pub(crate) fn learn(&mut self, group: bool, id: u32, name: &[u8]) {
        if self.numeric || id == 0 {
            return;
        }
        let Ok(name) = std::str::from_utf8(name) else { return };
        let number = if group {
            Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
        } else {
            User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
        };
        if let Some(number) = number {
            self.here.insert((group, id), number);
        }
    }

    /// The number here for a number of the far side.
    pub(crate) fn here(&self, group: bool, id: u32) -> u32 {
        self.here.get(&(group, id)).copied().unwrap_or(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
