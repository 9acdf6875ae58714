//! The one runner of plans.

use crate::event::{Attempt, EVENTS, Event, Outcome};
use crate::interrupt::Interrupt;
use crate::probe::Answers;
use crate::state::{Begun, Home, Left, State};
use crate::step::{Ended, Worker};
use crate::{OnFailure, Orders, Plan, Step, condition, sys};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// An undo gets this much time even where the deadline has passed.
const LEAST_FOR_UNDO: Duration = Duration::from_secs(1);

/// What is kept of a deadline for ending what hangs.
const ENDING: Duration = Duration::from_secs(5);

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
    match done {
        Ok(()) => stream.end(&totals.fields()),
        Err(error) => Err(stream.end_failed(&totals.fields(), error)),
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
    /// No step is begun after this.
    forward_ends: Instant,
    /// Undoing included.
    ends: Instant,
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
        // Undoing, or at least ending what hangs, must be over before whoever set the deadline
        // kills this process.
        let forward = match plan.steps.iter().any(|step| step.undo.is_some()) {
            true => deadline / 4 * 3,
            false => deadline - ENDING.min(deadline / 4),
        };
        let interrupt = Interrupt::listen()?;
        let home = Home::open(plan, Duration::from_secs(orders.lock_wait).min(forward))?;
        Ok(Run {
            tool,
            plan,
            verbose: orders.verbose,
            stream,
            totals,
            interrupt,
            home,
            forward_ends: started + forward,
            ends: started + deadline,
        })
    }

    fn carry_out(&mut self) -> Result<(), Error> {
        // A signal may have come while the lock was waited for.
        self.not_interrupted()?;
        let held = self.repair()?;
        let chosen = self.choose()?;
        let mut state = State::new(self.plan, held);
        if chosen.contains(&Choice::Run) {
            self.check_conditions()?;
        }
        let mut late: Option<Error> = None;
        for (step, choice) in self.plan.steps.iter().zip(&chosen) {
            let outcome = match choice {
                Choice::Run => {
                    match self.step(step, &mut state) {
                        Ok(()) => {}
                        Err(error) if step.on_failure == OnFailure::Stop => {
                            return Err(self.undo(&mut state, step, error));
                        }
                        // Who told this process to end is not kept waiting for the steps behind.
                        Err(error) if self.interrupt.came().is_some() => {
                            return Err(self.undo(&mut state, step, error));
                        }
                        Err(error) if step.on_failure == OnFailure::FailAtEnd => {
                            late.get_or_insert(Error { kind: Kind::Failed, ..error });
                        }
                        Err(error) => {
                            self.stream.item_failed(
                                error.kind,
                                "step",
                                step.id.as_bytes(),
                                &error.why,
                            );
                        }
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
        self.settle(&mut state)?;
        match late {
            None => Ok(()),
            Some(error) => Err(with_others(error, &self.totals.failed_steps)),
        }
    }

    /// Which steps have anything to do: asked once, before the first of them.
    fn choose(&mut self) -> Result<Vec<Choice>, Error> {
        let mut answers = Answers::default();
        let ends = self.forward_ends;
        self.plan.steps.iter().map(|step| choose(step, &mut answers, ends)).collect()
    }

    fn check_conditions(&mut self) -> Result<(), Error> {
        let mut first: Option<Error> = None;
        for condition in &self.plan.conditions {
            let started = Instant::now();
            let found = condition::holds(&condition.check, self.forward_ends);
            let outcome = if found.is_ok() { Outcome::Holds } else { Outcome::Unmet };
            let ended = Ended::since(started, outcome, found.err());
            self.tell(&condition.id, &condition.what, Attempt::Condition, &ended);
            if let Some(why) = ended.message {
                self.totals.unmet.push(condition.id.clone());
                let next = condition.otherwise.iter().map(|next| format!(" ({next})"));
                let next: String = next.collect();
                first.get_or_insert(Error::failed(&condition.id, format!("{why}{next}")));
            }
            self.not_interrupted()?;
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

    fn step(&mut self, step: &Step, state: &mut State) -> Result<(), Error> {
        self.not_interrupted()?;
        state.current = Some(step.id.clone());
        if let Some(undo) = &step.undo {
            state.begun.push(Begun {
                id: step.id.clone(),
                undo: undo.clone(),
                timeout_seconds: step.timeout_seconds,
            });
        }
        if step.undo.is_some() || step.r#do.is_opaque() {
            self.home.save(state)?;
        }
        let step_ends = Instant::now() + Duration::from_secs(step.timeout_seconds);
        let mut worker = Worker {
            home: &self.home,
            state,
            id: &step.id,
            ends: step_ends.min(self.forward_ends),
            run_ends: self.forward_ends,
            give_up: &|| self.interrupt.came().is_some(),
        };
        let ended = worker.do_and_wait(step);
        self.tell(&step.id, &step.what, Attempt::Do, &ended);
        match ended.outcome {
            Outcome::Already => self.totals.already += 1,
            Outcome::Done => self.totals.done += 1,
            _ => {
                self.totals.failed_steps.push(step.id.clone());
                self.totals.reboot_required |= step.reboot_if_failed;
                if step.undo.is_none() {
                    sys::end_marked(&[state.mark(&step.id)], None);
                }
                return Err(self.error_of(&step.id, ended));
            }
        }
        Ok(())
    }

    fn error_of(&self, id: &str, ended: Ended) -> Error {
        let kind = match ended.outcome {
            Outcome::TimedOut | Outcome::Interrupted => Kind::Busy,
            _ => Kind::Failed,
        };
        Error::new(kind, id, ended.message.unwrap_or_default())
    }

    /// Takes back what was begun, the last first; goes on where an undo fails.
    fn undo(&mut self, state: &mut State, failed: &Step, error: Error) -> Error {
        let mut told = error;
        let mut marks = vec![state.mark(&failed.id)];
        while let Some(begun) = state.begun.pop() {
            let ended = self.take_back(state, &begun, Attempt::Undo);
            marks.push(state.mark(&begun.id));
            match ended.outcome {
                Outcome::Failed | Outcome::TimedOut => {
                    let why = ended.message.unwrap_or_default();
                    told.why.push_str(&format!("; not undone: {}: {why}", begun.id));
                }
                _ => self.totals.undone += 1,
            }
        }
        sys::end_marked(&marks, None);
        if let Err(error) = self.settle(state) {
            told.why.push_str(&format!("; {error}"));
        }
        told
    }

    fn take_back(&mut self, state: &mut State, begun: &Begun, attempt: Attempt) -> Ended {
        let least = Instant::now() + LEAST_FOR_UNDO;
        let most = Instant::now() + Duration::from_secs(begun.timeout_seconds);
        let mut worker = Worker {
            home: &self.home,
            state,
            id: &begun.id,
            ends: most.min(self.ends).max(least),
            run_ends: self.ends,
            // What was begun to be undone is undone.
            give_up: &|| false,
        };
        let mut ended = worker.perform(&begun.undo, "undo-");
        if ended.outcome == Outcome::Done {
            ended.outcome = Outcome::Undone;
        }
        self.tell(&begun.id, what_of(self.plan, &begun.id), attempt, &ended);
        ended
    }

    /// Leaves the state that the next run is to find.
    fn settle(&mut self, state: &mut State) -> Result<(), Error> {
        match state.host_name {
            None => self.home.forget(),
            Some(_) => {
                state.finished = true;
                state.current = None;
                state.begun.clear();
                self.home.save(state)
            }
        }
    }

    /// Takes back what a killed run left; gives the host name that is still to be restored.
    fn repair(&mut self) -> Result<Option<crate::state::HeldName>, Error> {
        let mut state = match self.home.left()? {
            Left::Nothing => return Ok(None),
            Left::Unreadable(message) => {
                self.tell_repair("state", Outcome::Forgotten, message);
                return Ok(None);
            }
            Left::BeforeBoot(state) => {
                let text = format!("the machine was booted since the run of {}", state.plan);
                self.tell_repair("state", Outcome::Forgotten, text);
                self.home.forget()?;
                return Ok(None);
            }
            Left::State(state) => state,
        };
        if state.finished {
            return Ok(state.host_name);
        }
        let marks: Vec<String> = state
            .begun
            .iter()
            .map(|begun| &begun.id)
            .chain(&state.current)
            .map(|id| state.mark(id))
            .collect();
        // Its script first, lest it starts again what is being stopped; its daemons are stopped in
        // order, and what is left of them is ended afterwards.
        let scripts = sys::end_marked(&marks, Some(state.session));
        let text = format!("a run of {} was killed; {scripts} processes of it ended", state.plan);
        self.tell_repair("state", Outcome::Undone, text);
        while let Some(begun) = state.begun.pop() {
            self.take_back(&mut state, &begun, Attempt::Repair);
            self.home.save(&state)?;
        }
        sys::end_marked(&marks, None);
        self.settle(&mut state)?;
        Ok(state.host_name)
    }

    fn tell_repair(&mut self, step: &str, outcome: Outcome, message: String) {
        let ended = Ended { message: Some(message), ..Ended::at_once(outcome) };
        self.tell(step, "take back what a killed run left", Attempt::Repair, &ended);
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

pub(crate) fn choose(step: &Step, answers: &mut Answers, ends: Instant) -> Result<Choice, Error> {
    let named = |error: Error| Error { what: format!("{}: {}", step.id, error.what), ..error };
    if !answers.all(&step.only_if, ends).map_err(named)? {
        return Ok(Choice::PassOver);
    }
    match !step.unless.is_empty() && answers.all(&step.unless, ends).map_err(named)? {
        true => Ok(Choice::Already),
        false => Ok(Choice::Run),
    }
}

fn with_others(error: Error, all: &[String]) -> Error {
    match all.len() {
        0 | 1 => error,
        more => Error { why: format!("{} (and {} more)", error.why, more - 1), ..error },
    }
}

fn what_of<'a>(plan: &'a Plan, id: &str) -> &'a str {
    plan.steps.iter().find(|step| step.id == id).map_or("", |step| step.what.as_str())
}
