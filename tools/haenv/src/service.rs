//! What was asked of the addresses: the services by name or address, and whether they are here.

use crate::edit::{Change, Target, Wanted, apply, edit, told};
use crate::exclusion::{self, Exclusion, Moment};
use crate::{Arguments, adapters};
use ha_environment::EnvironmentFile;
use ha_environment::excluded::{Excluded, VARIABLE};
use ha_json::answer::Answer;
use ha_json::{Error, Map, Status, Value, reason};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::path::PathBuf;

/// A service address, by the name or the address that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) given: String,
    pub(crate) addresses: Vec<Ipv4Addr>,
}

/// Which addresses shall be excluded.
#[derive(Debug)]
pub(crate) struct Question {
    services: Vec<String>,
    moment: Moment,
    adapters: Option<PathBuf>,
    write: bool,
}

impl Question {
    /// The question that the options ask, if they ask one.
    pub(crate) fn of(arguments: &Arguments) -> Result<Option<Question>, Error> {
        let (services, moment) = if !arguments.exclude_all_but.is_empty() {
            (&arguments.exclude_all_but, Moment::AtHome)
        } else if !arguments.before_takeover.is_empty() {
            (&arguments.before_takeover, Moment::BeforeTakeover)
        } else {
            return Ok(None);
        };
        if !arguments.write {
            if let Some(file) = &arguments.file {
                let file = file.display().to_string();
                return Err(Error::usage(file, "no file is changed without --write"));
            }
            if arguments.dry_run {
                return Err(Error::usage("--dry-run", "nothing is changed without --write"));
            }
        }
        Ok(Some(Question {
            services: services.clone(),
            moment,
            adapters: arguments.adapters.clone(),
            write: arguments.write,
        }))
    }

    /// Works it out, and writes it where that was asked for.
    pub(crate) fn answer(&self, target: &Target<'_>) -> Result<Answer, Error> {
        let adapters = adapters::from(self.adapters.as_deref())?;
        let services =
            self.services.iter().map(|given| resolve(given)).collect::<Result<Vec<_>, _>>()?;
        let work_out = |before: &Excluded| -> Result<Exclusion, Error> {
            let exclusion = exclusion::work_out(&adapters, &services, self.moment, before)?;
            if let Some(tool) = target.verbose {
                let (all, some) = (adapters.len(), exclusion.excluded.len());
                tool.say(&format!("{all} adapters, {some} addresses to exclude"));
            }
            Ok(exclusion)
        };
        if !self.write {
            let mut fields = work_out(&Excluded::default())?.fields();
            fields.extend(untold());
            return Ok((fields, Status::Done));
        }
        let mut fields = Map::new();
        let write = |file: &mut EnvironmentFile| -> Result<Vec<Change>, Error> {
            // What is no list of addresses excludes nothing that could be kept.
            let before = Excluded::of(file).ok().flatten().unwrap_or_default();
            let exclusion = work_out(&before)?;
            fields = exclusion.fields();
            // Nothing to exclude is an empty value: without a variable nobody has decided.
            let value = Some(exclusion.value().into_bytes());
            apply(file, &[Wanted { name: VARIABLE.to_owned(), value }])
        };
        let changes = edit(target, write)?;
        fields.extend(told(target, &changes));
        Ok((fields, Status::Done))
    }
}

fn untold() -> Map<String, Value> {
    crate::edit::FIELDS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect()
}

/// Finds the IPv4 addresses of a service.
fn resolve(given: &str) -> Result<Service, Error> {
    let service = |addresses| Service { given: given.to_owned(), addresses };
    if let Ok(address) = given.parse::<Ipv4Addr>() {
        return Ok(service(vec![address]));
    }
    if given.parse::<Ipv6Addr>().is_ok() {
        return Err(Error::usage(given, "is an IPv6 address, and DCE has only IPv4"));
    }
    // The resolver would take 9.3.240 for 9.3.0.240.
    if given.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(Error::usage(format!("{given:?}"), "is neither an IPv4 address nor a name"));
    }
    let found = (given, 0)
        .to_socket_addrs()
        .map_err(|error| Error::failed(given, format!("is not resolved: {}", reason(&error))))?;
    let mut addresses: Vec<Ipv4Addr> = found
        .filter_map(|address| match address.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(Error::failed(given, "has no IPv4 address"));
    }
    Ok(service(addresses))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;

    #[test]
    fn addresses_are_taken_and_what_is_neither_is_refused() {
        assert_eq!(resolve("9.3.240.2").unwrap().addresses, [Ipv4Addr::new(9, 3, 240, 2)]);
        for wrong in ["", "9.3.240", "9.3.240.256", "fe80::1"] {
            assert_eq!(resolve(wrong).unwrap_err().kind, Kind::Usage, "{wrong:?}");
        }
        assert_eq!(resolve("no such name.invalid").unwrap_err().kind, Kind::Failed);
    }

    #[test]
    fn names_are_resolved_by_the_system() {
        assert!(resolve("localhost").unwrap().addresses.contains(&Ipv4Addr::LOCALHOST));
    }
}
