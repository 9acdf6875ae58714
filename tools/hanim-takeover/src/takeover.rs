//! The takeover: looked before, done by NIM, and looked at again.

use crate::Arguments;
use crate::clock::Clock;
use crate::evidence::Evidence;
use crate::preflight::Preflight;
use crate::report::{self, Totals};
use crate::table::{Said, Told};
use crate::verdict::{self, judge};
use ha_command::Fate;
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value};
use ha_nim::finding::{end_of_check, tell, totals};
use ha_nim::message::cause;
use ha_nim::operation::{Ended, Operation};
use ha_nim::{STATE, same_host};
use ha_plan::{Act, Held, Interrupt, Plan, Step};
use std::io::Write;
use std::time::{Duration, Instant};

const SCHEMA: &str = "hanim-takeover/1";

/// Why NIM is not run where it could take nobody.
const IN_VAIN: &str = "no client that is left lists this master, so that nim would take none: see the \
                       findings; --despite listed runs it all the same";

/// The program and its arguments. Without `async=no` it would return while the clients are still
/// being switched.
fn argv(arguments: &Arguments) -> Vec<String> {
    let mut argv = vec!["nim"];
    if arguments.force {
        argv.push("-F");
    }
    argv.extend(["-o", "takeover", "-a", "show_progress=yes", "-a", "async=no", &arguments.master]);
    argv.into_iter().map(str::to_owned).collect()
}

/// Runs the tool.
pub(crate) fn run(tool: Tool, arguments: &Arguments) -> Result<Status, Error> {
    arguments.carrier.shell()?;
    let interrupt = Interrupt::listen()?;
    let clock = Clock::start(Duration::from_secs(arguments.deadline), &interrupt);
    if arguments.dry_run {
        return plan(tool, arguments, &clock);
    }
    let mut fields = Map::new();
    fields.insert("master".into(), Value::from(arguments.master.as_str()));
    fields.insert("check".into(), Value::from(arguments.check));
    let mut run = Run {
        stream: Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields),
        tool,
        arguments,
        clock: &clock,
        end: Map::new(),
    };
    match run.go() {
        Ok(Ending::Done) => run.stream.end(&run.end),
        Ok(Ending::Looked(preflight)) => {
            end_of_check(run.stream, &preflight.findings, &arguments.despite)
        }
        Err(error) => Err(run.stream.end_failed(&run.end, error)),
    }
}

/// The plan that `harun` runs: the one step.
fn plan(tool: Tool, arguments: &Arguments, clock: &Clock) -> Result<Status, Error> {
    let preflight = Preflight::look(&arguments.master, &arguments.carrier, clock);
    if let Some(refusal) = not_begun(&preflight, arguments, clock) {
        return Err(refusal);
    }
    if preflight.in_vain(&arguments.despite) {
        return Err(Error::failed(&arguments.master, IN_VAIN));
    }
    let act = Act::Run { argv: argv(arguments), environment: Default::default() };
    let what = format!("take the NIM clients of {} over", arguments.master);
    let step = Step::new("takeover", &what, act, arguments.deadline);
    let steps = if preflight.nothing_left() { Vec::new() } else { vec![step] };
    let plan = Plan {
        name: tool.name.to_owned(),
        state: STATE.to_owned(),
        state_directory: arguments.turn.state_directory.clone(),
        deadline_seconds: arguments.deadline,
        conditions: Vec::new(),
        steps,
    };
    plan.write(std::io::stdout(), tool)
}

fn not_begun(preflight: &Preflight, arguments: &Arguments, clock: &Clock) -> Option<Error> {
    clock
        .interrupt()
        .came()
        .map(|signal| Error::busy(&arguments.master, format!("SIG{signal} came: nothing was done")))
        .or_else(|| preflight.refusal(&arguments.despite, arguments.all_or_nothing))
}

/// How far a run came that nothing stopped.
enum Ending {
    Done,
    Looked(Box<Preflight>),
}

struct Run<'a, W: Write> {
    stream: Stream<W>,
    tool: Tool,
    arguments: &'a Arguments,
    clock: &'a Clock<'a>,
    end: Map<String, Value>,
}

/// What NIM did and said.
#[derive(Default)]
struct Nim {
    ended: Option<Ended>,
    lines: Vec<String>,
    said: Said,
}

