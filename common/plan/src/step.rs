//! One step: done, and waited for until it is ready.

use crate::event::Outcome;
use crate::state::{HeldName, Home, State};
use crate::{Act, Probe, Step, act, condition, probe, sys};
use ha_command::{Fate, start};
use nix::unistd::{gethostname, sethostname};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// How much of the end of a program's output a record gets, in bytes.
const OUTPUT_BYTES: u64 = 2 << 10;

/// How long `ready` may overrule a `do` that failed.
const OVERRULE: Duration = Duration::from_secs(5);

/// What became of a step, or of its undo.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
    pub(crate) message: Option<String>,
    pub(crate) output: Option<String>,
}

impl Ended {
    pub(crate) fn at_once(outcome: Outcome) -> Ended {
        Ended { outcome, elapsed: Duration::ZERO, message: None, output: None }
    }

    pub(crate) fn since(started: Instant, outcome: Outcome, message: Option<String>) -> Ended {
        Ended { outcome, elapsed: started.elapsed(), message, output: None }
    }
}

/// Does one step.
pub(crate) struct Worker<'a> {
    pub(crate) home: &'a Home,
    pub(crate) state: &'a mut State,
    pub(crate) id: &'a str,
    pub(crate) ends: Instant,
    pub(crate) run_ends: Instant,
    pub(crate) give_up: &'a dyn Fn() -> bool,
}

