//! The address that goes with the role: on exactly one node.

use crate::answers::{Answers, Question, script};
use crate::finding::{Finding, Look, Topic};
use crate::names;
use crate::sight::Sight;
use ha_pair::Pair;
use std::net::IpAddr;

/// The name of the question for the addresses of a node.
pub(crate) const ADDRESSES: &str = "addresses";

pub(crate) fn questions() -> Vec<Question> {
    // `inet` stands before an address in what both say.
    let text = "if command -v ip >/dev/null; then ip -o address show; else ifconfig -a; fi";
    vec![script(ADDRESSES, text, &[])]
}

/// The addresses of the node.
pub(crate) fn addresses(answers: &Answers) -> Look<Vec<IpAddr>> {
    let text = answers.text(ADDRESSES)?;
    let mut words = text.split_whitespace();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if matches!(word, "inet" | "inet6") {
            found.extend(names::addresses(words.next().unwrap_or_default().as_bytes()));
        }
    }
    Ok(found)
}

/// Whether each node has it; `None` where it could not be asked.
pub(crate) fn holders(pair: &Pair, nodes: &[Answers; 2]) -> [Option<bool>; 2] {
    [0, 1]
        .map(|number| addresses(&nodes[number]).ok().map(|found| found.contains(&pair.vip.address)))
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let vip = &sight.pair.vip;
    let expected = format!("{} is on exactly one node", vip.address);
    let topic = Topic::of_the_pair("vip", expected).of(&vip.name);
    let name = |number: usize| sight.pair.nodes[number].name.clone();
    let there = |number: usize| {
        let why = addresses(&sight.nodes[number]).err();
        why.map_or_else(|| "cannot tell".to_owned(), |error| error.to_string())
    };
    vec![match holders(sight.pair, &sight.nodes) {
        [Some(true), Some(true)] => topic.failed(
            format!("on {} and {}", name(0), name(1)),
            "take it off the node that is not the primary at once: haxcat-deactivate there",
        ),
        [Some(false), Some(false)] => topic.failed(
            "on neither",
            "no node is the primary: haxcat-activate on the one that shall be",
        ),
        [Some(true), Some(false)] => topic.ok(format!("on {}", name(0))),
        [Some(false), Some(true)] => topic.ok(format!("on {}", name(1))),
        [None, _] => topic.unknown(there(0)),
        [_, None] => topic.unknown(there(1)),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_ip_and_from_ifconfig() {
        let read = |text: &str| {
            let mut answers = Answers::default();
            answers.put(ADDRESSES, 0, text);
            let found = addresses(&answers).unwrap();
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let ip = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n\
                  2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\\n\
                  2: eth0    inet6 fe80::1/64 scope link \\\n";
        assert_eq!(read(ip), ["127.0.0.1", "10.0.0.1", "fe80::1"]);
        let aix = "en0: flags=1e084863,480<UP,BROADCAST>\n\tinet 10.0.0.2 netmask 0xffffff00 broadcast 10.0.0.255\n\
                   \tinet6 fe80::2/64\n";
        assert_eq!(read(aix), ["10.0.0.2", "fe80::2"]);
    }
}
