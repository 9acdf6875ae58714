//! From the options to what is written.

use crate::answers::{self, Answers};
use crate::finding::{Finding, Key, State};
use crate::programs::Programs;
use crate::roles::{self, Roles};
use crate::sight::Sight;
use crate::verdict::{Verdict, Word};
use crate::{
    Arguments, clock, database, dump, files, mend, metrics, mounts, names, proven, services, ssh,
    trend, versions, vip,
};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use ha_pair::{Manager, Pair};
use ha_remote::{Host, Machine};
use jiff::Timestamp;
use std::thread;
use std::time::Duration;

const SCHEMA: &str = "hastandby/1";

/// Looks, and then tells or mends.
///
/// # Errors
/// Usage: a configuration that cannot be used, or a machine that is none of the pair. What the plan of
/// `--apply` ends with.
pub(crate) fn ready(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let pair = Pair::read(&arguments.config)?;
    if arguments.prove {
        return proven::prove(&pair);
    }
    let sight = look(&pair, &arguments)?;
    let findings = findings(&sight, Timestamp::now());
    if !arguments.apply {
        return tell(tool, &arguments, &sight, &findings);
    }
    let schema = if arguments.dry_run { ha_plan::SCHEMA } else { ha_plan::EVENTS };
    let plan = mend::plan(tool.name, &sight, &findings)
        .map_err(|error| Stream::begin(tool, schema).end_failed(&Map::new(), error))?;
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    // Much may have passed since it was looked: no takeover begins while it is mended, and none that was
    // begun is mended away.
    let wait = Duration::from_secs(arguments.orders.lock_wait);
    let _held = ha_plan::hold(&pair.state_directory, "haxcat", wait, &|| false)
        .map_err(|error| Stream::begin(tool, schema).end_failed(&Map::new(), error))?;
    ha_plan::run(tool, &plan, &arguments.orders)
}

fn look<'a>(pair: &'a Pair, arguments: &Arguments) -> Result<Sight<'a>, Error> {
    let wait = Duration::from_secs(arguments.ask_timeout);
    let own = answers::ask(&Machine::Here, vip::questions(), wait);
    let here = roles::here(pair, &vip::addresses(&own)?)?;
    let there = 1 - here;
    if let Some(peer) = &arguments.peer
        && roles::named(pair, peer)? != there
    {
        return Err(Error::usage(peer, "is this machine: the other one is the peer"));
    }
    let asked = arguments.standby.as_deref().map(|name| roles::named(pair, name)).transpose()?;
    let shell = arguments.shell()?;
    let host = Host { user: None, name: pair.nodes[there].name.clone() };
    let machines = |number: usize| match number == here {
        true => Machine::Here,
        false => Machine::There(shell.clone(), host.clone()),
    };
    let mut nodes = both(|number| {
        let mut questions = vip::questions();
        questions.extend(names::questions(pair, number));
        questions.extend(clock::questions());
        questions.extend(services::first_questions(pair));
        questions.extend(mounts::questions());
        questions.extend(versions::questions(pair));
        questions.extend(database::questions());
        questions.extend(proven::questions(pair));
        questions.extend(pair.dump.iter().flat_map(dump::questions));
        answers::ask(&machines(number), questions, wait)
    });
    let roles = roles::roles(here, vip::holders(pair, &nodes), asked);
    let managers = [0, 1].map(|number| manager(pair, &nodes[number]));
    let more = both(|number| {
        let mut questions = services::questions(pair, managers[number]);
        questions.extend(files::questions(pair));
        if number == roles.primary() {
            questions.extend(database::questions_to_the_primary());
            questions.extend(files::questions_to_the_primary(pair, number));
        }
        answers::ask_more(&nodes[number], &machines(number), questions, wait)
    });
    for (node, more) in nodes.iter_mut().zip(more) {
        node.extend(more);
    }
    let programs = Programs::of(arguments);
    let mut sight = Sight { pair, roles, nodes, between: Answers::default(), managers, programs };
    sight.between = between(&sight, arguments);
    Ok(sight)
}

/// What hassh and hasync say, each asked by itself: one of them may take long.
fn between(sight: &Sight<'_>, arguments: &Arguments) -> Answers {
    let Programs { hassh, hassh_options, hasync, hasync_options } = &sight.programs;
    let peer = &sight.pair.nodes[sight.roles.there()].name;
    let mut options = vec!["--back".to_owned(), sight.pair.nodes[sight.roles.here].name.clone()];
    options.extend_from_slice(hassh_options);
    let mut questions = vec![ssh::question(hassh, &options, peer)];
    questions.extend(files::comparisons(sight, hasync, hasync_options));
    let wait = Duration::from_secs(arguments.compare_timeout);
    let mut all = Answers::default();
    for question in questions {
        all.extend(answers::ask_alone(question, wait));
    }
    all
}

