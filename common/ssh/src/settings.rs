//! What applies to a host: the user's ssh_config counts, as `ssh -G` tells it.

use crate::Peer;
use ha_command::{Fate, capture};
use ha_json::Error;
use nix::unistd::{User, geteuid};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(15);
const KEYS_BY_DEFAULT: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

/// The settings for one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where to connect to.
    pub hostname: String,
    /// The port there.
    pub port: u16,
    /// Whom to log in as.
    pub user: String,
    /// `HostKeyAlias`.
    pub alias: Option<String>,
    /// `BindAddress`.
    pub bind_address: Option<String>,
    /// `inet` or `inet6`, where it is not any.
    pub family: Option<String>,
    /// The user's files first.
    pub user_known_hosts: Vec<PathBuf>,
    /// Those of the system.
    pub global_known_hosts: Vec<PathBuf>,
    /// Files of private keys, in the order in which they are tried.
    pub identity_files: Vec<PathBuf>,
    /// Of the agent only the keys of those files.
    pub identities_only: bool,
    /// The socket of the agent, where there is one.
    pub agent: Option<PathBuf>,
    /// What of the configuration libssh2 does not follow, where there is such.
    pub not_followed: Option<String>,
}

/// The account of this process: its home is what passwd says.
///
/// # Errors
/// Failed, where the system does not know the user.
pub fn account() -> Result<User, Error> {
    let uid = geteuid();
    match User::from_uid(uid) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Error::failed(format!("uid {uid}"), "is no user of this system")),
        Err(error) => Err(Error::io(format!("uid {uid}"), &error.into())),
    }
}

impl Settings {
    /// What applies to `peer`.
    ///
    /// # Errors
    /// Usage, where ssh refuses the configuration.
    pub fn of(peer: &Peer, config: Option<&Path>, port: Option<u16>) -> Result<Settings, Error> {
        let account = account()?;
        let mut argv = vec!["ssh".to_owned(), "-G".to_owned()];
        if let Some(file) = config {
            // It is run in another directory.
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            argv.extend(["-F".to_owned(), file.display().to_string()]);
        }
        if let Some(port) = port {
            argv.extend(["-p".to_owned(), port.to_string()]);
        }
        argv.extend(["--".to_owned(), peer.to_string()]);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
        let Ok(said) = capture(&argv, PATIENCE) else {
            return Ok(Settings::by_default(peer, port, &account, agent));
        };
        if said.fate != Fate::Exited(0) {
            let text = String::from_utf8_lossy(&said.stderr);
            let why = text.lines().next().unwrap_or("refuses its configuration").to_owned();
            return Err(Error::usage(format!("ssh -G {peer}"), why));
        }
        let text = String::from_utf8_lossy(&said.stdout);
        let tokens = Tokens { account: &account, peer };
        Ok(Settings::parse(&text, &tokens, agent))
    }

    /// Of a machine without the ssh client.
    fn by_default(
        peer: &Peer,
        port: Option<u16>,
        account: &User,
        agent: Option<PathBuf>,
    ) -> Settings {
        let ssh = account.dir.join(".ssh");
        Settings {
            hostname: peer.host.to_lowercase(),
            port: port.unwrap_or(22),
            user: peer.user.clone().unwrap_or_else(|| account.name.clone()),
            user_known_hosts: vec![ssh.join("known_hosts"), ssh.join("known_hosts2")],
            global_known_hosts: vec!["/etc/ssh/ssh_known_hosts".into()],
            identity_files: KEYS_BY_DEFAULT.iter().map(|name| ssh.join(name)).collect(),
            agent: agent.filter(|path| !path.as_os_str().is_empty()),
            ..Settings::default()
        }
    }

    /// Reads what `ssh -G` says.
    fn parse(text: &str, tokens: &Tokens<'_>, agent: Option<PathBuf>) -> Settings {
        let mut settings = Settings::by_default(tokens.peer, None, tokens.account, agent);
        settings.identity_files.clear();
        for line in text.lines() {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let set = !value.is_empty() && value != "none";
            match word {
                "hostname" if set => settings.hostname = value.to_lowercase(),
                "port" => settings.port = value.parse().unwrap_or(settings.port),
                "user" if set => settings.user = value.to_owned(),
                "hostkeyalias" if set => settings.alias = Some(value.to_lowercase()),
                "bindaddress" if set => settings.bind_address = Some(value.to_owned()),
                "addressfamily" if value != "any" => settings.family = Some(value.to_owned()),
                "identitiesonly" => settings.identities_only = value == "yes",
                "identityagent" => settings.set_agent(value, tokens),
                _ => {}
            }
        }
        for line in text.lines() {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let path = |text: &str| tokens.path(text, &settings);
            let none = value.is_empty() || value == "none";
            match word {
                "userknownhostsfile" => {
                    settings.user_known_hosts = match none {
                        true => Vec::new(),
                        false => value.split(' ').map(path).collect(),
                    };
                }
                "globalknownhostsfile" => {
                    settings.global_known_hosts = match none {
                        true => Vec::new(),
                        false => value.split(' ').map(path).collect(),
                    };
                }
                "identityfile" if !none => {
                    let file = path(value);
                    settings.identity_files.push(file);
                }
                "proxyjump" | "proxycommand" | "knownhostscommand" | "revokedhostkeys" if !none => {
                    settings.not_followed = Some(format!("ssh_config says {word}"));
                }
                _ => {}
            }
        }
        settings
    }

