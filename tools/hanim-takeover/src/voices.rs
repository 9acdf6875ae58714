//! Who says whose a client is: this database, that of the other master, and the client's own file.

use crate::own::Own;
use crate::pair::{Owner, Pair};
use ha_nim::lsnim::Listing;
use ha_nim::same_host;

/// What a database says of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// It was not seen.
    NotSeen,
    /// It has no such client.
    Without,
    /// Its `current_master`; absent where it never had an alternate.
    Says(Option<String>),
}

/// All three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voices<'a> {
    pub(crate) here: &'a Database,
    pub(crate) there: &'a Database,
    pub(crate) own: &'a Own,
}

impl Database {
    /// What a listing says of that client; there is none of a database that was not seen.
    pub(crate) fn of(listing: Option<&Listing>, client: &str) -> Database {
        match listing.map(|listing| listing.object(client)) {
            None => Database::NotSeen,
            Some(None) => Database::Without,
            Some(Some(object)) => {
                let name = object.get("current_master").map(str::trim);
                Database::Says(name.filter(|name| !name.is_empty()).map(str::to_owned))
            }
        }
    }

    /// The name that it has for the current master.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Database::Says(name) => name.as_deref(),
            _ => None,
        }
    }
}

impl Voices<'_> {
    /// Whether the two masters name different owners: each itself, or each the other one; `None` where
    /// one of the two does not say.
    pub(crate) fn split_brain(&self, pair: &Pair) -> Option<bool> {
        let here = match self.here {
            Database::Says(Some(name)) => pair.owner(Some(name)),
            _ => return None,
        };
        Some(match self.there {
            Database::NotSeen | Database::Says(None) => return None,
            // What it does not know it does not claim.
            Database::Without => here == Owner::Other,
            Database::Says(name) => match (here, pair.owner(name.as_deref())) {
                (Owner::Third(one), Owner::Third(other)) => !same_host(one, other),
                (one, other) => one != other,
            },
        })
    }

    /// Such as `nima says nima, nimb says nimb, the client's file says nimb`.
    pub(crate) fn words(&self, pair: &Pair) -> String {
        let of = |database: &Database, master: &str| match database {
            Database::NotSeen => format!("{master} gives no answer"),
            Database::Without => format!("{master} does not know the client"),
            Database::Says(None) => format!("{master} names no current master"),
            Database::Says(name) => format!("{master} says {}", pair.shown(name.as_deref())),
        };
        let own = match self.own {
            Own::NotSeen(_) | Own::Stranger(_) => "the client's file was not seen".to_owned(),
            Own::Missing => "the client has no /etc/niminfo".to_owned(),
            Own::File(file) if file.master.is_none() => "the client's file names none".to_owned(),
            Own::File(file) => {
                format!("the client's file says {}", pair.shown(file.master.as_deref()))
            }
        };
        format!("{}, {}, {own}", of(self.there, &pair.other.shown), of(self.here, &pair.this.shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{own, pair};

    fn says(name: &str) -> Database {
        Database::Says(Some(name.to_owned()))
    }

    fn split(here: &Database, there: &Database) -> Option<bool> {
        Voices { here, there, own: &Own::Missing }.split_brain(&pair::sample())
    }

    #[test]
    fn where_both_masters_have_it_or_neither_has_that_is_a_split_brain() {
        let (a, b) = (says("nima.example.com"), says("nimb"));
        assert_eq!(split(&b, &b), Some(false));
        assert_eq!(split(&a, &a), Some(false));
        assert_eq!(split(&b, &a), Some(true));
        assert_eq!(split(&a, &b), Some(true));
        assert_eq!(split(&a, &Database::Without), Some(true));
        assert_eq!(split(&b, &Database::Without), Some(false));
        assert_eq!(split(&says("nimc"), &says("nimc.example.com")), Some(false));
        assert_eq!(split(&says("nimc"), &says("nimd")), Some(true));
    }

    #[test]
    fn where_a_master_does_not_say_nobody_knows() {
        let b = says("nimb");
        assert_eq!(split(&b, &Database::NotSeen), None);
        assert_eq!(split(&b, &Database::Says(None)), None);
        assert_eq!(split(&Database::Without, &b), None);
    }

    #[test]
    fn who_says_what_is_told_in_words() {
        let own = own::sample("nimb.example.com", &[]);
        let (here, there) = (says("nimb.example.com"), says("nima.example.com"));
        let words = Voices { here: &here, there: &there, own: &own }.words(&pair::sample());
        assert_eq!(words, "nima says nima, nimb says nimb, the client's file says nimb");
        let words =
            Voices { here: &Database::Says(None), there: &Database::NotSeen, own: &Own::Missing }
                .words(&pair::sample());
        assert_eq!(
            words,
            "nima gives no answer, nimb names no current master, the client has no /etc/niminfo"
        );
    }
}