/// What is done for the first and the second node, at the same time.
fn both(of: impl Fn(usize) -> Answers + Sync) -> [Answers; 2] {
    thread::scope(|scope| {
        let first = scope.spawn(|| of(0));
        let second = of(1);
        [first.join().unwrap_or_default(), second]
    })
}

fn manager(pair: &Pair, answers: &Answers) -> Option<Manager> {
    pair.manager.or_else(|| Manager::detected(&answers.text(services::MANAGER).ok()?))
}

pub(crate) fn findings(sight: &Sight<'_>, now: Timestamp) -> Vec<Finding> {
    let mut findings = vip::findings(sight);
    findings.extend(names::findings(sight));
    findings.extend(ssh::findings(sight));
    findings.extend(clock::findings(sight));
    findings.extend(services::findings(sight));
    findings.extend(mounts::findings(sight));
    findings.extend(versions::findings(sight));
    findings.extend(proven::findings(sight));
    findings.extend(database::findings(sight));
    findings.extend(dump::findings(sight, now));
    findings.extend(files::findings(sight));
    findings
}

fn tell(
    tool: Tool,
    arguments: &Arguments,
    sight: &Sight<'_>,
    findings: &[Finding],
) -> Result<Status, Error> {
    let Roles { here, by, .. } = sight.roles;
    let name = |node: &ha_pair::Node| node.name.clone();
    let (standby, primary) = (name(sight.standby().0), name(sight.primary().0));
    let fields = Map::from_iter([
        ("standby".to_owned(), json!(standby)),
        ("primary".to_owned(), json!(primary)),
        ("standby_known_by".to_owned(), by.value()),
    ]);
    let mut stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
    for finding in findings {
        stream.record("finding", finding);
        if arguments.orders.verbose {
            say(tool, finding);
        }
    }
    for (cause, keys) in causes(findings) {
        let more =
            if keys.len() > 1 { format!(" (and {} more)", keys.len() - 1) } else { String::new() };
        let item = keys.first().map(ToString::to_string).unwrap_or_default();
        stream.item_failed(Kind::Busy, "unknown", item.as_bytes(), &format!("{cause}{more}"));
    }
    let verdict = Verdict::of(findings);
    let host = &sight.pair.nodes[here].name;
    let mut totals = counts(findings);
    totals.insert("verdict".to_owned(), json!(verdict.word.word()));
    let kept = keep(arguments, findings, &verdict, &standby, host);
    totals
        .insert("changed".to_owned(), kept.as_ref().map_or(Value::Null, |changed| json!(changed)));
    if let Err(error) = kept {
        return Err(stream.end_failed(&totals, error));
    }
    match verdict.word {
        Word::NotReady => stream.end_with_no(&totals),
        Word::Ready | Word::Unknown => stream.end(&totals),
    }
}

/// One cause, such as a node that is down, makes many things unknown: it is told once.
fn causes(findings: &[Finding]) -> Vec<(&str, Vec<&Key>)> {
    let mut causes: Vec<(&str, Vec<&Key>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.values.state == State::Unknown) {
        let cause = finding.values.found.as_deref().unwrap_or_default();
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, keys)) => keys.push(&finding.key),
            None => causes.push((cause, vec![&finding.key])),
        }
    }
    causes
}

/// The file of verdicts, and the one for Prometheus; whether the verdict changed, where that is kept.
fn keep(
    arguments: &Arguments,
    findings: &[Finding],
    verdict: &Verdict,
    standby: &str,
    host: &str,
) -> Result<Option<bool>, Error> {
    let changed = match &arguments.record {
        Some(path) => Some(trend::record(path, standby, host, verdict)?),
        None => None,
    };
    if let Some(path) = &arguments.metrics {
        metrics::write(path, findings, verdict, standby, Timestamp::now().as_second())?;
    }
    Ok(changed)
}

fn counts(findings: &[Finding]) -> Map<String, Value> {
    let count = |state| findings.iter().filter(|finding| finding.values.state == state).count();
    let states: Map<String, Value> = State::ALL
        .into_iter()
        .map(|state| (state.word().to_owned(), Value::from(count(state))))
        .collect();
    Map::from_iter([("states".to_owned(), Value::Object(states))])
}

fn say(tool: Tool, finding: &Finding) {
    let values = &finding.values;
    let mut text = format!("{}: {}", finding.key, values.state.word());
    for more in [&values.found, &values.fix].into_iter().flatten() {
        text.push_str(&format!(": {more}"));
    }
    tool.say(&text);
}
