//! Any plan, any failing step: what must hold however the run goes.

use crate::runner::run_on;
use crate::{Act, OnFailure, Orders, Plan, Step};
use ha_json::{Stream, Tool, Value};
use proptest::prelude::*;
use std::path::Path;

const TOOL: Tool = Tool { name: "test", version: "0" };

#[derive(Clone, Copy, Debug)]
struct Kind {
    fails: bool,
    undo: bool,
    undo_fails: bool,
    on_failure: OnFailure,
}

fn kind() -> impl Strategy<Value = Kind> {
    let on_failure =
        prop_oneof![Just(OnFailure::Stop), Just(OnFailure::GoOn), Just(OnFailure::FailAtEnd)];
    (prop::bool::weighted(0.2), any::<bool>(), prop::bool::weighted(0.2), on_failure).prop_map(
        |(fails, undo, undo_fails, on_failure)| Kind { fails, undo, undo_fails, on_failure },
    )
}

/// Writes a word into the log and ends as told.
fn act(log: &Path, word: &str, fails: bool) -> Act {
    let script = format!("echo {word} >> '{}'; exit {}", log.display(), i32::from(fails));
    Act::Run {
        argv: ["sh", "-c", &script].map(str::to_owned).to_vec(),
        environment: Default::default(),
    }
}

fn plan(ground: &Path, kinds: &[Kind]) -> Plan {
    let log = ground.join("log");
    let step = |(number, kind): (usize, &Kind)| Step {
        undo: kind.undo.then(|| act(&log, &format!("undo{number}"), kind.undo_fails)),
        on_failure: kind.on_failure,
        ..Step::new(&format!("s{number}"), "", act(&log, &format!("do{number}"), kind.fails), 20)
    };
    Plan {
        name: "any".into(),
        state: "any".into(),
        state_directory: ground.to_str().unwrap_or_default().into(),
        deadline_seconds: 60,
        conditions: Vec::new(),
        steps: kinds.iter().enumerate().map(step).collect(),
    }
}

/// What the run must have done, in order, and its status.
fn expected(kinds: &[Kind]) -> (Vec<String>, u8) {
    let (mut log, mut status) = (Vec::new(), 0);
    for (number, kind) in kinds.iter().enumerate() {
        log.push(format!("do{number}"));
        if !kind.fails {
            continue;
        }
        match kind.on_failure {
            OnFailure::GoOn => status = status.max(3),
            OnFailure::FailAtEnd => status = 6,
            OnFailure::Stop => {
                let begun = kinds[..=number].iter().enumerate().rev();
                log.extend(begun.filter(|(_, kind)| kind.undo).map(|(at, _)| format!("undo{at}")));
                return (log, 6);
            }
        }
    }
    (log, status)
}

fn orders() -> Orders {
    Orders { deadline: None, lock_wait: 0, verbose: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_begun_is_undone_once_in_reverse_and_nothing_runs_behind_a_failure(
        kinds in prop::collection::vec(kind(), 0..7)
    ) {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(ground.path(), &kinds);
        let mut out = Vec::new();
        let stream = Stream::begin_on(&mut out, TOOL, "harun/1");
        let ended = run_on(stream, TOOL, &plan, &orders());
        let status = ended.unwrap_or_else(|error| error.kind.status()).code();
        let log = std::fs::read_to_string(ground.path().join("log")).unwrap_or_default();
        let (wanted, wanted_status) = expected(&kinds);
        prop_assert_eq!(log.lines().collect::<Vec<_>>(), wanted);
        prop_assert_eq!(status, wanted_status);
        // Nothing is left to repair.
        prop_assert!(!ground.path().join("any/state.json").exists());
        let lines: Vec<Value> =
            out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap()).collect();
        let end = lines.last().unwrap();
        prop_assert_eq!(&end["status"], &Value::from(wanted_status));
        prop_assert_eq!(end["records"].as_u64(), Some(lines.len() as u64 - 2));
        let ran = |number: usize| log.lines().any(|line| line == format!("do{number}"));
        let failed: Vec<String> = (0..kinds.len())
            .filter(|number| kinds[*number].fails && ran(*number))
            .map(|number| format!("s{number}"))
            .collect();
        prop_assert_eq!(&end["failed_steps"], &serde_json::json!(failed));
    }
}
