//! What is installed, alike on both nodes.

use crate::answers::{Answers, Question, script};
use crate::finding::{Finding, Look, Topic};
use crate::sight::Sight;
use ha_pair::Pair;

/// The versions of what is installed: names of questions, and of findings.
pub(crate) const XCAT: &str = "xcat-version";
pub(crate) const DATABASE: &str = "database-version";
const SYSTEM: &str = "os-version";

pub(crate) fn questions(pair: &Pair) -> Vec<Question> {
    // AIX has neither os-release nor a machine type that means anything.
    let system = "if test -r /etc/os-release; then (. /etc/os-release; echo \"$ID $VERSION_ID $(uname -m)\"); \
                  elif command -v oslevel >/dev/null; then echo \"AIX $(oslevel -s)\"; else uname -srm; fi";
    let mut questions = vec![script(SYSTEM, system, &[])];
    questions.push((XCAT.to_owned(), pair.versions.xcat.clone()));
    questions.extend(pair.versions.database.clone().map(|argv| (DATABASE.to_owned(), argv)));
    questions
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let topic = |id| Topic::of_the_pair(id, "the same on both nodes");
    let mut findings = vec![alike(sight, topic(SYSTEM), SYSTEM), alike(sight, topic(XCAT), XCAT)];
    findings.push(match sight.pair.versions.database {
        Some(_) => alike(sight, topic(DATABASE), DATABASE),
        None => topic(DATABASE).not_applicable("SQLite has no server, and comes with xCAT"),
    });
    findings
}

/// What the node says of itself.
pub(crate) fn of(answers: &Answers, name: &str) -> Look<String> {
    answers.line(name)
}

fn alike(sight: &Sight<'_>, topic: Topic, name: &str) -> Finding {
    match [0, 1].map(|number| of(&sight.nodes[number], name)) {
        [Err(error), _] | [_, Err(error)] => topic.unknown(error.to_string()),
        [Ok(one), Ok(other)] if one == other => topic.ok(one),
        [Ok(one), Ok(other)] => {
            let [first, second] = &sight.pair.nodes;
            let found = format!("{one} on {}, {other} on {}", first.name, second.name);
            topic.failed(found, "bring both to one version")
        }
    }
}
