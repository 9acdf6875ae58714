//! cfrun.hosts of cfengine 2: the managed clients, and how cfrun speaks with them.
//!
//! Source: the published source of cfengine 2 (cfrun): `#` begins a comment; `domain`, `hostnamekeys`,
//! `maxchild`, `outputdir`, `outputlevel`, `include`, `access` and `bindtointerface` are set by `name =
//! value`; every other line is `host[:port] [options]`, and a name without a dot gets the domain.

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CfrunHosts {
    /// What is put behind a name without a dot; empty where nothing is.
    domain: String,
    /// Keys are named by the names of hosts, not by their addresses.
    pub(crate) host_name_keys: bool,
    /// Other files that have clients, too.
    pub(crate) includes: Vec<String>,
    /// In their order, none twice.
    pub(crate) hosts: Vec<Host>,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

const SETTINGS: [&str; 8] = [
    "domain",
    "hostnamekeys",
    "maxchild",
    "outputdir",
    "outputlevel",
    "include",
    "access",
    "bindtointerface",
];

impl CfrunHosts {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is wrong, with the number of the line before it.
    pub(crate) fn parse(text: &str) -> Result<CfrunHosts, String> {
        let mut read = CfrunHosts::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |why: String| format!("line {}: {why}", number + 1);
            match setting(line) {
                Some(("domain", value)) => value.clone_into(&mut read.domain),
                Some(("hostnamekeys", value)) => {
                    read.host_name_keys = matches!(value, "true" | "yes");
                }
                Some(("include", value)) => read.includes.push(value.to_owned()),
                Some(_) => {}
                None => {
                    let host = host(line, &read.domain).map_err(wrong)?;
                    read.add([host]);
                }
            }
        }
        Ok(read)
    }

    /// The name of a host as the file would have it.
    pub(crate) fn whole(&self, name: &str) -> String {
        match self.domain.as_str() {
            domain if !domain.is_empty() && !name.contains(['.', ':']) => {
                format!("{name}.{domain}")
            }
            _ => name.to_owned(),
        }
    }

    /// Adds hosts that are not there yet.
    pub(crate) fn add(&mut self, hosts: impl IntoIterator<Item = Host>) {
        for host in hosts {
            if !self.hosts.iter().any(|other| other.name == host.name) {
                self.hosts.push(host);
            }
        }
    }
}

/// Name and value, where the line sets something.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    SETTINGS.contains(&name).then(|| (name, value.trim()))
}

fn host(line: &str, domain: &str) -> Result<Host, String> {
    let word = line.split_whitespace().next().unwrap_or_default();
    // An address of IPv6 has more colons than one.
    let (name, port) = match word.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, Some(port)),
        _ => (word, None),
    };
    let port = match port {
        Some(port) => match port.parse() {
            Ok(port @ 1..) => Some(port),
            _ => return Err(format!("{port:?} is no port")),
        },
        None => None,
    };
    if !is_name(name) {
        return Err(format!("{name:?} is neither a name nor an address of a host"));
    }
    let name = CfrunHosts { domain: domain.to_owned(), ..CfrunHosts::default() }.whole(name);
    Ok(Host { name, port })
}

/// Whether it can be a name or an address: what it is for goes to ssh, and into names of files.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-%".contains(c);
    !name.is_empty()
        && name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        && name.chars().all(plain)
}

/// The text with a line for one more host; `None` where it is there already.
pub(crate) fn with(text: &str, host: &Host) -> Result<Option<String>, String> {
    let read = CfrunHosts::parse(text)?;
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let is_there = |other: &Host| {
        other.name == host.name || (short(&other.name) == host.name && !host.name.contains('.'))
    };
    if read.hosts.iter().any(is_there) {
        return Ok(None);
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Some(format!("{text}{end}{}{port}\n", host.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# the clients\ndomain = example.com\nhostnamekeys = true\nmaxchild = 10\n\
        outputdir = /var/log/cfrun\noutputlevel=inform\naccess = root,cfadmin\ninclude = more.hosts\n\
        bindtointerface = 10.0.0.100\n\nc1\nc2:5309 -- -v # odd port\n10.0.0.23\nfe80::1\nc4.else.com opt\nc1\n";

    #[test]
    fn hosts_and_settings_are_told_apart() {
        let read = CfrunHosts::parse(FILE).unwrap();
        assert!(read.host_name_keys);
        assert_eq!(read.includes, ["more.hosts"]);
        let hosts: Vec<(&str, Option<u16>)> =
            read.hosts.iter().map(|host| (host.name.as_str(), host.port)).collect();
        assert_eq!(
            hosts,
            [
                ("c1.example.com", None),
                ("c2.example.com", Some(5309)),
                ("10.0.0.23", None),
                ("fe80::1", None),
                ("c4.else.com", None)
            ]
        );
    }

    #[test]
    fn what_is_no_host_is_named_with_its_line() {
        assert_eq!(
            CfrunHosts::parse("c1\n-oProxyCommand=x\n").unwrap_err().split(':').next(),
            Some("line 2")
        );
        assert!(CfrunHosts::parse("c1:0").is_err());
        assert!(CfrunHosts::parse("c1:http").is_err());
        assert!(CfrunHosts::parse("../x").is_err());
    }

    #[test]
    fn a_host_is_added_once_and_nothing_else_changes() {
        let host = |name: &str| Host { name: name.to_owned(), port: None };
        assert_eq!(with(FILE, &host("c9")).unwrap(), Some(format!("{FILE}c9\n")));
        assert_eq!(with(FILE, &host("c1")).unwrap(), None);
        assert_eq!(with(FILE, &host("c1.example.com")).unwrap(), None);
        let odd = Host { name: "c9".to_owned(), port: Some(5309) };
        assert_eq!(with("c1", &odd).unwrap().unwrap(), "c1\nc9:5309\n");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-z#=:. \\n-]|domain = |include=|\\PC){0,60}") {
            if let Ok(read) = CfrunHosts::parse(&text) {
                prop_assert!(read.hosts.iter().all(|host| is_name(host.name.split('.').next().unwrap_or("x")) || host.name.contains('.')));
            }
        }
    }
}
