//! ssh without a password, in each direction: what hassh says of it.

use crate::answers::{Answers, Question, stream};
use crate::finding::Finding;
use crate::mend;
use crate::sight::Sight;
use ha_json::Value;

const HASSH: &str = "hassh";

/// The question, for this machine.
pub(crate) fn question(program: &str, options: &[String], peer: &str) -> Question {
    let mut argv = vec![program.to_owned()];
    argv.extend_from_slice(options);
    argv.push(peer.to_owned());
    (HASSH.to_owned(), argv)
}

/// The `direction` records.
fn directions(between: &Answers) -> Result<Vec<Value>, String> {
    let reply = between.of(HASSH).map_err(|error| error.to_string())?;
    let is_hassh = |records: &Vec<Value>| records[0]["schema"] == "hassh/1";
    match stream(reply).filter(is_hassh) {
        Some(records) => {
            Ok(records.into_iter().filter(|record| record["type"] == "direction").collect())
        }
        None => {
            let words = reply.stderr.lines().last().unwrap_or_default();
            Err(format!("hassh gave no whole answer: status {} {words}", reply.status))
        }
    }
}

/// The difference of the clocks and its error, in seconds.
pub(crate) fn clock(sight: &Sight<'_>) -> Option<(f64, f64)> {
    let directions = directions(&sight.between).ok()?;
    directions.iter().find_map(|direction| {
        let value = |name: &str| direction["values"][name].as_f64();
        Some((value("clock_difference_seconds")?, value("clock_error_seconds").unwrap_or_default()))
    })
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let (here, there) = (sight.roles.here, sight.roles.there());
    let name = |number: usize| sight.pair.nodes[number].name.as_str();
    let topic = |from: usize, to: usize| {
        let expected = "without a password, with a host key that is known";
        sight.topic(from, "ssh", expected).of(&format!("to {}", name(to)))
    };
    let directions = match directions(&sight.between) {
        Ok(directions) => directions,
        Err(why) => {
            return vec![topic(here, there).unknown(&why), topic(there, here).unknown(&why)];
        }
    };
    // hassh tells the one from here first, and names the nodes as the callers do.
    [(here, there), (there, here)]
        .into_iter()
        .enumerate()
        .map(|(at, (from, to))| match directions.get(at) {
            Some(direction) => finding(sight, topic(from, to), &direction["values"]),
            None => topic(from, to).unknown("hassh says nothing of this direction"),
        })
        .collect()
}

fn finding(sight: &Sight<'_>, topic: crate::finding::Topic, values: &Value) -> Finding {
    let text = |name: &str| values[name].as_str().unwrap_or_default();
    let found = format!(
        "tcp {}, host key {}, authentication {}",
        text("tcp"),
        text("host_key"),
        text("authentication")
    );
    match text("state") {
        "ok" => topic.ok(found),
        "failed" => {
            let faults = values["faults"].as_array().into_iter().flatten();
            let faults: Vec<String> = faults
                .filter_map(|fault| {
                    let item = fault["item"].as_str().unwrap_or_default();
                    Some(format!("{item}: {}", fault["message"].as_str()?))
                })
                .collect();
            let found = match faults.is_empty() {
                true => found,
                false => format!("{found} ({})", faults.join("; ")),
            };
            let fix = match text("fix") {
                "" => "see what hassh says",
                fix => fix,
            };
            topic.failed(found, fix).mended_by(mend::ssh(sight))
        }
        _ => match text("reason") {
            "" => topic.unknown(format!("{found}: not checked")),
            reason => topic.unknown(reason),
        },
    }
}
