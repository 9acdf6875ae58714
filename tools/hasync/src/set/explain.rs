//! `hasync explain`: which group has a path, what its rules make of it, and what the next run would do.

use super::document::{Document, Group, Hook, is_plain, is_within};
use super::list::beneath;
use super::news::News;
use super::primary::{Here, Run};
use super::state::State;
use crate::filter::Filters;
use crate::options::Options;
use ha_json::answer::write_all;
use ha_json::{Error, Map, Status, Value, json};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::Path;

const SCHEMA: &str = "hasync-explain/1";

/// What would become of a path on a target.
#[derive(Debug, Default)]
struct Would {
    outcome: Option<String>,
    message: Option<String>,
    /// How many of what is beneath it would be created, updated and so on.
    beneath: BTreeMap<String, u64>,
}

impl Would {
    /// What weighs more is told.
    fn take(&mut self, outcome: &str, message: Option<String>) {
        let weight = |outcome: &str| match outcome {
            "unknown" => 4,
            "conflict" => 3,
            "held_back" => 2,
            "skipped" => 0,
            _ => 1,
        };
        if self.outcome.as_deref().is_none_or(|had| weight(had) < weight(outcome)) {
            self.outcome = Some(outcome.to_owned());
            self.message = message;
        }
    }

    /// A record of the standby's; `is_here` where the primary has the path.
    fn hear(&mut self, path: &str, is_here: bool, kind: &str, record: &Map<String, Value>) {
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        let Some(of) = record.get("key").and_then(|key| key["path"].as_str()) else { return };
        let outcome = match kind {
            "change" => text("action").unwrap_or_default(),
            "validation" if record.get("ok") == Some(&Value::from(false)) => "refused",
            "conflict" | "held_back" | "skipped" => kind,
            _ => return,
        };
        let message = text("message").or(text("what").filter(|_| kind == "conflict"));
        let is_deletion = text("reason") == Some("deletions");
        let holds = kind == "held_back"
            && is_within(path.as_bytes(), of.as_bytes())
            && !(is_deletion && is_here);
        if of == path || holds {
            self.take(outcome, message.map(str::to_owned));
        } else if is_within(of.as_bytes(), path.as_bytes()) {
            *self.beneath.entry(outcome.to_owned()).or_default() += 1;
        }
    }

    fn value(self, target: &str) -> Value {
        json!({
            "target": target,
            "outcome": self.outcome.as_deref().unwrap_or("nothing"),
            "message": self.message,
            "beneath": self.beneath,
        })
    }
}

/// Tells what a set has of a path.
///
/// # Errors
/// For a document, or a path, that is none.
pub(super) fn explain(run: &Run, path: &str) -> Result<Status, Error> {
    let document = Document::read(&run.file)?;
    let path = path.trim_end_matches('/');
    if !is_plain(path) {
        return Err(Error::usage(path, "is no absolute path, or one with . or .. in it"));
    }
    let group = document.groups.iter().find(|group| group.holds(path.as_bytes()));
    let metadata = fs::symlink_metadata(beneath(Path::new(&document.root), path)).ok();
    let is_directory = metadata.as_ref().is_some_and(Metadata::is_dir);
    let rule = match group {
        Some(group) => excluded_by(group, path, is_directory)?,
        None => None,
    };
    let belongs = group.is_some() && rule.is_none();
    let would = match group.filter(|_| belongs && !run.offline) {
        Some(group) => would(run, &document, group, path, metadata.is_some())?,
        None => BTreeMap::new(),
    };
    let holds = |top: &&String| is_within(path.as_bytes(), top.as_bytes());
    let answer = json!({
        "schema": SCHEMA,
        "ok": true,
        "status": if belongs { 0 } else { 1 },
        "path": path,
        "belongs": belongs,
        "is_here": metadata.is_some(),
        "group": group.map(|group| group.name.as_str()),
        "of": group.and_then(|group| group.paths.iter().find(holds)),
        "excluded_by": rule,
        "rewritten": group.is_some_and(|group| group.rewrite.iter().any(|top| holds(&top))),
        "links": group.map(|group| group.links),
        "compare": group.map(|group| group.compare),
        "delete": group.map(|group| group.delete),
        "on_conflict": group.map(|group| group.on_conflict),
        "validated_by": group.map(|group| {
            let own = group.validate.iter().filter(|one| one.path == path);
            own.map(|one| &one.run).collect::<Vec<_>>()
        }),
        "hooks": group.map(|group| {
            let due = |hook: &&Hook| super::run::is_due(hook, [&path.as_bytes()[1..]].into_iter());
            group.hooks.iter().filter(due).map(|hook| &hook.run).collect::<Vec<_>>()
        }),
        "targets": document.targets.iter().map(|target| target.host.as_str()).collect::<Vec<_>>(),
        "would": would.into_iter().map(|(target, would)| would.value(&target)).collect::<Vec<_>>(),
    });
    write_all(format!("{answer}\n").as_bytes())?;
    Ok(if belongs { Status::Done } else { Status::No })
}

/// What the next run would make of a path, by target.
fn would(
    run: &Run,
    document: &Document,
    group: &Group,
    path: &str,
    is_here: bool,
) -> Result<BTreeMap<String, Would>, Error> {
    let state = State::open(Path::new(&document.root), run.state.as_deref())?;
    let names = document.targets.iter().map(|target| (target.name(), Would::default()));
    let mut found: BTreeMap<_, _> = names.collect();
    let here = match Here::new(run, document, vec![group], &state) {
        Ok(here) => Here { only: Some(path), ..here },
        // It is not the primary: what it is told of the group is true all the same.
        Err(error) => {
            found.values_mut().for_each(|would| would.take("unknown", Some(error.to_string())));
            return Ok(found);
        }
    };
    here.visit(|(_, target), news| {
        let would = found.entry(target).or_default();
        match news {
            News::Record(kind, record) => would.hear(path, is_here, &kind, &record),
            News::Failed(error) => would.take("unknown", Some(error.to_string())),
            News::Done(_, brought) => {
                for trouble in brought.trouble {
                    would.take("unknown", Some(trouble.message));
                }
            }
            News::Generation(_) => {}
        }
    });
    Ok(found)
}

/// The first of a group's patterns that leaves out a path, or a directory that it is in.
fn excluded_by(group: &Group, path: &str, is_directory: bool) -> Result<Option<String>, Error> {
    for pattern in &group.exclude {
        let alone = Group { exclude: vec![pattern.clone()], ..group.clone() };
        let options: Options = super::list::options(&alone);
        let filters = Filters::new(&options)?;
        let relative = &path[1..];
        let ends = relative.match_indices('/').map(|(end, _)| end).chain([relative.len()]);
        for end in ends {
            let part = &relative[..end];
            if filters.hide.forbids(part.as_bytes(), end < relative.len() || is_directory) {
                return Ok(Some(pattern.clone()));
            }
        }
    }
    Ok(None)
}
