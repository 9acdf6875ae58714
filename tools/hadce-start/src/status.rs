//! Whether DCE and DFS run and serve: programs are asked, and nothing else is touched.

use ha_dce::{Configuration, Service};
use ha_json::{Error, Map, Status, Value, json};
use ha_plan::{Answer, Probe};
use std::io::{ErrorKind, Write};

const SCHEMA: &str = "hadce-status/1";

/// What DCE or DFS answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    running: bool,
    /// `None` where nothing but its running tells.
    ready: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    Half,
}

/// Asks, and writes the answer.
///
/// # Errors
/// Failed: something runs and not all of it serves, or a program cannot be asked; standard output
/// cannot be written.
pub(crate) fn tell(configuration: &Configuration) -> Result<Status, Error> {
    let seen = look(configuration, &ha_plan::ask);
    let (answer, end) = answer(configuration, seen);
    write(&answer)?;
    end
}

fn look(
    configuration: &Configuration,
    ask: &dyn Fn(&Probe) -> Result<bool, Error>,
) -> Result<(Seen, Option<Seen>), Error> {
    let see = |service: &Service| {
        let running = ask(&service.running(Answer::Yes))?;
        let ready = match service.ready(Answer::Yes) {
            // What does not run is not asked whether it serves: that may take long.
            Some(probe) => Some(running && ask(&probe)?),
            None => None,
        };
        Ok(Seen { running, ready })
    };
    let dce = see(&configuration.dce)?;
    Ok((dce, configuration.dfs.as_ref().map(see).transpose()?))
}

fn answer(
    configuration: &Configuration,
    seen: Result<(Seen, Option<Seen>), Error>,
) -> (Value, Result<Status, Error>) {
    let (state, dce, dfs, end) = match seen {
        Ok((dce, dfs)) => {
            let state = State::of(dce, dfs);
            (Some(state), Some(dce), dfs, state.end(dce, dfs))
        }
        Err(error) => (None, None, None, Err(error)),
    };
    let status = match &end {
        Ok(status) => *status,
        Err(error) => error.kind.status(),
    };
    let told = |error: &Error| json!({"kind": error.kind.word(), "message": error.to_string()});
    let answer = Map::from_iter([
        ("schema".to_owned(), Value::from(SCHEMA)),
        ("ok".to_owned(), Value::from(end.is_ok())),
        ("status".to_owned(), Value::from(status.code())),
        ("configuration".to_owned(), Value::from(configuration.kind.word())),
        ("state".to_owned(), json!(state.map(State::word))),
        ("dce".to_owned(), json!(dce.map(Seen::fields))),
        ("dfs".to_owned(), json!(dfs.map(Seen::fields))),
        ("error".to_owned(), json!(end.as_ref().err().map(told))),
    ]);
    (answer.into(), end)
}

impl Seen {
    fn serves(self) -> bool {
        self.running && self.ready.unwrap_or(true)
    }

    fn fields(self) -> Value {
        json!({"running": self.running, "ready": self.ready})
    }

    fn sentence(self) -> &'static str {
        match (self.serves(), self.running) {
            (true, _) => "serves",
            (false, true) => "runs and does not serve",
            (false, false) => "does not run",
        }
    }
}

impl State {
    fn of(dce: Seen, dfs: Option<Seen>) -> State {
        let all = || std::iter::once(dce).chain(dfs);
        match (all().all(Seen::serves), all().any(|seen| seen.running)) {
            (true, _) => State::Running,
            (false, true) => State::Half,
            (false, false) => State::Stopped,
        }
    }

    fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Stopped => "stopped",
            State::Half => "half",
        }
    }

    fn end(self, dce: Seen, dfs: Option<Seen>) -> Result<Status, Error> {
        match self {
            State::Running => Ok(Status::Done),
            State::Stopped => Ok(Status::No),
            State::Half => {
                let dfs = dfs.map(|dfs| format!(", and DFS {}", dfs.sentence()));
                let why = format!("{}{}", dce.sentence(), dfs.unwrap_or_default());
                Err(Error::failed("half up", format!("DCE {why}")))
            }
        }
    }
}

/// A reader that left is no error: its question was answered.
fn write(answer: &Value) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(format!("{answer}\n").as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("standard output", &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(running: bool, ready: Option<bool>) -> Seen {
        Seen { running, ready }
    }

    #[test]
    fn all_serve_or_none_runs_or_it_is_half_up() {
        let (up, down) = (seen(true, Some(true)), seen(false, Some(false)));
        let (deaf, plain) = (seen(true, Some(false)), seen(true, None));
        for (dce, dfs, state) in [
            (up, None, State::Running),
            (plain, Some(up), State::Running),
            (down, None, State::Stopped),
            (down, Some(down), State::Stopped),
            (deaf, None, State::Half),
            (up, Some(down), State::Half),
            (down, Some(plain), State::Half),
            (up, Some(deaf), State::Half),
        ] {
            assert_eq!(State::of(dce, dfs), state, "{dce:?} {dfs:?}");
        }
    }

    #[test]
    fn half_up_says_what_serves_and_what_does_not() {
        let error = State::Half.end(seen(true, None), Some(seen(true, Some(false)))).unwrap_err();
        assert_eq!(error.to_string(), "half up: DCE serves, and DFS runs and does not serve");
    }

    #[test]
    fn what_does_not_run_is_not_asked_whether_it_serves() {
        let text = br#"{"schema":"hadce-config/1","configuration":"mutual-cascading",
            "clients":["dce"],"service_addresses":["9.3.240.2"],
            "running_dce":["running"],"ready_dce":["ready"]}"#;
        let configuration = Configuration::parse(text).unwrap();
        let answers = |probe: &Probe| match probe.argv[0].as_str() {
            "running" => Ok(false),
            other => Err(Error::failed(other, "was asked")),
        };
        let seen = look(&configuration, &answers).unwrap();
        assert_eq!(seen, (Seen { running: false, ready: Some(false) }, None));
    }
}
