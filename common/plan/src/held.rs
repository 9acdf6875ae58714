//! The state of plans, held by work that no plan describes.

use crate::state::Home;
use ha_json::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

/// The state of plans, held against their runs by work that no plan describes; free again when it is
/// dropped, or when the process ends.
#[derive(Debug)]
pub struct Held {
    home: Home,
}

/// Holds the state `state` in `state_directory`: no plan of that state runs meanwhile, and no other
/// work that holds it.
///
/// # Errors
/// Usage, for a directory that is not absolute. Kind `busy` when another held it for all of `wait`,
/// or until `give_up`; `failed` where the directory cannot be used.
pub fn hold(
    state_directory: &str,
    state: &str,
    wait: Duration,
    give_up: &dyn Fn() -> bool,
) -> Result<Held, Error> {
    let directory = Path::new(state_directory);
    if !directory.is_absolute() {
        let why = format!("the path {state_directory:?} is not absolute");
        return Err(Error::usage("--state-directory", why));
    }
    Home::open_at(directory, state, wait, give_up).map(|home| Held { home })
}

impl Held {
    /// Where what a program says is kept, as a new file `NAME.out`: a pipe would kill it when this
    /// process ends. `None` where there is no room.
    ///
    /// The program may outlive the process that began it, and the state's lock does not. So the file
    /// carries a lock of its own, which is free when the last process that writes there has ended.
    /// Where the system has no such locks, nobody is refused.
    ///
    /// # Errors
    /// `busy`, while one that was begun earlier still has its file.
    pub fn output(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.home.output_path(name);
        let earlier = OpenOptions::new().read(true).append(true).open(&path);
        if let Ok(earlier) = earlier
            && matches!(earlier.try_lock(), Err(TryLockError::WouldBlock))
        {
            let path = path.display();
            let why = format!(
                "what a killed run began still goes on: wait until it has ended (it writes to {path}; \
                 fuser {path} tells its processes)"
            );
            return Err(Error::busy(name, why));
        }
        let output = self.home.output_of(name);
        // Never given back here: it goes with the program's own copies of the file.
        let _ = output.as_ref().map(File::try_lock);
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    /// Waits, as below: a child that another test forks has what this one holds until its exec.
    const SOON: Duration = Duration::from_secs(10);

    fn held(ground: &tempfile::TempDir) -> Held {
        hold(ground.path().to_str().unwrap(), "one", SOON, &|| false).unwrap()
    }

    #[test]
    fn a_program_that_outlives_its_run_is_not_begun_again() {
        let ground = tempfile::tempdir_in("/var/tmp").unwrap();
        let first = held(&ground);
        let output = first.output("sync").unwrap().unwrap();
        let mut program =
            Command::new("sleep").arg("60").stdout(Stdio::from(output)).spawn().unwrap();
        drop(first);
        let error = held(&ground).output("sync").unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.why.contains("/one/sync.out"), "{error}");
        assert!(held(&ground).output("takeover").unwrap().is_some());
        program.kill().unwrap();
        program.wait().unwrap();
        let begun = Instant::now();
        while let Err(error) = held(&ground).output("sync") {
            assert!(begun.elapsed() < SOON, "{error}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_directory_that_is_not_absolute_is_wrong_usage() {
        for relative in ["", "run", "./run"] {
            let error = hold(relative, "one", Duration::ZERO, &|| false).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{relative:?}");
        }
    }
}
