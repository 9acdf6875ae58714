//! Steps that a site adds to the plan of a tool.

use crate::Keys;
use ha_json::{Error, Value};
use ha_plan::{OnFailure, Plan, Step};
use std::collections::HashSet;

/// The steps under `key`. Those that do not say what follows their failure get `on_failure`; an id
/// that is `taken` by a step of the tool itself is refused.
///
/// # Errors
/// Usage, for what is no step as `ha-plan(5)` has it.
pub fn steps(
    keys: &mut Keys,
    key: &str,
    on_failure: OnFailure,
    taken: &dyn Fn(&str) -> bool,
) -> Result<Vec<Step>, Error> {
    let values = keys.list(key)?.unwrap_or_default();
    let read = |(number, value)| {
        step(value, on_failure, taken)
            .map_err(|why| keys.bad(key, format!("step {}: {why}", number + 1)))
    };
    values.into_iter().enumerate().map(read).collect()
}

fn step(value: Value, on_failure: OnFailure, taken: &dyn Fn(&str) -> bool) -> Result<Step, String> {
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
    if taken(&step.id) {
        return Err(format!("the id {:?} is that of a step of ours", step.id));
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
///
/// # Errors
/// Usage, naming the id.
pub fn distinct(keys: &Keys, before: (&str, &[Step]), after: (&str, &[Step])) -> Result<(), Error> {
    let mut ids = HashSet::new();
    for (key, steps) in [before, after] {
        if let Some(step) = steps.iter().find(|step| !ids.insert(&step.id)) {
            let why = format!("the id {:?} is twice in {} and {}", step.id, before.0, after.0);
            return Err(keys.bad(key, why));
        }
    }
    Ok(())
}
