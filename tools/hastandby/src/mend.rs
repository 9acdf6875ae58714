//! What `--apply` does: on the standby, where it runs; the primary is never touched.

use crate::finding::Finding;
use crate::programs::Programs;
use crate::sight::Sight;
use ha_json::Error;
use ha_pair::{Pair, Parts};
use ha_plan::{Act, Answer, Check, Condition, OnFailure, Plan, Probe, Step};
use std::collections::{BTreeMap, HashMap};

/// A program.
pub(crate) fn run(argv: Vec<String>) -> Vec<Act> {
    vec![Act::Run { argv, environment: BTreeMap::new() }]
}

/// A file or a directory, brought here from the primary.
pub(crate) fn bring(sight: &Sight<'_>, from: &str, to: &str) -> Vec<Act> {
    if sight.roles.here != sight.roles.standby {
        return Vec::new();
    }
    let programs = &sight.programs;
    let mut argv = vec![programs.hasync.clone(), "-a".to_owned()];
    argv.extend_from_slice(&programs.hasync_options);
    if from.ends_with('/') {
        argv.push("--delete".to_owned());
    }
    argv.extend([from.to_owned(), to.to_owned()]);
    run(argv)
}

/// This machine's side of ssh, for which nothing is changed at the primary.
pub(crate) fn ssh(sight: &Sight<'_>) -> Vec<Act> {
    if sight.roles.here != sight.roles.standby {
        return Vec::new();
    }
    let primary = sight.primary().0;
    let Programs { hassh, hassh_options, .. } = &sight.programs;
    let mut argv = vec![hassh.clone(), "--setup".to_owned(), "--here".to_owned()];
    argv.extend(primary.host_key.iter().flat_map(|key| ["--fingerprint".to_owned(), key.clone()]));
    argv.extend_from_slice(hassh_options);
    argv.push(primary.name.clone());
    run(argv)
}

/// A step for each act of a finding that failed. None needs another one, so each is tried.
///
/// # Errors
/// Failed, where this machine is not known to be the standby.
pub(crate) fn plan(tool: &str, sight: &Sight<'_>, findings: &[Finding]) -> Result<Plan, Error> {
    is_the_standby(sight)?;
    let pair: &Pair = sight.pair;
    let parts = Parts::look(pair)?;
    let mut counts = HashMap::new();
    let mut made: Vec<&Act> = Vec::new();
    let mut steps = Vec::new();
    for finding in findings {
        for act in &finding.acts {
            // ssh is set up once for both directions.
            if made.contains(&act) {
                continue;
            }
            made.push(act);
            let id = finding.key.id;
            let count = counts.entry(id).and_modify(|count| *count += 1).or_insert(1);
            let item = finding.key.item.as_deref().unwrap_or_default();
            let what = format!("{item}: {}", finding.values.fix.as_deref().unwrap_or_default());
            let seconds = match id {
                "service-stopped" => pair.seconds.stop,
                _ => pair.seconds.command,
            };
            let step = Step::new(&format!("{id}-{count}"), &what, act.clone(), seconds);
            // It may have become the primary since it was looked.
            let guard = Some(parts.vip(Answer::No));
            steps.push(Step { on_failure: OnFailure::GoOn, guard, ..step });
        }
    }
    Ok(Plan {
        name: tool.to_owned(),
        state: tool.to_owned(),
        state_directory: pair.state_directory.clone(),
        deadline_seconds: pair.seconds.deadline,
        conditions: vec![still_standby(&parts)],
        steps,
    })
}

/// A takeover puts that file there first.
fn still_standby(parts: &Parts<'_>) -> Condition {
    let probe = Probe { expect: Answer::No, ..parts.begun() };
    let what = "no takeover was begun on this machine".to_owned();
    let next = "it is a primary, or half of one: haxcat-deactivate gives that up";
    Condition::needed("standby", what, Check::Probe { probe }, next)
}

fn is_the_standby(sight: &Sight<'_>) -> Result<(), Error> {
    let vip = &sight.pair.vip;
    let here = &sight.pair.nodes[sight.roles.here];
    let has = |number: usize| crate::vip::holders(sight.pair, &sight.nodes)[number];
    if has(sight.roles.here) != Some(false) {
        let why = format!("has {}: a primary is not touched", vip.address);
        return Err(Error::failed(&here.name, why));
    }
    if sight.roles.here != sight.roles.standby {
        let standby = &sight.standby().0.name;
        return Err(Error::failed(&here.name, format!("is not the standby: run it on {standby}")));
    }
    match has(sight.roles.there()) {
        Some(true) => Ok(()),
        _ if sight.roles.by == crate::roles::By::Option => Ok(()),
        _ => {
            let why = format!(
                "nobody is seen to have {}: say --standby {} if this is the standby",
                vip.address, here.name
            );
            Err(Error::failed(&here.name, why))
        }
    }
}
