//! What a plan would do now: everything is asked, nothing is touched.

use crate::event::{Attempt, EVENTS, Event, Outcome};
use crate::probe::Answers;
use crate::runner::{Choice, choose};
use crate::{Act, Orders, Plan, act, condition, state};
use ha_json::{Error, Map, Status, Stream, Tool, Value, json};
use nix::unistd::gethostname;
use std::io::Write;
use std::time::{Duration, Instant};

/// Tells of each step whether it is true already or what would be done, as an `harun/1` stream on
/// stdout. Status 1 where a condition is unmet or a step could not be done.
///
/// # Errors
/// When a probe cannot be asked, or stdout cannot be written.
pub fn rehearse(tool: Tool, plan: &Plan, orders: &Orders) -> Result<Status, Error> {
    let fields = Map::from_iter([
        ("plan".to_owned(), Value::from(plan.name.as_str())),
        ("dry_run".to_owned(), Value::from(true)),
    ]);
    let mut stream = Stream::begin_with(std::io::stdout(), tool, EVENTS, &fields);
    let mut told = Told::default();
    match tell_all(&mut stream, tool, plan, orders, &mut told) {
        Ok(()) if told.no == 0 => stream.end(&told.fields()),
        Ok(()) => stream.end_with_no(&told.fields()),
        Err(error) => Err(stream.end_failed(&told.fields(), error)),
    }
}

#[derive(Default)]
struct Told {
    would: u64,
    already: u64,
    no: u64,
}

impl Told {
    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([
            ("would".to_owned(), Value::from(self.would)),
            ("already".to_owned(), Value::from(self.already)),
            ("refused".to_owned(), json!(self.no)),
        ])
    }
}

fn tell_all<W: Write>(
    stream: &mut Stream<W>,
    tool: Tool,
    plan: &Plan,
    orders: &Orders,
    told: &mut Told,
) -> Result<(), Error> {
    let ends = Instant::now() + orders.deadline(plan);
    let mut tell = |step: &str, what: &str, attempt, outcome, message: Option<String>| {
        match outcome {
            Outcome::WouldRun | Outcome::WouldChange | Outcome::WouldRepair => told.would += 1,
            Outcome::Already => told.already += 1,
            Outcome::Unmet | Outcome::WouldFail => told.no += 1,
            _ => {}
        }
        let message = message.as_deref();
        let event =
            Event { step, attempt, what, outcome, elapsed: Duration::ZERO, message, output: None };
        event.write(stream, tool, orders.verbose);
    };
    let killed = state::look(plan)?;
    if let Some(message) = killed {
        tell(
            "state",
            "take back what a killed run left",
            Attempt::Repair,
            Outcome::WouldRepair,
            Some(message),
        );
    }
    let mut answers = Answers::default();
    let chosen: Vec<Choice> = plan
        .steps
        .iter()
        .map(|step| choose(step, &mut answers, ends, &|| false))
        .collect::<Result<_, _>>()?;
    if chosen.contains(&Choice::Run) {
        for condition in &plan.conditions {
            let found = condition::holds(&condition.check, ends, &|| false);
            let outcome = match (&found, condition.warn_only) {
                (Ok(()), _) => Outcome::Holds,
                (Err(_), true) => Outcome::Warned,
                (Err(_), false) => Outcome::Unmet,
            };
            tell(&condition.id, &condition.what, Attempt::Condition, outcome, found.err());
        }
    }
    for (step, choice) in plan.steps.iter().zip(chosen) {
        let (outcome, message) = match choice {
            Choice::Run => would(&step.r#do),
            Choice::Already => (Outcome::Already, None),
            Choice::PassOver => (Outcome::PassedOver, None),
        };
        tell(&step.id, &step.what, Attempt::Do, outcome, message);
    }
    Ok(())
}

fn would(act: &Act) -> (Outcome, Option<String>) {
    match act {
        Act::Run { argv, .. } => (Outcome::WouldRun, Some(argv.join(" "))),
        Act::Wait { .. } => (Outcome::WouldRun, None),
        // What it keeps is known only to the run that sets it.
        Act::RestoreHostName {} => (Outcome::WouldRun, None),
        Act::HostName { name } => {
            match gethostname().is_ok_and(|now| now.to_string_lossy() == name.as_str()) {
                true => (Outcome::Already, None),
                false => (Outcome::WouldChange, Some(name.clone())),
            }
        }
        _ => match act::on_files(act, true) {
            Ok(None) => (Outcome::Already, None),
            Ok(Some(text)) => (Outcome::WouldChange, Some(text)),
            Err(why) => (Outcome::WouldFail, Some(why)),
        },
    }
}