impl<W: Write> Run<'_, W> {
    fn go(&mut self) -> Result<Ending, Error> {
        let arguments = self.arguments;
        let held = match arguments.check {
            true => None,
            false => Some(arguments.turn.wait(self.clock.interrupt())?),
        };
        self.say(&format!("asks {} and the clients", arguments.master));
        let preflight = Preflight::look(&arguments.master, &arguments.carrier, self.clock);
        tell(&mut self.stream, &preflight.findings);
        self.stream.flush();
        self.end = totals(&preflight.findings);
        let Some(held) = held else {
            return match self.clock.interrupt().came() {
                Some(signal) => Err(Error::busy(&arguments.master, format!("SIG{signal} came"))),
                None => Ok(Ending::Looked(Box::new(preflight))),
            };
        };
        if let Some(refusal) = not_begun(&preflight, arguments, self.clock) {
            return Err(refusal);
        }
        let in_vain = preflight.in_vain(&arguments.despite);
        let nim = match preflight.nothing_left() || in_vain {
            true => Nim::default(),
            false => self.nim(&held)?,
        };
        let evidence = match nim.ended {
            None => Evidence::before(&preflight),
            Some(ended) => self.look_again(&preflight, &nim, ended),
        };
        let totals = self.tell(&preflight, &nim, &evidence);
        self.judge(&preflight, &nim, totals).map(|()| Ending::Done)
    }

    fn nim(&mut self, held: &Held) -> Result<Nim, Error> {
        let argv = argv(self.arguments);
        self.say(&format!("runs {}", argv.join(" ")));
        let deadline = self.clock.quarters(3).saturating_duration_since(Instant::now());
        let operation = Operation { argv: &argv, name: "takeover", deadline };
        let mut lines = Vec::new();
        let ended = operation.run(held, self.clock.interrupt(), |line| {
            lines.push(line.to_owned());
            report::progress(&mut self.stream, line);
            if self.arguments.verbose {
                self.tool.say(&format!("nim: {line}"));
            }
        })?;
        let said = Said::read(&lines);
        Ok(Nim { ended: Some(ended), lines, said })
    }

    /// Where NIM failed as a whole nothing will come later.
    fn look_again(&mut self, preflight: &Preflight, nim: &Nim, ended: Ended) -> Evidence {
        let well = ended == Ended::Itself(Fate::Exited(0)) && nim.said.told.is_empty();
        let settle = match ended {
            Ended::Itself(_) => Duration::from_secs(self.arguments.settle),
            Ended::TimedOut | Ended::Interrupted(_) => Duration::ZERO,
        };
        self.say("looks at the clients again");
        let result = |at| nim.result(preflight, at).map(str::to_owned);
        Evidence::after(preflight, &self.arguments.carrier, self.clock, settle, result, well)
    }

    fn tell(&mut self, preflight: &Preflight, nim: &Nim, evidence: &Evidence) -> Totals {
        report::messages(&mut self.stream, &nim.said, |told| {
            let named = preflight.clients.iter().find(|client| names(told, client));
            named.map(|client| client.name.clone())
        });
        let mut totals = Totals::new();
        let pair = &preflight.masters.pair;
        for (at, client) in preflight.clients.iter().enumerate() {
            let result = nim.result(preflight, at);
            let told = nim.said.told.iter().rfind(|told| names(told, client));
            let said = verdict::Said {
                result,
                message: told.map(|told| &told.message),
                port_closed: preflight
                    .seen
                    .get(at)
                    .is_some_and(|seen| matches!(seen.port, Some(Err(_)))),
            };
            let voices = evidence.voices(at);
            let verdict = judge(client, voices, said, pair);
            let already = preflight.is_already(at);
            report::client(
                &mut self.stream,
                &client.name,
                already,
                result,
                voices,
                &verdict,
                &mut totals,
            );
        }
        totals
    }

    /// How the run ends.
    fn judge(&mut self, preflight: &Preflight, nim: &Nim, totals: Totals) -> Result<(), Error> {
        self.end.extend(totals.fields());
        let expected = preflight.masters.other_listing().is_none();
        self.end.insert("split_brain_expected".into(), Value::from(expected));
        self.end.insert("nim_ran".into(), Value::from(nim.ended.is_some()));
        self.end.insert("nim_status".into(), nim.status().map_or(Value::Null, Value::from));
        let master = &self.arguments.master;
        match nim.ended {
            Some(Ended::Interrupted(signal)) => {
                let why =
                    format!("SIG{signal} came, and nim was ended: run this again for what is left");
                return Err(Error::busy(master, why));
            }
            Some(Ended::TimedOut) => {
                let why = "did not end in its time, and was ended (--deadline)";
                self.stream.item_failed(Kind::Busy, "timed_out", b"nim", why);
            }
            Some(Ended::Itself(_)) | None => {}
        }
        let all = preflight.clients.len() as u64;
        self.say(&format!("{} of {all} clients are this master's", totals.taken));
        if totals.taken > 0 || (all == 0 && nim.status() == Some(0)) {
            return Ok(());
        }
        if nim.ended.is_none() {
            return Err(Error::failed(master, IN_VAIN));
        }
        let cause = cause(&nim.lines.join("\n"))
            .map_or_else(String::new, |message| format!(": {} {}", message.code, message.text));
        let why = format!("no client was taken over{cause}");
        match totals.only_busy && all > 0 {
            true => Err(Error::busy(master, why)),
            false => Err(Error::failed(master, why)),
        }
    }

    fn say(&self, text: &str) {
        if self.arguments.verbose {
            self.tool.say(text);
        }
    }
}

impl Nim {
    /// What the table says of that client.
    fn result(&self, preflight: &Preflight, at: usize) -> Option<&str> {
        let client = preflight.clients.get(at)?;
        self.said.result(|target| is(target, client))
    }

    fn status(&self) -> Option<i32> {
        match self.ended {
            Some(Ended::Itself(Fate::Exited(status))) => Some(status),
            _ => None,
        }
    }
}

/// A message around another one says nothing of anybody.
fn names(told: &Told, client: &crate::client::Client) -> bool {
    told.message.code != "0042-001" && told.names(|word| is(word, client))
}

fn is(word: &str, client: &crate::client::Client) -> bool {
    word == client.name || same_host(word, &client.host)
}
