//! What `ifconfig -a` prints: of AIX and the BSDs, of Linux, and of Linux in its older form.

use super::{Adapter, address};

/// True for the first line of such a text.
pub(super) fn begins(line: &str) -> bool {
    name(line).is_some()
}

/// Reads paragraphs that begin with an adapter's name and go on indented.
pub(super) fn parse(text: &str) -> Result<Vec<Adapter>, String> {
    let mut adapters: Vec<Adapter> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = name(line) {
            let name = name.to_owned();
            adapters.push(Adapter { name, up: false, loopback: false, addresses: Vec::new() });
        } else if !line.trim().is_empty() && !line.starts_with([' ', '\t']) {
            return Err(format!("line {number}: is neither an adapter nor a part of one"));
        }
        let Some(adapter) = adapters.last_mut() else {
            continue;
        };
        for flag in flags(line) {
            adapter.up |= flag == "UP";
            adapter.loopback |= flag == "LOOPBACK";
        }
        let mut words = line.split_whitespace();
        if words.next() == Some("inet") {
            let text = words.next().unwrap_or_default();
            let text = text.strip_prefix("addr:").unwrap_or(text);
            adapter.addresses.push(address(number, text)?);
        }
    }
    Ok(adapters)
}

/// `en0: flags=...`, or in the older form of Linux `eth0      Link encap:...`. An alias of that form
/// is `eth0:1`, with an address of its own.
fn name(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (name, rest) = line.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    match name.strip_suffix(':') {
        Some(name) if rest.starts_with("flags=") => Some(name),
        None if rest.starts_with("Link encap:") => Some(name),
        _ => None,
    }
}

/// `flags=1e080863<UP,BROADCAST>`, or in the older form of Linux `UP BROADCAST  MTU:1500`.
fn flags(line: &str) -> impl Iterator<Item = &str> {
    let within = |text| {
        let (_, behind): (&str, &str) = str::split_once(text, '<')?;
        behind.split_once('>').map(|(flags, _)| flags)
    };
    let listed = line.split_once("flags=").and_then(|(_, behind)| within(behind));
    let older = line.split_once("MTU:").map(|(flags, _)| flags);
    listed.or(older).unwrap_or_default().split([',', ' ', '\t'])
}
