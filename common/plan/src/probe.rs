//! Programs that are asked.

use crate::{Answer, Probe, sys};
use ha_command::{Fate, start};
use ha_json::Error;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Whether the probe answers as expected.
///
/// # Errors
/// When it cannot be asked: its program is not there, or cannot be run.
pub fn ask(probe: &Probe) -> Result<bool, Error> {
    let far = Instant::now() + Duration::from_secs(probe.timeout_seconds);
    Ok(answer(probe, far, &|| false)? == probe.expect)
}

/// What the probe answers, asked for no longer than until `ends`.
///
/// # Errors
/// When it cannot be asked; kind `busy` when `ends` came, or `give_up`, before its own time was
/// over: what it would have said then, nobody knows.
pub(crate) fn answer(
    probe: &Probe,
    ends: Instant,
    give_up: &dyn Fn() -> bool,
) -> Result<Answer, Error> {
    let program = &probe.argv[0];
    let own = Instant::now() + Duration::from_secs(probe.timeout_seconds);
    let mark = sys::mark_of_probe();
    let environment = probe
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([(sys::MARKER, mark.as_str())]);
    let (running, _, _) = start(&probe.argv, environment, Stdio::null(), Stdio::null())?;
    let fate = running.wait(own.min(ends), give_up)?;
    if matches!(fate, None | Some(Fate::TimedOut)) {
        running.kill_group();
        sys::end_marked(&[mark], None, Duration::ZERO);
    }
    match fate {
        Some(Fate::Exited(0)) => Ok(Answer::Yes),
        // What a shell says of a program that it did not find, or could not run.
        Some(Fate::Exited(status @ (126 | 127))) => {
            let why = format!("status {status}: a program in it is not there, or cannot be run");
            Err(Error::failed(program, why))
        }
        Some(Fate::Exited(_)) => Ok(Answer::No),
        Some(Fate::Killed(_)) => Ok(probe.unanswered),
        Some(Fate::TimedOut) | None if Instant::now() >= own => Ok(probe.unanswered),
        Some(Fate::TimedOut) | None => Err(Error::busy(program, "did not answer in the time left")),
    }
}

/// The answers that were given so far: the same question is asked once.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<Probe, Answer>);

impl Answers {
    /// Whether all of these answer as expected.
    pub(crate) fn all(
        &mut self,
        probes: &[Probe],
        ends: Instant,
        give_up: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        for probe in probes {
            let question = Probe { expect: Answer::Yes, ..probe.clone() };
            let given = match self.0.get(&question) {
                Some(given) => *given,
                None => {
                    let given = answer(probe, ends, give_up)?;
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
            unanswered: Answer::No,
        }
    }

    #[test]
    fn status_0_is_yes_and_other_statuses_are_no() {
        assert!(ask(&probe("exit 0", Answer::Yes)).unwrap());
        assert!(ask(&probe("exit 1", Answer::No)).unwrap());
    }

    #[test]
    fn a_probe_that_hangs_or_is_killed_has_answered_what_the_plan_says() {
        for script in ["sleep 60", "kill -9 $$"] {
            let none = probe(script, Answer::Yes);
            assert!(!ask(&none).unwrap());
            assert!(ask(&Probe { unanswered: Answer::Yes, ..none }).unwrap());
        }
    }

    #[test]
    fn a_probe_that_is_not_there_has_not_answered() {
        let missing = Probe { argv: vec!["/no/probe".to_owned()], ..probe("", Answer::No) };
        assert_eq!(ask(&missing).unwrap_err().to_string(), "/no/probe: no such program");
        let inside = probe("no-such-helper", Answer::No);
        assert!(ask(&inside).unwrap_err().to_string().contains("sh: status 127"));
    }

    #[test]
    fn a_probe_that_was_cut_short_has_not_answered() {
        let slow = Probe { unanswered: Answer::Yes, ..probe("sleep 0.6; exit 1", Answer::Yes) };
        let soon = Instant::now() + Duration::from_millis(200);
        let error = answer(&slow, soon, &|| false).unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Busy);
        let far = Instant::now() + Duration::from_secs(20);
        assert_eq!(answer(&slow, far, &|| true).unwrap_err().kind, ha_json::Kind::Busy);
        assert!(!ask(&slow).unwrap());
    }

    #[test]
    fn what_a_hanging_probe_started_does_not_live_on() {
        let ground = tempfile::tempdir().unwrap();
        let file = ground.path().join("child");
        let script = format!("setsid sh -c 'echo $$ >{}; sleep 600' & sleep 600", file.display());
        assert!(!ask(&probe(&script, Answer::Yes)).unwrap());
        let child = std::fs::read_to_string(file).unwrap();
        let ends = Instant::now() + Duration::from_secs(10);
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
            stat.is_ok_and(|text| !text.contains(") Z "))
        };
        while lives() {
            assert!(Instant::now() < ends, "it lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("asked");
        let script = format!("echo x >> '{}'", file.display());
        let (yes, no) = (probe(&script, Answer::Yes), probe(&script, Answer::No));
        let mut answers = Answers::default();
        let ends = Instant::now() + Duration::from_secs(20);
        assert!(answers.all(&[yes.clone(), yes], ends, &|| false).unwrap());
        assert!(!answers.all(&[no], ends, &|| false).unwrap());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
    }
}
