//! Which of the two nodes is the standby.

use ha_json::{Error, Value, json};
use ha_pair::{Node, Pair};
use std::net::IpAddr;

/// Who is who; nodes by their number in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// The machine that looks.
    pub(crate) here: usize,
    pub(crate) standby: usize,
    pub(crate) by: By,
}

/// What told which node is the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The other one has the address that goes with the role, and this one does not.
    Vip,
    /// The caller.
    Option,
    /// Nothing: it is the one that looks.
    Nothing,
}

impl By {
    pub(crate) fn value(self) -> Value {
        match self {
            By::Vip => json!("vip"),
            By::Option => json!("option"),
            By::Nothing => Value::Null,
        }
    }
}

impl Roles {
    pub(crate) fn primary(self) -> usize {
        1 - self.standby
    }

    pub(crate) fn there(self) -> usize {
        1 - self.here
    }
}

/// Which node this machine is.
///
/// # Errors
/// Usage, where it is none of them.
pub(crate) fn here(pair: &Pair, addresses: &[IpAddr]) -> Result<usize, Error> {
    pair.number_of(addresses).ok_or_else(|| pair.not_a_node())
}

/// The number of the node of this name.
///
/// # Errors
/// Usage, where there is none.
pub(crate) fn named(pair: &Pair, name: &str) -> Result<usize, Error> {
    pair.nodes.iter().position(|node| node.name == name).ok_or_else(|| {
        let [one, other]: &[Node; 2] = &pair.nodes;
        Error::usage(name, format!("is no node of the pair: {} and {} are", one.name, other.name))
    })
}

/// Who is who: the address says it where exactly one node has it (`has_vip`, `None` where a node could
/// not be asked), else the caller.
pub(crate) fn roles(here: usize, has_vip: [Option<bool>; 2], asked: Option<usize>) -> Roles {
    let by_vip = match has_vip {
        [Some(true), Some(false) | None] => Some(1),
        [Some(false) | None, Some(true)] => Some(0),
        _ => None,
    };
    match (asked, by_vip) {
        (Some(standby), _) => Roles { here, standby, by: By::Option },
        (None, Some(standby)) => Roles { here, standby, by: By::Vip },
        (None, None) => Roles { here, standby: here, by: By::Nothing },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standby_is_who_has_not_the_address_that_the_other_has() {
        let by = |here, has_vip, asked| {
            let roles = roles(here, has_vip, asked);
            (roles.standby, roles.by)
        };
        assert_eq!(by(1, [Some(true), Some(false)], None), (1, By::Vip));
        assert_eq!(by(1, [Some(false), Some(true)], None), (0, By::Vip));
        assert_eq!(by(0, [Some(true), None], None), (1, By::Vip));
        for unclear in [[Some(true), Some(true)], [Some(false), Some(false)], [None, Some(false)]] {
            assert_eq!(by(1, unclear, None), (1, By::Nothing));
            assert_eq!(by(1, unclear, Some(0)), (0, By::Option));
        }
    }
}
