//! The service managers of the systems: what they are told, and what their answers mean.

use crate::parts::{script, words};

/// Who starts and stops what runs on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// systemd: `systemctl`.
    Systemd,
    /// Init scripts: `service` and `chkconfig`.
    Sysv,
    /// AIX's System Resource Controller: `startsrc`, `stopsrc`, and the inittab.
    Src,
}

/// Whether a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It runs, or is on its way up or down.
    Running,
    /// It does not.
    Stopped,
    /// The system has no such service, so it does not run.
    Absent,
    /// What was said tells neither.
    Unknown(String),
}

/// Whether a service is started when the machine boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootState {
    /// It is.
    Started,
    /// It is not.
    NotStarted,
    /// The system has no such service.
    Absent,
    /// What was said tells neither.
    Unknown(String),
}

/// lssrc(1) ends with 0 for what is stopped, too. The last word of the line is its state.
const SRC_RUNS: &str = "s=$(lssrc -s \"$1\") && case $s in *active | *stopping) case $s in *inoperative) exit 1 ;; esac ;; \
     *) exit 1 ;; esac";

/// is-active says no of a unit that is on its way up or down, too, or waits to be started anew.
const SYSTEMD_RUNS: &str = "s=$(systemctl show --property=ActiveState \"$1\") || exit 126; \
     case $s in *=inactive | *=failed) exit 1 ;; esac";

/// Where there is no chkconfig, the links of the runlevels say it.
const SYSV_BOOT: &str = "if command -v chkconfig >/dev/null; then exec chkconfig --list \"$1\"; fi; \
     for l in /etc/rc[2345].d/S[0-9][0-9]\"$1\"; do if test -e \"$l\"; then echo \"$1 3:on\"; exit 0; fi; done; \
     if test -e \"/etc/init.d/$1\"; then echo \"$1 3:off\"; else echo \"error reading information on service $1\"; fi";

const SYSV_DISABLE: &str = "if command -v chkconfig >/dev/null; then exec chkconfig --level 2345 \"$1\" off; fi; \
     exec update-rc.d \"$1\" disable";

/// What says of a machine which manager it has, for [`Manager::detected`].
const DETECT: &str = "if test -d /run/systemd/system; then echo systemd; elif test \"$(uname -s)\" = AIX; then echo src; else echo sysv; fi";

impl Manager {
    /// All of them.
    pub const ALL: [Manager; 3] = [Manager::Systemd, Manager::Sysv, Manager::Src];

