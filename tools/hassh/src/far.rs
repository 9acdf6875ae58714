//! hassh at the far end: asked one thing after another, and not trusted.

use crate::orders::{Hello, MOST_ANSWER, PROTOCOL, Request};
use ha_json::{Error, Kind, Value, one_line};
use ha_ssh::{Channel, Connection};
use serde::de::DeserializeOwned;
use std::io::{Read, Write};
use std::time::Duration;

/// Shells may say so much before hassh begins.
const MOST_NOISE: usize = 64 << 10;
/// Statuses of shells for a program that is not there, or cannot be run.
const ABSENT: [i32; 2] = [126, 127];

/// A running `hassh --serve`.
pub(crate) struct Far<'a> {
    connection: &'a Connection,
    channel: Channel,
    peer: String,
    read: Vec<u8>,
}

/// Text of the peer's for a message.
fn quoted(text: &str) -> String {
    one_line(text).chars().take(300).collect()
}

impl<'a> Far<'a> {
    /// Starts it, and greets: `None` where there is no hassh.
    ///
    /// # Errors
    /// Busy, when it does not answer; input, when what answers is not hassh.
    pub(crate) fn start(
        connection: &'a Connection,
        program: &str,
        peer: &str,
        patience: Duration,
    ) -> Result<Option<(Far<'a>, Hello)>, Error> {
        connection.allow(patience);
        let channel = connection
            .start(&format!("{program} --serve"))
            .map_err(|why| Error::busy(peer, why))?;
        let mut far = Far { connection, channel, peer: peer.to_owned(), read: Vec::new() };
        far.send(&Request::Hello {})?;
        let mut noise = 0;
        let line = loop {
            let Some(line) = far.line(MOST_NOISE)? else {
                let closed = far.channel.wait_close().and_then(|()| far.channel.exit_status());
                return match closed {
                    Ok(status) if ABSENT.contains(&status) || status != 0 && noise == 0 => Ok(None),
                    _ => Err(far.untrusted("ends without an answer")),
                };
            };
            if line.starts_with(b"{") {
                break line;
            }
            noise += line.len() + 1;
            if noise > MOST_NOISE {
                return Err(far.untrusted("says much, and nothing that is of hassh"));
            }
        };
        let hello: Hello = far.read_answer(&line)?;
        if hello.protocol != PROTOCOL {
            let why = format!("hassh there ({}) is of another time", quoted(&hello.version));
            return Err(Error::failed(peer, why));
        }
        Ok(Some((far, hello)))
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// What the far side failed with; busy, when it does not answer; input, when the answer is none.
    pub(crate) fn ask<T: DeserializeOwned>(
        &mut self,
        request: &Request,
        patience: Duration,
    ) -> Result<T, Error> {
        self.connection.allow(patience);
        self.send(request)?;
        match self.line(MOST_ANSWER)? {
            Some(line) => self.read_answer(&line),
            None => Err(self.untrusted("ends without an answer")),
        }
    }

    fn untrusted(&self, why: &str) -> Error {
        Error::input(&self.peer, format!("hassh --serve there {why}"))
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        match self.connection.is_late() {
            true => Error::busy(&self.peer, "hassh --serve there does not answer in time"),
            false => Error::busy(&self.peer, format!("the connection is lost: {error}")),
        }
    }

    fn send(&mut self, request: &Request) -> Result<(), Error> {
        let line = serde_json::to_string(request)
            .map_err(|error| Error::failed("request", error.to_string()))?;
        let sent = writeln!(self.channel, "{line}").and_then(|()| self.channel.flush());
        // A program that is not there has closed its end: what it said is told by reading.
        match sent {
            Err(error) if self.connection.is_late() => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    fn line(&mut self, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.read[looked..].iter().position(|&b| b == b'\n') {
                let rest = self.read.split_off(looked + at + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                line.pop();
                return Ok(Some(line));
            }
            looked = self.read.len();
            if looked > most {
                return Err(self.untrusted("says more than an answer has"));
            }
            let mut piece = [0; 8192];
            match self.channel.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => self.read.extend_from_slice(&piece[..count]),
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    fn read_answer<T: DeserializeOwned>(&self, line: &[u8]) -> Result<T, Error> {
        read_answer(line).map_err(|bad| match bad {
            Bad::Untrusted(why) => self.untrusted(&format!("gives no answer: {}", quoted(&why))),
            Bad::Failed(kind, why) => Error::new(kind, format!("on {}", self.peer), quoted(&why)),
        })
    }
}

#[derive(Debug)]
enum Bad {
    Untrusted(String),
    Failed(Kind, String),
}

fn read_answer<T: DeserializeOwned>(line: &[u8]) -> Result<T, Bad> {
    let untrusted = |error: serde_json::Error| Bad::Untrusted(error.to_string());
    let mut value: Value = serde_json::from_slice(line).map_err(untrusted)?;
    match value["ok"].as_bool() {
        Some(true) => serde_json::from_value(value["answer"].take()).map_err(untrusted),
        Some(false) => {
            let error = &value["error"];
            let kind = error["kind"].as_str().and_then(Kind::from_word);
            // Its trouble is no usage of ours.
            let kind = if kind == Some(Kind::Busy) { Kind::Busy } else { Kind::Failed };
            Err(Bad::Failed(kind, error["message"].as_str().unwrap_or("failed").to_owned()))
        }
        None => Err(Bad::Untrusted("it does not say ok".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Changed, Checked, OwnKey};
    use proptest::prelude::*;

    #[test]
    fn answers_of_a_wrong_kind_are_not_trusted() {
        for line in [
            "{}",
            "[]",
            r#"{"ok":"yes"}"#,
            r#"{"ok":true}"#,
            r#"{"ok":true,"answer":{"key":1,"changes":[]}}"#,
            r#"{"ok":true,"answer":{"key":"k","changes":[{"file":"f","what":"rm"}]}}"#,
        ] {
            let read = read_answer::<OwnKey>(line.as_bytes());
            assert!(matches!(read, Err(Bad::Untrusted(_))), "{line}");
        }
        let busy = br#"{"ok":false,"error":{"kind":"busy","message":"locked"}}"#;
        assert!(matches!(read_answer::<OwnKey>(busy), Err(Bad::Failed(Kind::Busy, _))));
        let usage = br#"{"ok":false,"error":{"kind":"usage","message":"x"}}"#;
        assert!(matches!(read_answer::<OwnKey>(usage), Err(Bad::Failed(Kind::Failed, _))));
    }

    proptest! {
        #[test]
        fn soup_is_no_answer(soup: Vec<u8>, words in "[\\{\\}\":a-z,\\[\\]0-9 ]{0,60}") {
            prop_assert!(read_answer::<Changed>(&soup).is_err());
            prop_assert!(read_answer::<Checked>(words.as_bytes()).is_err());
        }
    }
}
