//! The one runner of plans.

mod undo;

use crate::event::{Attempt, EVENTS, Event, Outcome};
use crate::interrupt::Interrupt;
use crate::probe::Answers;
use crate::state::{Begun, Home, State};
use crate::step::{Ended, Worker, grace};
use crate::{OnFailure, Orders, Plan, Step, condition, sys};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use nix::sys::stat::{Mode, umask};
use std::io::Write;
use std::time::{Duration, Instant};

/// What is kept of a deadline for ending what hangs.
const ENDING: Duration = Duration::from_secs(5);

/// For what is left of a failed step, before the next one.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// Runs the plan, its events as an `harun/1` stream on stdout.
///
/// # Errors
/// Where a condition is unmet or a step failed (kind `failed`), the deadline came or a signal
/// (`busy`), or another run holds the state (`busy`): with everything undone that could be.
pub fn run(tool: Tool, plan: &Plan, orders: &Orders) -> Result<Status, Error> {
    let fields = Map::from_iter([
        ("plan".to_owned(), Value::from(plan.name.as_str())),
        ("dry_run".to_owned(), Value::from(false)),
    ]);
    run_on(Stream::begin_with(std::io::stdout(), tool, EVENTS, &fields), tool, plan, orders)
}

pub(crate) fn run_on<W: Write>(
    mut stream: Stream<W>,
    tool: Tool,
    plan: &Plan,
    orders: &Orders,
) -> Result<Status, Error> {
    let mut totals = Totals::default();
    let done = plan
        .check()
        .map_err(|why| Error::input("plan", why))
        .and_then(|()| Run::begin(tool, plan, orders, &mut stream, &mut totals))
        .and_then(|mut run| run.carry_out());
    let status = if stream.failed() == 0 { Status::Done } else { Status::Partial };
    // What was done is done, whether or not it could be told: a full log does not fail a takeover.
    match done {
        Ok(()) => Ok(stream.end(&totals.fields()).unwrap_or_else(|error| {
            tool.say(&error.to_string());
            status
        })),
        Err(error) => {
            let ended = stream.end_failed(&totals.fields(), error.clone());
            if ended != error {
                tool.say(&ended.to_string());
            }
            Err(error)
        }
    }
}

/// What the end record tells.
#[derive(Default)]
struct Totals {
    done: u64,
    already: u64,
    undone: u64,
    failed_steps: Vec<String>,
    unmet: Vec<String>,
    reboot_required: bool,
}

impl Totals {
    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("done".into(), Value::from(self.done));
        fields.insert("already".into(), Value::from(self.already));
        fields.insert("undone".into(), Value::from(self.undone));
        fields.insert("unmet".into(), json!(self.unmet));
        fields.insert("failed_steps".into(), json!(self.failed_steps));
        fields.insert("reboot_required".into(), Value::from(self.reboot_required));
        fields
    }
}

struct Run<'a, W: Write> {
    tool: Tool,
    plan: &'a Plan,
    verbose: bool,
    stream: &'a mut Stream<W>,
    totals: &'a mut Totals,
    interrupt: Interrupt,
    home: Home,
    /// The state could not be kept, and that was told.
    forgetful: bool,
    /// No step goes on after this,
    forward_ends: Instant,
    /// and no undo after this.
    undo_ends: Instant,
    /// What still hangs is killed at once.
    hard_ends: Instant,
}

