//! The work as a whole: looked at, done, and looked at again.

mod after;
mod content;

use crate::evidence::Content;
use crate::facts::{GiveUp, Here, Pair};
use crate::progress::Progress;
use crate::{Arguments, argv, checks, outcome, plan};
use after::After;
use content::Stale;
use ha_json::{Error, Map, Status, Stream, Tool, Value};
use ha_nim::finding::{self, Finding, Outcome};
use ha_nim::operation::Operation;
use ha_plan::Interrupt;
use std::io::Write;
use std::time::{Duration, Instant};

const SCHEMA: &str = "hanim-sync/1";

/// What was found before anything is done.
struct Looked {
    findings: Vec<Finding>,
    /// `None` where there is nothing to go on with: the last finding says why.
    pair: Option<Pair>,
}

fn look(arguments: &Arguments, give_up: GiveUp) -> Result<Looked, Error> {
    let here = Here::look(arguments.carrier.patience(), give_up)?;
    let mut findings = checks::here(&here, &arguments.alternate);
    let alternate = here.master.listing.object(&arguments.alternate);
    let Some(host) = alternate.filter(|_| hold_all(&findings)).map(ha_nim::Object::hostname) else {
        return Ok(Looked { findings, pair: None });
    };
    let pair = match Pair::look(here, arguments, &host, give_up) {
        Ok(pair) => pair,
        Err(error) => {
            findings.push(checks::no_answer(&arguments.alternate, &error));
            return Ok(Looked { findings, pair: None });
        }
    };
    findings.push(checks::there(&pair));
    if !hold_all(&findings) {
        return Ok(Looked { findings, pair: None });
    }
    findings.extend(checks::both(&pair, arguments));
    Ok(Looked { findings, pair: Some(pair) })
}

fn not_interrupted(arguments: &Arguments, interrupt: &Interrupt) -> Result<(), Error> {
    let Some(signal) = interrupt.came() else { return Ok(()) };
    let why = format!("came before {} was touched: nothing was done", arguments.alternate);
    Err(Error::busy(signal, why))
}

fn hold_all(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.outcome == Outcome::Holds)
}

impl Looked {
    /// Both masters, where nothing is in the way.
    fn ready(self, despite: &[String]) -> Result<Pair, Error> {
        match self.pair {
            Some(pair) => finding::refusal(&self.findings, despite).map_or(Ok(pair), Err),
            None => Err(finding::obstacle(&self.findings)
                .unwrap_or_else(|| Error::failed("check", "was not made"))),
        }
    }
}

/// Tells whether all is ready. Nothing is done.
pub(crate) fn check(tool: Tool, arguments: &Arguments) -> Result<Status, Error> {
    let mut stream = Stream::begin(tool, SCHEMA);
    let mut looked = match look(arguments, &|| false) {
        Ok(looked) => looked,
        Err(error) => return Err(stream.end_failed(&finding::totals(&[]), error)),
    };
    if let Some(pair) = looked.pair.as_ref().filter(|_| arguments.stale || arguments.refresh) {
        let interrupt = match Interrupt::listen() {
            Ok(interrupt) => interrupt,
            Err(error) => {
                return Err(stream.end_failed(&finding::totals(&looked.findings), error));
            }
        };
        let found = content::before(arguments, pair, &interrupt);
        looked.findings.extend(found);
    }
    finding::tell(&mut stream, &looked.findings);
    finding::end_of_check(stream, &looked.findings, &arguments.despite)
}

/// Prints the steps for harun, after the same look.
pub(crate) fn dry_run(tool: Tool, arguments: &Arguments) -> Result<Status, Error> {
    let interrupt = Interrupt::listen()?;
    let looked = look(arguments, &|| interrupt.came().is_some());
    not_interrupted(arguments, &interrupt)?;
    let looked = looked?;
    if arguments.verbose {
        let warnings = looked.findings.iter().filter(|one| one.outcome == Outcome::Warning);
        warnings.for_each(|warning| tool.say(&warning.sentence()));
    }
    let pair = looked.ready(&arguments.despite)?;
    let refresh = match arguments.refresh {
        true => content::to_refresh(arguments, &pair, &interrupt)?,
        false => Vec::new(),
    };
    plan::plan(arguments, &pair.host, &refresh).write(std::io::stdout(), tool)
}

/// Synchronises.
pub(crate) fn run(tool: Tool, arguments: &Arguments) -> Result<Status, Error> {
    let stream = Stream::begin(tool, SCHEMA);
    let started = Instant::now();
    let mut run = Run { tool, arguments, stream, totals: Map::new() };
    let done = run.work();
    let Run { stream, mut totals, .. } = run;
    totals.insert("elapsed_seconds".to_owned(), Value::from(started.elapsed().as_secs()));
    match done {
        Ok(()) => stream.end(&totals).map_err(|error| {
            let why = format!("{}: nim ended well, and this is not told there", error.why);
            Error { why, ..error }
        }),
        Err(error) => {
            let ended = stream.end_failed(&totals, error.clone());
            // What could not be told there, too: in what state the alternate is.
            if ended != error {
                tool.say(&error.to_string());
            }
            Err(ended)
        }
    }
}

