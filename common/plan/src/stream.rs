//! A plan on its way: written, read, and checked whole before anything is done.

use crate::{Act, Check, Plan, Probe, SCHEMA, Step};
use ha_json::{Error, Input, Map, Status, Stream, Tool, Value, json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io::Write;

/// A day: no time in a plan is longer.
pub const MAX_SECONDS: u64 = 86_400;

/// No plan has more conditions and steps.
const MAX_RECORDS: usize = 10_000;

impl Plan {
    /// Writes the plan as an `ha-plan/1` stream.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write<W: Write>(&self, out: W, tool: Tool) -> Result<Status, Error> {
        let mut stream = Stream::begin_on(out, tool, SCHEMA);
        stream.record("plan", &self.head());
        for condition in &self.conditions {
            stream.record("condition", condition);
        }
        for step in &self.steps {
            stream.record("step", step);
        }
        stream.end(&Map::new())
    }

    fn head(&self) -> impl Serialize {
        json!({
            "key": {"plan": self.name},
            "values": {
                "state": self.state,
                "state_directory": self.state_directory,
                "deadline_seconds": self.deadline_seconds,
            },
        })
    }

    /// The plan that a whole stream holds.
    ///
    /// # Errors
    /// Kind `input`, naming the record, where it is no plan, or one that cannot be run: an id used
    /// twice, an act of an unknown kind, a time of nothing.
    pub fn read(input: Input) -> Result<Plan, Error> {
        if (input.schema.as_str(), input.version) != ("ha-plan", 1) {
            let (schema, version) = (input.schema, input.version);
            return Err(bad(format!("is {schema}/{version}, and {SCHEMA} is read here")));
        }
        if input.records.len() > MAX_RECORDS {
            return Err(bad(format!("has more than {MAX_RECORDS} records")));
        }
        let mut records = input.records.into_iter();
        let mut plan = match records.next() {
            Some(head) if kind_of(&head) == "plan" => Plan::from_head(&head)?,
            _ => return Err(bad("does not begin with the record of type plan")),
        };
        for (number, record) in records.enumerate() {
            let number = number + 2;
            // A record of a later version may be a condition: it is not passed over.
            match kind_of(&record) {
                "condition" => plan.conditions.push(parsed(record, number)?),
                "step" => plan.steps.push(parsed(record, number)?),
                other => return Err(bad(format!("record {number}: unknown type {other:?}"))),
            }
        }
        plan.check().map_err(bad)?;
        Ok(plan)
    }

    fn from_head(head: &Map<String, Value>) -> Result<Plan, Error> {
        let text = |group: &str, name: &str| {
            let found = head.get(group).and_then(|group| group.get(name)).and_then(Value::as_str);
            found.map(str::to_owned).ok_or_else(|| bad(format!("the plan has no {group}.{name}")))
        };
        let deadline = head.get("values").and_then(|values| values.get("deadline_seconds"));
        Ok(Plan {
            name: text("key", "plan")?,
            state: text("values", "state")?,
            state_directory: text("values", "state_directory")?,
            deadline_seconds: deadline
                .and_then(Value::as_u64)
                .ok_or_else(|| bad("the plan has no values.deadline_seconds"))?,
            conditions: Vec::new(),
            steps: Vec::new(),
        })
    }

    /// What makes it a plan that can be run, or the first thing that does not.
    ///
    /// # Errors
    /// A sentence that names the step and the field.
    pub fn check(&self) -> Result<(), String> {
        named(&self.name).map_err(|why| format!("the plan's name {:?} {why}", self.name))?;
        named(&self.state).map_err(|why| format!("the plan's state {:?} {why}", self.state))?;
        absolute(&self.state_directory).map_err(|why| format!("state_directory {why}"))?;
        seconds(self.deadline_seconds).map_err(|why| format!("deadline_seconds {why}"))?;
        let mut ids = HashSet::new();
        let all = self.conditions.iter().map(|condition| &condition.id);
        for id in all.chain(self.steps.iter().map(|step| &step.id)) {
            named(id).map_err(|why| format!("the id {id:?} {why}"))?;
            if !ids.insert(id) {
                return Err(format!("the id {id:?} is there twice"));
            }
        }
        for condition in &self.conditions {
            condition.check.check().map_err(|why| format!("condition {}: {why}", condition.id))?;
        }
        self.steps
            .iter()
            .try_for_each(|step| step.check().map_err(|why| format!("step {}: {why}", step.id)))
    }
}

