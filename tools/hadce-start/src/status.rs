//! Whether DCE and DFS run and serve: programs are asked, and nothing else is touched.

use ha_dce::{Configuration, Service};
use ha_json::{Error, Map, Status, Value, answer, json};
use ha_plan::{Answer, Probe};

const SCHEMA: &str = "hadce-status/1";

/// What DCE or DFS answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    running: bool,
    serves: bool,
    /// A program of its own tells whether it serves.
    is_asked: bool,
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
    let (told, end) = judged(configuration, &look(configuration, &ha_plan::ask));
    answer::write_all(format!("{told}\n").as_bytes())?;
    end
}

/// What each of the two answers; DFS where it is configured.
struct Looked {
    dce: Result<Seen, Error>,
    dfs: Option<Result<Seen, Error>>,
}

fn look(configuration: &Configuration, ask: &dyn Fn(&Probe) -> Result<bool, Error>) -> Looked {
    let see = |service: &Service| {
        let running = ask(&service.running(Answer::Yes))?;
        // What does not run is not asked whether it serves: that may take long.
        let serves = running && ask(&service.serving(Answer::Yes))?;
        Ok(Seen { running, serves, is_asked: service.ready.is_some() })
    };
    Looked { dce: see(&configuration.dce), dfs: configuration.dfs.as_ref().map(see) }
}

impl Looked {
    fn all(&self) -> Result<(Seen, Option<Seen>), Error> {
        Ok((self.dce.clone()?, self.dfs.clone().transpose()?))
    }
}

fn judged(configuration: &Configuration, looked: &Looked) -> (Value, Result<Status, Error>) {
    let (state, end) = match looked.all() {
        Ok((dce, dfs)) => {
            let state = State::of(dce, dfs);
            (Some(state), state.end(dce, dfs))
        }
        Err(error) => (None, Err(error)),
    };
    let status = match &end {
        Ok(status) => *status,
        Err(error) => error.kind.status(),
    };
    // A program that cannot be asked: on a node where DCE is not installed, or not mounted.
    let reason = if state.is_none() { "no_program" } else { "half_up" };
    let told = |error: &Error| json!({"kind": error.kind.word(), "reason": reason, "message": error.to_string()});
    let fields = |seen: &Result<Seen, Error>| seen.as_ref().ok().map(|seen| seen.fields());
    let answer = Map::from_iter([
        ("schema".to_owned(), Value::from(SCHEMA)),
        ("ok".to_owned(), Value::from(end.is_ok())),
        ("status".to_owned(), Value::from(status.code())),
        ("configuration".to_owned(), Value::from(configuration.kind.word())),
        ("state".to_owned(), json!(state.map(State::word))),
        ("dce".to_owned(), json!(fields(&looked.dce))),
        ("dfs".to_owned(), json!(looked.dfs.as_ref().and_then(fields))),
        ("error".to_owned(), json!(end.as_ref().err().map(told))),
    ]);
    (answer.into(), end)
}

impl Seen {
    fn fields(self) -> Value {
        json!({"running": self.running, "ready": self.is_asked.then_some(self.serves)})
    }

    fn sentence(self) -> &'static str {
        match (self.serves, self.running) {
            (true, _) => "serves",
            (false, true) => "runs and does not serve",
            (false, false) => "does not run",
        }
    }
}

impl State {
    fn of(dce: Seen, dfs: Option<Seen>) -> State {
        let all = || std::iter::once(dce).chain(dfs);
        match (all().all(|seen| seen.serves), all().any(|seen| seen.running)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(running: bool, serves: bool) -> Seen {
        Seen { running, serves, is_asked: true }
    }

    #[test]
    fn all_serve_or_none_runs_or_it_is_half_up() {
        let (up, down) = (seen(true, true), seen(false, false));
        let deaf = seen(true, false);
        for (dce, dfs, state) in [
            (up, None, State::Running),
            (up, Some(up), State::Running),
            (down, None, State::Stopped),
            (down, Some(down), State::Stopped),
            (deaf, None, State::Half),
            (up, Some(down), State::Half),
            (down, Some(up), State::Half),
            (up, Some(deaf), State::Half),
        ] {
            assert_eq!(State::of(dce, dfs), state, "{dce:?} {dfs:?}");
        }
    }

    #[test]
    fn half_up_says_what_serves_and_what_does_not() {
        let error = State::Half.end(seen(true, true), Some(seen(true, false))).unwrap_err();
        assert_eq!(error.to_string(), "half up: DCE serves, and DFS runs and does not serve");
    }

    #[test]
    fn a_dce_that_runs_is_told_even_where_dfs_cannot_be_asked() {
        let text = br#"{"schema":"hadce-config/1","configuration":"mutual-cascading","dfs":true,
            "clients":["dce","dfs"],"service_addresses":["9.3.240.2"],
            "running_dce":["dce"],"running_dfs":["dfs"]}"#;
        let configuration = Configuration::parse(text).unwrap();
        let ask = |probe: &Probe| match probe.argv[0].as_str() {
            "dfs" => Err(Error::failed("dfs", "no such program")),
            _ => Ok(true),
        };
        let (answer, end) = judged(&configuration, &look(&configuration, &ask));
        assert_eq!(answer["dce"]["running"], true);
        assert_eq!(
            (&answer["dfs"], &answer["error"]["reason"]),
            (&Value::Null, &json!("no_program"))
        );
        assert!(end.is_err());
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
        let seen = look(&configuration, &answers).all().unwrap();
        assert_eq!(seen, (Seen { running: false, serves: false, is_asked: true }, None));
    }
}
