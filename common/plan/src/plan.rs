//! Plans as data. The format is documented for its readers in `man/ha-plan.5`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema of a plan on its way between two tools.
pub const SCHEMA: &str = "ha-plan/1";

/// Steps in order, and what must hold before the first of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is called in records and messages.
    pub name: String,
    /// Plans of one state exclude each other, and each repairs what a killed run of another left:
    /// `hadce-start` and `hadce-stop` share the state `hadce`.
    pub state: String,
    /// Absolute path of the directory in which the directory of the state stands.
    pub state_directory: String,
    /// The whole run, undoing included, takes no longer.
    pub deadline_seconds: u64,
    /// Checked, all of them, before the first step, unless no step has anything to do.
    pub conditions: Vec<Condition>,
    /// Run in this order.
    pub steps: Vec<Step>,
}

/// What must hold before anything is touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Names it among the conditions and steps of the plan.
    pub id: String,
    /// What must hold, as a sentence.
    pub what: String,
    /// How that is seen.
    pub check: Check,
    /// What an administrator does where it does not hold.
    #[serde(default)]
    pub otherwise: Option<String>,
    /// Where it does not hold, that is told, and the run goes on.
    #[serde(default)]
    pub warn_only: bool,
}

impl Condition {
    /// A condition `needs-ID` without which the run ends.
    pub fn needed(id: &str, what: String, check: Check, otherwise: &str) -> Condition {
        Condition {
            id: format!("needs-{id}"),
            what,
            check,
            otherwise: Some(otherwise.to_owned()),
            warn_only: false,
        }
    }
}

/// How a condition is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// A program answers as expected.
    Probe {
        /// The program.
        probe: Probe,
    },
    /// Nothing here can see it: it never holds. Who knows that it holds takes the condition out.
    Unproven {},
    /// A file system is mounted at this very path.
    Mounted {
        /// Absolute path.
        path: String,
    },
    /// No file system is mounted at this very path.
    NotMounted {
        /// Absolute path.
        path: String,
    },
    /// The directory, links followed, lies on one of these mounted file systems.
    LiesOn {
        /// Absolute path of the directory.
        directory: String,
        /// Mount points.
        mounts: Vec<String>,
    },
    /// Each of these addresses is configured on an adapter of this machine that is up.
    Address {
        /// IPv4 or IPv6 addresses.
        addresses: Vec<String>,
    },
    /// Each IPv4 address of this machine, loopback apart, is one of these.
    KnownAddresses {
        /// IPv4 addresses.
        addresses: Vec<String>,
    },
    /// The name resolves to one of these addresses.
    Resolves {
        /// A host name.
        name: String,
        /// IPv4 or IPv6 addresses.
        addresses: Vec<String>,
    },
    /// The program is there and can be run.
    Executable {
        /// Its path, or its name in `PATH`.
        program: String,
    },
}

/// A question to a program: status 0 is yes, every other status is no. One that is not there, or
/// cannot be run (status 126 or 127), cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables added to its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The answer that is wanted.
    #[serde(default)]
    pub expect: Answer,
    /// It is killed after this time.
    #[serde(default = "ten")]
    pub timeout_seconds: u64,
    /// What it has answered when it was killed so, or by whatever signal.
    #[serde(default = "no")]
    pub unanswered: Answer,
}

fn ten() -> u64 {
    10
}

fn no() -> Answer {
    Answer::No
}

