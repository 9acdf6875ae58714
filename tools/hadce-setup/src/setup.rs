//! From the options to what is written.

use crate::cell::{self, Cell};
use crate::checklist::Chapter;
use crate::facts::{self, Look};
use crate::finding::{Finding, Outcome};
use crate::place::Root;
use crate::{Arguments, mend};
use ha_dce::Configuration;
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value};

const SCHEMA: &str = "hadce-setup/1";

/// Looks, and then tells or mends.
///
/// # Errors
/// Usage: a configuration or a root that cannot be used, or a cell that is not this node's. What
/// the plan of `--apply` ends with.
pub(crate) fn setup(tool: Tool, arguments: Arguments) -> Result<Status, Error> {
    let root = Root::new(&arguments.root).map_err(|error| {
        Error::usage(arguments.root.display().to_string(), ha_json::reason(&error))
    })?;
    let configuration = Configuration::read(&arguments.config)?;
    let facts = facts::gather(&root, &configuration, &arguments.cache, &arguments.script);
    let chapter = Chapter {
        node: arguments.node,
        configuration: &configuration,
        cell: agreed(arguments.cell.as_ref(), &facts)?,
        facts: &facts,
        junction: &arguments.junction,
        expect: arguments.expect,
    };
    let findings = chapter.findings();
    if !arguments.apply {
        let verbose = arguments.orders.verbose.then_some(tool);
        return tell(Stream::begin(tool, SCHEMA), &findings, verbose);
    }
    let plan = mend::plan(tool.name, &configuration, findings).map_err(|error| {
        let schema = if arguments.dry_run { ha_plan::SCHEMA } else { ha_plan::EVENTS };
        Stream::begin(tool, schema).end_failed(&Map::new(), error)
    })?;
    if arguments.dry_run {
        return plan.write(std::io::stdout(), tool);
    }
    ha_plan::run(tool, &plan, &arguments.orders)
}

fn agreed(asked: Option<&Cell>, facts: &facts::Facts) -> Result<Option<Cell>, Error> {
    let content = facts.dce.as_ref().ok();
    let bytes = content.and_then(|content| content.bytes.as_deref());
    let configured = bytes.and_then(cell::of_configuration);
    let file = content.map_or("", |content| &content.seen.path);
    cell::agreed(asked, configured.as_ref(), file)
}

fn tell(
    mut stream: Stream<std::io::Stdout>,
    findings: &[Look<Finding>],
    verbose: Option<Tool>,
) -> Result<Status, Error> {
    for finding in findings {
        match finding {
            Ok(finding) => {
                stream.record("finding", finding);
                if let Some(tool) = verbose {
                    say(tool, finding);
                }
            }
            Err(error) => {
                stream.item_failed(Kind::Failed, "unreadable", error.what.as_bytes(), &error.why);
            }
        }
    }
    let count = |outcome| {
        findings.iter().flatten().filter(|finding| finding.values.outcome == outcome).count()
    };
    let outcomes: Map<String, Value> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.word().to_owned(), Value::from(count(outcome))))
        .collect();
    let totals = Map::from_iter([("outcomes".to_owned(), Value::Object(outcomes))]);
    match count(Outcome::Failed) {
        0 => stream.end(&totals),
        _ => stream.end_with_no(&totals),
    }
}

fn say(tool: Tool, finding: &Finding) {
    let values = &finding.values;
    let number = values.number.map(|number| format!("step {number}, ")).unwrap_or_default();
    // Colons are in the names of the links.
    let item = finding.key.item.as_ref().map(|item| format!(" ({item})")).unwrap_or_default();
    let mut text = format!("{number}{}{item}: {}", finding.key.step, values.outcome.word());
    for more in [&values.found, &values.fix].into_iter().flatten() {
        text.push_str(&format!(": {more}"));
    }
    tool.say(&text);
}

/// For the option of that name.
///
/// # Errors
/// What a cell's name is.
pub(crate) fn cell(text: &str) -> Result<Cell, String> {
    Cell::named(text)
        .ok_or_else(|| "is no name of a cell such as abc.com or /.../abc.com".to_owned())
}

/// For the option of that name.
///
/// # Errors
/// What a junction's name is.
pub(crate) fn junction(text: &str) -> Result<String, String> {
    match cell::is_component(text) {
        true => Ok(text.to_owned()),
        false => Err("is no name of one part, such as fs".to_owned()),
    }
}

/// For options with a path on the node.
///
/// # Errors
/// That it must be absolute.
pub(crate) fn absolute(text: &str) -> Result<String, String> {
    match text.starts_with('/') && !text.contains('\0') {
        true => Ok(text.to_owned()),
        false => Err("is no absolute path".to_owned()),
    }
}
