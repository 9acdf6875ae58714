//! The adapters of this machine: asked of the system where it can be asked, else of ifconfig.

use crate::adapters::Adapter;
use ha_json::Error;

#[cfg(not(target_os = "aix"))]
pub(crate) fn adapters() -> Result<Vec<Adapter>, Error> {
    use ha_json::reason;
    use nix::net::if_::InterfaceFlags;

    let entries = nix::ifaddrs::getifaddrs()
        .map_err(|error| Error::failed("adapters", reason(&error.into())))?;
    let mut adapters: Vec<Adapter> = Vec::new();
    for entry in entries {
        let address =
            entry.address.and_then(|address| address.as_sockaddr_in().map(|inet| inet.ip()));
        match adapters.iter_mut().find(|adapter| adapter.name == entry.interface_name) {
            Some(adapter) => adapter.addresses.extend(address),
            None => adapters.push(Adapter {
                up: entry.flags.contains(InterfaceFlags::IFF_UP),
                loopback: entry.flags.contains(InterfaceFlags::IFF_LOOPBACK),
                addresses: address.into_iter().collect(),
                name: entry.interface_name,
            }),
        }
    }
    Ok(adapters)
}

#[cfg(target_os = "aix")]
pub(crate) use by_ifconfig as adapters;

#[cfg(any(test, target_os = "aix"))]
pub(crate) fn by_ifconfig() -> Result<Vec<Adapter>, Error> {
    use ha_command::{Fate, capture};
    use std::time::Duration;

    // Where cron's PATH may not lead.
    const IFCONFIG: &str = "/usr/sbin/ifconfig";
    let captured = capture(&[IFCONFIG, "-a"], Duration::from_secs(20))?;
    match captured.fate {
        Fate::Exited(0) => {}
        Fate::TimedOut => return Err(Error::busy(IFCONFIG, "did not end within 20 s")),
        _ => {
            let said = String::from_utf8_lossy(&captured.stderr);
            return Err(Error::failed(IFCONFIG, format!("failed: {}", said.trim())));
        }
    }
    crate::adapters::parse(&captured.stdout).map_err(|why| Error::failed(IFCONFIG, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;
    use std::path::Path;

    fn addresses(adapters: Vec<Adapter>) -> BTreeSet<(String, bool, Ipv4Addr)> {
        let of = |adapter: Adapter| {
            let (name, up) = (adapter.name, adapter.up);
            adapter.addresses.into_iter().map(move |address| (name.clone(), up, address))
        };
        adapters.into_iter().flat_map(of).collect()
    }

    #[test]
    fn loopback_is_found() {
        let adapters = adapters().unwrap();
        assert!(adapters.iter().any(|adapter| adapter.loopback && adapter.up), "{adapters:?}");
    }

    #[test]
    fn ifconfig_finds_the_same() {
        if !Path::new("/usr/sbin/ifconfig").exists() {
            eprintln!("SKIPPED: there is no /usr/sbin/ifconfig");
            return;
        }
        let all = addresses(adapters().unwrap());
        let found = addresses(by_ifconfig().unwrap());
        // That of Linux does not tell a second address without a label.
        assert!(!found.is_empty() && found.is_subset(&all), "{found:?} {all:?}");
    }
}