    fn set_agent(&mut self, value: &str, tokens: &Tokens<'_>) {
        match value {
            "none" => self.agent = None,
            "" | "SSH_AUTH_SOCK" => {}
            variable if variable.starts_with('$') => {
                let name = variable.trim_start_matches('$').trim_matches(['{', '}']);
                self.agent = std::env::var_os(name).map(PathBuf::from);
            }
            path => self.agent = Some(tokens.path(path, self)),
        }
    }

    /// The names under which known_hosts may have this host: that which ssh would write, and, with
    /// another port than 22, the one without it.
    pub fn names(&self) -> Vec<String> {
        match (&self.alias, self.port) {
            (Some(alias), _) => vec![alias.clone()],
            (None, 22) => vec![self.hostname.clone()],
            (None, port) => vec![format!("[{}]:{port}", self.hostname), self.hostname.clone()],
        }
    }

    /// The name that a certificate of this host must have.
    pub fn principal(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.hostname)
    }

    /// `host:port`, before an address is known.
    pub fn place(&self) -> String {
        match self.hostname.contains(':') {
            true => format!("[{}]:{}", self.hostname, self.port),
            false => format!("{}:{}", self.hostname, self.port),
        }
    }
}

/// What the tokens of ssh_config stand for.
struct Tokens<'a> {
    account: &'a User,
    peer: &'a Peer,
}

impl Tokens<'_> {
    /// A path with `~` and tokens; one that is not known stays, and leads nowhere.
    fn path(&self, text: &str, settings: &Settings) -> PathBuf {
        let home = self.account.dir.display().to_string();
        let text = match text.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", home.trim_end_matches('/')),
            None => text.to_owned(),
        };
        let mut path = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match (c, if c == '%' { rest.next() } else { None }) {
                ('%', Some('%')) => path.push('%'),
                ('%', Some('d')) => path.push_str(&home),
                ('%', Some('h')) => path.push_str(&settings.hostname),
                ('%', Some('n')) => path.push_str(&self.peer.host),
                ('%', Some('p')) => path.push_str(&settings.port.to_string()),
                ('%', Some('r')) => path.push_str(&settings.user),
                ('%', Some('u')) => path.push_str(&self.account.name),
                ('%', Some(other)) => path.extend(['%', other]),
                (c, _) => path.push(c),
            }
        }
        PathBuf::from(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Settings {
        let mut account = account().unwrap();
        account.dir = "/home/x".into();
        account.name = "x".to_owned();
        let peer = Peer::parse("mn2").unwrap();
        Settings::parse(text, &Tokens { account: &account, peer: &peer }, Some("/agent".into()))
    }

    #[test]
    fn what_ssh_says_of_a_host_is_read() {
        let settings = parse(
            "user root\nhostname 10.0.0.2\nport 2299\nidentityfile ~/.ssh/id_%r\nidentityfile /k%%\n\
             userknownhostsfile ~/.ssh/known_hosts /x\nglobalknownhostsfile none\nidentitiesonly yes\n",
        );
        assert_eq!(settings.place(), "10.0.0.2:2299");
        assert_eq!(settings.names(), ["[10.0.0.2]:2299", "10.0.0.2"]);
        assert_eq!(settings.identity_files, [Path::new("/home/x/.ssh/id_root"), Path::new("/k%")]);
        assert_eq!(settings.user_known_hosts[0], Path::new("/home/x/.ssh/known_hosts"));
        assert!(settings.global_known_hosts.is_empty() && settings.identities_only);
        assert_eq!(settings.agent.as_deref(), Some(Path::new("/agent")));
    }

    #[test]
    fn an_alias_is_the_name_whatever_the_port_and_no_agent_is_none() {
        let settings = parse("hostname h\nport 23\nhostkeyalias MN2\nidentityagent none\n");
        assert_eq!(settings.names(), ["mn2"]);
        assert_eq!((settings.principal(), settings.agent.is_none()), ("mn2", true));
    }

    #[test]
    fn what_leads_through_another_host_is_told() {
        assert!(parse("proxyjump gate\n").not_followed.unwrap().contains("proxyjump"));
        assert_eq!(parse("proxycommand none\nproxyjump none\n").not_followed, None);
    }
}
