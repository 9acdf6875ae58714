//! The dump of the database: on both nodes, fresh, whole, and not on the shared disks.

use crate::answers::{Answers, Question, failure, script, stream, stream_error, tool};
use crate::finding::{Finding, Look};
use crate::sight::Sight;
use ha_json::Error;
use ha_pair::Dump;
use jiff::Timestamp;

const READ: &str = "dump";
const PLACE: &str = "dump-place";

pub(crate) fn questions(dump: &Dump) -> Vec<Question> {
    vec![
        // It checks the whole dump before the first table is told.
        tool(READ, "haxcat-dump", &["--from", &dump.directory, "site"]),
        script(PLACE, "test ! -d \"$1\" || df -P \"$1\"", &[&dump.directory]),
    ]
}

pub(crate) fn findings(sight: &Sight<'_>, now: Timestamp) -> Vec<Finding> {
    let Some(dump) = &sight.pair.dump else {
        let topic = crate::finding::Topic::of_the_pair("dump", "a dump of the database is made");
        return vec![topic.not_applicable("the configuration has none")];
    };
    [0, 1]
        .into_iter()
        .flat_map(|number| [fresh(sight, number, dump, now), place(sight, number, dump)])
        .collect()
}

fn fresh(sight: &Sight<'_>, number: usize, dump: &Dump, now: Timestamp) -> Finding {
    let expected = format!("is whole, and no older than {} hours", dump.max_age_hours);
    let topic = sight.topic(number, "dump", &expected).of(&dump.directory);
    let fix = match number == sight.roles.primary() {
        true => format!("haxcat-dump -p {} there, from cron: see crontab-xcat", dump.directory),
        false => "see why xcat-nightly-sync on the primary does not bring it".to_owned(),
    };
    match as_of(&sight.nodes[number]) {
        Err(error) if error.kind == ha_json::Kind::Busy => topic.unknown(error.to_string()),
        Err(error) => topic.failed(error.to_string(), fix),
        Ok(moment) => {
            let minutes = now.duration_since(moment).as_secs() / 60;
            let found = format!("as of {moment}, {} h {} min ago", minutes / 60, minutes % 60);
            match minutes {
                ..-5 => topic.failed(format!("as of {moment}, which is to come"), "set the clocks"),
                minutes if minutes as u64 > dump.max_age_hours * 60 && minutes > 0 => {
                    topic.failed(found, fix)
                }
                _ => topic.ok(found),
            }
        }
    }
}

/// The moment that the dump is as of. What is known of the program itself, and not of a dump, is busy.
fn as_of(answers: &Answers) -> Look<Timestamp> {
    let unknown = |error: Error| Error::busy(error.what, error.why);
    let reply = answers.of(READ).map_err(unknown)?;
    let records = stream(reply).ok_or_else(|| unknown(failure("haxcat-dump", reply)))?;
    if reply.status != 0 {
        let why = stream_error(&records).unwrap_or("its tables are not whole");
        return Err(Error::failed("", why));
    }
    let moment = records.last().and_then(|end| end["as_of"].as_str()?.parse().ok());
    moment.ok_or_else(|| Error::failed("", "it does not say when it was made"))
}

fn place(sight: &Sight<'_>, number: usize, dump: &Dump) -> Finding {
    let expected = "is not on the shared disks";
    let topic = sight.topic(number, "dump-place", expected).of(&dump.directory);
    let text = match sight.nodes[number].text(PLACE) {
        Ok(text) => text,
        Err(error) => return topic.unknown(error.to_string()),
    };
    if text.is_empty() {
        return topic.not_applicable("there is no such directory");
    }
    // POSIX: the last of six fields of the second line is the mount point.
    let point = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(5));
    match point {
        None => topic.unknown("df -P says no mount point"),
        Some(point) if sight.pair.is_shared(point) => {
            topic.failed(format!("it is on {point}"), "make it on a disk of the node itself")
        }
        Some(point) => topic.ok(format!("on {point}")),
    }
}
