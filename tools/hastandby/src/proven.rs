//! Whether xcatd was seen running on the standby: recorded, not assumed.

use crate::answers::{Answers, Question, question};
use crate::finding::Finding;
use crate::sight::Sight;
use crate::versions;
use ha_json::{Error, Status, answer};
use ha_pair::{Pair, Proof};

const NAME: &str = "proof";

pub(crate) fn questions(pair: &Pair) -> Vec<Question> {
    vec![question(NAME, &["cat", &pair.proof])]
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let (node, answers) = sight.standby();
    let path = &sight.pair.proof;
    let expected = "xcatd was seen to start there with what is installed now";
    let topic = sight.topic(sight.roles.standby, "xcatd-proven", expected).of(path);
    let fix = format!(
        "start xcatd on {} while its own database is there, and run hastandby --prove there",
        node.name
    );
    let proof = match answers.of(NAME) {
        Err(error) => return vec![topic.unknown(error.to_string())],
        Ok(reply) if reply.status == 1 => return vec![topic.failed("it was never recorded", fix)],
        Ok(reply) if reply.status != 0 => {
            return vec![topic.unknown(crate::answers::failure("cat", reply).to_string())];
        }
        Ok(reply) => match Proof::parse(&reply.stdout) {
            Ok(proof) => proof,
            Err(error) => return vec![topic.failed(error.to_string(), fix)],
        },
    };
    let now = (versions::of(answers, versions::XCAT), database(sight.pair, answers));
    vec![match now {
        (Err(error), _) | (_, Err(error)) => topic.unknown(error.to_string()),
        (Ok(xcat), _) if xcat != proof.xcat_version => topic.failed(
            format!("on {}, with {}; now {xcat} is there", proof.time, proof.xcat_version),
            fix,
        ),
        (_, Ok(database)) if database != proof.database_version => {
            let text = |version: &Option<String>| version.clone().unwrap_or_default();
            let was = text(&proof.database_version);
            topic.failed(
                format!("on {}, with {was}; now {} is there", proof.time, text(&database)),
                fix,
            )
        }
        _ if proof.engine != sight.pair.database.engine.word() => {
            topic.failed(format!("on {}, with {}", proof.time, proof.engine), fix)
        }
        _ => topic.ok(format!("on {}", proof.time)),
    }]
}

fn database(pair: &Pair, answers: &Answers) -> Result<Option<String>, Error> {
    match pair.versions.database {
        Some(_) => versions::of(answers, versions::DATABASE).map(Some),
        None => Ok(None),
    }
}

/// Sees that xcatd answers on this machine now, and records it.
///
/// # Errors
/// Failed, where it does not answer, where a version cannot be told, or the file cannot be written.
pub(crate) fn prove(pair: &Pair) -> Result<Status, Error> {
    let proof = Proof::look(pair)?;
    proof.write(pair)?;
    answer::write_all(format!("{}\n", proof.to_json()).as_bytes())?;
    Ok(Status::Done)
}
