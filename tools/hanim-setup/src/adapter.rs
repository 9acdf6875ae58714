//! The network interfaces of a machine, as `ifconfig -a` prints them.

use std::net::IpAddr;

/// An interface and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adapter {
    /// Such as `en0`.
    pub(crate) name: String,
    /// In their order.
    pub(crate) addresses: Vec<IpAddr>,
}

/// Reads `ifconfig -a`: a line `NAME: flags=...` for each interface, its addresses behind it.
///
/// Source: the page of ifconfig (AIX 7.3, Commands).
pub(crate) fn parse(printed: &str) -> Vec<Adapter> {
    let mut all: Vec<Adapter> = Vec::new();
    for line in printed.lines() {
        if !line.starts_with(char::is_whitespace) {
            if let Some((name, rest)) = line.split_once(':')
                && rest.trim_start().starts_with("flags=")
            {
                all.push(Adapter { name: name.to_owned(), addresses: Vec::new() });
            }
            continue;
        }
        let mut words = line.split_whitespace();
        if let (Some("inet" | "inet6"), Some(text)) = (words.next(), words.next())
            && let Some(last) = all.last_mut()
        {
            let bare = text.split(['/', '%']).next().unwrap_or(text);
            last.addresses.extend(bare.parse::<IpAddr>());
        }
    }
    all
}

/// The one interface that has this address; `None` where none has it, or several have.
pub(crate) fn with_address(adapters: &[Adapter], address: IpAddr) -> Option<&Adapter> {
    let mut having = adapters.iter().filter(|adapter| adapter.addresses.contains(&address));
    having.next().filter(|_| having.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AIX: &str = "en0: flags=1e084863,480<UP,BROADCAST,RUNNING,CHAIN>\n        inet 192.0.2.11 netmask \
                       0xffffff00 broadcast 192.0.2.255\n         tcp_sendspace 131072\nen1: flags=1e084863,480<UP>\n\
                       \tinet 198.51.100.11 netmask 0xffffff00\nlo0: flags=e08084b,c0<UP,LOOPBACK>\n        inet \
                       127.0.0.1 netmask 0xff000000\n        inet6 ::1%1/0\n";

    #[test]
    fn the_interface_of_an_address_is_known_where_one_has_it() {
        let all = parse(AIX);
        assert_eq!(
            all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["en0", "en1", "lo0"]
        );
        let of =
            |text: &str| with_address(&all, text.parse().unwrap()).map(|one| one.name.as_str());
        assert_eq!(of("192.0.2.11"), Some("en0"));
        assert_eq!(of("::1"), Some("lo0"));
        assert_eq!(of("192.0.2.99"), None);
        let twice = [all[0].clone(), all[0].clone()];
        assert_eq!(with_address(&twice, "192.0.2.11".parse().unwrap()), None);
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "(en0: flags=|inet |\t| |\n|[0-9.:/%]{0,9}){0,12}") {
            parse(&text);
        }
    }
}