struct Run<'a, W: Write> {
    tool: Tool,
    arguments: &'a Arguments,
    stream: Stream<W>,
    totals: Map<String, Value>,
}

impl<W: Write> Run<'_, W> {
    fn work(&mut self) -> Result<(), Error> {
        let arguments = self.arguments;
        let interrupt = Interrupt::listen()?;
        self.total("objects", 0);
        self.total("on_alternate", 0);
        self.total("stale", 0);
        self.total("refreshed", 0);
        self.totals.insert("backup".to_owned(), Value::Null);
        let given_up = || interrupt.came().is_some();
        let held = arguments.turn.wait(&interrupt)?;
        let looked = look(arguments, &given_up);
        not_interrupted(arguments, &interrupt)?;
        let looked = looked?;
        finding::tell(&mut self.stream, &looked.findings);
        self.totals.extend(finding::totals(&looked.findings));
        self.stream.flush();
        let pair = looked.ready(&arguments.despite)?;
        not_interrupted(arguments, &interrupt)?;
        let argv = argv::nim(arguments);
        self.say(&format!("runs {}", argv.join(" ")));
        let deadline = Duration::from_secs(arguments.deadline);
        let operation = Operation { argv: &argv, name: "sync", deadline };
        let mut progress = Progress::default();
        let (stream, tool) = (&mut self.stream, self.tool);
        let ended = operation.run(&held, &interrupt, |line| {
            if let Some(said) = progress.line(line) {
                stream.record("progress", &said.record());
                stream.flush();
                if arguments.verbose {
                    tool.say(said.text);
                }
            }
        })?;
        self.totals.insert("backup".to_owned(), Value::from(progress.backup.clone()));
        let faults = outcome::faults(ended, &progress);
        // Who was told to end does not ask machines for minutes.
        let after = match interrupt.came() {
            None => Some(After::look(arguments, &pair, &given_up)),
            Some(_) => None,
        };
        if !faults.is_empty() {
            if let Some(Ok(after)) = &after {
                self.tell_objects(after);
            }
            return Err(outcome::error(&pair.alternate, ended, &progress, &faults));
        }
        let after = after.unwrap_or_else(|| Err(Error::busy("signal", "came")));
        let after = after.map_err(|error| {
            let why = format!(
                "NIM says that the synchronisation is complete, and its result cannot be seen: {}",
                error.why
            );
            Error::new(error.kind, error.what, why)
        })?;
        self.tell_objects(&after);
        let failed = self.tell_faults(&after, &progress);
        self.tell_way_back(&pair, &after);
        if arguments.stale || arguments.refresh {
            let present = after.present(&failed);
            let ends = Instant::now() + deadline;
            let mut stale = Stale::new(arguments, &pair.host, ends, &interrupt);
            stale.each(&present, &mut self.stream);
            self.total("stale", stale.found);
            self.total("refreshed", stale.refreshed);
        }
        match interrupt.came() {
            Some(signal) => Err(Error::failed(
                signal,
                "came when the synchronisation was complete: its content was not compared to the end",
            )),
            None => Ok(()),
        }
    }

    fn tell_objects(&mut self, after: &After) {
        for object in &after.objects {
            self.stream.record("object", &object.record());
        }
        let wanted = after.objects.iter().filter(|object| object.wanted);
        self.total("objects", wanted.clone().count() as u64);
        self.total("on_alternate", wanted.filter(|object| object.there).count() as u64);
    }

    /// Gives the names of the objects that are not as they should be.
    fn tell_faults(&mut self, after: &After, progress: &Progress) -> Vec<String> {
        let mut failed = Vec::new();
        for object in &after.objects {
            // Who compares contents sees that, and may bring it.
            let is_looked_at = self.arguments.stale || self.arguments.refresh;
            let fault = object.fault(&self.arguments.alternate, progress).filter(|(reason, _)| {
                *reason != "no_content" || object.content != Some(Content::Empty) || !is_looked_at
            });
            if let Some((reason, message)) = fault {
                let kind = ha_json::Kind::Failed;
                self.stream.item_failed(kind, reason, object.name.as_bytes(), &message);
                failed.push(object.name.clone());
            }
        }
        failed
    }

    /// A database that was put over another may have lost its alternate.
    fn tell_way_back(&mut self, pair: &Pair, after: &After) {
        if let Some(known) = pair.this_master_there().filter(|known| !after.has(&known.name)) {
            let message = format!(
                "{} has no alternate master {} any more: a takeover there may not be possible; run \
                 niminit -a is_alternate=yes on {} again",
                pair.alternate,
                known.name,
                pair.here.name()
            );
            let item = &known.name;
            self.stream.record("warning", &ha_json::json!({"item": item, "message": message}));
        }
    }

    fn total(&mut self, name: &str, number: u64) {
        self.totals.insert(name.to_owned(), Value::from(number));
    }

    fn say(&self, text: &str) {
        if self.arguments.verbose {
            self.tool.say(text);
        }
    }
}
