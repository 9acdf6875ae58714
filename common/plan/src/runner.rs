//! The one runner of plans.

use crate::event::{Attempt, EVENTS, Event, Outcome};
use crate::interrupt::Interrupt;
use crate::probe::Answers;
use crate::state::{Begun, HeldName, Home, Left, State};
use crate::step::{Ended, Worker, grace};
use crate::{Act, OnFailure, Orders, Plan, Step, condition, sys};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use nix::sys::stat::{Mode, umask};
use std::io::Write;
use std::time::{Duration, Instant};

/// What is kept of a deadline for ending what hangs.
const ENDING: Duration = Duration::from_secs(5);

/// For what is left of a failed step, before the next one.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// An undo gets this much even where its share is less.
const LEAST_FOR_UNDO: Duration = Duration::from_secs(1);

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
        let mut chosen = self.choose()?;
        let held = match left {
            None => None,
            Some(state) if state.finished => state.host_name,
            Some(state) if self.is_reached(&state, &chosen) => self.adopt(state)?,
            Some(state) => {
                let held = self.repair(state)?;
                chosen = self.choose()?;
                held
            }
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

    /// When the step is over at the latest: where the time left is less than that of all steps to
    /// come, each gets its share, so that one that hangs keeps no other from its turn.
    fn share(&self, step: &Step, chosen: &[Choice], at: usize) -> Instant {
        let steps = self.plan.steps[at..].iter().zip(chosen);
        let to_come =
            steps.filter(|(step, choice)| **choice == Choice::Run && step.r#do.is_opaque());
        let all = to_come.map(|(step, _)| step.timeout_seconds).sum();
        share(step.timeout_seconds, all, self.forward_ends)
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
        let ended = if step.r#do.is_opaque() && Instant::now() >= self.forward_ends {
            let why = "the deadline of the whole run came before it".to_owned();
            Ended { message: Some(why), ..Ended::at_once(Outcome::TimedOut) }
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
            let ended = worker.step(step);
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

    /// Takes back what was begun, the last first; goes on where an undo fails.
    fn undo(&mut self, state: &mut State, failed: &Step, error: Error) -> Error {
        let mut told = error;
        let mut marks = vec![state.mark(&failed.id)];
        for (id, ended) in self.take_all_back(state, Attempt::Undo, self.undo_ends) {
            marks.push(state.mark(&id));
            if let Some(why) = failure(ended) {
                told.why.push_str(&format!("; not undone: {id}: {why}"));
                marks.push(state.mark(&undo_name(&id)));
            }
        }
        sys::end_marked(&marks, None, grace(self.hard_ends));
        if let Err(error) = self.settle(state) {
            told.why.push_str(&format!("; {error}"));
        }
        told
    }

    fn take_all_back(
        &mut self,
        state: &mut State,
        attempt: Attempt,
        ends: Instant,
    ) -> Vec<(String, Ended)> {
        let mut all = Vec::new();
        while let Some(begun) = state.begun.last().cloned() {
            let to_come = state.begun.iter().filter(|begun| begun.undo.is_opaque());
            let seconds = to_come.map(|begun| begun.timeout_seconds).sum();
            let its_end = share(begun.timeout_seconds, seconds, ends);
            let least = (Instant::now() + LEAST_FOR_UNDO).min(self.hard_ends);
            let name = undo_name(&begun.id);
            let mut worker = Worker {
                home: &self.home,
                state,
                name: &name,
                ends: its_end.max(least),
                hard_ends: self.hard_ends,
                // What was begun to be undone is undone.
                give_up: &|| false,
            };
            let mut ended = worker.until(&begun.undo, begun.undone.as_ref(), true);
            if matches!(ended.outcome, Outcome::Done | Outcome::Already) {
                ended.outcome = Outcome::Undone;
                self.totals.undone += 1;
            } else {
                self.totals.reboot_required |= begun.reboot_if_failed;
            }
            state.begun.pop();
            self.keep(state);
            self.tell(&begun.id, what_of(self.plan, &begun.id), attempt, &ended);
            all.push((begun.id, ended));
        }
        all
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

    /// What an earlier run left to be looked at.
    fn left(&mut self) -> Result<Option<State>, Error> {
        match self.home.left()? {
            Left::Nothing => Ok(None),
            Left::State(state) => Ok(Some(state)),
            Left::BeforeBoot(state) => {
                let text = format!("the machine was booted since the run of {}", state.plan);
                self.tell_repair(Outcome::Forgotten, text);
                self.home.forget()?;
                Ok(None)
            }
            Left::Unreadable(why, held) => {
                self.tool.say(&format!("what an earlier run left cannot be read: {why}"));
                self.tell_repair(Outcome::Forgotten, why);
                let mut state = State::new(self.plan, held);
                state.finished = true;
                Ok(Some(state))
            }
        }
    }

    /// Whether a killed run of this plan did all that there is to do, and no script of it goes on.
    fn is_reached(&self, state: &State, chosen: &[Choice]) -> bool {
        let goes_on = || {
            let marks: Vec<String> = state.current.iter().map(|id| state.mark(id)).collect();
            sys::is_marked(&marks, state.session)
        };
        state.plan == self.plan.name
            && chosen.contains(&Choice::Already)
            && !chosen.contains(&Choice::Run)
            && !goes_on()
    }

    /// A killed run of this plan came as far as it was to come, but for the host name.
    fn adopt(&mut self, mut state: State) -> Result<Option<HeldName>, Error> {
        let restores = |step: &Step| matches!(step.r#do, Act::RestoreHostName {});
        if self.plan.steps.iter().any(restores) {
            state.begun.retain(|begun| matches!(begun.undo, Act::RestoreHostName {}));
            self.take_all_back(&mut state, Attempt::Repair, self.forward_ends);
        }
        self.tell_repair(Outcome::Done, "a killed run did all that there is to do".to_owned());
        self.settle(&mut state)?;
        Ok(state.host_name)
    }

    /// Takes back what a killed run left; gives the host name that is still to be restored.
    fn repair(&mut self, mut state: State) -> Result<Option<HeldName>, Error> {
        let ids = state.begun.iter().map(|begun| &begun.id).chain(&state.current);
        let marks: Vec<String> =
            ids.flat_map(|id| [state.mark(id), state.mark(&undo_name(id))]).collect();
        // Its script first, lest it starts again what is being stopped; its daemons are stopped in
        // order, and what is left of them is ended afterwards.
        let scripts = sys::end_marked(&marks, Some(state.session), grace(self.hard_ends));
        let text = format!("a run of {} was killed; {scripts} processes of it ended", state.plan);
        self.tell_repair(Outcome::Undone, text);
        // The steps need time, too.
        let left = self.forward_ends.saturating_duration_since(Instant::now());
        let ends = Instant::now() + left / 2;
        for (id, ended) in self.take_all_back(&mut state, Attempt::Repair, ends) {
            if let Some(why) = failure(ended) {
                let why = format!("what a killed run did is not undone: {why}");
                self.stream.item_failed(Kind::Failed, "repair", id.as_bytes(), &why);
            }
        }
        sys::end_marked(&marks, None, grace(self.hard_ends));
        self.settle(&mut state)?;
        Ok(state.host_name)
    }

    fn tell_repair(&mut self, outcome: Outcome, message: String) {
        let ended = Ended { message: Some(message), ..Ended::at_once(outcome) };
        self.tell("state", "take back what a killed run left", Attempt::Repair, &ended);
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

fn undo_name(id: &str) -> String {
    format!("undo-{id}")
}

fn failure(ended: Ended) -> Option<String> {
    match ended.outcome {
        Outcome::Undone => None,
        _ => Some(ended.message.unwrap_or_default()),
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

fn what_of<'a>(plan: &'a Plan, id: &str) -> &'a str {
    plan.steps.iter().find(|step| step.id == id).map_or("", |step| step.what.as_str())
}
