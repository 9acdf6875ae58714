//! What a run keeps of itself, so that the next one can take back what a killed run did.

use crate::{Act, Plan, Probe, Step, sys};
use ha_command::{Lock, lock_unless};
use ha_file::Durability;
use ha_json::{Error, now, reason};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &str = "ha-plan-state/1";

/// No state is larger.
const MAX_BYTES: u64 = 16 << 20;

/// The state of a run that has begun.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    schema: String,
    /// The plan that was run.
    pub(crate) plan: String,
    /// Names the run.
    pub(crate) run: String,
    /// The boot of the system that it ran under.
    boot: String,
    /// The session that it ran in.
    pub(crate) session: i32,
    /// When it began.
    time: String,
    /// It came to its end: nothing of it is to be undone.
    pub(crate) finished: bool,
    /// The host name to be restored one day.
    pub(crate) host_name: Option<HeldName>,
    /// The step that was begun last.
    pub(crate) current: Option<String>,
    /// What was begun and can be undone, in order.
    pub(crate) begun: Vec<Begun>,
}

/// A host name that was replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeldName {
    /// The machine's own.
    pub(crate) was: String,
    /// What it was set to.
    pub(crate) set: String,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) undo: Act,
    pub(crate) undone: Option<Probe>,
    pub(crate) timeout_seconds: u64,
    pub(crate) reboot_if_failed: bool,
}

impl Begun {
    /// What is kept of a step that can be undone.
    pub(crate) fn of(step: &Step) -> Option<Begun> {
        Some(Begun {
            id: step.id.clone(),
            undo: step.undo.clone()?,
            undone: step.undone.clone(),
            timeout_seconds: step.undo_timeout_seconds.unwrap_or(step.timeout_seconds),
            reboot_if_failed: step.reboot_if_failed,
        })
    }
}

impl State {
    pub(crate) fn new(plan: &Plan, held: Option<HeldName>) -> State {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_nanos());
        State {
            schema: SCHEMA.to_owned(),
            plan: plan.name.clone(),
            run: format!("{}-{nanos}", std::process::id()),
            boot: sys::boot(),
            session: sys::session(),
            time: now(),
            finished: false,
            host_name: held,
            current: None,
            begun: Vec::new(),
        }
    }

    /// Whether the machine was booted since. Where the system does not name its boots, or did not
    /// then, what the state says is taken for this boot's: a host name is lost otherwise.
    fn is_of_another_boot(&self) -> bool {
        let now = sys::boot();
        !self.boot.is_empty() && !now.is_empty() && self.boot != now
    }

    /// What marks the processes of a step of this run.
    pub(crate) fn mark(&self, step: &str) -> String {
        format!("{}/{step}", self.run)
    }
}

/// What an earlier run left.
#[derive(Debug, PartialEq)]
pub(crate) enum Left {
    Nothing,
    /// Of this boot.
    State(State),
    /// The machine was booted since: its processes and its host name are gone with that.
    BeforeBoot(State),
    /// It cannot be read, and was moved aside; but this of it was understood.
    Unreadable(String, Option<HeldName>),
}

/// What the next run would have to repair, read without the lock and without a change.
pub(crate) fn look(plan: &Plan) -> Result<Option<String>, Error> {
    let file = Path::new(&plan.state_directory).join(&plan.state).join("state.json");
    let Some(text) = ha_file::read(&file, MAX_BYTES)? else { return Ok(None) };
    Ok(match serde_json::from_slice::<State>(&text) {
        Ok(state) if state.is_of_another_boot() || state.finished => None,
        Ok(state) => Some(format!("a run of {} is going on or was killed", state.plan)),
        Err(error) => Some(format!("{}: {error}", file.display())),
    })
}

/// The directory of a state, locked.
#[derive(Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    _lock: Lock,
}

