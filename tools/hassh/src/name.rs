//! Names that come from a person or from the peer: read strictly, before a program or a file sees them.

use ssh_key::Fingerprint;

/// As long as a name in the DNS can be, with a user before it.
const LONGEST: usize = 320;

/// `[user@]host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The user, where one was given.
    pub(crate) user: Option<String>,
    /// The host, as it was given.
    pub(crate) host: String,
}

impl Peer {
    /// Reads `host` or `user@host`.
    ///
    /// # Errors
    /// What such a name is.
    pub(crate) fn parse(text: &str) -> Result<Peer, String> {
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

/// For `--fingerprint`.
///
/// # Errors
/// What a fingerprint is.
pub(crate) fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let read: Option<Fingerprint> = text.trim_end_matches('=').parse().ok();
    read.filter(|fingerprint| fingerprint.is_sha256())
        .ok_or_else(|| "is no SHA256:... as ssh-keygen -lf prints it".to_owned())
}

/// For `--hassh-path`: one word for any shell of the far side.
///
/// # Errors
/// What it may be.
pub(crate) fn program(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+,:@%-".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("is no plain path of a program".to_owned()),
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

    #[test]
    fn a_fingerprint_is_sha256_of_32_bytes() {
        assert!(fingerprint("SHA256:uzkJmeLwwbkDeRAfxnt9Wc8wTKWFd8jSU9HOa4ktOWo").is_ok());
        for text in
            ["SHA256:", "MD5:00:11", "SHA256:uzkJ", "uzkJmeLwwbkDeRAfxnt9Wc8wTKWFd8jSU9HOa4ktOWo"]
        {
            assert!(fingerprint(text).is_err(), "{text}");
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
