//! A directory of keys (`ppkeys`) as the far shell tells of it.

use crate::key_pair::NEXT;
use crate::public_key::{Algorithm, PublicKey};
use std::collections::BTreeMap;

/// What a host has there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyDirectory {
    /// It is there, and a directory.
    pub(crate) present: bool,
    /// Its permissions, as `ls -l` shows them; empty where it is not there.
    pub(crate) mode: String,
    /// The number of the user as whom it was looked at.
    pub(crate) user: Option<u32>,
    /// Its files and links by name, those with odd names left out.
    pub(crate) files: BTreeMap<String, KeyFile>,
    /// The digest that cf-key there prints of its own public key.
    pub(crate) printed: Option<String>,
}

/// A regular file, or a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// Its permissions, as `ls -l` shows them.
    pub(crate) mode: String,
    /// The number of its owner.
    pub(crate) owner: Option<u32>,
    /// What cksum(1) says of it, of public keys.
    pub(crate) sum: String,
    /// The beginning of its text, of public keys.
    pub(crate) text: Vec<u8>,
    /// The key in it, if it is one.
    pub(crate) key: Option<PublicKey>,
}

/// Whether nobody but the owner may do anything, as cfengine wants it of this directory.
fn is_private(mode: &str) -> bool {
    mode.get(4..10).is_some_and(|others| others == "------")
}

impl KeyFile {
    /// Whether it may be read or written by others than its owner.
    pub(crate) fn is_open(&self) -> bool {
        self.mode.starts_with('-') && !is_private(&self.mode)
    }
}

impl KeyDirectory {
    /// Reads what `look` of far.sh prints. Lines that it does not know are passed over.
    pub(crate) fn parse(lines: &[Vec<u8>]) -> KeyDirectory {
        let mut directory = KeyDirectory::default();
        let mut text_of: Option<String> = None;
        for line in lines {
            if let Some(text) = line.strip_prefix(b"=") {
                let file = text_of.as_ref().and_then(|name| directory.files.get_mut(name));
                if let Some(file) = file {
                    file.text.extend_from_slice(text);
                    file.text.push(b'\n');
                }
                continue;
            }
            let line = String::from_utf8_lossy(line);
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "user" => directory.user = rest.trim().parse().ok(),
                "directory" => {
                    directory.present = rest.starts_with('d');
                    directory.mode = rest.split(' ').next().unwrap_or_default().to_owned();
                }
                "entry" => directory.files.extend(entry(rest)),
                "sum" => directory.sum(rest),
                "text" => text_of = Some(rest.to_owned()),
                // Nothing, where there is no cf-key.
                "printed" => {
                    directory.printed =
                        Some(rest.trim().to_owned()).filter(|text| !text.is_empty());
                }
                _ => {}
            }
        }
        for file in directory.files.values_mut() {
            file.key = PublicKey::parse(&file.text);
        }
        directory
    }

    fn sum(&mut self, said: &str) {
        let mut words = said.splitn(3, ' ');
        let (Some(sum), Some(bytes), Some(path)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(file) = self.files.get_mut(name) {
            file.sum = format!("{sum} {bytes}");
        }
    }

    /// Whether cfengine takes it, as far as it is there: nobody else may look into it.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(crate) fn usable(&self, path: &str) -> Result<(), String> {
        match self.present && !is_private(&self.mode) {
            true => Err(format!(
                "{path} may be looked into by others ({}), and cfengine refuses to run: chmod 700",
                self.mode
            )),
            false => Ok(()),
        }
    }

    /// The host's own public key.
    pub(crate) fn own(&self) -> Option<&PublicKey> {
        self.files.get("localhost.pub")?.key.as_ref()
    }

    /// The pair that waits to be the host's own, as far as its public half tells.
    pub(crate) fn next(&self) -> Option<&PublicKey> {
        self.files.get(&format!("{NEXT}.pub"))?.key.as_ref()
    }

    /// That pair's private half is in its place already, and the public one is not.
    pub(crate) fn is_half_installed(&self) -> bool {
        self.next().is_some() && !self.files.contains_key(&format!("{NEXT}.priv"))
    }

    /// Files of runs that were killed.
    pub(crate) fn left_over(&self) -> impl Iterator<Item = &str> {
        // A pair on its way to be the host's own is no leftover.
        let next = [format!("{NEXT}.priv"), format!("{NEXT}.pub")];
        let is_ours = move |name: &&str| {
            name.starts_with('.')
                && name.contains(".hatools-")
                && !next.iter().any(|next| next == name)
        };
        self.files.keys().map(String::as_str).filter(is_ours)
    }

    /// The digest that keys are named by there: as cf-key prints it, else as files are named.
    ///
    /// # Errors
    /// Where cf-key prints another digest of the host's own key than can be worked out.
    pub(crate) fn algorithm(&self) -> Result<Option<Algorithm>, String> {
        match (&self.printed, self.own()) {
            (Some(printed), Some(own)) => match Algorithm::of(printed) {
                Some(algorithm) if own.is(printed) => Ok(Some(algorithm)),
                _ => Err(format!(
                    "cf-key there prints {printed:?} of its own key, a digest that is not known here"
                )),
            },
            _ => Ok(self.files.keys().find_map(|name| named(name))),
        }
    }
}