impl Home {
    /// Opens, or makes, the directory of the plan's state, and takes its lock.
    ///
    /// # Errors
    /// Kind `busy` when another run holds it for all of `wait`, or until `give_up`; `failed` where it
    /// cannot be used, or where others can write to it or put another in its place: whoever writes a
    /// state chooses what root undoes.
    pub(crate) fn open(
        plan: &Plan,
        wait: Duration,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Home, Error> {
        Home::open_at(Path::new(&plan.state_directory), &plan.state, wait, give_up)
    }

    pub(crate) fn open_at(
        parent: &Path,
        state: &str,
        wait: Duration,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Home, Error> {
        let directory = parent.join(state);
        let make = |path: &Path, mode| {
            DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| {
                Error::failed(
                    path.display().to_string(),
                    format!("cannot be made: {}", reason(&error)),
                )
            })
        };
        make(parent, 0o755)?;
        make(&directory, 0o700)?;
        let name = directory.display().to_string();
        trust(parent)?;
        let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&directory);
        let opened = opened.map_err(|error| Error::io(&name, &error))?;
        let found = opened.metadata().map_err(|error| Error::io(&name, &error))?;
        if found.uid() != nix::unistd::geteuid().as_raw() || found.mode() & 0o022 != 0 {
            let mode = found.mode() & 0o7777;
            let why = format!(
                "belongs to user {} with mode {mode:04o}, and must be writable by this user alone",
                found.uid()
            );
            return Err(Error::failed(name, why));
        }
        let lock = lock_unless(opened.into(), &name, wait, give_up)?;
        Ok(Home { directory, _lock: lock })
    }

    fn file(&self) -> PathBuf {
        self.directory.join("state.json")
    }

    /// What an earlier run left here.
    pub(crate) fn left(&self) -> Result<Left, Error> {
        let file = self.file();
        let text = match ha_file::read(&file, MAX_BYTES)? {
            None => return Ok(Left::Nothing),
            Some(text) => text,
        };
        let parsed: Result<State, String> =
            serde_json::from_slice(&text).map_err(|error| error.to_string());
        let right = |state: State| match state.schema.as_str() {
            SCHEMA => Ok(state),
            other => Err(format!("its schema is {other:?} instead of {SCHEMA}")),
        };
        match parsed.and_then(right) {
            Ok(state) if state.is_of_another_boot() => Ok(Left::BeforeBoot(state)),
            Ok(state) => Ok(Left::State(state)),
            Err(why) => {
                // Of another version, or torn by a crash of the machine.
                let aside = self.directory.join("state.json.unreadable");
                fs::rename(&file, &aside)
                    .map_err(|error| Error::io(file.display().to_string(), &error))?;
                let held = serde_json::from_slice::<serde_json::Value>(&text).ok();
                let held = held.and_then(|state| state.get("host_name").cloned());
                let held = held.and_then(|held| serde_json::from_value(held).ok());
                Ok(Left::Unreadable(format!("{}: {why}", aside.display()), held))
            }
        }
    }

    /// Writes the state. It need not survive a crash of the machine, only that of this process.
    pub(crate) fn save(&self, state: &State) -> Result<(), Error> {
        let file = self.file();
        let text = serde_json::to_vec(state)
            .map_err(|error| Error::failed(file.display().to_string(), error.to_string()))?;
        ha_file::replace(&file, &text, 0o600, Durability::Unsynced)
    }

    /// Removes the state: nothing is to be undone any more.
    pub(crate) fn forget(&self) -> Result<(), Error> {
        let file = self.file();
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io(file.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }

    /// The file of what a step says.
    pub(crate) fn output_path(&self, step: &str) -> PathBuf {
        self.directory.join(format!("{step}.out"))
    }

    /// Where what a step says is kept, as a new file. A daemon that it starts may go on writing
    /// there: a pipe would kill it when this process ends. `None` where there is no room: the
    /// takeover goes on without it.
    pub(crate) fn output_of(&self, step: &str) -> Option<File> {
        let path = self.output_path(step);
        // The daemons of an earlier run keep the file that they have.
        let _ = fs::remove_file(&path);
        OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path).ok()
    }
}

