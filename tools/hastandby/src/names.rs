//! Whether each node resolves the names that it must know.

use crate::answers::{Question, script};
use crate::finding::Finding;
use crate::sight::Sight;
use ha_pair::Pair;
use std::net::IpAddr;

/// AIX has no getent.
const RESOLVE: &str =
    "if command -v getent >/dev/null; then getent \"$2\" \"$1\"; else host \"$1\"; fi";

/// The other node, and the address of the role.
fn wanted(pair: &Pair, number: usize) -> [(&str, IpAddr); 2] {
    let other = &pair.nodes[1 - number];
    [(&other.name, other.address), (&pair.vip.name, pair.vip.address)]
}

pub(crate) fn questions(pair: &Pair, number: usize) -> Vec<Question> {
    let ask = |(name, address): (&str, IpAddr)| {
        // All addresses of the family, in the order in which programs try them.
        let family = if address.is_ipv4() { "ahostsv4" } else { "ahostsv6" };
        script(format!("name {name}"), RESOLVE, &[name, family])
    };
    wanted(pair, number).into_iter().map(ask).collect()
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for number in [0, 1] {
        for (name, address) in wanted(sight.pair, number) {
            let expected = format!("resolves to {address}");
            let topic = sight.topic(number, "name", &expected).of(name);
            let fix = format!("put a line \"{address} {name}\" into /etc/hosts there");
            findings.push(match sight.nodes[number].of(&format!("name {name}")) {
                Err(error) => topic.unknown(error.to_string()),
                // getent and host say so of a name that they do not find.
                Ok(reply) if (1..=2).contains(&reply.status) => {
                    topic.failed("does not resolve", fix)
                }
                Ok(reply) => match (reply.text(), addresses(&reply.stdout)) {
                    (Some(_), found) if found == [address] => topic.ok(listed(&found)),
                    (Some(_), found) if !found.is_empty() => topic.failed(listed(&found), fix),
                    _ => topic.unknown(format!("status {}", reply.status)),
                },
            });
        }
    }
    findings
}

/// The addresses among the words of a text.
pub(crate) fn addresses(text: &[u8]) -> Vec<IpAddr> {
    let text = String::from_utf8_lossy(text);
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let mut found = Vec::new();
    for address in words.filter_map(|word| word.split('/').next()?.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
