//! What `netstat -in` of AIX prints: a line for each address of each adapter.

use super::{Adapter, address};

/// True for the line above the others.
pub(super) fn is_header(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(4).collect();
    words == ["Name", "Mtu", "Network", "Address"]
}

/// Reads name, MTU, network and address of each line. The name of an adapter that is down has a
/// star; loopback is known by its name. A line of IPv6 has one column for network and address.
pub(super) fn parse(text: &str) -> Result<Vec<Adapter>, String> {
    let mut adapters: Vec<Adapter> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() || is_header(line) {
            continue;
        }
        let [name, _, network, rest @ ..] = &words[..] else {
            return Err(format!("line {number}: has too few columns"));
        };
        let found = match rest.first() {
            // What stands there is of the hardware; AIX 4.1 and 4.2 say <Link>.
            _ if network.starts_with("link#") || network.starts_with("<Link>") => None,
            _ if network.contains(':') => None,
            // What has no address of this family.
            Some(&"none") => None,
            Some(text) => Some(address(number, text)?),
            None => return Err(format!("line {number}: has too few columns")),
        };
        let up = !name.ends_with('*');
        let name = name.trim_end_matches('*');
        if adapters.last().is_none_or(|adapter| adapter.name != name) {
            let loopback =
                name.strip_prefix("lo").is_some_and(|number| number.parse::<u32>().is_ok());
            adapters.push(Adapter { name: name.to_owned(), up, loopback, addresses: Vec::new() });
        }
        if let Some(adapter) = adapters.last_mut() {
            adapter.addresses.extend(found);
        }
    }
    Ok(adapters)
}