impl Step {
    /// What makes it a step that can be run.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        seconds(self.timeout_seconds).map_err(|why| format!("timeout_seconds {why}"))?;
        self.r#do.check().map_err(|why| format!("do: {why}"))?;
        self.undo.iter().try_for_each(|undo| undo.check().map_err(|why| format!("undo: {why}")))?;
        let lists = self.only_if.iter().chain(&self.unless);
        let probes = lists.chain(&self.guard).chain(&self.undone).chain(&self.ready);
        probes.into_iter().try_for_each(Probe::check)?;
        self.undo_timeout_seconds
            .map_or(Ok(()), seconds)
            .map_err(|why| format!("undo_timeout_seconds {why}"))?;
        if self.undone.is_some() && self.undo.is_none() {
            return Err("there is undone, and no undo".to_owned());
        }
        if self.ready_decides && self.ready.is_none() {
            return Err("ready_decides is true, and there is no ready".to_owned());
        }
        Ok(())
    }
}

impl Probe {
    fn check(&self) -> Result<(), String> {
        program(&self.argv)?;
        variables(&self.environment)?;
        seconds(self.timeout_seconds).map_err(|why| format!("timeout_seconds {why}"))
    }
}

impl Check {
    /// The check that a text of JSON says.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(text: &str) -> Result<Check, String> {
        let check: Check = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check.check().map(|()| check)
    }

    fn check(&self) -> Result<(), String> {
        let some = |list: &[String], name: &str| match list {
            [] => Err(format!("{name} is empty")),
            _ => Ok(()),
        };
        match self {
            Check::Probe { probe } => probe.check(),
            Check::Unproven {} => Ok(()),
            Check::Mounted { path } | Check::NotMounted { path } => absolute(path),
            Check::LiesOn { directory, mounts } => {
                absolute(directory)?;
                some(mounts, "mounts")?;
                mounts.iter().try_for_each(|mount| absolute(mount))
            }
            Check::Address { addresses } | Check::KnownAddresses { addresses } => {
                some(addresses, "addresses")?;
                addresses.iter().try_for_each(|text| address(text))
            }
            Check::Resolves { name, addresses } => {
                host_name(name)?;
                some(addresses, "addresses")?;
                addresses.iter().try_for_each(|text| address(text))
            }
            Check::Executable { program: name } => program(std::slice::from_ref(name)),
        }
    }
}

impl Act {
    fn check(&self) -> Result<(), String> {
        match self {
            Act::Run { argv, environment } => program(argv).and_then(|()| variables(environment)),
            Act::Remove { directory, lies_on, beneath, names } => {
                absolute(directory)?;
                lies_on.iter().try_for_each(|mount| absolute(mount))?;
                if names.is_empty() {
                    return Err("names is empty".to_owned());
                }
                let mut all = names.iter().map(String::as_str).chain(parts(beneath));
                if let Some(name) = all.find(|name| !is_file_name(name)) {
                    return Err(format!("{name:?} is not the name of a file in a directory"));
                }
                match names.len() > 1 && names.iter().any(|name| name == "*") {
                    true => Err("names has * and others".to_owned()),
                    false => Ok(()),
                }
            }
            Act::HostName { name } => host_name(name),
            Act::RestoreHostName {} => Ok(()),
            Act::Line { file, line, replaces_prefix } => {
                absolute(file)?;
                let one = |text: &str| !text.contains(['\n', '\0']);
                match replaces_prefix {
                    Some(prefix) if prefix.is_empty() => Err("replaces_prefix is empty".to_owned()),
                    Some(prefix) if !line.starts_with(prefix.as_str()) => {
                        Err("line does not begin with replaces_prefix".to_owned())
                    }
                    _ if !one(line) => Err("line is more than one line".to_owned()),
                    _ => Ok(()),
                }
            }
            Act::File { path, mode, .. } | Act::Directory { path, mode } => {
                absolute(path)?;
                permissions(mode).map(|_| ())
            }
            Act::Link { path, target } => match target.as_str() {
                "" => Err("target is empty".to_owned()),
                _ => absolute(path),
            },
            Act::Wait { until } => until.check(),
        }
    }
}