/// The algorithm of a name such as `root-MD5=….pub`.
fn named(name: &str) -> Option<Algorithm> {
    let (_, digest) = name.strip_suffix(".pub")?.rsplit_once('-')?;
    Algorithm::of(digest)
}

/// Name and file of a line of `ls -ln`; `None` for what is neither a regular file nor a link, or has an
/// odd name.
fn entry(line: &str) -> Option<(String, KeyFile)> {
    let mut rest = line;
    let mut words = Vec::new();
    for _ in 0..8 {
        let (word, behind) = rest.trim_start().split_once(' ')?;
        words.push(word);
        rest = behind;
    }
    let mode = *words.first()?;
    let name = match mode.chars().next()? {
        '-' => rest,
        'l' => rest.split_once(" -> ")?.0,
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._=:-%@+,".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let owner = words.get(2)?.parse().ok();
    Some((name.to_owned(), KeyFile { mode: mode.to_owned(), owner, ..KeyFile::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_key::tests::MADE;
    use proptest::prelude::*;

    fn parse(text: &str) -> KeyDirectory {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        KeyDirectory::parse(&lines)
    }

    fn told(printed: &str) -> String {
        let text: String = MADE.lines().map(|line| format!("={line}\n")).collect();
        format!(
            "user 0\ndirectory drwx------ 2 0 0 4096 Nov 29 00:43 /w/ppkeys\nentry total 8\n\
             entry -rw------- 1 0 0 426 Nov 29 00:43 localhost.pub\n\
             entry -rw-r--r-- 1 7 0 426 Nov 29  2025 a file.pub\n\
             entry lrwxrwxrwx 1 0 0 4 Nov 29 00:43 link.pub -> x\n\
             entry -rw-r--r--. 1 7 0 0 Nov 29 00:43 root-10.0.0.1.pub\n\
             entry -rw------- 1 0 0 9 Nov 29 00:43 .root-10.0.0.1.pub.hatools-77\n\
             sum 4042 426 /w/ppkeys/localhost.pub\ntext localhost.pub\n{text}noise\nprinted {printed}\n"
        )
    }

    #[test]
    fn what_the_far_shell_tells_is_read() {
        let directory = parse(&told(include_str!("../tests/cf-key-3.21.digest")));
        assert!(directory.present && directory.usable("/w/ppkeys").is_ok());
        assert_eq!(directory.user, Some(0));
        let names: Vec<&str> = directory.files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [".root-10.0.0.1.pub.hatools-77", "link.pub", "localhost.pub", "root-10.0.0.1.pub"]
        );
        assert_eq!(directory.own().unwrap().pem(), MADE);
        assert_eq!(directory.files["localhost.pub"].sum, "4042 426");
        let other = &directory.files["root-10.0.0.1.pub"];
        assert_eq!((other.owner, other.is_open()), (Some(7), true));
        assert!(!directory.files["link.pub"].is_open());
        assert_eq!(directory.left_over().count(), 1);
        assert_eq!(directory.algorithm(), Ok(Some(Algorithm::Md5)));
    }

    #[test]
    fn a_digest_of_another_kind_is_no_guess() {
        assert!(parse(&told("MD5=00000000000000000000000000000000")).algorithm().is_err());
        assert!(parse(&told("SHA3=00")).algorithm().is_err());
        assert_eq!(parse("user 0\n").algorithm(), Ok(None));
        assert_eq!(parse(&told("")).algorithm(), Ok(None));
        assert!(!parse("absent\n").present);
    }

    #[test]
    fn a_directory_that_others_may_look_into_is_not_private() {
        for (mode, private) in [
            ("drwx------", true),
            ("drwx------.", true),
            ("drwxr-xr-x", false),
            ("drwx--x---", false),
            ("", false),
        ] {
            assert_eq!(is_private(mode), private, "{mode}");
        }
    }

    proptest! {
        #[test]
        fn anything_may_be_told(lines: Vec<Vec<u8>>, text in "(user|entry|text|directory|printed|=)[ -~]{0,80}") {
            let mut lines = lines;
            lines.push(text.into_bytes());
            let directory = KeyDirectory::parse(&lines);
            let _ = directory.algorithm();
            for name in directory.files.keys() {
                prop_assert!(!name.contains(['/', '\'', ' ', '\n']));
            }
        }
    }
}