    /// The word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Manager::Systemd => "systemd",
            Manager::Sysv => "sysv",
            Manager::Src => "src",
        }
    }

    /// The question which one a machine has.
    pub fn question() -> Vec<String> {
        script(DETECT, &[])
    }

    /// The answer to it.
    pub fn detected(said: &str) -> Option<Manager> {
        Manager::ALL.into_iter().find(|manager| manager.word() == said.trim())
    }

    /// Ends with 0 where the service is up, and with another status where it is not, or not yet.
    pub fn is_up(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => words(&["systemctl", "is-active", "--quiet", unit]),
            Manager::Sysv | Manager::Src => self.runs(unit),
        }
    }

    /// Ends with 0 where anything of the service runs, also on its way up or down.
    pub fn runs(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => script(SYSTEMD_RUNS, &[unit]),
            Manager::Sysv => words(&["service", unit, "status"]),
            Manager::Src => script(SRC_RUNS, &[unit]),
        }
    }

    /// Starts it.
    pub fn start(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => words(&["systemctl", "start", unit]),
            Manager::Sysv => words(&["service", unit, "start"]),
            Manager::Src => words(&["startsrc", "-s", unit]),
        }
    }

    /// Stops it. `stopsrc` does not wait for its end.
    pub fn stop(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => words(&["systemctl", "stop", unit]),
            Manager::Sysv => words(&["service", unit, "stop"]),
            Manager::Src => words(&["stopsrc", "-s", unit]),
        }
    }

    /// Has it not started at boot. On AIX that is said for what stands in the inittab; what
    /// /etc/rc.tcpip starts is a person's.
    pub fn disable(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => words(&["systemctl", "disable", unit]),
            Manager::Sysv => script(SYSV_DISABLE, &[unit]),
            Manager::Src => words(&["rmitab", unit]),
        }
    }

    /// Asks whether it runs, for [`Manager::run_state`].
    pub fn run_question(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => {
                words(&["systemctl", "show", "--property=LoadState,ActiveState", unit])
            }
            Manager::Sysv => words(&["service", unit, "status"]),
            Manager::Src => words(&["lssrc", "-s", unit]),
        }
    }

    /// Asks whether it is started at boot, for [`Manager::boot_state`].
    pub fn boot_question(self, unit: &str) -> Vec<String> {
        match self {
            Manager::Systemd => words(&["systemctl", "is-enabled", unit]),
            Manager::Sysv => script(SYSV_BOOT, &[unit]),
            // A line of the inittab, and one of rc.tcpip that is no comment.
            Manager::Src => script(
                "lsitab \"$1\"; grep \"^[[:blank:]]*start[[:blank:]].*/$1[[:blank:]]\" /etc/rc.tcpip /dev/null; \
                 command -v lsitab >/dev/null",
                &[unit],
            ),
        }
    }

    /// What the answer to [`Manager::run_question`] means.
    pub fn run_state(self, status: i32, stdout: &str, stderr: &str) -> RunState {
        let unknown = || RunState::Unknown(told(status, stdout, stderr));
        match self {
            Manager::Systemd => {
                let value = |name: &str| {
                    stdout
                        .lines()
                        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
                };
                match (status, value("LoadState"), value("ActiveState")) {
                    (0, _, Some("active" | "activating" | "reloading" | "deactivating")) => {
                        RunState::Running
                    }
                    (0, Some("not-found"), Some("inactive")) => RunState::Absent,
                    (0, _, Some("inactive" | "failed")) => RunState::Stopped,
                    _ => unknown(),
                }
            }
            // LSB: 0 runs, 1 and 2 dead with a file left, 3 does not run, 4 unknown.
            Manager::Sysv => match status {
                0 => RunState::Running,
                1 if says_unrecognized(stdout, stderr) => RunState::Absent,
                1..=3 => RunState::Stopped,
                _ => unknown(),
            },
            Manager::Src => {
                let state = stdout.lines().skip(1).find_map(|line| line.split_whitespace().last());
                match state {
                    Some("inoperative") => RunState::Stopped,
                    Some("active" | "stopping" | "warned") => RunState::Running,
                    _ if says(stdout, stderr, "0513-085") => RunState::Absent,
                    _ => unknown(),
                }
            }
        }
    }

    /// Why it cannot be started though it is there, as the answer to [`Manager::run_question`] says.
    pub fn hindrance(self, stdout: &str) -> Option<String> {
        if self != Manager::Systemd {
            return None;
        }
        let state = stdout.lines().find_map(|line| line.trim().strip_prefix("LoadState="))?;
        (state != "loaded" && state != "not-found").then(|| state.to_owned())
    }

    /// What the answer to [`Manager::boot_question`] means.
    pub fn boot_state(self, status: i32, stdout: &str, stderr: &str) -> BootState {
        let unknown = || BootState::Unknown(told(status, stdout, stderr));
        match self {
            Manager::Systemd => match stdout.trim() {
                "enabled" | "alias" => BootState::Started,
                // What is enabled until the next boot is not started by that.
                "disabled" | "masked" | "masked-runtime" | "enabled-runtime" | "linked"
                | "linked-runtime" | "static" | "indirect" => BootState::NotStarted,
                "not-found" => BootState::Absent,
                "" if says(stdout, stderr, "No such file or directory") => BootState::Absent,
                _ => unknown(),
            },
            Manager::Sysv => {
                let line = stdout.lines().find(|line| line.contains("3:"));
                match line {
                    Some(line) => {
                        let on = ["2:on", "3:on", "4:on", "5:on"];
                        match line.split_whitespace().any(|word| on.contains(&word)) {
                            true => BootState::Started,
                            false => BootState::NotStarted,
                        }
                    }
                    None if says(stdout, stderr, "error reading information on service") => {
                        BootState::Absent
                    }
                    // It has a script, and stands in no runlevel.
                    None if says(stdout, stderr, "but is not referenced in any runlevel") => {
                        BootState::NotStarted
                    }
                    None => unknown(),
                }
            }
            Manager::Src => match (status, stdout.trim().is_empty()) {
                (0, false) => BootState::Started,
                (0, true) => BootState::NotStarted,
                _ => unknown(),
            },
        }
    }
}

fn says(stdout: &str, stderr: &str, words: &str) -> bool {
    stdout.contains(words) || stderr.contains(words)
}

fn says_unrecognized(stdout: &str, stderr: &str) -> bool {
    says(stdout, stderr, "unrecognized service")
}

fn told(status: i32, stdout: &str, stderr: &str) -> String {
    let last =
        |text: &str| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
    match last(stderr).or_else(|| last(stdout)) {
        Some(words) => format!("status {status}: {words}"),
        None => format!("status {status}"),
    }
}
