//! What stands beside owner, mode and time, set: access control lists and extended attributes.

use crate::entry::Kind;
use crate::extra::{Extra, Scope};
use crate::fs;
use crate::xattr::Place;
use nix::errno::Errno;

/// What could not be kept, for people; `None` when all is.
pub(super) type Missed = Option<String>;

/// The attributes of one thing while they are set. What cannot be set does not keep the rest from
/// being brought: it is an item that failed.
pub(super) struct Beside<'a> {
    place: Place<'a>,
    extra: Option<&'a Extra>,
    scope: Scope,
    pub(super) missed: Missed,
}

impl<'a> Beside<'a> {
    pub(super) fn new(place: Place<'a>, extra: Option<&'a Extra>, scope: Scope) -> Beside<'a> {
        Beside { place, extra, scope, missed: None }
    }

    /// Sets what the mode could forbid to set, and takes away the list that would change what the
    /// mode means. `let_in` makes it writable; gives whether the mode may be another than it was.
    pub(super) fn before_mode(&mut self, let_in: impl Fn() -> nix::Result<()>) -> bool {
        let Some(extra) = self.extra else { return false };
        let mut disturbed = false;
        if extra.xattrs.is_some() {
            let mut result = self.set_xattrs();
            if matches!(result, Err((_, Errno::EACCES))) && let_in().is_ok() {
                disturbed = true;
                result = self.set_xattrs();
            }
            self.told("extended attribute", result);
        }
        if extra.lists.as_ref().is_some_and(|lists| lists.access.is_empty()) {
            let name = crate::acl::ACCESS.as_bytes();
            match self.place.get(name) {
                Ok(None) => {}
                _ => {
                    disturbed = true;
                    let result = self.place.remove(name);
                    self.told("access control list", result.map_err(|e| (Vec::new(), e)));
                }
            }
        }
        disturbed
    }

    /// Sets the lists of what has this mode by now.
    pub(super) fn after_mode(&mut self, kind: Kind, mode: u32) {
        let Some(lists) = self.extra.and_then(|extra| extra.lists.as_ref()) else { return };
        for (name, value) in lists.values(kind, mode) {
            let have = self.place.get(name.as_bytes());
            let result = match (&value, have) {
                (value, Ok(have)) if *value == have => Ok(()),
                (Some(value), _) => self.place.set(name.as_bytes(), value),
                (None, _) => self.place.remove(name.as_bytes()),
            };
            self.told("access control list", result.map_err(|error| (Vec::new(), error)));
        }
    }

    /// Sets those of a symbolic link, which has no mode.
    pub(super) fn of_link(&mut self) {
        if self.extra.is_some_and(|extra| extra.xattrs.is_some()) {
            let result = self.set_xattrs();
            self.told("extended attribute", result);
        }
    }

    /// Makes the extended attributes those that are wanted, and touches none that is right.
    fn set_xattrs(&self) -> Result<(), (Vec<u8>, Errno)> {
        let Some(wanted) = self.extra.and_then(|extra| extra.xattrs.as_ref()) else {
            return Ok(());
        };
        let names = self.place.names().map_err(|error| (Vec::new(), error))?;
        for name in names.into_iter().filter(|name| self.scope.has(name)) {
            if wanted.binary_search_by(|(wanted, _)| wanted.cmp(&name)).is_err() {
                self.place.remove(&name).map_err(|error| (name, error))?;
            }
        }
        for (name, value) in wanted {
            if self.place.get(name).is_ok_and(|have| have.as_ref() == Some(value)) {
                continue;
            }
            self.place.set(name, value).map_err(|error| (name.clone(), error))?;
        }
        Ok(())
    }

    fn told(&mut self, what: &str, result: Result<(), (Vec<u8>, Errno)>) {
        let Err((name, error)) = result else { return };
        let name = String::from_utf8_lossy(&name).into_owned();
        let name = if name.is_empty() { name } else { format!(" {name}") };
        let why = match error {
            Errno::EOPNOTSUPP => "the file system here has none".to_owned(),
            error => fs::words(error),
        };
        self.missed.get_or_insert(format!("{what}{name} cannot be set: {why}"));
    }
}
