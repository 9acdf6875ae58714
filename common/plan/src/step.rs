//! One step: done, and waited for until it is ready.

use crate::event::Outcome;
use crate::state::{HeldName, Home, State};
use crate::{Act, Probe, act, condition, probe, sys};
use ha_command::{Fate, start};
use ha_json::Kind;
use nix::unistd::{gethostname, sethostname};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// How much of the end of a program's output a record gets, in bytes.
const OUTPUT_BYTES: u64 = 2 << 10;

/// How long a probe may overrule an act that failed.
const OVERRULE: Duration = Duration::from_secs(5);

/// How long one answer may take to do so.
const ONE_ANSWER: Duration = Duration::from_secs(1);

/// How long what is asked to end may take for it before it is killed.
const GRACE: Duration = Duration::from_secs(2);

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

/// Does one step, or takes one back.
pub(crate) struct Worker<'a> {
    pub(crate) home: &'a Home,
    pub(crate) state: &'a mut State,
    /// Names its processes and the file of what they say.
    pub(crate) name: &'a str,
    /// No longer than until then.
    pub(crate) ends: Instant,
    /// After this, what hangs is killed without being asked.
    pub(crate) hard_ends: Instant,
    pub(crate) give_up: &'a dyn Fn() -> bool,
}

impl Worker<'_> {
    /// Does the act and waits until the probe answers as wanted; where it `decides`, that is all that
    /// counts.
    pub(crate) fn until(&mut self, act: &Act, wanted: Option<&Probe>, decides: bool) -> Ended {
        let started = Instant::now();
        let done = self.act(act);
        let Some(wanted) = wanted else { return done };
        let failed = matches!(done.outcome, Outcome::Failed | Outcome::TimedOut);
        let ends = match failed {
            _ if done.outcome == Outcome::Interrupted => return done,
            false => self.ends,
            true if decides => self.overrule_ends(),
            true => return done,
        };
        let waited = self.wait(ends, || answers(wanted, ends, self.give_up));
        let elapsed = started.elapsed();
        match (waited, failed) {
            (Ok(()), true) => Ended {
                outcome: Outcome::Done,
                elapsed,
                message: done.message.map(|why| format!("{why}; but it is as wanted")),
                output: done.output,
            },
            (Ok(()), false) | (Err(_), true) => Ended { elapsed, ..done },
            (Err((outcome, why)), false) => Ended { outcome, elapsed, message: Some(why), ..done },
        }
    }

    fn act(&mut self, act: &Act) -> Ended {
        let started = Instant::now();
        let done = match act {
            Act::Run { argv, environment } => return self.run(argv, environment),
            Act::Wait { until } => {
                let ends = self.ends;
                let holds = || condition::holds(until, ends, self.give_up).map_err(Waiting::NotYet);
                let waited = self.wait(ends, holds);
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
            Ok(None) => Ended::since(started, Outcome::Already, self.unknown_name(act)),
            Ok(Some(text)) => Ended::since(started, Outcome::Done, Some(text)),
            Err(why) => Ended::since(started, Outcome::Failed, Some(why)),
        }
    }

    fn run(&self, argv: &[String], environment: &BTreeMap<String, String>) -> Ended {
        let started = Instant::now();
        let failed = |why| Ended::since(started, Outcome::Failed, Some(why));
        let file = self.home.output_of(self.name);
        let mark = self.state.mark(self.name);
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
        let why = match fate {
            Some(Fate::Exited(0)) => return Ended::since(started, Outcome::Done, None),
            Some(Fate::Exited(status)) => format!("{program}: status {status}"),
            Some(Fate::Killed(signal)) => format!("{program}: killed by signal {signal}"),
            Some(Fate::TimedOut) | None => {
                format!("{program}: ended after {:.0} s", started.elapsed().as_secs_f32())
            }
        };
        // A signal to the whole group of this process ends the program, too.
        let outcome = match fate {
            _ if (self.give_up)() => Outcome::Interrupted,
            Some(Fate::TimedOut) | None => Outcome::TimedOut,
            _ => Outcome::Failed,
        };
        // Who left the group is found by the mark, later.
        running.end_group(self.grace());
        let last =
            said.as_deref().and_then(|said| said.lines().rfind(|line| !line.trim().is_empty()));
        let why = last.map_or(why.clone(), |last| format!("{why}: {}", last.trim()));
        Ended { output: said, ..Ended::since(started, outcome, Some(why)) }
    }

    /// One answer is waited for even where the time is over.
    fn overrule_ends(&self) -> Instant {
        let now = Instant::now();
        let least = (now + ONE_ANSWER).min(self.hard_ends);
        (now + OVERRULE).min(self.ends).max(least)
    }

    fn grace(&self) -> Duration {
        grace(self.hard_ends)
    }

    fn wait(
        &self,
        ends: Instant,
        mut holds: impl FnMut() -> Result<(), Waiting>,
    ) -> Result<(), (Outcome, String)> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        let mut last: Option<String> = None;
        loop {
            let why = match holds() {
                Ok(()) => return Ok(()),
                Err(Waiting::Never(why)) => return Err((Outcome::Failed, why)),
                Err(Waiting::NotYet(why)) => why,
                Err(Waiting::CutShort(why)) => last.unwrap_or(why),
            };
            last = Some(why.clone());
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
        let was = match self.state.host_name.take() {
            // A run that died, or an earlier one, has set it: what the state keeps is the machine's.
            Some(held) if held.set == now => held.was,
            _ => now,
        };
        self.state.host_name = Some(HeldName { was: was.clone(), set: name.to_owned() });
        self.home.save(self.state).map_err(|error| error.to_string())?;
        set(name)?;
        Ok(Some(format!("{name} in place of {was}")))
    }

    fn unknown_name(&self, act: &Act) -> Option<String> {
        let unknown = matches!(act, Act::HostName { .. }) && self.state.host_name.is_none();
        unknown.then(|| "it has this name already, and its own is kept nowhere".to_owned())
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
    /// The time was over before there was an answer.
    CutShort(String),
    Never(String),
}

fn answers(wanted: &Probe, ends: Instant, give_up: &dyn Fn() -> bool) -> Result<(), Waiting> {
    match probe::answer(wanted, ends, give_up) {
        Ok(given) if given == wanted.expect => Ok(()),
        Ok(given) => {
            let word = format!("{given:?}").to_lowercase();
            Err(Waiting::NotYet(format!("{} answers {word}", wanted.argv[0])))
        }
        Err(error) if error.kind == Kind::Busy => Err(Waiting::CutShort(error.to_string())),
        Err(error) => Err(Waiting::Never(error.to_string())),
    }
}

/// What is left until then for asking what hangs to end.
pub(crate) fn grace(hard_ends: Instant) -> Duration {
    GRACE.min(hard_ends.saturating_duration_since(Instant::now()))
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
