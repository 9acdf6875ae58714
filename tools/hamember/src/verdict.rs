//! What a real run of cf-runagent or cfrun says of trust: judged by its text and by its effect.
//!
//! Its exit status is no judge: cfrun ends with 0 where it is refused, and cf-runagent with 255 for
//! every cause. Source of the texts: CFEngine 3.21 in a lab, and the published source of cfengine 2.

use crate::configuration::Layout;
use crate::reach::Tcp;

/// The answer, in the words of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Accepted,
    Refused,
    Unreachable,
    Unknown,
}

impl Word {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Word::Accepted => "accepted",
            Word::Refused => "refused",
            Word::Unreachable => "unreachable",
            Word::Unknown => "unknown",
        }
    }
}

/// The answer and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) word: Word,
    pub(crate) cause: Option<String>,
}

/// cf-runagent puts this one, too, behind the name of the client.
const NOT_ADMITTED: &str = "Unspecified server refusal";

const SIGNS: [(&str, Word, &str); 8] = [
    ("server presented untrusted key", Word::Refused, "the member does not trust the client's key"),
    ("hung up during identification", Word::Refused, "the client does not trust the member's key"),
    (
        NOT_ADMITTED,
        Word::Refused,
        "the key is trusted, but the member is not admitted to cfruncommand, or its user is not in allowusers",
    ),
    (
        "Failed to establish TLS connection",
        Word::Refused,
        "the client ends the connection at once: is the member in allowconnects?",
    ),
    (
        "do not have a public key from host",
        Word::Refused,
        "the member does not have the client's key",
    ),
    ("Host authentication failed", Word::Refused, "the client does not trust the member's key"),
    ("Failed to connect to host", Word::Unreachable, "no connection"),
    ("Unable to connect to", Word::Unreachable, "no connection"),
];

/// Judges what was said. `effect` is whether something happened at the client, where that is looked at.
pub(crate) fn judge(
    layout: Layout,
    said: &str,
    status: i32,
    effect: Option<bool>,
    tcp: &Tcp,
) -> Verdict {
    let (theirs, ours): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| is_theirs(line));
    let unknown = |why: &str| Verdict { word: Word::Unknown, cause: Some(why.to_owned()) };
    // What the client says is its own matter, and its status is then that of its command: cf-serverd
    // says something of every command that it runs.
    let has_run = theirs.iter().any(|line| line.contains("(exit code: "));
    let is_refused = theirs.iter().any(|line| line.contains(NOT_ADMITTED)) && !has_run;
    if layout == Layout::Cfengine3 && !theirs.is_empty() && !is_refused {
        return match effect {
            Some(false) => unknown("the client answered, and nothing happened there"),
            _ => Verdict { word: Word::Accepted, cause: None },
        };
    }
    let told = if is_refused { &theirs } else { &ours };
    let sign = SIGNS.iter().find(|(sign, ..)| told.iter().any(|line| line.contains(sign)));
    if let Some((_, word, cause)) = sign {
        let cause = match (word, &tcp.why) {
            (Word::Unreachable, Some(why)) => format!("{cause} ({}: {why})", tcp.word),
            (Word::Unreachable, None) => {
                format!("{cause} from the member, though its port takes one from here")
            }
            _ => (*cause).to_owned(),
        };
        return Verdict { word: *word, cause: Some(cause) };
    }
    match (layout, status, effect) {
        (_, 126 | 127, _) => unknown("there is no such program on the member"),
        // cfrun ends with 0 whatever happens, and its words are not known well enough.
        (Layout::Cfengine2, _, Some(true)) => Verdict { word: Word::Accepted, cause: None },
        (Layout::Cfengine2, ..) => unknown("nothing is known to have happened at the client"),
        (Layout::Cfengine3, status, _) => {
            unknown(&format!("no word of the client came, and status {status}"))
        }
    }
}

/// Whether a line is the client's own: cf-runagent puts its name before it.
fn is_theirs(line: &str) -> bool {
    let host = line.split_once("> ").map(|(host, _)| host);
    host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp() -> Tcp {
        Tcp { word: "ok", why: None }
    }

    fn judged(said: &str, status: i32, effect: Option<bool>) -> Word {
        judge(Layout::Cfengine3, said, status, effect, &tcp()).word
    }

    #[test]
    fn a_refusal_is_told_by_its_text_whatever_the_status() {
        for (said, status) in [
            (
                "   error: Connection was hung up during identification! (3)\n   error: Failed to connect to host: 10.77.0.21",
                255,
            ),
            ("TRUST FAILED, server presented untrusted key: MD5=1", 255),
            ("127.0.0.22> !!  Unspecified server refusal (see verbose server output)", 255),
            ("Failed to establish TLS connection: underlying network error (Broken pipe)", 255),
        ] {
            assert_eq!(judged(said, status, Some(false)), Word::Refused, "{said}");
            // Its own cron may have done something meanwhile.
            assert_eq!(judged(said, status, Some(true)), Word::Refused, "{said}");
            assert_eq!(judged(said, status, None), Word::Refused, "{said}");
        }
        let said = "You do not have a public key from host c1 = 10.0.0.1";
        assert_eq!(judge(Layout::Cfengine2, said, 0, None, &tcp()).word, Word::Refused);
    }

    #[test]
    fn no_connection_is_told_with_what_the_port_says() {
        let refused = Tcp { word: "refused", why: Some("connection refused".to_owned()) };
        let said = "error: Failed to connect to host: c1";
        let verdict = judge(Layout::Cfengine3, said, 255, None, &refused);
        assert_eq!(verdict.word, Word::Unreachable);
        assert!(verdict.cause.unwrap().contains("refused"));
    }

    #[test]
    fn only_a_word_of_the_client_counts_as_accepted() {
        assert_eq!(judged("10.0.0.1> cfrun-ok", 0, None), Word::Accepted);
        assert_eq!(judged("10.0.0.1> (exit code: 127)", 127, Some(true)), Word::Accepted);
        assert_eq!(judged("10.0.0.1> cfrun-ok", 0, Some(false)), Word::Unknown);
        assert_eq!(judged("", 0, Some(true)), Word::Unknown);
        assert_eq!(judged("error: Can't stat file promises.cf", 1, Some(true)), Word::Unknown);
        assert_eq!(judged("sh: cf-runagent: not found", 127, Some(true)), Word::Unknown);
    }

    #[test]
    fn what_the_client_says_of_others_is_no_refusal_of_its_own() {
        for said in ["Failed to connect to host: hub", "!! Unspecified server refusal"] {
            let said = format!("10.0.0.1> error: {said}\n10.0.0.1> (exit code: 0)");
            assert_eq!(judged(&said, 0, Some(true)), Word::Accepted, "{said}");
        }
    }

    #[test]
    fn of_cfrun_only_what_happened_counts() {
        let judged = |effect| judge(Layout::Cfengine2, "", 0, effect, &tcp()).word;
        assert_eq!(judged(Some(true)), Word::Accepted);
        assert_eq!(judged(None), Word::Unknown);
    }
}
