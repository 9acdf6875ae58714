//! The clocks: against each other, their zones, and who sets them.

use crate::answers::{Answers, Question, question};
use crate::finding::Finding;
use crate::sight::Sight;
use crate::ssh;

pub(crate) fn questions() -> Vec<Question> {
    vec![
        question("zone", &["date", "+%Z %z"]),
        question("chronyc", &["chronyc", "-n", "tracking"]),
        question("chronyc-sources", &["chronyc", "-n", "sources"]),
        question("ntpq", &["ntpq", "-pn"]),
        question("timedatectl", &["timedatectl", "show", "--property=NTPSynchronized"]),
    ]
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let mut findings = vec![difference(sight), zone(sight)];
    findings.extend([0, 1].map(|number| daemon(sight, number)));
    findings
}

/// hassh has it from its connection.
fn difference(sight: &Sight<'_>) -> Finding {
    let limit = sight.pair.clock_seconds;
    let expected = format!("the clocks differ by no more than {limit} s");
    let topic = crate::finding::Topic::of_the_pair("clock", expected);
    let Some((difference, error)) = ssh::clock(sight) else {
        return topic.unknown("hassh could not tell, because there was no connection");
    };
    let found = format!("they differ by {difference:.3} s, give or take {error:.3} s");
    // What is measured is no better than that.
    match (difference.abs() + error <= limit, difference.abs() - error > limit) {
        (true, _) => topic.ok(found),
        (_, true) => topic.failed(found, "have both set by the same time servers"),
        _ => topic.unknown(found),
    }
}

fn zone(sight: &Sight<'_>) -> Finding {
    let topic = crate::finding::Topic::of_the_pair("time-zone", "both nodes are in one time zone");
    let zones = [0, 1].map(|number| sight.nodes[number].line("zone"));
    match zones {
        [Err(error), _] | [_, Err(error)] => topic.unknown(error.to_string()),
        [Ok(one), Ok(other)] if one == other => topic.ok(one),
        [Ok(one), Ok(other)] => {
            let [first, second] = &sight.pair.nodes;
            let found = format!("{one} on {}, {other} on {}", first.name, second.name);
            topic.failed(found, "set the zone with timedatectl set-timezone, or chtz on AIX")
        }
    }
}

fn daemon(sight: &Sight<'_>, number: usize) -> Finding {
    let topic = sight.topic(number, "time-daemon", "the clock is set by a time server");
    match judged(&sight.nodes[number]) {
        Ok((true, found)) => topic.ok(found),
        Ok((false, found)) => {
            let fix = "see chronyc sources, or ntpq -p: a * must stand before one of the servers";
            topic.failed(found, fix)
        }
        Err(why) => topic.unknown(why),
    }
}