/// The number of an octal text such as `0644`.
pub(crate) fn permissions(mode: &str) -> Result<u32, String> {
    match u32::from_str_radix(mode, 8) {
        Ok(number) if number <= 0o7777 => Ok(number),
        _ => Err(format!("the mode {mode:?} is not octal such as 0644")),
    }
}

fn named(id: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match id {
        "" => Err("is empty".to_owned()),
        _ if id.len() > 100 => Err("is longer than 100 characters".to_owned()),
        _ if id.starts_with('.') || !id.chars().all(plain) => {
            Err("is not made of letters, digits, - _ and . only".to_owned())
        }
        _ => Ok(()),
    }
}

/// The directories of a path beneath another.
pub(crate) fn parts(beneath: &str) -> impl Iterator<Item = &str> {
    beneath.split('/').filter(move |_| !beneath.is_empty())
}

fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

fn absolute(path: &str) -> Result<(), String> {
    match path.starts_with('/') && !path.contains('\0') {
        true => Ok(()),
        false => Err(format!("the path {path:?} is not absolute")),
    }
}

fn seconds(number: u64) -> Result<(), String> {
    match number {
        1..=MAX_SECONDS => Ok(()),
        _ => Err(format!("is {number}, and must be 1 to {MAX_SECONDS}")),
    }
}

fn program(argv: &[String]) -> Result<(), String> {
    match argv.first().map(String::as_str) {
        None | Some("") => Err("argv is empty".to_owned()),
        Some(_) if argv.iter().any(|word| word.contains('\0')) => {
            Err("argv has a NUL character".to_owned())
        }
        // It runs in the root directory, wherever the caller stands.
        Some(program) if program.contains('/') && !program.starts_with('/') => {
            Err(format!("the program {program:?} is neither an absolute path nor a name in PATH"))
        }
        Some(_) => Ok(()),
    }
}

fn variables<'a>(
    environment: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), String> {
    let bad = |(name, value): &(&String, &String)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    };
    match environment.into_iter().find(bad) {
        Some((name, _)) => Err(format!("{name:?} is no variable of an environment")),
        None => Ok(()),
    }
}

fn address(text: &str) -> Result<(), String> {
    match text.parse::<std::net::IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{text:?} is not an IP address")),
    }
}

fn host_name(name: &str) -> Result<(), String> {
    match is_host_name(name) {
        true => Ok(()),
        false => Err(format!("{name:?} is not a host name of at most 64 characters")),
    }
}

/// Labels of letters, digits, underscores and hyphens inside, as RFC 1123 has them but for the
/// underscore, 64 characters in all: what `sethostname` takes and every resolver knows.
pub fn is_host_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(plain)
    };
    name.len() <= 64 && name.split('.').all(is_label)
}

