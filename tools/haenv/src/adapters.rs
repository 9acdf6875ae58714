//! The network adapters of a machine: asked of this one, or read from what a command printed.

mod ifconfig;
mod ip;
mod netstat;

use crate::sys;
use ha_json::{Error, refuse_terminal};
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;

/// More than any machine's adapters fill.
const LIMIT_BYTES: u64 = 16 << 20;

/// A network adapter and its IPv4 addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adapter {
    pub(crate) name: String,
    pub(crate) up: bool,
    pub(crate) loopback: bool,
    pub(crate) addresses: Vec<Ipv4Addr>,
}

/// The adapters that a file tells, or with `-` standard input, or else those of this machine.
pub(crate) fn from(source: Option<&Path>) -> Result<Vec<Adapter>, Error> {
    let Some(path) = source else {
        return sys::adapters();
    };
    let (name, text) = match path.to_str() {
        Some("-") => ("standard input".to_owned(), standard_input()?),
        _ => {
            let name = path.display().to_string();
            // Of a FIFO nobody knows whether its writer ever comes.
            let text = ha_file::read(path, LIMIT_BYTES)?;
            (name.clone(), text.ok_or_else(|| Error::failed(name, "is not there"))?)
        }
    };
    parse(&text).map_err(|why| Error::input(name, why))
}

fn standard_input() -> Result<Vec<u8>, Error> {
    const NAME: &str = "standard input";
    refuse_terminal("what ip -j addr, ifconfig -a or netstat -in print")?;
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(LIMIT_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| Error::io(NAME, &error))?;
    match text.len() as u64 > LIMIT_BYTES {
        true => Err(Error::input(NAME, format!("is longer than {LIMIT_BYTES} bytes"))),
        false => Ok(text),
    }
}

/// Reads what a command printed; which one it was, the text itself tells.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Adapter>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "is not text in UTF-8".to_owned())?;
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or("is empty")?;
    if first.trim_start().starts_with('[') {
        ip::parse(text)
    } else if netstat::is_header(first) {
        netstat::parse(text)
    } else if first.starts_with("Kernel Interface table") || first.starts_with("Iface ") {
        Err("netstat of Linux tells no addresses: ip -j addr does".into())
    } else if ifconfig::begins(first) {
        ifconfig::parse(text)
    } else {
        Err("is not what ip -j addr, ifconfig -a or netstat -in print".into())
    }
}

/// Reads an address; the error names its line.
fn address(number: usize, text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| format!("line {number}: {text:?} is no IPv4 address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn fixture(name: &str) -> Vec<u8> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/adapters");
        fs::read(fixtures.join(name)).unwrap()
    }

    /// `name up|down loopback|- addresses` of each adapter.
    fn told(name: &str) -> Vec<String> {
        let adapters = parse(&fixture(name)).unwrap();
        adapters
            .iter()
            .map(|adapter| {
                let up = if adapter.up { "up" } else { "down" };
                let loopback = if adapter.loopback { "loopback" } else { "-" };
                format!("{} {up} {loopback} {:?}", adapter.name, adapter.addresses)
            })
            .collect()
    }

    fn sorted(mut lines: Vec<String>) -> Vec<String> {
        lines.sort();
        lines
    }

    /// What every fixture tells: the node of the guide, with an adapter that is down.
    const NODE: [&str; 4] = [
        "en0 up - [9.3.240.1, 9.3.240.2]",
        "en1 up - [9.3.240.66]",
        "en2 down - [9.3.241.7]",
        "lo0 up loopback [127.0.0.1]",
    ];

    #[test]
    fn the_commands_of_aix_tell_the_same() {
        assert_eq!(told("ifconfig-a.aix"), NODE);
        assert_eq!(told("netstat-in.aix"), NODE);
    }

    #[test]
    fn older_releases_of_aix_have_another_word_for_the_hardware_address() {
        let text = "Name  Mtu   Network     Address            Ipkts Ierrs    Opkts Oerrs  Coll\n\
            lo0   1536  <Link>                          1        0   1        0     0\n\
            lo0   1536  127         127.0.0.1           1        0   1        0     0\n\
            en0   1500  <Link>      2.60.8c.2e.65.17    1        0   1        0     0\n\
            en0   1500  9.3.240     9.3.240.2           1        0   1        0     0\n\
            tr0*  1492  <Link>10.0.5a.a8.7d.ef          1        0   1        0     0\n";
        let adapters = parse(text.as_bytes()).unwrap();
        let addresses: Vec<_> = adapters.iter().flat_map(|one| &one.addresses).collect();
        assert_eq!(addresses, [&Ipv4Addr::LOCALHOST, &Ipv4Addr::new(9, 3, 240, 2)]);
        assert_eq!(adapters.iter().map(|one| one.up).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn the_commands_of_linux_tell_the_same() {
        let node = NODE.map(|line| line.replace("en", "eth").replace("lo0", "lo"));
        assert_eq!(sorted(told("ip-j-addr.linux")), node);
        // An alias is an adapter of its own here.
        let mut node = node.to_vec();
        node[0] = "eth0 up - [9.3.240.1]".into();
        node.insert(1, "eth0:1 up - [9.3.240.2]".into());
        assert_eq!(told("ifconfig-a.linux"), node);
        assert_eq!(told("ifconfig-a.linux-2.6"), node);
    }

    #[test]
    fn what_a_real_machine_printed_is_read() {
        let by_ip = sorted(told("ip-j-addr.debian"));
        assert_eq!(by_ip, sorted(told("ifconfig-a.debian")));
        assert!(by_ip.contains(&"eth0 up - [192.0.2.2]".to_owned()));
        let why = parse(&fixture("netstat-in.debian")).unwrap_err();
        assert!(why.contains("ip -j addr"), "{why}");
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in ["", " \n\n", "Interfaces:\n", "\u{0}", "[1]", "[", "[{\"ifname\":\"a\"}]"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert_eq!(parse(b"\xff"), Err("is not text in UTF-8".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_bytes_are_adapters_or_an_error(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn damaged_texts_are_adapters_or_an_error(
            which in prop::sample::select(vec![
                "ip-j-addr.linux", "ifconfig-a.linux", "ifconfig-a.linux-2.6", "ifconfig-a.aix",
                "netstat-in.aix",
            ]),
            cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8,
        ) {
            let mut text = fixture(which);
            let at = at.index(text.len());
            text[at] = byte;
            text.truncate(cut.index(text.len() + 1));
            let _ = parse(&text);
        }

        #[test]
        fn lines_of_such_words_are_adapters_or_an_error(
            words in prop::collection::vec(prop::sample::select(vec![
                "[", "{", "}", "\n", "\n\t", " ", "en0: flags=1<UP>", "en0:", "inet", "inet6",
                "addr:", "1.2.3.4", "::1%1", "Name", "Mtu", "Network", "Address", "en0*", "link#2", "<Link>",
                "Link encap:", "UP", "MTU:1500", "flags=", "<", ">", "\"ifname\"", ":", "\u{e4}",
            ]), 0..24),
        ) {
            let _ = parse(words.concat().as_bytes());
        }
    }
}