/// Whether a server sets the clock, as whoever of them answers says it, and its words.
fn judged(answers: &Answers) -> Result<(bool, String), String> {
    if let Ok(text) = answers.text("chronyc") {
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let leap = value("Leap status").unwrap_or_default();
        let reference = value("Reference ID").unwrap_or_default();
        let found = format!("chronyc: {reference}, {}", leap.to_lowercase());
        // A clock that follows itself has a leap status that is normal, too: 7F7F0101 is the local one.
        let by_itself = reference.starts_with("7F7F") || reference.starts_with("00000000");
        return match leap.as_str() {
            "" => Err("chronyc tracking says no leap status".to_owned()),
            "Not synchronised" => Ok((false, found)),
            _ if by_itself => Ok((false, found)),
            // What it followed once stands there also when that is gone.
            _ => {
                let sources = answers.text("chronyc-sources").map_err(|error| error.to_string())?;
                let selected = |line: &str| line.len() > 1 && line[1..].starts_with('*');
                match sources.lines().filter(|line| line.is_ascii()).any(selected) {
                    true => Ok((true, found)),
                    false => Ok((false, "chronyc: no source has a *".to_owned())),
                }
            }
        };
    }
    if let Ok(text) = answers.text("ntpq") {
        // The tally code stands first: * the system peer, o the same by pulse per second.
        let peer = text.lines().find(|line| line.starts_with(['*', 'o']));
        return Ok(match peer.and_then(|line| line[1..].split_whitespace().next()) {
            Some(peer) => (!peer.starts_with("127.127.1."), format!("ntpq: {peer}")),
            None => (false, "ntpq: no server has a *".to_owned()),
        });
    }
    if let Ok(text) = answers.text("timedatectl") {
        return match text.as_str() {
            "NTPSynchronized=yes" => Ok((true, "timedatectl: synchronized".to_owned())),
            "NTPSynchronized=no" => Ok((false, "timedatectl: not synchronized".to_owned())),
            other => Err(format!("timedatectl says {other:?}")),
        };
    }
    let asked = ["chronyc", "ntpq", "timedatectl"].map(|name| answers.of(name));
    if let Some(Err(error)) = asked.iter().find(|asked| asked.is_err()) {
        return Err(error.to_string());
    }
    // It is there, and its daemon does not answer.
    let silent = asked.iter().flatten().any(|reply| reply.status != 127);
    match silent {
        true => Ok((false, "no daemon that sets it answers".to_owned())),
        false => Err("neither chronyc, ntpq nor timedatectl is there to be asked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(replies: &[(&str, i32, &str)]) -> Result<bool, String> {
        let mut answers = Answers::default();
        for name in ["chronyc", "ntpq", "timedatectl"] {
            answers.put(name, 127, "");
        }
        for (name, status, text) in replies {
            answers.put(name, *status, text);
        }
        judged(&answers).map(|(set, _)| set)
    }

    fn tracking(reference: &str, leap: &str) -> String {
        format!("Reference ID    : {reference}\nStratum         : 3\nLeap status     : {leap}\n")
    }

    #[test]
    fn a_clock_is_set_where_chrony_follows_a_server_and_not_itself() {
        let chrony = |reference: &str, leap: &str| {
            let sources = "MS Name/IP address  Stratum\n^* 10.0.0.1    8   0   377   0\n";
            judge(&[("chronyc", 0, &tracking(reference, leap)), ("chronyc-sources", 0, sources)])
        };
        assert_eq!(chrony("0A000001 (10.0.0.1)", "Normal"), Ok(true));
        let gone = [
            ("chronyc", 0, tracking("0A000001 (10.0.0.1)", "Normal")),
            (
                "chronyc-sources",
                0,
                "^? 10.0.0.1    8   0     0   35   -1ns[ -1ns] +/- 6us\n".to_owned(),
            ),
        ];
        let gone: Vec<(&str, i32, &str)> =
            gone.iter().map(|(name, status, text)| (*name, *status, text.as_str())).collect();
        assert_eq!(judge(&gone), Ok(false));
        assert_eq!(chrony("7F7F0101 ()", "Normal"), Ok(false));
        assert_eq!(chrony("00000000 ()", "Not synchronised"), Ok(false));
    }

    #[test]
    fn a_clock_is_set_where_ntpq_has_a_star_that_is_no_local_clock() {
        let head = "     remote           refid      st t when poll reach   delay   offset  jitter\n\
                    ==============================================================================\n";
        let ntpq = |line: &str| judge(&[("ntpq", 0, &format!("{head}{line}\n"))]);
        assert_eq!(
            ntpq("*10.0.0.9        .GPS.            1 u   33   64  377    0.2   -0.1   0.05"),
            Ok(true)
        );
        assert_eq!(
            ntpq("+10.0.0.9        .GPS.            1 u   33   64  377    0.2   -0.1   0.05"),
            Ok(false)
        );
        assert_eq!(
            ntpq("*127.127.1.0     .LOCL.           5 l   33   64  377    0.0    0.0   0.00"),
            Ok(false)
        );
        assert_eq!(judge(&[("ntpq", 1, "")]), Ok(false));
    }

    #[test]
    fn where_nobody_can_be_asked_nothing_is_said() {
        assert!(judge(&[]).unwrap_err().contains("neither"));
        assert_eq!(judge(&[("timedatectl", 0, "NTPSynchronized=yes\n")]), Ok(true));
    }
}
