//! `path`, `host:path`, `user@host:path`.

use ha_json::Error;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A host to reach, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The user before the `@`, where there is one.
    pub user: Option<String>,
    /// The host's name or address, an IPv6 address without its brackets.
    pub name: String,
}

/// Where something lies: here, or on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host, or `None` for this machine.
    pub host: Option<Host>,
    /// The path there. Empty means the directory that the far side logs in to.
    pub path: OsString,
}

impl Host {
    /// Reads `host` or `user@host`.
    ///
    /// # Errors
    /// Usage, for a host or user that is empty, has blanks, or begins with `-`.
    pub fn parse(text: &str) -> Result<Host, Error> {
        let (user, name) = match text.rsplit_once('@') {
            Some((user, name)) => (Some(user.to_owned()), name),
            None => (None, text),
        };
        let name = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        for word in user.iter().map(String::as_str).chain([name]) {
            if word.is_empty() || word.starts_with('-') || word.contains(char::is_whitespace) {
                return Err(Error::usage(text, format!("{word:?} is no name of a host or user")));
            }
        }
        Ok(Host { user, name: name.to_owned() })
    }
}

impl Place {
    /// Reads an argument: it names a host when a colon stands before the first slash.
    ///
    /// # Errors
    /// Usage, for what rsync's daemon would be asked for (`host::module`, `rsync://`), and for a
    /// host or user that is empty or begins with `-`.
    pub fn parse(argument: &OsStr) -> Result<Place, Error> {
        let bytes = argument.as_bytes();
        let shown = || argument.to_string_lossy().into_owned();
        if bytes.is_empty() {
            return Err(Error::usage("path", "is empty (\".\" is the directory you are in)"));
        }
        if bytes.starts_with(b"rsync://") {
            return Err(Error::usage(shown(), "rsync daemons are not spoken to; use host:path"));
        }
        let colon = match (bytes.iter().position(|&b| b == b':'), bytes.starts_with(b"[")) {
            (_, true) => find(bytes, b"]:").map(|at| at + 1),
            (colon, false) => colon,
        };
        let slash = bytes.iter().position(|&b| b == b'/').unwrap_or(bytes.len());
        let Some(colon) = colon.filter(|&colon| colon < slash || bytes[0] == b'[') else {
            return Ok(Place { host: None, path: argument.to_owned() });
        };
        let (host, path) = (&bytes[..colon], &bytes[colon + 1..]);
        if path.starts_with(b":") {
            return Err(Error::usage(shown(), "rsync daemons are not spoken to; use host:path"));
        }
        let host = std::str::from_utf8(host)
            .map_err(|_| Error::usage(shown(), "the host's name is not UTF-8"))?;
        let host = Host::parse(host)?;
        Ok(Place { host: Some(host), path: OsString::from_vec(path.to_vec()) })
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Place, Error> {
        Place::parse(OsStr::new(text))
    }

    fn host(text: &str) -> (Option<String>, String, String) {
        let place = parse(text).unwrap();
        let host = place.host.unwrap();
        (host.user, host.name, place.path.into_string().unwrap())
    }

    #[test]
    fn a_colon_before_the_first_slash_names_a_host() {
        assert_eq!(host("aixmn2:/etc/"), (None, "aixmn2".into(), "/etc/".into()));
        assert_eq!(host("root@n2:"), (Some("root".into()), "n2".into(), String::new()));
        assert_eq!(host("[::1]:/a"), (None, "::1".into(), "/a".into()));
        assert_eq!(host("n2:a:b"), (None, "n2".into(), "a:b".into()));
    }

    #[test]
    fn a_colon_after_a_slash_is_part_of_a_path() {
        for path in ["/a:b", "./a:b", "a", "a/b:c"] {
            assert_eq!(parse(path).unwrap(), Place { host: None, path: path.into() });
        }
    }

    #[test]
    fn what_could_be_taken_for_an_option_is_refused() {
        for bad in ["-oProxyCommand=x:/a", "-l@n2:/a", "@n2:/a", ":/a", "a b:/c", ""] {
            assert_eq!(parse(bad).unwrap_err().kind, ha_json::Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn rsync_daemons_are_refused_by_name() {
        assert!(parse("n2::module/x").unwrap_err().why.contains("daemon"));
        assert!(parse("rsync://n2/x").unwrap_err().why.contains("daemon"));
    }
}