impl<'a, W: Write> Run<'a, W> {
    fn begin(
        tool: Tool,
        plan: &'a Plan,
        orders: &Orders,
        stream: &'a mut Stream<W>,
        totals: &'a mut Totals,
    ) -> Result<Run<'a, W>, Error> {
        let started = Instant::now();
        let deadline = orders.deadline(plan);
        // Undoing, and ending what hangs, must be over before whoever set the deadline kills this
        // process.
        let undo = deadline - ENDING.min(deadline / 4);
        let forward = match plan.steps.iter().any(|step| step.undo.is_some()) {
            true => undo / 3 * 2,
            false => undo,
        };
        // Cluster managers have one that keeps others from the sockets of a daemon.
        umask(Mode::S_IWGRP | Mode::S_IWOTH);
        let interrupt = Interrupt::listen()?;
        let wait = Duration::from_secs(orders.lock_wait).min(forward);
        let home = Home::open(plan, wait, &|| interrupt.came().is_some())?;
        Ok(Run {
            tool,
            plan,
            verbose: orders.verbose,
            stream,
            totals,
            interrupt,
            home,
            forgetful: false,
            forward_ends: started + forward,
            undo_ends: started + undo,
            hard_ends: started + deadline,
        })
    }

    fn carry_out(&mut self) -> Result<(), Error> {
        // A signal may have come while the lock was waited for.
        self.not_interrupted()?;
        let left = self.left()?;
        let chosen = self.choose();
        let (held, chosen) = match left {
            None => (None, chosen?),
            Some(state) if state.finished => (state.host_name, chosen?),
            Some(state) => match chosen {
                Ok(chosen) if self.is_reached(&state, &chosen) => (self.adopt(state)?, chosen),
                // Also where a probe cannot be asked: the host name is not to wait for it.
                _ => (self.repair(state)?, self.choose()?),
            },
        };
        let mut state = State::new(self.plan, held);
        if chosen.contains(&Choice::Run) {
            self.check_conditions()?;
        }
        let late = self.steps(&chosen, &mut state)?;
        self.settle(&mut state)?;
        match late {
            None => Ok(()),
            Some(error) => Err(with_others(error, &self.totals.failed_steps)),
        }
    }

    /// Runs the steps that were chosen; gives the first failure that counts at the end.
    fn steps(&mut self, chosen: &[Choice], state: &mut State) -> Result<Option<Error>, Error> {
        let mut late: Option<Error> = None;
        for (at, (step, choice)) in self.plan.steps.iter().zip(chosen).enumerate() {
            let outcome = match choice {
                Choice::Run => {
                    let ends = self.share(step, &chosen[at..], at);
                    let Err(error) = self.step(step, ends, state) else { continue };
                    // Who told this process to end is not kept waiting for the steps behind.
                    if step.on_failure == OnFailure::Stop || self.interrupt.came().is_some() {
                        return Err(self.undo(state, step, error));
                    }
                    let grace = STRAGGLERS.min(grace(self.hard_ends));
                    sys::end_marked(&[state.mark(&step.id)], None, grace);
                    if step.on_failure == OnFailure::FailAtEnd {
                        late.get_or_insert(Error { kind: Kind::Failed, ..error });
                    } else {
                        self.stream.item_failed(error.kind, "step", step.id.as_bytes(), &error.why);
                    }
                    continue;
                }
                Choice::Already => {
                    self.totals.already += 1;
                    Outcome::Already
                }
                Choice::PassOver => Outcome::PassedOver,
            };
            self.tell(&step.id, &step.what, Attempt::Do, &Ended::at_once(outcome));
        }
        Ok(late)
    }

    /// When the step is over at the latest. Where the time left is less than that of all steps to come,
    /// one that others follow though it failed gets its share, or a quarter, so that it keeps none from
    /// its turn; one that ends the run where it fails keeps nobody, and has its own time.
    fn share(&self, step: &Step, chosen: &[Choice], at: usize) -> Instant {
        let now = Instant::now();
        let left = self.forward_ends.saturating_duration_since(now);
        let own = Duration::from_secs(step.timeout_seconds);
        if step.on_failure == OnFailure::Stop {
            return now + own.min(left);
        }
        let steps = self.plan.steps[at..].iter().zip(chosen);
        let to_come =
            steps.filter(|(step, choice)| **choice == Choice::Run && step.r#do.is_opaque());
        let all = to_come.map(|(step, _)| step.timeout_seconds).sum();
        share(step.timeout_seconds, all, self.forward_ends).max(now + own.min(left / 4))
    }

    /// Which steps have anything to do: asked before the first of them.
    fn choose(&mut self) -> Result<Vec<Choice>, Error> {
        let mut answers = Answers::default();
        let give_up = || self.interrupt.came().is_some();
        let ends = self.forward_ends;
        let chosen = self.plan.steps.iter().map(|step| choose(step, &mut answers, ends, &give_up));
        let chosen: Result<Vec<Choice>, Error> = chosen.collect();
        self.not_interrupted()?;
        chosen
    }

    fn check_conditions(&mut self) -> Result<(), Error> {
        let mut first: Option<Error> = None;
        for condition in &self.plan.conditions {
            let started = Instant::now();
            let give_up = || self.interrupt.came().is_some();
            let found = condition::holds(&condition.check, self.forward_ends, &give_up);
            let outcome = match (&found, condition.warn_only) {
                (Ok(()), _) => Outcome::Holds,
                (Err(_), true) => Outcome::Warned,
                (Err(_), false) => Outcome::Unmet,
            };
            let next: String =
                condition.otherwise.iter().map(|next| format!(" ({next})")).collect();
            let ended =
                Ended::since(started, outcome, found.err().map(|why| format!("{why}{next}")));
            self.tell(&condition.id, &condition.what, Attempt::Condition, &ended);
            self.not_interrupted()?;
            if outcome == Outcome::Unmet {
                self.totals.unmet.push(condition.id.clone());
                let why = ended.message.unwrap_or_default();
                first.get_or_insert(Error::failed(&condition.id, why));
            }
        }
        match first {
            None => Ok(()),
            Some(error) => Err(with_others(error, &self.totals.unmet)),
        }
    }

    fn not_interrupted(&self) -> Result<(), Error> {
        match self.interrupt.came() {
            Some(signal) => {
                Err(Error::busy(&self.plan.name, format!("ended by a signal ({signal})")))
            }
            None => Ok(()),
        }
    }

    fn step(&mut self, step: &Step, ends: Instant, state: &mut State) -> Result<(), Error> {
        self.not_interrupted()?;
        let ended = if let Some(ended) = self.hindrance(step, ends) {
            ended
        } else {
            state.current = Some(step.id.clone());
            state.begun.extend(Begun::of(step));
            if step.undo.is_some() || step.r#do.is_opaque() {
                self.keep(state);
            }
            let mut worker = Worker {
                home: &self.home,
                state,
                name: &step.id,
                ends,
                hard_ends: self.hard_ends,
                give_up: &|| self.interrupt.came().is_some(),
            };
            let ended = worker.until(&step.r#do, step.ready.as_ref(), step.ready_decides);
            // What was so already is not taken back.
            if ended.outcome == Outcome::Already && step.undo.is_some() {
                state.begun.pop();
            }
            ended
        };
        self.tell(&step.id, &step.what, Attempt::Do, &ended);
        match ended.outcome {
            Outcome::Already => self.totals.already += 1,
            Outcome::Done => self.totals.done += 1,
            _ => {
                self.totals.failed_steps.push(step.id.clone());
                self.totals.reboot_required |= step.reboot_if_failed && step.undo.is_none();
                return Err(error_of(&step.id, ended));
            }
        }
        Ok(())
    }

    /// Why the step is not begun, and so not to be undone.
    fn hindrance(&self, step: &Step, ends: Instant) -> Option<Ended> {
        if step.r#do.is_opaque() && Instant::now() >= self.forward_ends {
            let why = "the deadline of the whole run came before it".to_owned();
            return Some(Ended { message: Some(why), ..Ended::at_once(Outcome::TimedOut) });
        }
        let started = Instant::now();
        let give_up = || self.interrupt.came().is_some();
        let why = condition::answers(step.guard.as_ref()?, ends, &give_up).err()?;
        Some(Ended::since(started, Outcome::Failed, Some(format!("not done: {why}"))))
    }

    /// Writes the state where that is possible. A full disk does not stop a takeover: only a run that
    /// is killed now could not be taken back.
    fn keep(&mut self, state: &State) {
        if let Err(error) = self.home.save(state)
            && !self.forgetful
        {
            self.forgetful = true;
            let text = format!("{error}: if this run is killed, nothing takes it back");
            let ended = Ended { message: Some(text), ..Ended::at_once(Outcome::Warned) };
            self.tell("state", "keep what is begun", Attempt::Do, &ended);
        }
    }

    fn tell(&mut self, step: &str, what: &str, attempt: Attempt, ended: &Ended) {
        let event = Event {
            step,
            attempt,
            what,
            outcome: ended.outcome,
            elapsed: ended.elapsed,
            message: ended.message.as_deref(),
            output: ended.output.as_deref(),
        };
        event.write(self.stream, self.tool, self.verbose);
    }
}

