//! The first line each end says, before there are frames: who it is and which versions it speaks.

use ha_json::Error;
use std::io::{Read, Write};

/// The version of the protocol that this program speaks, newest and oldest.
const VERSION: u32 = 2;
const OLDEST: u32 = 2;

const WORD: &str = "hasync-protocol";
const MAX_LINE: usize = 256;

/// Says this end's line, reads the other's, and agrees on the newest version that both speak.
///
/// # Errors
/// When the other end is no hasync, or speaks only versions that this one does not.
pub(crate) fn greet(output: &mut impl Write, input: &mut impl Read) -> Result<u32, Error> {
    let line = format!("{WORD} {OLDEST} {VERSION} hasync/{}\n", env!("CARGO_PKG_VERSION"));
    // A far side that is not there is seen by what it does not answer.
    let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    agree(&read_line(input)?)
}

fn read_line(input: &mut impl Read) -> Result<String, Error> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MAX_LINE {
        match input.read(&mut byte) {
            Ok(0) if line.is_empty() => return Err(Error::failed("", "")),
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(Error::busy("", ""));
            }
            Err(_) => return Err(Error::failed("", "")),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn agree(line: &str) -> Result<u32, Error> {
    let words: Vec<&str> = line.split(' ').collect();
    let [WORD, oldest, newest, program] = words[..] else {
        return Err(Error::failed(
            "the far side",
            format!("said {line:?} where hasync greets: does its shell print something at login?"),
        ));
    };
    let (Ok(oldest), Ok(newest)) = (oldest.parse::<u32>(), newest.parse::<u32>()) else {
        return Err(Error::failed("the far side", format!("greets with no version: {line:?}")));
    };
    let common = newest.min(VERSION);
    if common < oldest.max(OLDEST) {
        return Err(Error::failed(
            "the far side",
            format!(
                "is {program} and speaks protocol {oldest} to {newest}; this is hasync/{} and \
                 speaks {OLDEST} to {VERSION}: install the same version on both",
                env!("CARGO_PKG_VERSION")
            ),
        ));
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_far_side_that_still_speaks_ours_is_agreed_with() {
        assert_eq!(agree("hasync-protocol 1 9 hasync/7.0.0").unwrap(), 2);
    }

    #[test]
    fn versions_without_overlap_are_refused_with_both_named() {
        let error = agree("hasync-protocol 3 4 hasync/7.0.0").unwrap_err();
        assert!(error.why.contains("hasync/7.0.0") && error.why.contains("3 to 4"), "{error}");
        assert!(agree("hasync-protocol 0 0 hasync/0.0.1").is_err());
    }

    #[test]
    fn a_shell_that_talks_is_told() {
        assert!(agree("Welcome to standby!").unwrap_err().why.contains("Welcome"));
        assert!(greet(&mut Vec::new(), &mut &b"hasync-protocol x y z\n"[..]).is_err());
        assert!(greet(&mut Vec::new(), &mut &[b'x'; 4096][..]).is_err());
    }
}