impl Worker<'_> {
    /// Does the step and waits until it is ready.
    pub(crate) fn do_and_wait(&mut self, step: &Step) -> Ended {
        let started = Instant::now();
        let done = self.perform(&step.r#do, "");
        let Some(ready) = &step.ready else { return done };
        let failed = matches!(done.outcome, Outcome::Failed | Outcome::TimedOut);
        let ends = match (failed, step.ready_decides) {
            (false, _) => self.ends,
            (true, true) => (Instant::now() + OVERRULE).min(self.run_ends),
            (true, false) => return done,
        };
        if done.outcome == Outcome::Interrupted {
            return done;
        }
        let waited = self.wait(ends, || ready_now(ready, ends));
        let elapsed = started.elapsed();
        match (waited, failed) {
            (Ok(()), true) => Ended {
                outcome: Outcome::Done,
                elapsed,
                message: done.message.map(|why| format!("{why}; but it is as wanted")),
                output: done.output,
            },
            (Ok(()), false) => Ended { elapsed, ..done },
            (Err(_), true) => Ended { elapsed, ..done },
            (Err((outcome, why)), false) => Ended { outcome, elapsed, message: Some(why), ..done },
        }
    }

    /// Does the act alone; `prefix` stands before the name of the file of its output.
    pub(crate) fn perform(&mut self, act: &Act, prefix: &str) -> Ended {
        let started = Instant::now();
        let done = match act {
            Act::Run { argv, environment } => return self.run(argv, environment, prefix),
            Act::Wait { until } => {
                let ends = self.ends;
                let waited =
                    self.wait(ends, || condition::holds(until, ends).map_err(Waiting::NotYet));
                return match waited {
                    Ok(()) => Ended::since(started, Outcome::Done, None),
                    Err((outcome, why)) => Ended::since(started, outcome, Some(why)),
                };
            }
            Act::HostName { name } => self.set_host_name(name),
            Act::RestoreHostName {} => self.restore_host_name(),
            _ => act::on_files(act, false),
        };
        match done {
            Ok(None) => Ended::since(started, Outcome::Already, None),
            Ok(Some(text)) => Ended::since(started, Outcome::Done, Some(text)),
            Err(why) => Ended::since(started, Outcome::Failed, Some(why)),
        }
    }

    fn run(&self, argv: &[String], environment: &BTreeMap<String, String>, prefix: &str) -> Ended {
        let started = Instant::now();
        let failed = |why| Ended::since(started, Outcome::Failed, Some(why));
        if started >= self.ends {
            let why = "the deadline of the whole run came before it".to_owned();
            return Ended::since(started, Outcome::TimedOut, Some(why));
        }
        let output = self.home.output_of(&format!("{prefix}{}", self.id));
        let file = output.map(|(_, file)| file);
        let mark = self.state.mark(self.id);
        let environment = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([(sys::MARKER, mark.as_str())]);
        let running = match start(argv, environment, to(file.as_ref()), to(file.as_ref())) {
            Ok((running, _, _)) => running,
            Err(error) => return failed(error.to_string()),
        };
        let fate = match running.wait(self.ends, self.give_up) {
            Ok(fate) => fate,
            Err(error) => return failed(error.to_string()),
        };
        let said = file.and_then(|file| end_of(file).ok()).filter(|said| !said.is_empty());
        let program = &argv[0];
        let (outcome, why) = match fate {
            Some(Fate::Exited(0)) => return Ended::since(started, Outcome::Done, None),
            Some(Fate::Exited(status)) => (Outcome::Failed, format!("{program}: status {status}")),
            Some(Fate::Killed(signal)) => {
                (Outcome::Failed, format!("{program}: killed by signal {signal}"))
            }
            Some(Fate::TimedOut) | None => {
                let seconds = started.elapsed().as_secs_f32();
                match (self.give_up)() {
                    true => {
                        (Outcome::Interrupted, format!("{program}: ended, because a signal came"))
                    }
                    false => (Outcome::TimedOut, format!("{program}: ended after {seconds:.0} s")),
                }
            }
        };
        // Who left the group is found by the mark, later.
        running.end_group();
        let last =
            said.as_deref().and_then(|said| said.lines().rfind(|line| !line.trim().is_empty()));
        let why = last.map_or(why.clone(), |last| format!("{why}: {}", last.trim()));
        Ended { output: said, ..Ended::since(started, outcome, Some(why)) }
    }

    fn wait(
        &self,
        ends: Instant,
        mut holds: impl FnMut() -> Result<(), Waiting>,
    ) -> Result<(), (Outcome, String)> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let why = match holds() {
                Ok(()) => return Ok(()),
                Err(Waiting::Never(why)) => return Err((Outcome::Failed, why)),
                Err(Waiting::NotYet(why)) => why,
            };
            if (self.give_up)() {
                return Err((Outcome::Interrupted, format!("{why}; a signal came")));
            }
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seconds = started.elapsed().as_secs_f32();
                return Err((Outcome::TimedOut, format!("{why}, after {seconds:.0} s")));
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The name before it is in the state, on its file system, before the new one is set.
    fn set_host_name(&mut self, name: &str) -> Result<Option<String>, String> {
        let now = host_name()?;
        if now == name {
            return Ok(None);
        }
        // A run that died may have set it already: what the state keeps is the machine's own.
        let was = self.state.host_name.take().map_or(now, |held| held.was);
        self.state.host_name = Some(HeldName { was: was.clone(), set: name.to_owned() });
        self.home.save(self.state).map_err(|error| error.to_string())?;
        set(name)?;
        Ok(Some(format!("{name} in place of {was}")))
    }

    fn restore_host_name(&mut self) -> Result<Option<String>, String> {
        let Some(held) = self.state.host_name.clone() else { return Ok(None) };
        let now = host_name()?;
        let done = if now == held.was {
            None
        } else if now == held.set {
            set(&held.was)?;
            Some(held.was)
        } else {
            Some(format!("left at {now}: it is not {}, which was set here", held.set))
        };
        self.state.host_name = None;
        Ok(done)
    }
}

enum Waiting {
    NotYet(String),
    Never(String),
}

fn ready_now(ready: &Probe, ends: Instant) -> Result<(), Waiting> {
    // It is asked once at least, however late it is.
    let ends = ends.max(Instant::now() + Duration::from_secs(1));
    match probe::answer(ready, ends) {
        Ok(given) if given == ready.expect => Ok(()),
        Ok(given) => {
            let word = format!("{given:?}").to_lowercase();
            Err(Waiting::NotYet(format!("{} answers {word}", ready.argv[0])))
        }
        Err(error) => Err(Waiting::Never(error.to_string())),
    }
}

fn host_name() -> Result<String, String> {
    let told = |error: nix::errno::Errno| format!("the host name cannot be read: {}", error.desc());
    gethostname().map(|name| name.to_string_lossy().into_owned()).map_err(told)
}

fn set(name: &str) -> Result<(), String> {
    let told = |error: nix::errno::Errno| {
        format!("the host name cannot be set to {name}: {}", error.desc().to_lowercase())
    };
    sethostname(name).map_err(told)
}

fn to(file: Option<&File>) -> Stdio {
    match file.and_then(|file| file.try_clone().ok()) {
        Some(file) => Stdio::from(file),
        None => Stdio::null(),
    }
}

fn end_of(mut file: File) -> std::io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
