//! What happened to a condition or a step, as a record of `harun/1`.

use ha_json::{Stream, Tool, Value, json, now};
use std::io::Write;
use std::time::Duration;

/// The schema of the events of a run.
pub const EVENTS: &str = "harun/1";

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Condition,
    Do,
    Undo,
    Repair,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Holds,
    Unmet,
    Warned,
    Done,
    Already,
    PassedOver,
    Failed,
    TimedOut,
    Interrupted,
    Undone,
    Forgotten,
    WouldRun,
    WouldChange,
    WouldFail,
    WouldRepair,
}

impl Attempt {
    fn word(self) -> &'static str {
        match self {
            Attempt::Condition => "condition",
            Attempt::Do => "do",
            Attempt::Undo => "undo",
            Attempt::Repair => "repair",
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Holds => "holds",
            Outcome::Unmet => "unmet",
            Outcome::Warned => "warned",
            Outcome::Done => "done",
            Outcome::Already => "already",
            Outcome::PassedOver => "passed_over",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Interrupted => "interrupted",
            Outcome::Undone => "undone",
            Outcome::Forgotten => "forgotten",
            Outcome::WouldRun => "would_run",
            Outcome::WouldChange => "would_change",
            Outcome::WouldFail => "would_fail",
            Outcome::WouldRepair => "would_repair",
        }
    }
}

/// One record.
pub(crate) struct Event<'a> {
    pub(crate) step: &'a str,
    pub(crate) attempt: Attempt,
    pub(crate) what: &'a str,
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
    pub(crate) message: Option<&'a str>,
    /// The end of what the step's program said, where it failed.
    pub(crate) output: Option<&'a str>,
}

impl Event<'_> {
    /// Writes it, at once, and with `verbose` a line for the person who follows the log.
    pub(crate) fn write<W: Write>(&self, stream: &mut Stream<W>, tool: Tool, verbose: bool) {
        let (attempt, outcome) = (self.attempt.word(), self.outcome.word());
        let milliseconds = self.elapsed.as_millis() as u64;
        stream.record(
            "event",
            &json!({
                "key": {"step": self.step, "attempt": attempt},
                "values": {
                    "time": now(),
                    "what": self.what,
                    "outcome": outcome,
                    "elapsed_seconds": Value::from(milliseconds as f64 / 1000.0),
                    "message": self.message,
                    "output": self.output,
                },
            }),
        );
        stream.flush();
        if verbose {
            let more = self.message.map(|text| format!(": {text}")).unwrap_or_default();
            let seconds = self.elapsed.as_secs_f32();
            tool.say(&format!(
                "{} {}: {attempt}: {outcome} ({seconds:.1} s){more}",
                now(),
                self.step
            ));
        }
    }
}