/// Refuses a directory that others than this user and root could exchange, at any height.
fn trust(directory: &Path) -> Result<(), Error> {
    let told = |path: &Path, error: &std::io::Error| Error::io(path.display().to_string(), error);
    let real = fs::canonicalize(directory).map_err(|error| told(directory, &error))?;
    let own = nix::unistd::geteuid().as_raw();
    for place in directory.ancestors().chain(real.ancestors()) {
        let found = fs::metadata(place).map_err(|error| told(place, &error))?;
        let (owner, mode) = (found.uid(), found.mode());
        let shared = mode & 0o022 != 0 && mode & 0o1000 == 0;
        if shared || (owner != 0 && owner != own) {
            let why = format!(
                "belongs to user {owner} with mode {:04o}: who can write there could exchange {}",
                mode & 0o7777,
                directory.display()
            );
            return Err(Error::failed(place.display().to_string(), why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn plan(ground: &tempfile::TempDir) -> Plan {
        Plan {
            name: "test".into(),
            state: "one".into(),
            state_directory: ground.path().join("state").to_str().unwrap().into(),
            deadline_seconds: 60,
            conditions: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn home(plan: &Plan) -> Home {
        Home::open(plan, Duration::ZERO, &|| false).unwrap()
    }

    #[test]
    fn a_state_comes_back_as_it_was_and_is_forgotten() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let home = home(&plan);
        assert_eq!(home.left().unwrap(), Left::Nothing);
        let held = HeldName { was: "n1".into(), set: "svc".into() };
        let mut state = State::new(&plan, Some(held));
        state.begun.push(Begun {
            id: "a".into(),
            undo: Act::RestoreHostName {},
            undone: None,
            timeout_seconds: 3,
            reboot_if_failed: true,
        });
        home.save(&state).unwrap();
        assert_eq!(home.left().unwrap(), Left::State(state));
        home.forget().unwrap();
        home.forget().unwrap();
        assert_eq!(home.left().unwrap(), Left::Nothing);
    }

    #[test]
    fn a_state_from_before_the_boot_is_told_from_one_of_today() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let home = home(&plan);
        let state = State { boot: "another".into(), ..State::new(&plan, None) };
        home.save(&state).unwrap();
        assert_eq!(home.left().unwrap(), Left::BeforeBoot(state));
    }

    #[test]
    fn a_torn_state_is_moved_aside() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let home = home(&plan);
        for text in ["{\"schema\":\"ha-pl", "{}", ""] {
            fs::write(home.file(), text).unwrap();
            assert!(matches!(home.left().unwrap(), Left::Unreadable(_, None)), "{text}");
            assert_eq!(home.left().unwrap(), Left::Nothing);
        }
        assert!(home.directory.join("state.json.unreadable").exists());
    }

    #[test]
    fn the_host_name_in_a_state_of_another_version_is_not_lost() {
        let ground = tempfile::tempdir().unwrap();
        let home = home(&plan(&ground));
        let text = r#"{"schema":"ha-plan-state/9","host_name":{"was":"n1","set":"svc"}}"#;
        fs::write(home.file(), text).unwrap();
        let held = HeldName { was: "n1".into(), set: "svc".into() };
        assert!(matches!(home.left().unwrap(), Left::Unreadable(_, Some(found)) if found == held));
    }

    #[test]
    fn a_state_without_the_name_of_its_boot_is_taken_for_one_of_today() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let home = home(&plan);
        let state = State { boot: String::new(), ..State::new(&plan, None) };
        home.save(&state).unwrap();
        assert_eq!(home.left().unwrap(), Left::State(state));
    }

    #[test]
    fn a_directory_beneath_one_that_others_may_write_to_is_refused() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        drop(home(&plan));
        let parent = ground.path().to_owned();
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Home::open(&plan, Duration::ZERO, &|| false).unwrap_err();
        assert!(error.to_string().contains("could exchange"), "{error}");
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o1777)).unwrap();
        Home::open(&plan, Duration::ZERO, &|| false).unwrap();
    }

    #[test]
    fn a_second_run_is_told_that_it_is_busy() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let _held = home(&plan);
        let error = Home::open(&plan, Duration::from_millis(60), &|| false).unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Busy);
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let ground = tempfile::tempdir().unwrap();
        let plan = plan(&ground);
        let directory = home(&plan).directory;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Home::open(&plan, Duration::ZERO, &|| false).unwrap_err();
        assert!(error.to_string().contains("by this user alone"), "{error}");
    }
}
