//! What the guide supports, and what its configurations need.

use crate::{Client, Configuration, HostnameRestore, NOTE_1, NOTE_2};
use ha_configuration::{Keys, distinct};
use ha_json::Error;
use ha_plan::is_host_name;
use std::net::IpAddr;

pub(crate) fn check(configuration: &Configuration, keys: &Keys) -> Result<(), Error> {
    services(configuration, keys)?;
    host_name(configuration, keys)?;
    resources(configuration, keys)?;
    let Configuration { before_start, after_start, before_stop, after_stop, .. } = configuration;
    distinct(keys, ("before_start", before_start), ("after_start", after_start))?;
    distinct(keys, ("before_stop", before_stop), ("after_stop", after_stop))
}

fn services(configuration: &Configuration, keys: &Keys) -> Result<(), Error> {
    let Configuration { kind, dce_servers, dfs_servers, clients, dfs, .. } = configuration;
    if !kind.takes_over() {
        for (key, empty) in
            [("dce_servers", dce_servers.is_empty()), ("dfs_servers", dfs_servers.is_empty())]
        {
            if !empty {
                let why = format!("must be empty where configuration is {}: {NOTE_1}", kind.word());
                return Err(keys.bad(key, why));
            }
        }
    }
    let dfs_client = clients.contains(&Client::Dfs);
    if dfs.is_none() && !dfs_servers.is_empty() {
        return Err(keys.bad("dfs_servers", "has servers of DFS, and dfs is not true"));
    }
    if dfs.is_none() && dfs_client {
        return Err(keys.bad("clients", "has the client of DFS, and dfs is not true"));
    }
    if dfs.is_some() && dfs_servers.is_empty() && !dfs_client {
        let why = "is true, and neither dfs_servers nor clients has anything of DFS to run";
        return Err(keys.bad("dfs", why));
    }
    if dce_servers.is_empty() && dfs_servers.is_empty() && clients.is_empty() {
        let why = "nothing is there to run: dce_servers, dfs_servers and clients are empty";
        return Err(keys.bad("dce_servers", why));
    }
    Ok(())
}

fn host_name(configuration: &Configuration, keys: &Keys) -> Result<(), Error> {
    let Configuration { kind, service_hostname, hostname_restore, .. } = configuration;
    let word = kind.word();
    match service_hostname {
        None if kind.swaps_host_name() => {
            let why = format!(
                "is missing, and configuration is {word}: DCE is started under the name of the \
                 rotating service address"
            );
            return Err(keys.bad("service_hostname", why));
        }
        Some(_) if !kind.swaps_host_name() => {
            let why = format!(
                "is only for standby-rotating, and configuration is {word}: the host name stays"
            );
            return Err(keys.bad("service_hostname", why));
        }
        Some(name) if !is_host_name(name) || name.parse::<IpAddr>().is_ok() => {
            let why = format!(
                "{name:?} is no host name: letters, digits, - _ and dots, 64 at most, and no address"
            );
            return Err(keys.bad("service_hostname", why));
        }
        _ => {}
    }
    if *hostname_restore == HostnameRestore::AtStop && !kind.swaps_host_name() {
        let why = format!(
            "at-stop is only for standby-rotating, and configuration is {word}: the host name stays"
        );
        return Err(keys.bad("hostname_restore", why));
    }
    Ok(())
}

fn resources(configuration: &Configuration, keys: &Keys) -> Result<(), Error> {
    let Configuration { kind, service_addresses, shared_mounts, dfs_mounts, dfs, .. } =
        configuration;
    if service_addresses.is_empty() {
        let why = "is missing or empty: DCE may use the addresses of the service IP labels and no \
             other, so one is needed";
        return Err(keys.bad("service_addresses", why));
    }
    if kind.takes_over() && shared_mounts.is_empty() {
        let why = "is empty: /krb5, /var/dce and /etc/dce stand on shared disks in all but mutual \
             takeover, else the endpoint map of this node's own disk would be deleted";
        return Err(keys.bad("shared_mounts", why));
    }
    if !kind.takes_over() && !shared_mounts.is_empty() {
        let why = format!("must be empty where configuration is {}: {NOTE_2}", kind.word());
        return Err(keys.bad("shared_mounts", why));
    }
    if dfs.is_none() && !dfs_mounts.is_empty() {
        return Err(keys.bad("dfs_mounts", "has mounts of DFS, and dfs is not true"));
    }
    Ok(())
}
