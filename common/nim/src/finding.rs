//! What a check before or after an operation found.

use ha_json::{Error, Map, Status, Stream, Value, json};
use std::io::Write;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As it should be.
    Holds,
    /// The operation may go on, and a person should know.
    Warning,
    /// It cannot be seen now.
    Unknown,
    /// The operation would fail or do harm.
    Refused,
}

impl Outcome {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Holds => "holds",
            Outcome::Warning => "warning",
            Outcome::Unknown => "unknown",
            Outcome::Refused => "refused",
        }
    }
}

/// A finding of a check, about one item or about the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check: what `--despite` takes.
    pub check: &'static str,
    /// What it is about: a client, a resource, a file system.
    pub item: Option<String>,
    /// How it stands.
    pub outcome: Outcome,
    /// A sentence in lower case without a full stop: what was found, with the figures.
    pub found: String,
    /// The message of NIM that the operation would end with, such as `0042-372`.
    pub code: Option<&'static str>,
    /// What an administrator does next.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding that has nothing but its sentence.
    pub fn new(check: &'static str, outcome: Outcome, found: impl Into<String>) -> Finding {
        Finding { check, item: None, outcome, found: found.into(), code: None, fix: None }
    }

    /// About this item.
    #[must_use]
    pub fn about(self, item: impl Into<String>) -> Finding {
        Finding { item: Some(item.into()), ..self }
    }

    /// With what to do next.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Finding {
        Finding { fix: Some(fix.into()), ..self }
    }

    /// With the message that NIM would end with.
    #[must_use]
    pub fn code(self, code: &'static str) -> Finding {
        Finding { code: Some(code), ..self }
    }

    /// What an error calls it: the item, unless its sentence begins with that; else the check.
    fn what(&self) -> &str {
        let item = self.item.as_deref();
        item.filter(|item| !self.found.starts_with(item)).unwrap_or(self.check)
    }

    /// What was found and what to do, in one line.
    pub fn sentence(&self) -> String {
        match &self.fix {
            Some(fix) => format!("{}: {fix}", self.found),
            None => self.found.clone(),
        }
    }
}

/// Writes a `finding` record for each.
pub fn tell<W: Write>(stream: &mut Stream<W>, findings: &[Finding]) {
    for finding in findings {
        stream.record(
            "finding",
            &json!({
                "key": {"check": finding.check, "item": finding.item},
                "values": {
                    "outcome": finding.outcome.word(),
                    "found": finding.found,
                    "code": finding.code,
                    "fix": finding.fix,
                },
            }),
        );
    }
}

/// How many findings of each outcome there are: for the end of a stream.
pub fn totals(findings: &[Finding]) -> Map<String, Value> {
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    [Outcome::Holds, Outcome::Warning, Outcome::Unknown, Outcome::Refused]
        .into_iter()
        .map(|outcome| (outcome.word().to_owned(), Value::from(count(outcome))))
        .collect()
}

/// The findings that stand in the way, the worst first, without those of the checks in `despite`.
pub fn in_the_way<'a>(findings: &'a [Finding], despite: &[String]) -> Vec<&'a Finding> {
    let mut all: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.outcome >= Outcome::Unknown)
        .filter(|finding| !despite.iter().any(|check| check == finding.check))
        .collect();
    all.sort_by_key(|finding| std::cmp::Reverse(finding.outcome));
    all
}

/// The error of an operation that was not begun because of these findings; `None` where nothing
/// stands in its way. What is refused fails (6); what only cannot be seen now is busy (5).
pub fn refusal(findings: &[Finding], despite: &[String]) -> Option<Error> {
    let error = error_of(&in_the_way(findings, despite))?;
    let check = in_the_way(findings, despite).first()?.check;
    Some(Error { why: format!("{}; --despite {check} goes on", error.why), ..error })
}

/// The error of findings that no `--despite` helps against; `None` where nothing stands in the way.
pub fn obstacle(findings: &[Finding]) -> Option<Error> {
    error_of(&in_the_way(findings, &[]))
}

fn error_of(all: &[&Finding]) -> Option<Error> {
    let first = all.first()?;
    let more = match all.len() - 1 {
        0 => String::new(),
        more => format!(" ({more} more: see the findings)"),
    };
    let why = format!("{}{more}", first.sentence());
    let what = first.what();
    Some(match first.outcome {
        Outcome::Refused => Error::failed(what, why),
        _ => Error::busy(what, why),
    })
}

/// Ends the stream of a run that only looked: status 0 where nothing stands in the way, 1 where
/// something does, 5 where that could not be seen.
///
/// # Errors
/// Kind `busy` for status 5, and as [`Stream::end`].
pub fn end_of_check<W: Write>(
    stream: Stream<W>,
    findings: &[Finding],
    despite: &[String],
) -> Result<Status, Error> {
    let totals = totals(findings);
    match in_the_way(findings, despite).first() {
        None => stream.end(&totals),
        Some(first) if first.outcome == Outcome::Refused => stream.end_with_no(&totals),
        Some(first) => Err(stream.end_failed(&totals, Error::busy(first.what(), first.sentence()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::{Kind, Tool};

    const TOOL: Tool = Tool { name: "hanim-sync", version: "1" };

    fn of(outcomes: &[Outcome]) -> Vec<Finding> {
        outcomes
            .iter()
            .map(|outcome| {
                Finding::new("level", *outcome, outcome.word()).about("nimb").fix("update nimb")
            })
            .collect()
    }

    #[test]
    fn what_is_refused_goes_before_what_is_unknown() {
        use Outcome::{Holds, Refused, Unknown, Warning};
        assert_eq!(refusal(&of(&[Holds, Warning]), &[]), None);
        assert_eq!(refusal(&of(&[Unknown]), &[]).unwrap().kind, Kind::Busy);
        let error = refusal(&of(&[Unknown, Refused]), &[]).unwrap();
        assert_eq!(error.kind, Kind::Failed);
        let told = "nimb: refused: update nimb (1 more: see the findings); --despite level goes on";
        assert_eq!(error.to_string(), told);
        assert_eq!(refusal(&of(&[Unknown, Refused]), &["level".into()]), None);
    }

    #[test]
    fn a_check_ends_with_the_worst() {
        use Outcome::{Holds, Refused, Unknown, Warning};
        let end = |outcomes: &[Outcome]| {
            let findings = of(outcomes);
            let mut out = Vec::new();
            let mut stream = Stream::begin_on(&mut out, TOOL, "thing/1");
            tell(&mut stream, &findings);
            end_of_check(stream, &findings, &[]).map_err(|error| error.kind)
        };
        assert_eq!(end(&[Holds, Warning]), Ok(Status::Done));
        assert_eq!(end(&[Unknown, Refused]), Ok(Status::No));
        assert_eq!(end(&[Holds, Unknown]), Err(Kind::Busy));
    }
}