/// What is done with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Run,
    Already,
    PassOver,
}

pub(crate) fn choose(
    step: &Step,
    answers: &mut Answers,
    ends: Instant,
    give_up: &dyn Fn() -> bool,
) -> Result<Choice, Error> {
    let chosen = answers.all(&step.only_if, ends, give_up).and_then(|wanted| {
        Ok(match wanted {
            false => Choice::PassOver,
            true if step.unless.is_empty() => Choice::Run,
            true if answers.all(&step.unless, ends, give_up)? => Choice::Already,
            true => Choice::Run,
        })
    });
    match chosen {
        // It fails at the end, by its own probe, and the others have their turn.
        Err(error) if error.kind == Kind::Failed && step.on_failure == OnFailure::FailAtEnd => {
            Ok(Choice::Run)
        }
        Err(error) => Err(Error { what: format!("{}: probe {}", step.id, error.what), ..error }),
        chosen => chosen,
    }
}

/// The end of a share of the time until `ends`: all of `seconds` where the `all` seconds of those
/// that are still to come have room.
fn share(seconds: u64, all: u64, ends: Instant) -> Instant {
    let now = Instant::now();
    let left = ends.saturating_duration_since(now);
    let wanted = Duration::from_secs(seconds);
    match Duration::from_secs(all) <= left {
        true => now + wanted,
        false => now + wanted.min(left.mul_f64((seconds as f64 / all as f64).min(1.0))),
    }
}

fn error_of(id: &str, ended: Ended) -> Error {
    let kind = match ended.outcome {
        Outcome::TimedOut | Outcome::Interrupted => Kind::Busy,
        _ => Kind::Failed,
    };
    Error::new(kind, id, ended.message.unwrap_or_default())
}

fn with_others(error: Error, all: &[String]) -> Error {
    match all.len() {
        0 | 1 => error,
        more => Error { why: format!("{} (and {} more)", error.why, more - 1), ..error },
    }
}
