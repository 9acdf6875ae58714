//! Who is the primary: each takeover is a generation, and of one that is over nothing is taken.

use super::state::read_json;
use crate::wire::damaged;
use ha_file::{Durability, replace};
use ha_json::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE: &str = "role.json";

/// What a node knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// How many takeovers there were, and one.
    pub(crate) generation: u64,
    /// The name of the node that is the primary.
    pub(crate) primary: String,
    /// Since when this is known here.
    pub(crate) since: String,
}

impl Role {
    pub(super) fn new(generation: u64, primary: &str) -> Role {
        Role { generation, primary: primary.to_owned(), since: ha_json::now() }
    }

    /// `None` where nobody has been told yet.
    pub(super) fn read(state: &Path) -> Result<Option<Role>, Error> {
        read_json(&state.join(FILE))
    }

    pub(super) fn write(&self, state: &Path) -> Result<(), Error> {
        let text =
            serde_json::to_string(self).map_err(|error| Error::failed(FILE, error.to_string()))?;
        replace(&state.join(FILE), format!("{text}\n").as_bytes(), 0o600, Durability::Synced)
    }
}

/// No cluster has had more takeovers.
const MOST_GENERATION: u64 = 1 << 48;

/// A generation that somebody else tells.
///
/// # Errors
/// Where no generation can come after it.
pub(super) fn check_generation(generation: u64) -> Result<(), Error> {
    if generation > MOST_GENERATION { Err(damaged("a generation without end")) } else { Ok(()) }
}

const HEARD: &str = "heard";

/// The latest generation that somebody refused this node with; 0 for none.
pub(super) fn heard(state: &Path) -> u64 {
    let text = std::fs::read_to_string(state.join(HEARD)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Keeps it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn keep_heard(state: &Path, generation: u64) -> Result<(), Error> {
    if generation <= heard(state) {
        return Ok(());
    }
    replace(&state.join(HEARD), format!("{generation}\n").as_bytes(), 0o600, Durability::Synced)
}

/// What a node that pushes says of itself: it may, or another one has the role.
///
/// # Errors
/// Failed, naming who has it.
pub(super) fn may_push(own: Option<&Role>, node: &str) -> Result<Role, Error> {
    match own {
        None => Ok(Role::new(1, node)),
        Some(role) if role.primary == node => Ok(role.clone()),
        Some(role) => Err(Error::failed(
            node,
            format!(
                "is not the primary: {} is, in generation {}, since {} (hasync takeover, here, \
                 makes this node the primary)",
                role.primary, role.generation, role.since
            ),
        )),
    }
}

/// What a standby makes of one that pushes: what it has to keep, where that is new.
///
/// # Errors
/// Failed, where another one has the role.
pub(super) fn admit(own: Option<&Role>, claim: &Role) -> Result<Option<Role>, Error> {
    let told = || Some(Role::new(claim.generation, &claim.primary));
    let Some(own) = own else { return Ok(told()) };
    if claim.generation > own.generation {
        return Ok(told());
    }
    if claim.generation == own.generation && claim.primary == own.primary {
        return Ok(None);
    }
    let why = format!(
        "lost the role of the primary: {} has it, in generation {}, since {} (hasync takeover, there, \
         takes it back)",
        own.primary, own.generation, own.since
    );
    Err(Error::failed(format!("{}, generation {}", claim.primary, claim.generation), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_generation_is_taken_and_no_other() {
        let (first, second) = (Role::new(1, "mn1"), Role::new(2, "mn2"));
        let generation = |own: Option<&Role>, claim: &Role| {
            admit(own, claim).map(|kept| kept.map(|role| role.generation))
        };
        assert_eq!(generation(None, &first), Ok(Some(1)));
        assert_eq!(generation(Some(&first), &first), Ok(None));
        assert_eq!(generation(Some(&first), &second), Ok(Some(2)));
        assert!(generation(Some(&second), &first).unwrap_err().why.contains("mn2 has it"));
        assert!(generation(Some(&second), &Role::new(2, "mn3")).is_err());
        assert_eq!(may_push(None, "mn1").unwrap().generation, 1);
        assert!(may_push(Some(&second), "mn1").unwrap_err().why.contains("mn2 is"));
        assert_eq!(may_push(Some(&second), "mn2").unwrap().generation, 2);
        assert!(check_generation(MOST_GENERATION).is_ok() && check_generation(u64::MAX).is_err());
    }
}
