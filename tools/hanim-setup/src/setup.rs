//! A run: what is seen, whether anything stands in the way, and the plan.

use crate::check;
use crate::options::Options;
use crate::plan::{Caller, plan};
use crate::preflight::Seen;
use ha_json::{Error, Map, Status, Stream, Tool, Value, reason};
use ha_nim::finding::{self, Finding};
use std::io::Stdout;

const FINDINGS: &str = "hanim-setup/1";

/// Looks, and does what was asked.
///
/// # Errors
/// Where something stands in the way (failed; busy, where it cannot be seen now), and as
/// [`ha_plan::run`].
pub(crate) fn run(tool: Tool, options: &Options) -> Result<Status, Error> {
    let seen = Seen::look(options)?;
    let findings = seen.findings(options);
    if options.check {
        return only_check(tool, &seen, &findings, options);
    }
    // Where there is nothing to do, nothing can stand in the way of it.
    if !seen.is_all_set(options)
        && let Some(error) = in_the_way(&findings, options)
    {
        let stream = told(tool, &findings, options)?;
        return Err(stream.end_failed(&finding::totals(&findings), error));
    }
    let caller = Caller { program: program()?, options };
    let plan = options.orders.applied_to(plan(&seen, &caller)?);
    if options.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    if options.orders.verbose {
        for finding in findings.iter().filter(|one| one.outcome > finding::Outcome::Holds) {
            tool.say(&format!("{}: {}", finding.outcome.word(), finding.sentence()));
        }
    }
    ha_plan::run(tool, &plan, &options.orders)
}

fn in_the_way(findings: &[Finding], options: &Options) -> Option<Error> {
    let of_master: Vec<Finding> =
        findings.iter().filter(|finding| finding.check == check::MASTER).cloned().collect();
    finding::obstacle(&of_master).or_else(|| finding::refusal(findings, &options.despite))
}

fn only_check(
    tool: Tool,
    seen: &Seen,
    findings: &[Finding],
    options: &Options,
) -> Result<Status, Error> {
    let stream = told(tool, findings, options)?;
    let in_the_way = finding::in_the_way(findings, &options.despite);
    match in_the_way.is_empty() && !seen.is_all_set(options) {
        true => stream.end_with_no(&finding::totals(findings)),
        false => finding::end_of_check(stream, findings, &options.despite),
    }
}

fn told(tool: Tool, findings: &[Finding], options: &Options) -> Result<Stream<Stdout>, Error> {
    let fields = Map::from_iter([("master".to_owned(), Value::from(options.master()?))]);
    let mut stream = Stream::begin_with(std::io::stdout(), tool, FINDINGS, &fields);
    finding::tell(&mut stream, findings);
    Ok(stream)
}

/// What the steps call: this very program, wherever the plan is run from.
fn program() -> Result<String, Error> {
    let told =
        |why: String| Error::failed("hanim-setup", format!("does not know where it is: {why}"));
    let path = std::env::current_exe().map_err(|error| told(reason(&error)))?;
    path.into_os_string().into_string().map_err(|_| told("its path is not UTF-8".to_owned()))
}
