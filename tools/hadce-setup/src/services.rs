//! What /etc/services says of Kerberos, as services(5) and `getservbyname` read it.

/// The line that the guide wants.
pub(crate) const LINE: &str = "kerberos5\t88/udp\t\tkdc";

const NAME: &str = "kerberos5";
const PORT: u16 = 88;
const PROTOCOL: &str = "udp";

/// Whether the name leads to the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kerberos {
    /// It does, by this line.
    Defined {
        /// From 1 on.
        line: usize,
    },
    /// No line has the name, and nothing else has the port.
    Missing,
    /// The name leads to another port.
    OtherPort {
        /// From 1 on.
        line: usize,
        /// That port.
        port: u16,
    },
    /// A service that is not Kerberos has the port, and above any line that gives it to Kerberos: by
    /// the port the system answers with that one.
    Taken {
        /// From 1 on.
        line: usize,
        /// Its name.
        service: String,
    },
}

struct Service<'a> {
    line: usize,
    port: u16,
    /// The name and its aliases.
    names: Vec<&'a [u8]>,
}

/// Reads the whole file; lines that are no service are passed over, as the system does.
pub(crate) fn kerberos(content: &[u8]) -> Kerberos {
    let services: Vec<Service<'_>> = (1..)
        .zip(content.split(|byte| *byte == b'\n'))
        .filter_map(|(line, text)| udp_service(line, text))
        .collect();
    let has_port = services.iter().find(|service| service.port == PORT);
    let taken = has_port.filter(|service| !service.is_kerberos());
    // The first line that has the name is the one that the system answers with.
    let named = services.iter().find(|service| service.names.contains(&NAME.as_bytes()));
    match (named, taken) {
        (Some(Service { line, port, .. }), _) if *port != PORT => {
            Kerberos::OtherPort { line: *line, port: *port }
        }
        (_, Some(Service { line, names, .. })) => {
            let service = String::from_utf8_lossy(names.first().copied().unwrap_or_default());
            Kerberos::Taken { line: *line, service: service.into_owned() }
        }
        (Some(Service { line, .. }), None) => Kerberos::Defined { line: *line },
        (None, None) => Kerberos::Missing,
    }
}

/// What systems call it.
const KERBEROS: [&str; 7] =
    ["kdc", "kerberos", "kerberos-sec", "kerberos-v5", "kerberos5", "kerberos_v5", "krb5"];

impl Service<'_> {
    fn is_kerberos(&self) -> bool {
        self.names.iter().any(|name| KERBEROS.iter().any(|one| one.as_bytes() == *name))
    }
}

fn udp_service(line: usize, text: &[u8]) -> Option<Service<'_>> {
    let text = text.split(|byte| *byte == b'#').next()?;
    let mut words = text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let name = words.next()?;
    let (port, protocol) = std::str::from_utf8(words.next()?).ok()?.split_once('/')?;
    let port = port.parse().ok().filter(|_| protocol == PROTOCOL)?;
    Some(Service { line, port, names: std::iter::once(name).chain(words).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_name_is_found_as_a_name_and_as_an_alias_between_blanks_and_tabs() {
        for text in [
            "kerberos5\t88/udp\t\tkdc",
            "kerberos5 88/udp",
            "  kerberos5   88/udp # no kdc",
            "kerberos 88/udp kerberos5 krb5 kerberos-sec",
            "kerberos\t\t88/udp\tkrb5\tkerberos5\r",
            "kerberos5 88/tcp\nkerberos5 88/udp",
            "kerberos5 88/udp\nkerberos5 750/udp",
        ] {
            assert!(matches!(kerberos(text.as_bytes()), Kerberos::Defined { .. }), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not_the_line() {
        for text in [
            "",
            "# kerberos5 88/udp",
            "kerberos5x 88/udp kdc",
            "kerberos5",
            "kerberos5 88",
            "kerberos5 88/tcp",
            "kerberos5 88/UDP",
            "kerberos5 x/udp",
            "kerberos5 65624/udp",
            "kerberos5\\t88/udp\\t\\tkdc",
            "klogin 543/udp # kerberos5 88/udp",
            "kerberos-sec 88/udp krb5",
        ] {
            assert_eq!(kerberos(text.as_bytes()), Kerberos::Missing, "{text:?}");
        }
    }

    #[test]
    fn a_conflict_is_told_with_its_line() {
        let other = kerberos(b"#\nkerberos-iv 750/udp kdc kerberos5\n");
        assert_eq!(other, Kerberos::OtherPort { line: 2, port: 750 });
        let first_counts = kerberos(b"kerberos5 750/udp\nkerberos5 88/udp\n");
        assert_eq!(first_counts, Kerberos::OtherPort { line: 1, port: 750 });
        for (text, line, service) in [
            ("\n\nours 88/udp\n", 3, "ours"),
            ("ours 88/udp\nkerberos5 88/udp\n", 1, "ours"),
            ("kerberosx 88/udp\n", 1, "kerberosx"),
            ("krb524 88/udp\nkerberos5 88/udp\n", 1, "krb524"),
        ] {
            let taken = Kerberos::Taken { line, service: service.into() };
            assert_eq!(kerberos(text.as_bytes()), taken, "{text:?}");
        }
        let below = kerberos(b"kerberos5 88/udp\nours 88/udp\n");
        assert_eq!(below, Kerberos::Defined { line: 1 });
    }

    fn files() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<Vec<u8>>(),
            "((kerberos5?|krb5|a|#|)[ \t]{0,2}(88|750|x)?/?(udp|tcp)?[ \t]?(kerberos5|kdc)?[\r\n]{1,2}){0,5}"
                .prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_line_behind_any_file_defines_it_unless_there_is_a_conflict(file in files()) {
            let before = kerberos(&file);
            let after = kerberos(&[&file, &b"\n"[..], LINE.as_bytes(), b"\n"].concat());
            match before {
                Kerberos::Missing => {
                    let lines = file.split(|byte| *byte == b'\n').count();
                    prop_assert_eq!(after, Kerberos::Defined { line: lines + 1 });
                }
                other => prop_assert_eq!(after, other),
            }
        }
    }
}
