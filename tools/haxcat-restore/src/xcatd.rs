//! Whether xcatd runs: what it holds in memory would be older than the database, and what it writes
//! would come between.

use ha_command::{Fate, capture_unless};
use ha_json::Error;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);

/// What `ps` may say, in bytes.
const KEPT_BYTES: u64 = 32 << 20;

/// Makes sure that it does not run on this machine.
///
/// # Errors
/// `busy`, where it runs; `failed`, where that cannot be told.
pub(crate) fn refuse() -> Result<(), Error> {
    let unknown = |why: String| {
        let why = format!("{why}: it is not known whether xcatd runs (--while-xcatd-runs goes on)");
        Error::failed("ps", why)
    };
    let argv = ["ps", "-A", "-o", "pid=", "-o", "args="];
    let run = capture_unless(&argv, [], DEADLINE, KEPT_BYTES, &|| false)
        .map_err(|error| unknown(error.why))?;
    if run.fate != Fate::Exited(0) || run.cut || run.stdout.is_empty() {
        return Err(unknown("did not list the processes".to_owned()));
    }
    match running(&String::from_utf8_lossy(&run.stdout)) {
        None => Ok(()),
        Some(process) => {
            let why = format!("runs (process {process}): stop it first, or say --while-xcatd-runs");
            Err(Error::busy("xcatd", why))
        }
    }
}

/// The number of a process of xcatd in a list of numbers and command lines. It calls itself by what it
/// does (`xcatd: SSL listener`), and until then it is a script of perl.
fn running(list: &str) -> Option<&str> {
    list.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (process, program) = (words.next()?, words.next()?);
        let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let is_xcatd = |word: &str| matches!(base(word).as_str(), "xcatd" | "xcatd:");
        let script = base(program).starts_with("perl") && words.any(|word| base(word) == "xcatd");
        (is_xcatd(program) || script).then_some(process)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xcatd_is_known_by_what_it_calls_itself_and_as_a_script() {
        for line in [
            "xcatd: SSL listener",
            "xcatd: DB Access",
            "/opt/xcat/sbin/xcatd -f",
            "/usr/bin/perl -T /opt/xcat/sbin/xcatd -p /var/run/xcat/mainservice.pid",
        ] {
            assert_eq!(running(&format!("    1 init\n 4711 {line}\n")), Some("4711"), "{line}");
        }
    }

    #[test]
    fn what_only_speaks_of_it_is_not_it() {
        for line in [
            "vi /opt/xcat/sbin/xcatd",
            "grep xcatd",
            "haxcat-restore --while-xcatd-runs",
            "perl xcatd.log",
            "[kthreadd]",
        ] {
            assert_eq!(running(&format!("4711 {line}")), None, "{line}");
        }
    }
}
