//! The addresses of this machine.

use crate::facts::Look;
use std::net::Ipv4Addr;

/// Those that DCE could use: loopback adapters it passes over by itself.
#[cfg(not(target_os = "aix"))]
pub(crate) fn addresses(_haenv: &str, _services: &[Ipv4Addr]) -> Look<Vec<Ipv4Addr>> {
    use nix::net::if_::InterfaceFlags;

    let adapters = nix::ifaddrs::getifaddrs()
        .map_err(|error| ha_json::Error::io("the adapters", &std::io::Error::from(error)))?;
    let mut addresses: Vec<Ipv4Addr> = adapters
        .filter(|adapter| {
            adapter.flags.contains(InterfaceFlags::IFF_UP)
                && !adapter.flags.contains(InterfaceFlags::IFF_LOOPBACK)
        })
        .filter_map(|adapter| Some(adapter.address?.as_sockaddr_in()?.ip()))
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// haenv knows them where the system has no call for it.
#[cfg(target_os = "aix")]
pub(crate) fn addresses(haenv: &str, services: &[Ipv4Addr]) -> Look<Vec<Ipv4Addr>> {
    use ha_command::{Fate, capture};
    use ha_json::Error;

    let services = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let argv = [haenv, "--before-takeover", &services];
    let captured = capture(&argv, std::time::Duration::from_secs(60))?;
    let told = match captured.fate {
        Fate::Exited(0) => told(&captured.stdout),
        _ => None,
    };
    told.ok_or_else(|| {
        let said = String::from_utf8_lossy(&captured.stderr);
        Error::failed(haenv, format!("does not tell the addresses: {}", said.trim()))
    })
}

/// What is here by an answer of haenv: what it excludes on an adapter, and the services that are here.
#[cfg(any(test, target_os = "aix"))]
fn told(answer: &[u8]) -> Option<Vec<Ipv4Addr>> {
    use ha_json::Value;

    let answer: Value = std::str::from_utf8(answer).ok()?.parse().ok()?;
    let mut addresses: Vec<Ipv4Addr> = Vec::new();
    for one in answer["excluded"].as_array()? {
        if !one["adapter"].is_null() {
            addresses.push(one["address"].as_str()?.parse().ok()?);
        }
    }
    for service in answer["services"].as_array()? {
        if service["here"].as_bool()? {
            for address in service["addresses"].as_array()? {
                addresses.push(address.as_str()?.parse().ok()?);
            }
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_published_answer_of_haenv_tells_the_addresses() {
        let line = ha_testing::directory("haenv-1").unwrap().join("exclusion.jsonl");
        let addresses = told(&fs::read(line).unwrap()).unwrap();
        let wanted = ["9.3.240.1", "9.3.240.2", "9.3.240.66"];
        assert_eq!(addresses, wanted.map(|address| address.parse::<Ipv4Addr>().unwrap()));
        assert_eq!(told(b"{}"), None);
    }

    #[test]
    fn loopback_is_none_that_dce_could_use() {
        let addresses = addresses("haenv", &[]).unwrap();
        assert!(addresses.iter().all(|address| !address.is_loopback()));
    }
}
