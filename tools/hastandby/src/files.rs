//! Files that are the same on both nodes, and that name neither.

use crate::answers::{Answers, Question, failure, question, script, stream, stream_error};
use crate::finding::{Finding, Topic};
use crate::mend;
use crate::sight::Sight;
use ha_json::Value;
use ha_pair::Pair;

/// The one file that has the names of both nodes, as it must.
const HOSTS: &str = "/etc/hosts";

/// How many names of files a finding has.
const NAMED: usize = 5;

fn paths(pair: &Pair) -> impl Iterator<Item = &String> {
    pair.files.iter().chain(&pair.credentials).filter(|path| !pair.is_shared(path))
}

const WHAT: &str = "if test -d \"$1\"; then echo directory; elif test -e \"$1\" || test -h \"$1\"; then echo file; \
     else echo nothing; fi";

/// What each path is.
pub(crate) fn questions(pair: &Pair) -> Vec<Question> {
    paths(pair).map(|path| script(format!("what {path}"), WHAT, &[path])).collect()
}

/// Where the files of the primary name itself.
pub(crate) fn questions_to_the_primary(pair: &Pair, primary: usize) -> Vec<Question> {
    let node = &pair.nodes[primary];
    let address = node.address.to_string();
    let named = |path: &String| {
        let argv = ["grep", "-n", "-w", "-F", "-e", &node.name, "-e", &address, path];
        question(format!("names {path}"), &argv)
    };
    searched(pair).map(named).collect()
}

fn searched(pair: &Pair) -> impl Iterator<Item = &String> {
    pair.files.iter().filter(|path| path.as_str() != HOSTS && !pair.is_shared(path))
}

/// The question for this machine whether a path is the same on both, by the digests of contents.
pub(crate) fn comparisons(sight: &Sight<'_>, hasync: &str, options: &[String]) -> Vec<Question> {
    let compare = |path: &String| {
        let (from, to) = ends(sight, path)?;
        let mut argv: Vec<String> =
            [hasync, "--dry-run", "-i", "-c", "-rlpgo"].map(str::to_owned).into();
        argv.extend_from_slice(options);
        if from.ends_with('/') {
            argv.push("--delete".to_owned());
        }
        argv.extend([from, to]);
        Some((format!("alike {path}"), argv))
    };
    paths(sight.pair).filter_map(compare).collect()
}

/// Source and destination for hasync on this machine; none where there is nothing on the primary.
fn ends(sight: &Sight<'_>, path: &str) -> Option<(String, String)> {
    let end = match what(sight, path).ok()?.as_str() {
        "directory" => format!("{path}/"),
        "file" => path.to_owned(),
        _ => return None,
    };
    let there = format!("{}:{end}", sight.pair.nodes[sight.roles.there()].name);
    Some(match sight.roles.here == sight.roles.primary() {
        true => (end, there),
        false => (there, end),
    })
}

fn what(sight: &Sight<'_>, path: &str) -> Result<String, String> {
    sight.primary().1.text(&format!("what {path}")).map_err(|error| error.to_string())
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let pair = sight.pair;
    let mut findings: Vec<Finding> =
        pair.files.iter().map(|path| alike(sight, "file", path)).collect();
    findings.extend(pair.credentials.iter().map(|path| alike(sight, "credentials", path)));
    findings.extend(pair.files.iter().map(|path| names_nobody(sight, path)));
    findings
}

fn alike(sight: &Sight<'_>, id: &'static str, path: &str) -> Finding {
    let topic = sight.topic(sight.roles.standby, id, "as on the primary").of(path);
    if sight.pair.is_shared(path) {
        return topic.not_applicable("it is on the shared disks");
    }
    let there = sight.standby().1.text(&format!("what {path}"));
    match (what(sight, path).as_deref(), there.as_deref()) {
        (Err(why), _) => return topic.unknown(why),
        (Ok("nothing"), _) => return topic.not_applicable("the primary has none"),
        (Ok(_), Err(error)) => return topic.unknown(error.to_string()),
        (Ok(here), Ok(there)) if here != there && there != "nothing" => {
            let found = format!("a {there}, and a {here} on the primary");
            return topic.failed(found, "see what it is, and take it away");
        }
        _ => {}
    }
    match differences(&sight.between, &format!("alike {path}")) {
        Err(why) => topic.unknown(why),
        Ok(paths) if paths.is_empty() => topic.ok("the same"),
        Ok(paths) => {
            let some = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let found = format!("{} differ: {some}", paths.len());
            match ends(sight, path) {
                // Keys and certificates are brought by a person, who knows which of the two is right.
                Some((from, to)) if id == "file" => topic
                    .failed(found, format!("hasync -a {from} {to}"))
                    .mended_by(mend::bring(sight, &from, &to)),
                _ => topic.failed(found, "bring them from the node on which they are right"),
            }
        }
    }
}

/// What hasync would change.
fn differences(between: &Answers, name: &str) -> Result<Vec<String>, String> {
    let reply = between.of(name).map_err(|error| error.to_string())?;
    let records = stream(reply).ok_or_else(|| failure("hasync", reply).to_string())?;
    if reply.status != 0 {
        let why = stream_error(&records).map(str::to_owned);
        return Err(why.unwrap_or_else(|| format!("hasync ended with status {}", reply.status)));
    }
    let path = |record: &Value| {
        let path = record["key"]["path"].as_str().or_else(|| record["key"]["path_base64"].as_str());
        path.unwrap_or("?").to_owned()
    };
    Ok(records.iter().filter(|record| record["type"] == "change").map(path).collect())
}

/// A file that is brought to the standby makes it think that it is the primary.
fn names_nobody(sight: &Sight<'_>, path: &str) -> Finding {
    let (primary, answers) = sight.primary();
    let expected = format!("names {} nowhere", primary.name);
    let topic: Topic = sight.topic(sight.roles.primary(), "names-itself", &expected).of(path);
    if path == HOSTS {
        return topic.not_applicable("it has the names of both nodes, as it must");
    }
    if sight.pair.is_shared(path) {
        return topic.not_applicable("it is on the shared disks, and is not brought");
    }
    match what(sight, path).as_deref() {
        Err(why) => return topic.unknown(why),
        Ok("nothing") => return topic.not_applicable("the primary has none"),
        Ok("directory") => return topic.not_applicable("a directory is not searched"),
        Ok(_) => {}
    }
    match answers.of(&format!("names {path}")) {
        Err(error) => topic.unknown(error.to_string()),
        Ok(reply) if reply.status == 1 => topic.ok("nowhere"),
        Ok(reply) if reply.status == 0 => {
            let text = String::from_utf8_lossy(&reply.stdout);
            let lines: Vec<&str> =
                text.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
            let found = format!(
                "in line {}",
                lines.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")
            );
            topic.failed(
                found,
                format!("have it name {}, or take it out of files", sight.pair.vip.name),
            )
        }
        Ok(reply) => topic.unknown(failure("grep", reply).to_string()),
    }
}