fn kind_of(record: &Map<String, Value>) -> &str {
    record.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(mut record: Map<String, Value>, number: usize) -> Result<T, Error> {
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    record.remove("type");
    serde_json::from_value(Value::Object(record))
        .map_err(|error| bad(format!("record {number} ({id}): {error}")))
}

fn bad(why: impl Into<String>) -> Error {
    Error::input("plan", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Condition, OnFailure};
    use proptest::prelude::*;

    const TOOL: Tool = Tool { name: "test", version: "0" };

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn plan() -> Plan {
        let probe = Probe {
            argv: words(&["true"]),
            environment: [("A".to_owned(), "b=c".to_owned())].into(),
            expect: Answer::No,
            timeout_seconds: 3,
            unanswered: Answer::Yes,
        };
        let acts = [
            Act::Run { argv: words(&["a", "b"]), environment: Default::default() },
            Act::Remove {
                directory: "/d".into(),
                lies_on: words(&["/"]),
                beneath: "security/creds".into(),
                names: words(&["*"]),
            },
            Act::HostName { name: "svc".into() },
            Act::RestoreHostName {},
            Act::Line { file: "/f".into(), line: "A=1".into(), replaces_prefix: Some("A=".into()) },
            Act::File { path: "/f".into(), content: "x".into(), mode: "0644".into() },
            Act::Directory { path: "/d".into(), mode: "755".into() },
            Act::Link { path: "/:".into(), target: "/.../cell/fs".into() },
            Act::Wait { until: Check::NotMounted { path: "/m".into() } },
        ];
        let step = |(number, act): (usize, Act)| Step {
            id: format!("step-{number}"),
            what: "does it".into(),
            only_if: vec![probe.clone()],
            unless: vec![],
            guard: Some(probe.clone()),
            undo: Some(act.clone()),
            undone: Some(probe.clone()),
            undo_timeout_seconds: Some(7),
            r#do: act,
            ready: Some(probe.clone()),
            ready_decides: true,
            timeout_seconds: 5,
            on_failure: OnFailure::FailAtEnd,
            reboot_if_failed: true,
        };
        let checks = [
            Check::Probe { probe: probe.clone() },
            Check::Unproven {},
            Check::Mounted { path: "/m".into() },
            Check::LiesOn { directory: "/d".into(), mounts: words(&["/m"]) },
            Check::Address { addresses: words(&["192.0.2.1", "::1"]) },
            Check::KnownAddresses { addresses: words(&["192.0.2.1"]) },
            Check::Resolves { name: "svc".into(), addresses: words(&["192.0.2.1"]) },
            Check::Executable { program: "sh".into() },
        ];
        let condition = |(number, check)| Condition {
            id: format!("condition-{number}"),
            what: "holds".into(),
            check,
            otherwise: None,
            warn_only: true,
        };
        Plan {
            name: "test".into(),
            state: "test".into(),
            state_directory: "/run/test".into(),
            deadline_seconds: 60,
            conditions: checks.into_iter().enumerate().map(condition).collect(),
            steps: acts.into_iter().enumerate().map(step).collect(),
        }
    }

    fn written(plan: &Plan) -> String {
        let mut out = Vec::new();
        plan.write(&mut out, TOOL).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<Plan, Error> {
        Plan::read(ha_json::read_to_change(text.as_bytes())?)
    }

    fn why(text: &str) -> String {
        let error = read(text).unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Input);
        error.to_string()
    }

    #[test]
    fn a_plan_comes_back_as_it_was_written() {
        assert_eq!(read(&written(&plan())).unwrap(), plan());
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_its_name() {
        let text = written(&plan());
        let with = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            why(&text.replacen(from, to, 1))
        };
        assert!(with("\"kind\":\"wait\"", "\"kind\":\"weep\"").contains("step-8"));
        assert!(with("\"type\":\"step\"", "\"type\":\"setp\"").contains("unknown type"));
        assert!(with("\"step-1\"", "\"step-0\"").contains("there twice"));
        assert!(with("\"step-1\"", "\"../x\"").contains("letters"));
        assert!(with("\"timeout_seconds\":5", "\"timeout_seconds\":0").contains("must be 1"));
        assert!(with("[\"a\",\"b\"]", "[]").contains("argv is empty"));
        assert!(with("\"names\":[\"*\"]", "\"names\":[\"../x\"]").contains("not the name"));
        assert!(with("\"directory\":\"/d\"", "\"directory\":\"d\"").contains("not absolute"));
        assert!(with("\"0644\"", "\"0999\"").contains("not octal"));
        assert!(with("\"192.0.2.1\"", "\"service\"").contains("not an IP address"));
        assert!(with("\"A=1\"", "\"B=1\"").contains("replaces_prefix"));
        assert!(with("\"type\":\"plan\"", "\"type\":\"row\"").contains("type plan"));
        assert!(with("ha-plan/1", "ha-plan/2").contains("ha-plan/2"));
        assert!(with("\"lies_on\":[\"/\"]", "\"lise_on\":[\"/\"]").contains("lise_on"));
        assert!(with("\"undone\"", "\"udnone\"").contains("udnone"));
        assert!(with("security/creds", "security//creds").contains("not the name"));
        assert!(with("security/creds", "../creds").contains("not the name"));
        assert!(with("[\"*\"]", "[\"*\",\"x\"]").contains("and others"));
        assert!(with("[\"a\",\"b\"]", "[\"bin/a\"]").contains("neither an absolute"));
    }

    proptest! {
        #[test]
        fn a_plan_that_was_damaged_anywhere_is_read_or_refused(at in 0usize..8000, byte: u8) {
            let mut text = written(&plan()).into_bytes();
            let at = at % text.len();
            text[at] = byte;
            if let Ok(input) = ha_json::read_to_change(&text[..])
                && let Err(error) = Plan::read(input)
            {
                prop_assert_eq!(error.kind, ha_json::Kind::Input);
            }
        }
    }
}
