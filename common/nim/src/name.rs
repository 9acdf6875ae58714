//! Names of machines: NIM holds host names in one place and object names in another, in full here and
//! short there.

use std::net::IpAddr;

/// Whether both name the same machine: they are equal, or one is short and is the first label of the
/// other. Case does not count. An address is nothing but itself, and no name at all names nobody.
pub fn same_host(a: &str, b: &str) -> bool {
    let (a, b) = (plain(a), plain(b));
    if a.is_empty() || b.is_empty() {
        return false;
    }
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    if [a, b].iter().any(|name| name.parse::<IpAddr>().is_ok()) {
        return false;
    }
    match (a.split_once('.'), b.split_once('.')) {
        (None, Some((first, _))) => first.eq_ignore_ascii_case(a),
        (Some((first, _)), None) => first.eq_ignore_ascii_case(b),
        _ => false,
    }
}

/// The first label of a host name, for messages; an address as it is.
pub fn short(host: &str) -> &str {
    match host.parse::<IpAddr>() {
        Ok(_) => host,
        Err(_) => host.split('.').next().unwrap_or(host),
    }
}

/// Without blanks at its ends, and without the dot that says that a name is whole.
fn plain(name: &str) -> &str {
    let name = name.trim();
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{same_host, short};

    #[test]
    fn an_address_is_not_shortened() {
        for (host, first) in
            [("nima.example.com", "nima"), ("nima", "nima"), ("192.0.2.10", "192.0.2.10")]
        {
            assert_eq!(short(host), first);
        }
    }

    #[test]
    fn a_short_name_is_the_full_one_with_that_first_label() {
        for (a, b) in [
            ("nima", "nima"),
            ("nima", "nima.example.com"),
            ("NIMA.example.com", "nima"),
            ("nima.example.com.", "nima.Example.com"),
            (" nima ", "nima"),
            ("192.0.2.10", "192.0.2.10"),
        ] {
            assert!(same_host(a, b) && same_host(b, a), "{a} {b}");
        }
    }

    #[test]
    fn two_full_names_are_one_machine_only_where_they_are_equal() {
        for (a, b) in [
            ("nima.example.com", "nima.example.org"),
            ("nima.example.com", "nima.site2.example.com"),
            ("nima", "nimb"),
            ("nima", "nimab.example.com"),
            ("192", "192.0.2.10"),
            ("192.0.2.10", "192.0.2.1"),
            ("", ""),
            ("", ".example.com"),
            ("nima", ""),
            (".", "."),
        ] {
            assert!(!same_host(a, b) && !same_host(b, a), "{a} {b}");
        }
    }
}
