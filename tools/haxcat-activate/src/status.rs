//! Whether this machine is the management node: programs are asked, and nothing is touched.

use ha_json::{Error, Map, Status, Value, answer, json};
use ha_pair::{Pair, Parts};
use ha_plan::{Answer, Probe, ask};

const SCHEMA: &str = "haxcat-status/1";

/// What goes with the role, and whether it is here.
struct Part {
    name: String,
    here: Result<bool, Error>,
    /// A takeover brings it, and giving up takes it away.
    counts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Inactive,
    InPart,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Inactive => "inactive",
            State::InPart => "in_part",
        }
    }
}

/// Asks, and writes the answer.
///
/// # Errors
/// Failed: a part of it is here, or a program cannot be asked; standard output cannot be written.
pub(crate) fn tell(pair: &Pair, parts: &Parts<'_>) -> Result<Status, Error> {
    let (told, end) = judged(&look(pair, parts));
    answer::write_all(format!("{told}\n").as_bytes())?;
    end
}

fn look(pair: &Pair, parts: &Parts<'_>) -> Vec<Part> {
    let part = |name: String, probe: Probe, counts: bool| Part { name, here: ask(&probe), counts };
    let mut all = vec![part("vip".to_owned(), parts.vip(Answer::Yes), pair.vip.manage)];
    for path in &pair.shared_mounts {
        all.push(part(format!("mount {path}"), parts.mounted(path, Answer::Yes), pair.mount));
    }
    for service in parts.started() {
        let probe = parts.running(service, Answer::Yes);
        let runs = part(format!("service {}", service.name), probe, true);
        // What does not run is not asked whether it answers: that may take long.
        let is_xcatd = service.name == pair.xcatd.name && matches!(runs.here, Ok(true));
        all.push(runs);
        if is_xcatd {
            all.push(part("xcatd answers".to_owned(), parts.xcatd_answers(), true));
        }
    }
    all
}

fn judged(all: &[Part]) -> (Value, Result<Status, Error>) {
    let unknown = all.iter().find_map(|part| part.here.as_ref().err());
    let counted = |here: bool| {
        let parts = all.iter().filter(|part| part.counts && part.here.as_ref() == Ok(&here));
        parts.map(|part| part.name.as_str()).collect::<Vec<_>>()
    };
    let (present, missing) = (counted(true), counted(false));
    let (state, end) = match (unknown, present.is_empty(), missing.is_empty()) {
        (Some(error), ..) => (None, Err(error.clone())),
        (None, _, true) => (Some(State::Active), Ok(Status::Done)),
        (None, true, _) => (Some(State::Inactive), Ok(Status::No)),
        (None, false, false) => {
            let why = format!("is here in part, without {}", missing.join(", "));
            (Some(State::InPart), Err(Error::failed("the management node", why)))
        }
    };
    let status = match &end {
        Ok(status) => *status,
        Err(error) => error.kind.status(),
    };
    // A program that cannot be asked: on a node where something is not installed, or not mounted.
    let reason = if state.is_none() { "no_program" } else { "in_part" };
    let error = end.as_ref().err().map(
        |error| json!({"kind": error.kind.word(), "reason": reason, "message": error.to_string()}),
    );
    let parts: Map<String, Value> =
        all.iter().map(|part| (part.name.clone(), json!(part.here.as_ref().ok()))).collect();
    let answer = Map::from_iter([
        ("schema".to_owned(), Value::from(SCHEMA)),
        ("ok".to_owned(), Value::from(end.is_ok())),
        ("status".to_owned(), Value::from(status.code())),
        ("state".to_owned(), json!(state.map(State::word))),
        ("parts".to_owned(), Value::Object(parts)),
        ("error".to_owned(), json!(error)),
    ]);
    (Value::Object(answer), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(parts: &[(Result<bool, Error>, bool)]) -> (Value, u8) {
        let all: Vec<Part> = parts
            .iter()
            .enumerate()
            .map(|(at, (here, counts))| Part {
                name: at.to_string(),
                here: here.clone(),
                counts: *counts,
            })
            .collect();
        let (told, end) = judged(&all);
        let status = end.unwrap_or_else(|error| error.kind.status());
        (told["state"].clone(), status.code())
    }

    #[test]
    fn all_or_nothing_is_an_answer_and_a_part_is_a_failure() {
        assert_eq!(judge(&[(Ok(true), true), (Ok(true), true)]), (json!("active"), 0));
        assert_eq!(judge(&[(Ok(false), true), (Ok(false), true)]), (json!("inactive"), 1));
        assert_eq!(judge(&[(Ok(true), true), (Ok(false), true)]), (json!("in_part"), 6));
    }

    #[test]
    fn what_the_cluster_brings_does_not_count() {
        assert_eq!(judge(&[(Ok(true), false), (Ok(false), true)]), (json!("inactive"), 1));
        assert_eq!(judge(&[(Ok(false), false), (Ok(true), true)]), (json!("active"), 0));
    }

    #[test]
    fn what_cannot_be_asked_is_no_answer() {
        let unknown = Err(Error::failed("systemctl", "no such program"));
        assert_eq!(judge(&[(unknown, true), (Ok(false), true)]), (Value::Null, 6));
    }
}
