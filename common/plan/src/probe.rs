//! Programs that are asked.

use crate::{Answer, Probe};
use ha_command::{Fate, capture_with};
use ha_json::Error;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Whether the probe answers as expected.
///
/// # Errors
/// When it cannot be asked: its program is not there, or cannot be run.
pub fn ask(probe: &Probe) -> Result<bool, Error> {
    let far = Instant::now() + Duration::from_secs(probe.timeout_seconds);
    Ok(answer(probe, far)? == probe.expect)
}

/// What the probe answers, asked for no longer than until `ends`.
pub(crate) fn answer(probe: &Probe, ends: Instant) -> Result<Answer, Error> {
    let environment = probe.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let left = ends.saturating_duration_since(Instant::now());
    let deadline = left.min(Duration::from_secs(probe.timeout_seconds));
    Ok(match capture_with(&probe.argv, environment, deadline)?.fate {
        Fate::Exited(0) => Answer::Yes,
        Fate::Exited(_) | Fate::Killed(_) => Answer::No,
        Fate::TimedOut => probe.when_timed_out,
    })
}

/// The answers that were given so far: the same question is asked once.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<Probe, Answer>);

impl Answers {
    /// Whether all of these answer as expected.
    pub(crate) fn all(&mut self, probes: &[Probe], ends: Instant) -> Result<bool, Error> {
        for probe in probes {
            let question = Probe { expect: Answer::Yes, ..probe.clone() };
            let given = match self.0.get(&question) {
                Some(given) => *given,
                None => {
                    let given = answer(probe, ends)?;
                    self.0.insert(question, given);
                    given
                }
            };
            if given != probe.expect {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(script: &str, expect: Answer) -> Probe {
        Probe {
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            environment: BTreeMap::new(),
            expect,
            timeout_seconds: 1,
            when_timed_out: Answer::No,
        }
    }

    #[test]
    fn status_0_is_yes_and_all_else_is_no() {
        assert!(ask(&probe("exit 0", Answer::Yes)).unwrap());
        assert!(ask(&probe("exit 1", Answer::No)).unwrap());
        assert!(ask(&probe("kill -9 $$", Answer::No)).unwrap());
    }

    #[test]
    fn a_probe_that_hangs_has_answered_what_the_plan_says() {
        let hangs = probe("sleep 60", Answer::Yes);
        assert!(!ask(&hangs).unwrap());
        assert!(ask(&Probe { when_timed_out: Answer::Yes, ..hangs }).unwrap());
    }

    #[test]
    fn a_probe_that_is_not_there_has_not_answered() {
        let missing = Probe { argv: vec!["/no/probe".to_owned()], ..probe("", Answer::No) };
        assert_eq!(ask(&missing).unwrap_err().to_string(), "/no/probe: no such program");
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("asked");
        let script = format!("echo x >> '{}'", file.display());
        let (yes, no) = (probe(&script, Answer::Yes), probe(&script, Answer::No));
        let mut answers = Answers::default();
        let ends = Instant::now() + Duration::from_secs(20);
        assert!(answers.all(&[yes.clone(), yes], ends).unwrap());
        assert!(!answers.all(&[no], ends).unwrap());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
    }
}
