//! Whom to reach: read strictly, before a program or a file sees it.

/// As long as a name in the DNS can be, with a user before it.
const LONGEST: usize = 320;

/// `[user@]host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The user, where one was given.
    pub user: Option<String>,
    /// The host, as it was given.
    pub host: String,
}

impl Peer {
    /// Reads `host` or `user@host`.
    ///
    /// # Errors
    /// What such a name is.
    pub fn parse(text: &str) -> Result<Peer, String> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        let good = |word: &str, more: &str| {
            !word.is_empty()
                && !word.starts_with('-')
                && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if text.len() > LONGEST || !good(host, "._-:%") || !user.is_none_or(|u| good(u, "._-@$\\"))
        {
            return Err("is no [user@]host".to_owned());
        }
        Ok(Peer { user: user.map(str::to_owned), host: host.to_owned() })
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user}@{}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_peer_is_a_host_or_a_user_at_a_host() {
        let peer = Peer::parse("root@mn2.example.com").unwrap();
        assert_eq!((peer.user.as_deref(), peer.host.as_str()), (Some("root"), "mn2.example.com"));
        assert_eq!(Peer::parse("fe80::1%en0").unwrap().user, None);
    }

    #[test]
    fn what_a_shell_or_a_file_could_misread_is_no_peer() {
        for text in ["", "-oProxyCommand=x", "a b", "a\nb", "a;b", "a,b", "*", "u@-l", "@h", "$(x)"]
        {
            assert!(Peer::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_that_is_taken_is_shown_as_it_was(text in "\\PC{0,30}") {
            if let Ok(peer) = Peer::parse(&text) {
                prop_assert_eq!(peer.to_string(), text);
            }
        }
    }
}
