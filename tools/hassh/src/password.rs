//! The password of the peer's user, for this time: from a file, from a pipe, or typed unseen.

use ha_json::Error;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;

const MOST_BYTES: u64 = 1024;

/// Reads the first line of `file`, or of stdin for `-`.
///
/// # Errors
/// Usage, where there is none, or where others may read it.
pub(crate) fn read(file: &str, prompt: &str) -> Result<String, Error> {
    if file == "-" {
        let stdin = std::io::stdin();
        return match stdin.is_terminal() {
            true => unseen(prompt),
            false => first_line(stdin, "standard input"),
        };
    }
    let failed = |error: &std::io::Error| Error::usage(file, ha_json::reason(error));
    let open = File::open(file).map_err(|error| failed(&error))?;
    let known = open.metadata().map_err(|error| failed(&error))?;
    if known.is_file() && known.mode() & 0o077 != 0 {
        return Err(Error::usage(
            file,
            "others may read it: chmod go= it, and change the password",
        ));
    }
    first_line(open, file)
}

fn first_line(from: impl Read, what: &str) -> Result<String, Error> {
    let mut line = String::new();
    BufReader::new(from.take(MOST_BYTES))
        .read_line(&mut line)
        .map_err(|error| Error::usage(what, ha_json::reason(&error)))?;
    let password = line.trim_end_matches(['\n', '\r']);
    match password.is_empty() {
        true => Err(Error::usage(what, "has no password in its first line")),
        false => Ok(password.to_owned()),
    }
}

fn unseen(prompt: &str) -> Result<String, Error> {
    let stdin = std::io::stdin();
    let failed = |error: nix::errno::Errno| Error::io("standard input", &error.into());
    let before = tcgetattr(&stdin).map_err(failed)?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &quiet).map_err(failed)?;
    crate::TOOL.say(prompt);
    let read = first_line(std::io::stdin(), "standard input");
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).map_err(failed)?;
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        assert_eq!(first_line(&b"pass word \r\nmore"[..], "f").unwrap(), "pass word ");
        assert!(first_line(&b"\nmore"[..], "f").is_err());
    }
}
