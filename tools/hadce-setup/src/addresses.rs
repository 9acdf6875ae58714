//! RPC_UNSUPPORTED_NETADDRS: the addresses that DCE shall not use.

use std::net::Ipv4Addr;

pub(crate) const VARIABLE: &str = "RPC_UNSUPPORTED_NETADDRS";

/// As many as the runtime of DCE takes.
const MOST: usize = 10;

/// Says what is right about the value, or what is wrong. `here` are the addresses of this machine,
/// `None` where nobody knows them.
pub(crate) fn judge(
    value: Option<&[u8]>,
    services: &[Ipv4Addr],
    here: Option<&[Ipv4Addr]>,
) -> Result<String, String> {
    let text = value.map(String::from_utf8_lossy).filter(|text| !text.is_empty());
    let excluded = text.as_deref().map(addresses).transpose()?.unwrap_or_default();
    if let Some(service) = excluded.iter().find(|address| services.contains(address)) {
        return Err(format!("excludes {service}, which is a service address"));
    }
    if excluded.len() > MOST {
        return Err(format!("has {} addresses, and DCE takes {MOST}", excluded.len()));
    }
    let used = |address: &&Ipv4Addr| !services.contains(address) && !excluded.contains(address);
    if let Some(address) = here.unwrap_or_default().iter().find(used) {
        return Err(format!("does not exclude {address}, which is on an adapter here"));
    }
    match (text, here) {
        (Some(text), _) => Ok(format!("{VARIABLE}={text}")),
        (None, Some(_)) => Ok("not set, and there is nothing to exclude".to_owned()),
        (None, None) => Err("is not set".to_owned()),
    }
}

fn addresses(text: &str) -> Result<Vec<Ipv4Addr>, String> {
    let address = |word: &str| {
        word.parse()
            .map_err(|_| format!("has {word:?} between its colons, which is no IPv4 address"))
    };
    text.split(':').map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(words: &[&str]) -> Vec<Ipv4Addr> {
        words.iter().map(|word| word.parse().unwrap()).collect()
    }

    fn why(value: &str) -> String {
        let here = list(&["9.3.240.1", "9.3.240.2", "9.3.240.66"]);
        judge(Some(value.as_bytes()), &list(&["9.3.240.2"]), Some(&here)).unwrap_err()
    }

    #[test]
    fn the_example_of_the_guide_is_right() {
        let value = Some(&b"9.3.240.1:9.3.240.66"[..]);
        let services = list(&["9.3.240.2"]);
        let here = list(&["9.3.240.1", "9.3.240.2", "9.3.240.66"]);
        let told = format!("{VARIABLE}=9.3.240.1:9.3.240.66");
        assert_eq!(judge(value, &services, Some(&here)), Ok(told.clone()));
        assert_eq!(judge(value, &services, None), Ok(told));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(why("9.3.240.1:9.3.240.2:9.3.240.66").contains("9.3.240.2, which is a service"));
        assert!(why("9.3.240.1").contains("does not exclude 9.3.240.66"));
        assert!(why("").contains("does not exclude 9.3.240.1"));
        assert!(why("9.3.240.1 : 9.3.240.66").contains("no IPv4 address"));
        assert!(why("9.3.240.1:9.3.240.66:").contains("\"\""));
        let eleven = (1..=11).map(|n| format!("10.0.0.{n}")).collect::<Vec<_>>().join(":");
        assert!(why(&eleven).contains("has 11 addresses"));
    }

    #[test]
    fn an_absent_variable_is_right_only_where_nothing_is_to_be_excluded() {
        let service = list(&["9.3.240.2"]);
        assert!(judge(None, &service, Some(&service)).is_ok());
        assert!(judge(None, &service, Some(&list(&["9.3.240.1"]))).is_err());
        for nothing in [None, Some(&b""[..])] {
            assert_eq!(judge(nothing, &service, None), Err("is not set".into()));
        }
    }

    proptest! {
        #[test]
        fn what_is_right_excludes_no_service(value: Vec<u8>, some in "([1-3]:?){0,4}") {
            let services = list(&["10.0.0.2"]);
            let short = some.replace(['1', '2', '3'], "10.0.0.2");
            for value in [&value[..], short.as_bytes()] {
                if judge(Some(value), &services, None).is_ok() {
                    prop_assert!(!String::from_utf8_lossy(value).contains("10.0.0.2"));
                }
            }
        }
    }
}
