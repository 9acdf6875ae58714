//! What carries a command to a host.

use crate::{Host, cipher};
use ha_json::Error;
use std::time::Duration;

/// A host that does not take a connection in this time is down for who has questions.
const CONNECT_SECONDS: u64 = 15;

/// The way to a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shell {
    /// The system's `ssh`, with what its configuration says.
    #[default]
    Ssh,
    /// Any command that is called as `COMMAND [-l USER] HOST WORD...`, as rsync's `-e`.
    Command(Vec<String>),
}

impl Shell {
    /// Reads the value of `-e`: words parted by blanks, with quotes that hold words together.
    ///
    /// # Errors
    /// Usage, for no word at all and for a quote that is not closed.
    pub fn parse(text: &str) -> Result<Shell, Error> {
        let mut words: Vec<String> = Vec::new();
        let mut word: Option<String> = None;
        let mut quote: Option<char> = None;
        for c in text.chars() {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => word.get_or_insert_default().push(c),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, _) if c.is_whitespace() => words.extend(word.take()),
                (None, _) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        if quote.is_some() {
            return Err(Error::usage("-e", format!("a quote is not closed in {text:?}")));
        }
        if words.is_empty() {
            return Err(Error::usage("-e", "is empty: it names the command that reaches a host"));
        }
        Ok(Shell::Command(words))
    }

    /// The system's `ssh` with this configuration file, for who asks nobody for a password.
    pub fn of_configuration(file: &str) -> Shell {
        let connect = format!("-oConnectTimeout={CONNECT_SECONDS}");
        Shell::Command(["ssh", "-F", file, "-oBatchMode=yes", &connect].map(str::to_owned).into())
    }

    /// The whole argument vector that runs `command` on `host`.
    pub(crate) fn argv(&self, host: &Host, command: &[String]) -> Vec<String> {
        let mut argv = match self {
            Shell::Ssh => {
                let mut words = vec!["ssh".to_owned(), "-oCompression=no".to_owned()];
                words.extend(cipher::preference(host));
                words
            }
            Shell::Command(words) => words.clone(),
        };
        if let Some(user) = &host.user {
            argv.extend(["-l".to_owned(), user.clone()]);
        }
        argv.push(host.name.clone());
        argv.extend_from_slice(command);
        argv
    }

    /// The argument vector that has the host's login shell run `line`, without anybody to be asked
    /// for a password.
    pub(crate) fn argv_to_ask(&self, host: &Host, line: &str, deadline: Duration) -> Vec<String> {
        let mut argv = match self {
            Shell::Ssh => {
                let connect = deadline.as_secs().clamp(1, CONNECT_SECONDS);
                ["ssh", "-oBatchMode=yes", &format!("-oConnectTimeout={connect}")]
                    .map(str::to_owned)
                    .to_vec()
            }
            Shell::Command(words) => words.clone(),
        };
        if let Some(user) = &host.user {
            argv.extend(["-l".to_owned(), user.clone()]);
        }
        argv.extend([host.name.clone(), line.to_owned()]);
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_the_words_of_a_command_together() {
        assert_eq!(
            Shell::parse("ssh -p 22 -F 'a b'\"c\" ''").unwrap(),
            Shell::Command(["ssh", "-p", "22", "-F", "a bc", ""].map(String::from).to_vec())
        );
        assert!(Shell::parse("ssh 'x").is_err());
        assert!(Shell::parse("  ").is_err());
    }

    #[test]
    fn a_users_command_is_called_as_rsync_calls_it() {
        let host = Host { user: Some("root".into()), name: "n2".into() };
        let argv = Shell::parse("rsh -x").unwrap().argv(&host, &["hasync".into(), "-s".into()]);
        assert_eq!(argv, ["rsh", "-x", "-l", "root", "n2", "hasync", "-s"]);
    }
}
