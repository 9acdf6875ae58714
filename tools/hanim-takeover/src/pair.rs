//! This master and the other one, and whom a name names.

use ha_nim::{Object, same_host};

/// A master and all that it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Master {
    /// What messages call it.
    pub(crate) shown: String,
    /// The host name that it is reached by.
    pub(crate) hostname: String,
    names: Vec<String>,
}

/// Who a client belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// This master.
    This,
    /// The one whose clients are taken over.
    Other,
    /// Neither of them.
    Third(&'a str),
    /// Nobody is named.
    Nobody,
}

/// Both masters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) this: Master,
    pub(crate) other: Master,
}

impl Master {
    /// The master with that NIM object; `hostname` is how its own niminfo calls it.
    pub(crate) fn new(shown: &str, object: Option<&Object>, hostname: Option<&str>) -> Master {
        let interfaces = object.map(Object::interfaces).unwrap_or_default();
        let at_interfaces = interfaces.into_iter().filter_map(|interface| interface.hostname);
        let names: Vec<String> =
            hostname.map(str::to_owned).into_iter().chain(at_interfaces).collect();
        let hostname = names.first().cloned().unwrap_or_else(|| shown.to_owned());
        Master { shown: shown.to_owned(), hostname, names }
    }

    /// With one more name.
    #[must_use]
    pub(crate) fn called(mut self, name: &str) -> Master {
        self.names.push(name.to_owned());
        self
    }

    /// Whether that is one of its names.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.names.iter().any(|its| same_host(its, name))
    }

    /// Whether it has that very name.
    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|its| its.eq_ignore_ascii_case(name))
    }

    /// Whether it has any name: without one nobody can say what is its own.
    pub(crate) fn is_known(&self) -> bool {
        !self.names.is_empty()
    }
}

impl Pair {
    /// Whom that name names. A name that fits both is the one that it equals; nobody knows whose a short
    /// one is that both have in another domain.
    pub(crate) fn owner<'a>(&self, name: Option<&'a str>) -> Owner<'a> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Owner::Nobody;
        };
        match (self.this.is(name), self.other.is(name)) {
            (true, false) => Owner::This,
            (false, true) => Owner::Other,
            (false, false) => Owner::Third(name),
            (true, true) => match (self.this.is_called(name), self.other.is_called(name)) {
                (true, false) => Owner::This,
                (false, true) => Owner::Other,
                _ => Owner::Third(name),
            },
        }
    }

    /// How messages call the one that a name names.
    pub(crate) fn shown<'a>(&'a self, name: Option<&'a str>) -> &'a str {
        match self.owner(name) {
            Owner::This => &self.this.shown,
            Owner::Other => &self.other.shown,
            Owner::Third(name) => name,
            Owner::Nobody => "nobody",
        }
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Pair {
    Pair {
        this: Master::new("nimb", None, Some("nimb.example.com")),
        other: Master::new("nima", None, Some("nima.example.com")).called("nima"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_this_master_of_the_other_or_of_a_third() {
        let pair = sample();
        assert_eq!(pair.owner(Some("nimb")), Owner::This);
        assert_eq!(pair.owner(Some("nima.example.com")), Owner::Other);
        assert_eq!(pair.owner(Some("nimc")), Owner::Third("nimc"));
        assert_eq!(pair.owner(Some(" ")), Owner::Nobody);
        assert_eq!(pair.owner(None), Owner::Nobody);
        assert_eq!(pair.shown(Some("NIMA")), "nima");
    }

    #[test]
    fn a_master_is_what_its_interfaces_are_called_too() {
        let attributes = vec![
            ("if1".into(), "net1 nim-a.example.com 0".into()),
            ("if2".into(), "net2 nima-backup 0".into()),
        ];
        let object = Object { name: "nima".into(), attributes };
        let master = Master::new("nima", Some(&object), None);
        assert_eq!(master.hostname, "nim-a.example.com");
        assert!(master.is("nima-backup.example.com") && !master.is("nima"));
        assert!(master.called("nima").is("nima"));
    }

    #[test]
    fn a_short_name_that_two_masters_of_one_name_share_is_neither_ones() {
        let pair = Pair {
            this: Master::new("nim", None, Some("nim.site1.example.com")),
            other: Master::new("nim2", None, Some("nim.site2.example.com")),
        };
        assert_eq!(pair.owner(Some("nim.site1.example.com")), Owner::This);
        assert_eq!(pair.owner(Some("NIM.site2.example.com")), Owner::Other);
        assert_eq!(pair.owner(Some("nim")), Owner::Third("nim"));
    }
}