/// What a probe may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Status 0.
    #[default]
    Yes,
    /// Any other status.
    No,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Names it among the conditions and steps of the plan.
    pub id: String,
    /// What it does, as a sentence.
    pub what: String,
    /// Passed over unless all of these answer as expected. All probes of `only_if` and `unless` of
    /// a plan are asked before its first step, the same one once.
    #[serde(default)]
    pub only_if: Vec<Probe>,
    /// Already true where all of these answer as expected, and there is one at least.
    #[serde(default)]
    pub unless: Vec<Probe>,
    /// Asked right before `do`: the step fails unless it answers as expected.
    #[serde(default)]
    pub guard: Option<Probe>,
    /// What is done.
    pub r#do: Act,
    /// What takes it back. It runs once when this step or a later one failed.
    #[serde(default)]
    pub undo: Option<Act>,
    /// It is undone when this answers as expected, whatever `undo` said.
    #[serde(default)]
    pub undone: Option<Probe>,
    /// For `undo` and `undone` together; as much as for `do` where it is not there.
    #[serde(default)]
    pub undo_timeout_seconds: Option<u64>,
    /// The step is done only when this answers as expected.
    #[serde(default)]
    pub ready: Option<Probe>,
    /// Where `ready` answers as expected, the step is done even though `do` failed.
    #[serde(default)]
    pub ready_decides: bool,
    /// For `do` and `ready` together.
    pub timeout_seconds: u64,
    /// Whether the steps behind it still run when it failed.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Its failure, or, where it has an undo, the failure of that, means that this machine must be
    /// rebooted.
    #[serde(default)]
    pub reboot_if_failed: bool,
}

impl Step {
    /// A step that has nothing but an act.
    pub fn new(id: &str, what: &str, act: Act, timeout_seconds: u64) -> Step {
        Step {
            id: id.to_owned(),
            what: what.to_owned(),
            only_if: Vec::new(),
            unless: Vec::new(),
            guard: None,
            r#do: act,
            undo: None,
            undone: None,
            undo_timeout_seconds: None,
            ready: None,
            ready_decides: false,
            timeout_seconds,
            on_failure: OnFailure::Stop,
            reboot_if_failed: false,
        }
    }
}

impl Step {
    /// The step, which is true already where all of `probes` answer as expected, unless it says itself
    /// when it is: for a step that a site adds to a plan.
    pub fn needless_when(&self, probes: &[Probe]) -> Step {
        let mut step = self.clone();
        if step.unless.is_empty() {
            step.unless = probes.to_vec();
        }
        step
    }
}

/// What follows a failed step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// No step behind it runs, and what was done is undone.
    #[default]
    Stop,
    /// The steps behind it run, and the run ends with status 3 at best.
    GoOn,
    /// The steps behind it run, nothing is undone, and the run fails at its end.
    FailAtEnd,
}

/// What a step does. Each kind but `run` and `wait` is true already where there is nothing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Run a program to its end.
    Run {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Variables added to its environment.
        #[serde(default)]
        environment: BTreeMap<String, String>,
    },
    /// Remove regular files in one directory: never what a link leads to, never a directory.
    Remove {
        /// Absolute path; links in it are followed.
        directory: String,
        /// Mount points: the directory must lie on one of these file systems. Empty: anywhere.
        #[serde(default)]
        lies_on: Vec<String>,
        /// The directory beneath it, such as `security/creds`, in which the files are: a link in it
        /// is refused, and so is another file system. Empty: the directory itself.
        #[serde(default)]
        beneath: String,
        /// File names, or `*` alone for every file, hidden ones too.
        names: Vec<String>,
    },
    /// Set the host name of the running system, the name before it kept in the state.
    HostName {
        /// The new name.
        name: String,
    },
    /// Set the host name that the state keeps. Nothing is done where it keeps none.
    RestoreHostName {},
    /// Make a line stand in a text file.
    Line {
        /// Absolute path.
        file: String,
        /// The line, without its newline.
        line: String,
        /// The last line that begins with this is replaced; where there is none, the line is
        /// appended.
        #[serde(default)]
        replaces_prefix: Option<String>,
    },
    /// Make a file have this content.
    File {
        /// Absolute path.
        path: String,
        /// All of it.
        content: String,
        /// The permissions of a file that is made, in octal such as `"0644"`; one that is there
        /// keeps its own.
        mode: String,
    },
    /// Make a directory; its parent must be there.
    Directory {
        /// Absolute path.
        path: String,
        /// Its permissions when it is made, in octal.
        mode: String,
    },
    /// Make a symbolic link. Another link or a file in its place is left, and the step fails.
    Link {
        /// Absolute path of the link.
        path: String,
        /// What it leads to.
        target: String,
    },
    /// Look again and again until this holds.
    Wait {
        /// What must hold.
        until: Check,
    },
}

impl Act {
    /// Whether only running it tells if there was anything to do.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Act::Run { .. } | Act::Wait { .. })
    }
}
