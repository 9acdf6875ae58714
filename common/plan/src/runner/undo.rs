//! Taking back: what a run that failed has begun, and what a killed one left.

use super::{Choice, Run, share};
use crate::event::{Attempt, Outcome};
use crate::state::{HeldName, Left, State};
use crate::step::{Ended, Worker, grace};
use crate::{Act, Plan, Step, sys};
use ha_json::{Error, Kind};
use std::io::Write;
use std::time::{Duration, Instant};

/// An undo gets this much even where its share is less.
const LEAST_FOR_UNDO: Duration = Duration::from_secs(1);

impl<W: Write> Run<'_, W> {
    /// Takes back what was begun, the last first; goes on where an undo fails.
    pub(super) fn undo(&mut self, state: &mut State, failed: &Step, error: Error) -> Error {
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
    pub(super) fn settle(&mut self, state: &mut State) -> Result<(), Error> {
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
    pub(super) fn left(&mut self) -> Result<Option<State>, Error> {
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
    /// A step that it began and this plan has not, of plans that are made anew for each run, is
    /// nothing that this plan's probes have seen.
    pub(super) fn is_reached(&self, state: &State, chosen: &[Choice]) -> bool {
        let goes_on = || {
            let marks: Vec<String> = state.current.iter().map(|id| state.mark(id)).collect();
            sys::is_marked(&marks, state.session)
        };
        let is_ours = |id: &String| self.plan.steps.iter().any(|step| step.id == *id);
        state.plan == self.plan.name
            && state.begun.iter().map(|begun| &begun.id).chain(&state.current).all(is_ours)
            && chosen.contains(&Choice::Already)
            && !chosen.contains(&Choice::Run)
            && !goes_on()
    }

    /// A killed run of this plan came as far as it was to come, but for the host name.
    pub(super) fn adopt(&mut self, mut state: State) -> Result<Option<HeldName>, Error> {
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
    pub(super) fn repair(&mut self, mut state: State) -> Result<Option<HeldName>, Error> {
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

fn what_of<'a>(plan: &'a Plan, id: &str) -> &'a str {
    plan.steps.iter().find(|step| step.id == id).map_or("", |step| step.what.as_str())
}
