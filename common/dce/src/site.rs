//! What the site adds: steps of its own before and behind the guide's.

use crate::keys::Keys;
use ha_json::{Error, Value};
use ha_plan::{OnFailure, Plan, Step};
use std::collections::HashSet;

/// The steps of hadce-start and hadce-stop themselves.
const TAKEN: [&str; 11] = [
    "stop-half-dfs",
    "stop-dfs-of-half-dce",
    "stop-half-dce",
    "host-name",
    "remove-endpoint-map",
    "remove-credentials",
    "start-dce",
    "start-dfs",
    "stop-dfs",
    "stop-dce",
    "restore-host-name",
];

/// How the ids begin that hadce-start and hadce-stop number.
const TAKEN_BEGINNINGS: [&str; 2] = ["needs-", "release-"];

/// The steps under `key`. Those that do not say what follows their failure get `on_failure`.
pub(crate) fn steps(keys: &mut Keys, key: &str, on_failure: OnFailure) -> Result<Vec<Step>, Error> {
    let values = keys.list(key)?.unwrap_or_default();
    let read = |(number, value)| {
        step(value, on_failure).map_err(|why| keys.bad(key, format!("step {}: {why}", number + 1)))
    };
    values.into_iter().enumerate().map(read).collect()
}

fn step(value: Value, on_failure: OnFailure) -> Result<Step, String> {
    let Value::Object(mut object) = value else {
        return Err(format!("is {value}, and must be a step as ha-plan(5) has it"));
    };
    // Steps copied from a plan's stream have it.
    if object.get("type") == Some(&Value::from("step")) {
        object.remove("type");
    }
    let says = object.contains_key("on_failure");
    let mut step: Step =
        serde_json::from_value(object.into()).map_err(|error| error.to_string())?;
    if !says {
        step.on_failure = on_failure;
    }
    let id = &step.id;
    if TAKEN.contains(&id.as_str()) || TAKEN_BEGINNINGS.iter().any(|taken| id.starts_with(taken)) {
        return Err(format!("the id {id:?} is that of a step of ours"));
    }
    alone(&step).check()?;
    Ok(step)
}

fn alone(step: &Step) -> Plan {
    Plan {
        name: "site".to_owned(),
        state: "site".to_owned(),
        state_directory: "/".to_owned(),
        deadline_seconds: 1,
        conditions: Vec::new(),
        steps: vec![step.clone()],
    }
}

/// Wants no id twice among the steps that stand in one plan.
pub(crate) fn distinct(
    keys: &Keys,
    before: (&str, &[Step]),
    after: (&str, &[Step]),
) -> Result<(), Error> {
    let mut ids = HashSet::new();
    for (key, steps) in [before, after] {
        if let Some(step) = steps.iter().find(|step| !ids.insert(&step.id)) {
            let why = format!("the id {:?} is twice in {} and {}", step.id, before.0, after.0);
            return Err(keys.bad(key, why));
        }
    }
    Ok(())
}
