//! What happened to the cluster: as Serviceguard's dispatcher was called, or as a record.

use ha_json::{Error, Map, Reader, Value, refuse_terminal, trust};
use std::io::Read;

use crate::cfrun_hosts::is_name;

/// The schema of an event on standard input.
pub(crate) const SCHEMA: &str = "hamember-event/1";

/// What became of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Added(String),
    Deleted(String),
}

const WORDS: [&str; 2] = ["MEMBER_ADDED", "MEMBER_DELETED"];

impl Event {
    /// Reads `MEMBER_ADDED: HOST`, in one word or two, with or without the colon.
    ///
    /// # Errors
    /// Usage, for another event, and for what is no name of a host.
    pub(crate) fn parse(words: &[String]) -> Result<Event, Error> {
        let text = words.join(" ");
        let (word, rest) = text.split_once([':', ' ']).unwrap_or((&text, ""));
        Event::of(word, rest.trim_start_matches(':').trim())
            .map_err(|(what, why)| Error::usage(what, why))
    }

    fn of(word: &str, host: &str) -> Result<Event, (String, String)> {
        let host = match host {
            "" => return Err((word.to_owned(), "names no host: MEMBER_ADDED: HOST".to_owned())),
            host if is_name(host) => host.to_owned(),
            host => return Err((format!("{host:?}"), "is no name of a host".to_owned())),
        };
        match word {
            "MEMBER_ADDED" => Ok(Event::Added(host)),
            "MEMBER_DELETED" => Ok(Event::Deleted(host)),
            other => Err((
                format!("{other:?}"),
                format!("is no event that is known: {} are", WORDS.join(" and ")),
            )),
        }
    }

    /// Reads one event, and nothing behind it.
    ///
    /// # Errors
    /// Usage, where standard input is a terminal; input, for what is no such event.
    pub(crate) fn of_standard_input() -> Result<Event, Error> {
        refuse_terminal(&format!("an event {SCHEMA}"))?;
        Event::read(std::io::stdin().lock())
    }

    fn read(from: impl Read) -> Result<Event, Error> {
        let bad = |why: String| Error::input("standard input", why);
        let mut reader = Reader::new(from);
        let advance =
            |reader: &mut Reader<_>| reader.advance().map_err(|error| bad(ha_json::reason(&error)));
        if !advance(&mut reader)? {
            return Err(bad(format!("is empty: an event {SCHEMA} is read here")));
        }
        let event: Map<String, Value> = serde_json::from_slice(reader.text()).map_err(|error| {
            bad(if error.is_eof() {
                trust::CUT.to_owned()
            } else {
                format!("is no event: {error}")
            })
        })?;
        if advance(&mut reader)? {
            return Err(bad("has more than one event: each is a run of its own".to_owned()));
        }
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("schema") {
            SCHEMA => {}
            other => return Err(bad(format!("has schema {other:?}, and must have {SCHEMA:?}"))),
        }
        Event::of(text("event"), text("member")).map_err(|(what, why)| bad(format!("{what} {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use proptest::prelude::*;

    fn parse(words: &[&str]) -> Result<Event, Error> {
        Event::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_dispatchers_form_is_read_exactly_as_shown_and_a_little_otherwise() {
        let added = Event::Added("newhost".to_owned());
        for words in [
            &["MEMBER_ADDED:", "newhost"][..],
            &["MEMBER_ADDED", "newhost"],
            &["MEMBER_ADDED:newhost"],
            &["MEMBER_ADDED: newhost"],
        ] {
            assert_eq!(parse(words).unwrap(), added, "{words:?}");
        }
        assert_eq!(parse(&["MEMBER_DELETED:", "m2"]).unwrap(), Event::Deleted("m2".to_owned()));
    }

    #[test]
    fn other_events_and_odd_names_are_wrong_usage() {
        for words in [
            &["MEMBER_LOST:", "m2"][..],
            &["MEMBER_ADDED:"],
            &["MEMBER_ADDED:", "-oProxyCommand=x"],
            &["MEMBER_ADDED:", "m2", "m3"],
            &["member_added:", "m2"],
        ] {
            assert_eq!(parse(words).unwrap_err().kind, Kind::Usage, "{words:?}");
        }
    }

    #[test]
    fn an_event_on_standard_input_is_whole_and_one() {
        let good = r#"{"schema":"hamember-event/1","event":"MEMBER_ADDED","member":"m3"}"#;
        assert_eq!(Event::read(good.as_bytes()).unwrap(), Event::Added("m3".to_owned()));
        for bad in [
            "",
            "[]",
            "x",
            r#"{"schema":"hamember-event/2","event":"MEMBER_ADDED","member":"m3"}"#,
            r#"{"schema":"hamember-event/1","event":"MEMBER_ADDED"}"#,
            r#"{"schema":"hamember-event/1","event":"NODE_LOST","member":"m3"}"#,
            &format!("{good}\n{good}"),
            &good[..40],
        ] {
            assert_eq!(Event::read(bad.as_bytes()).unwrap_err().kind, Kind::Input, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn soup_is_no_event(soup: Vec<u8>) {
            prop_assert!(Event::read(soup.as_slice()).is_err());
        }
    }
}
