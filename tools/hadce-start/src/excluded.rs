//! RPC_UNSUPPORTED_NETADDRS: the addresses that DCE shall not use.
//!
//! PowerHA calls scripts without what stands in /etc/environment, so it is read here.

use ha_environment::EnvironmentFile;
use std::net::Ipv4Addr;
use std::path::Path;

pub(crate) const VARIABLE: &str = "RPC_UNSUPPORTED_NETADDRS";

/// The runtime takes no more.
const MOST: usize = 10;

/// No environment file is longer.
const MAX_BYTES: u64 = 1 << 20;

/// What the environment file says of the variable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Excluded {
    /// Nobody asked: what the caller's environment has is passed on.
    NotAsked,
    /// It says nothing, and why.
    Unknown(String),
    /// Its value.
    Value(String),
}

/// Reads the variable from the file `path`.
pub(crate) fn look(path: Option<&str>) -> Excluded {
    let Some(path) = path else {
        return Excluded::NotAsked;
    };
    let content = match ha_file::read(Path::new(path), MAX_BYTES) {
        Ok(Some(content)) => content,
        Ok(None) => return Excluded::Unknown(format!("{path} is not there")),
        Err(error) => return Excluded::Unknown(error.to_string()),
    };
    match EnvironmentFile::parse(&content).get(VARIABLE).map(std::str::from_utf8) {
        Some(Ok(value)) => Excluded::Value(value.to_owned()),
        Some(Err(_)) => Excluded::Unknown(format!("{path}: the value of {VARIABLE} is not UTF-8")),
        None => Excluded::Unknown(format!("{path} does not set {VARIABLE}")),
    }
}

/// Whether DCE, told to use none of the addresses in `value`, uses the service addresses.
///
/// # Errors
/// Why not, as a sentence without its end.
pub(crate) fn leaves(value: &str, service_addresses: &[Ipv4Addr]) -> Result<(), String> {
    let entries: Vec<&str> = if value.is_empty() { Vec::new() } else { value.split(':').collect() };
    if entries.len() > MOST {
        return Err(format!("{VARIABLE} has {} addresses, and DCE takes {MOST}", entries.len()));
    }
    for entry in entries {
        match entry.parse::<Ipv4Addr>() {
            Ok(address) if service_addresses.contains(&address) => {
                return Err(format!("{VARIABLE} excludes the service address {address}"));
            }
            Ok(_) => {}
            Err(_) => {
                return Err(format!(
                    "{VARIABLE} is {value:?}, and {entry:?} in it is no IPv4 address"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(value: &str) -> String {
        leaves(value, &["9.3.240.2".parse().unwrap()]).err().unwrap_or_default()
    }

    #[test]
    fn the_guides_own_value_leaves_the_service_address() {
        assert_eq!(why("9.3.240.1:9.3.240.66"), "");
        assert_eq!(why(""), "");
    }

    #[test]
    fn a_value_that_the_runtime_would_read_otherwise_is_told() {
        assert!(why("9.3.240.1:9.3.240.2").contains("excludes the service address 9.3.240.2"));
        assert!(why("9.3.240.1: 9.3.240.66").contains("\" 9.3.240.66\" in it is no IPv4"));
        assert!(why("9.3.240.1:").contains("\"\" in it"));
        assert!(why(&["9.3.240.1"; 11].join(":")).contains("11 addresses, and DCE takes 10"));
    }

    #[test]
    fn the_variable_is_read_from_its_file_or_the_reason_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("environment");
        let path = path.to_str().unwrap();
        assert_eq!(look(None), Excluded::NotAsked);
        assert_eq!(look(Some(path)), Excluded::Unknown(format!("{path} is not there")));
        std::fs::write(path, "PATH=/usr/bin\n").unwrap();
        let unset = format!("{path} does not set {VARIABLE}");
        assert_eq!(look(Some(path)), Excluded::Unknown(unset));
        std::fs::write(path, format!("{VARIABLE}=9.3.240.1:9.3.240.66\nPATH=/usr/bin\n")).unwrap();
        assert_eq!(look(Some(path)), Excluded::Value("9.3.240.1:9.3.240.66".to_owned()));
        let directory = root.path().to_str().unwrap();
        assert!(matches!(look(Some(directory)), Excluded::Unknown(why) if why.contains("regular")));
    }
}
