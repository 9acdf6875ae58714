//! `--transport`, and the options that belong to one of them.

use clap::ValueEnum;
use ha_json::Error;

/// What carries the connection to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Ssh,
    Libssh2,
}

impl Transport {
    /// Whether the options for the other one were given.
    ///
    /// # Errors
    /// Usage, naming the option and what does the same here.
    pub(super) fn check(self, rsh: Option<&str>, port: Option<u16>) -> Result<(), Error> {
        match (self, rsh, port) {
            (Transport::Libssh2, Some(_), _) => {
                let why =
                    "names a command, and --transport libssh2 runs none: --port gives the port";
                Err(Error::usage("--rsh", why))
            }
            (Transport::Ssh, _, Some(_)) => {
                let why = "is for --transport libssh2; give it to ssh: -e 'ssh -p PORT'";
                Err(Error::usage("--port", why))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_the_other_transport_is_refused_with_its_own() {
        let refused = Transport::Libssh2.check(Some("ssh -p 22"), None).unwrap_err();
        assert!(refused.what == "--rsh" && refused.why.contains("--port"), "{refused}");
        let refused = Transport::Ssh.check(None, Some(22)).unwrap_err();
        assert!(refused.what == "--port" && refused.why.contains("-e 'ssh -p PORT'"), "{refused}");
        assert!(Transport::Ssh.check(Some("rsh"), None).is_ok());
        assert!(Transport::Libssh2.check(None, Some(22)).is_ok());
    }
}
