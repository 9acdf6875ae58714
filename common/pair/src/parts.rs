//! What goes with the role of the primary, as questions that a plan asks on this machine.

use crate::{Manager, Pair, Service};
use ha_command::{Fate, beside, capture};
use ha_json::{Error, json};
use ha_plan::{Act, Answer, Probe};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where xCAT's commands are, and those of administration, behind a bare `PATH`.
const DIRECTORIES: &str = "/opt/xcat/bin:/opt/xcat/sbin:/usr/bin:/bin:/usr/sbin:/sbin";

/// xcatd renames its processes, to `xcatd: SSL listener` and the like, or an interpreter runs its script.
const XCATD_PROCESS: &str =
    "^([^ ]*/)?xcatd([: ]|$)|^([^ ]*/)?(perl|python)[^ /]*( -[^ ]*)* ([^ ]*/)?xcatd( |$)";

/// The file that says that a takeover came to its end, in the directory of the state.
const MARKER: &str = "haxcat-active";

/// The file that says that one was begun.
const BEGUN: &str = "haxcat-begun";

/// This machine, as it must be known to make a plan for it.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    pair: &'a Pair,
    /// Who starts its services.
    pub manager: Manager,
    harun: String,
}

impl<'a> Parts<'a> {
    /// Asks the machine for its service manager where the configuration does not say it.
    ///
    /// # Errors
    /// Failed, where it has none that is known.
    pub fn look(pair: &'a Pair) -> Result<Parts<'a>, Error> {
        let manager = match pair.manager {
            Some(manager) => manager,
            None => detected(pair)?,
        };
        Ok(Parts { pair, manager, harun: beside("harun") })
    }

    /// For tests.
    pub fn of(pair: &'a Pair, manager: Manager) -> Parts<'a> {
        Parts { pair, manager, harun: "harun".to_owned() }
    }

    /// An act that runs a program, which finds xCAT's commands.
    pub fn run(&self, argv: Vec<String>) -> Act {
        Act::Run { argv, environment: environment() }
    }

    /// A probe of a program, which finds xCAT's commands. What gives no answer has not said yes.
    pub fn probe(&self, argv: Vec<String>) -> Probe {
        Probe {
            argv,
            environment: environment(),
            expect: Answer::Yes,
            timeout_seconds: self.pair.seconds.probe,
            unanswered: Answer::No,
        }
    }

    fn check(&self, check: &ha_json::Value, expect: Answer) -> Probe {
        let argv = vec![self.harun.clone(), "--check".to_owned(), check.to_string()];
        Probe { expect, ..self.probe(argv) }
    }

    /// The service address is on an adapter of this machine, or is not.
    pub fn vip(&self, expect: Answer) -> Probe {
        let address = self.pair.vip.address.to_string();
        self.check(&json!({"kind": "address", "addresses": [address]}), expect)
    }

    /// Sees that this machine is a node of the pair.
    ///
    /// # Errors
    /// Usage, where it is none; failed, where harun is not there to be asked.
    pub fn is_a_node(&self) -> Result<(), Error> {
        for node in &self.pair.nodes {
            let address = node.address.to_string();
            let check = json!({"kind": "address", "addresses": [address]});
            if ha_plan::ask(&self.check(&check, Answer::Yes))? {
                return Ok(());
            }
        }
        Err(self.pair.not_a_node())
    }

    /// A file system is mounted there, or none.
    pub fn mounted(&self, path: &str, expect: Answer) -> Probe {
        self.check(&json!({"kind": "mounted", "path": path}), expect)
    }

    /// The service is up, or nothing of it runs. What gives no answer has not gone.
    pub fn running(&self, service: &Service, expect: Answer) -> Probe {
        let argv = match expect {
            Answer::Yes => self.manager.is_up(&service.unit),
            Answer::No => self.manager.runs(&service.unit),
        };
        Probe { expect, unanswered: Answer::Yes, ..self.probe(argv) }
    }

    /// No process of xcatd runs, whoever started it.
    pub fn no_xcatd(&self) -> Probe {
        Probe { expect: Answer::No, unanswered: Answer::Yes, ..self.probe(xcatd_processes()) }
    }

    /// xcatd answers.
    pub fn xcatd_answers(&self) -> Probe {
        self.probe(self.pair.xcatd_ready.clone())
    }

    /// What a takeover starts, in its order: the database, xcatd, and the others.
    pub fn started(&self) -> impl Iterator<Item = &'a Service> {
        self.pair.all_services().filter(|service| service.activate)
    }

    /// All answer as expected where nothing is to be taken over any more.
    pub fn all_up(&self) -> Vec<Probe> {
        let pair = self.pair;
        let mut all = vec![self.probe(words(&["test", "-e", &self.marker()]))];
        if pair.vip.manage {
            all.push(self.vip(Answer::Yes));
        }
        if pair.mount {
            all.extend(pair.shared_mounts.iter().map(|path| self.mounted(path, Answer::Yes)));
        }
        all.extend(self.started().map(|service| self.running(service, Answer::Yes)));
        all.push(self.xcatd_answers());
        all
    }

    /// A takeover was begun on this machine since it was booted, and was not given up.
    pub fn begun(&self) -> Probe {
        self.probe(words(&["test", "-e", &self.begun_file()]))
    }

    /// The path of the file that says so.
    pub fn begun_file(&self) -> String {
        format!("{}/{BEGUN}", self.pair.state_directory)
    }

    /// The path of the file that says that a takeover came to its end.
    pub fn marker(&self) -> String {
        format!("{}/{MARKER}", self.pair.state_directory)
    }

    /// The act that takes both files away.
    pub fn forget(&self) -> Act {
        Act::Remove {
            directory: self.pair.state_directory.clone(),
            lies_on: Vec::new(),
            beneath: String::new(),
            names: vec![MARKER.to_owned(), BEGUN.to_owned()],
        }
    }
}

fn environment() -> BTreeMap<String, String> {
    let own = std::env::var("PATH").unwrap_or_default();
    let path = if own.is_empty() { DIRECTORIES.to_owned() } else { format!("{own}:{DIRECTORIES}") };
    BTreeMap::from([("PATH".to_owned(), path)])
}

fn detected(pair: &Pair) -> Result<Manager, Error> {
    let question = Manager::question();
    let argv: Vec<&str> = question.iter().map(String::as_str).collect();
    let said = capture(&argv, Duration::from_secs(pair.seconds.probe))?;
    let word = String::from_utf8_lossy(&said.stdout).into_owned();
    match (said.fate, Manager::detected(&word)) {
        (Fate::Exited(0), Some(manager)) => Ok(manager),
        _ => {
            let why = "cannot be told: name it in the configuration";
            Err(Error::failed("service_manager", why))
        }
    }
}

/// What says which processes of xcatd run: status 0, and they are told; 1, none; else it is not known.
pub fn xcatd_processes() -> Vec<String> {
    let text = "p=$(ps -e -o args=) || exit 126; printf '%s\\n' \"$p\" | grep -E \"$1\"";
    script(text, &[XCATD_PROCESS])
}

/// Words of a command line.
pub fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// A script of the shell, which gets `arguments` as its own.
pub fn script(text: &str, arguments: &[&str]) -> Vec<String> {
    let mut argv = words(&["sh", "-c", text, "sh"]);
    argv.extend(words(arguments));
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_xcatd_is_known_by_its_name_or_its_script() {
        let is_xcatd = |process: &str| {
            let script = format!("printf '%s\\n' '{process}' | grep -qE \"$1\"");
            let wait = Duration::from_secs(20);
            let said = capture(&["sh", "-c", &script, "sh", XCATD_PROCESS], wait).unwrap();
            said.fate == Fate::Exited(0)
        };
        for process in [
            "xcatd: SSL listener",
            "/opt/xcat/sbin/xcatd -p",
            "/usr/bin/perl -w /opt/xcat/sbin/xcatd",
            "xcatd",
        ] {
            assert!(is_xcatd(process), "{process}");
        }
        for process in
            ["", "grep xcatd", "vi /etc/init.d/xcatd", "/usr/sbin/xcatdump", "perl -e xcatd-x"]
        {
            assert!(!is_xcatd(process), "{process}");
        }
    }
}
