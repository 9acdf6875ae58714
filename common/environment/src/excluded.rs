//! RPC_UNSUPPORTED_NETADDRS: the addresses that DCE's RPC runtime shall not use.

use crate::parse::EnvironmentFile;
use std::fmt;
use std::net::Ipv4Addr;

/// The variable.
pub const VARIABLE: &str = "RPC_UNSUPPORTED_NETADDRS";

/// The runtime takes no more addresses.
pub const MOST: usize = 10;

/// A value that the runtime takes: addresses with colons between, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded(Vec<Ipv4Addr>);

impl Excluded {
    /// Reads a value. An empty one excludes nothing, which is a decision, too.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without its end.
    pub fn parse(text: &str) -> Result<Excluded, String> {
        let entries = if text.is_empty() { Vec::new() } else { text.split(':').collect() };
        let address = |entry: &str| {
            entry.parse().map_err(|_| {
                format!("{VARIABLE} is {text:?}, and {entry:?} in it is no IPv4 address")
            })
        };
        Excluded::new(entries.into_iter().map(address).collect::<Result<_, _>>()?)
    }

    /// The value that excludes these.
    ///
    /// # Errors
    /// That they are too many, as a sentence without its end.
    pub fn new(addresses: Vec<Ipv4Addr>) -> Result<Excluded, String> {
        match addresses.len() {
            0..=MOST => Ok(Excluded(addresses)),
            many => Err(format!("{VARIABLE} has {many} addresses, and DCE takes {MOST}")),
        }
    }

    /// What `file` says; `None` where it does not set the variable.
    ///
    /// # Errors
    /// As [`Excluded::parse`].
    pub fn of(file: &EnvironmentFile) -> Result<Option<Excluded>, String> {
        let Some(value) = file.get(VARIABLE) else { return Ok(None) };
        let text = std::str::from_utf8(value)
            .map_err(|_| format!("the value of {VARIABLE} is not UTF-8"))?;
        Excluded::parse(text).map(Some)
    }

    /// In the order in which they stand.
    pub fn addresses(&self) -> &[Ipv4Addr] {
        &self.0
    }

    /// Whether DCE uses all of the service addresses.
    ///
    /// # Errors
    /// The first that is excluded, as a sentence without its end.
    pub fn leaves(&self, services: &[Ipv4Addr]) -> Result<(), String> {
        match services.iter().find(|service| self.0.contains(service)) {
            Some(service) => Err(format!("{VARIABLE} excludes the service address {service}")),
            None => Ok(()),
        }
    }

    /// Whether DCE uses nothing else of what is `here`.
    ///
    /// # Errors
    /// The first other address that is not excluded, as a sentence without its end.
    pub fn leaves_only(&self, services: &[Ipv4Addr], here: &[Ipv4Addr]) -> Result<(), String> {
        self.leaves(services)?;
        let used = |address: &&Ipv4Addr| !services.contains(address) && !self.0.contains(address);
        match here.iter().find(used) {
            Some(address) => {
                Err(format!("{VARIABLE} does not exclude {address}, which is on an adapter here"))
            }
            None => Ok(()),
        }
    }

    /// True where every one of these is excluded, and there is one.
    pub fn has_all(&self, addresses: &[Ipv4Addr]) -> bool {
        !addresses.is_empty() && addresses.iter().all(|address| self.0.contains(address))
    }
}

/// The value.
impl fmt::Display for Excluded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { ":" };
            write!(formatter, "{between}{address}")?;
        }
        Ok(())
    }
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
        let read = Excluded::parse(value);
        read.and_then(|excluded| excluded.leaves_only(&list(&["9.3.240.2"]), &here))
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn the_guides_own_value_leaves_the_service_address_and_nothing_else() {
        assert_eq!(why("9.3.240.1:9.3.240.66"), "");
        assert_eq!(why("9.3.240.66:9.3.240.7:9.3.240.1"), "");
        let nothing = Excluded::parse("").unwrap();
        assert_eq!(nothing.addresses(), list(&[]));
        let own = list(&["9.3.240.2"]);
        assert_eq!(nothing.leaves_only(&own, &own), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(why("9.3.240.1:9.3.240.2").contains("excludes the service address 9.3.240.2"));
        assert!(why("9.3.240.1").contains("does not exclude 9.3.240.66"));
        assert!(why("").contains("does not exclude 9.3.240.1"));
        assert!(why("9.3.240.1: 9.3.240.66").contains("\" 9.3.240.66\" in it is no IPv4"));
        assert!(why("9.3.240.1:").contains("\"\" in it"));
        assert!(why(&["9.3.240.1"; 11].join(":")).contains("11 addresses, and DCE takes 10"));
    }

    #[test]
    fn a_file_without_it_says_nothing_and_an_empty_value_excludes_nothing() {
        let of = |text: &[u8]| Excluded::of(&EnvironmentFile::parse(text));
        assert_eq!(of(b"A=1\n"), Ok(None));
        assert_eq!(of(b"RPC_UNSUPPORTED_NETADDRS=\n"), Ok(Some(Excluded::default())));
        assert!(of(b"RPC_UNSUPPORTED_NETADDRS=\xff\n").unwrap_err().contains("UTF-8"));
    }

    proptest! {
        #[test]
        fn a_value_is_written_as_it_was_read(lasts in prop::collection::vec(any::<u32>(), 0..=MOST)) {
            let addresses: Vec<Ipv4Addr> = lasts.into_iter().map(Ipv4Addr::from).collect();
            let excluded = Excluded::new(addresses.clone()).unwrap();
            prop_assert_eq!(Excluded::parse(&excluded.to_string()), Ok(excluded.clone()));
            prop_assert_eq!(excluded.has_all(&addresses), !addresses.is_empty());
        }

        #[test]
        fn any_text_is_a_value_or_an_error(text: String) {
            if let Ok(excluded) = Excluded::parse(&text) {
                prop_assert!(excluded.addresses().len() <= MOST);
            }
        }
    }
}
