//! Where the variables contradict each other or leave out what the role needs: only what the text
//! itself tells, without asking any machine.

use super::{Niminfo, Role};
use crate::{Problem, Severity};
use std::net::Ipv4Addr;

const PORTS: [&str; 2] = ["NIM_MASTER_PORT", "NIM_REGISTRATION_PORT"];
/// Names of one word.
const SINGLE: [&str; 4] = ["NIM_NAME", "NIM_HOSTNAME", "NIM_CONFIGURATION", "NIM_MASTER_HOSTNAME"];

pub(super) fn faults(file: &Niminfo) -> Vec<Problem> {
    if file.assignments.is_empty() {
        return Vec::new();
    }
    let mut faults = Faults { file, all: Vec::new() };
    faults.needed();
    faults.numbers_and_names();
    match file.role() {
        Role::Master | Role::AlternateMaster => faults.of_a_master(),
        Role::Standalone | Role::Diskless | Role::Dataless => faults.of_a_client(),
        Role::Other(_) => faults.error(
            "NIM_CONFIGURATION",
            "NIM_CONFIGURATION is none of master, standalone, diskless, dataless",
        ),
        Role::Unknown => {}
    }
    faults.lists();
    faults.all
}

struct Faults<'a> {
    file: &'a Niminfo,
    all: Vec<Problem>,
}

impl Faults<'_> {
    fn tell(&mut self, variable: &str, severity: Severity, what: impl Into<String>) {
        let line = self.file.assignment(variable).map_or(1, |one| one.line);
        self.all.push(Problem { line, what: what.into(), severity });
    }

    fn error(&mut self, variable: &str, what: impl Into<String>) {
        self.tell(variable, Severity::Error, what);
    }

    fn warning(&mut self, variable: &str, what: impl Into<String>) {
        self.tell(variable, Severity::Warning, what);
    }

    fn is_set(&self, name: &str) -> bool {
        self.file.assignment(name).is_some()
    }

    /// The value, if it is one word that a host name or an address could be.
    fn host(&self, name: &str) -> Option<String> {
        let value = self.file.value(name)?;
        is_host(value).then(|| value.to_owned())
    }

    fn needed(&mut self) {
        let role = self.file.role();
        let mut needed = vec!["NIM_NAME", "NIM_CONFIGURATION"];
        if role.is_master() {
            needed.extend(PORTS);
            needed.push("NIM_MASTER_HOSTNAME");
        } else {
            if !self.is_set("NIM_MASTER") {
                needed.push("NIM_MASTER_HOSTNAME");
            }
            if matches!(role, Role::Standalone | Role::Diskless | Role::Dataless) {
                needed.push("NIM_HOSTNAME");
            }
        }
        for name in needed {
            if !self.is_set(name) {
                self.error("NIM_CONFIGURATION", format!("{name} is missing"));
            }
        }
    }

    fn numbers_and_names(&mut self) {
        for name in PORTS {
            if let Some(value) = self.file.value(name) {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let port = value.parse::<u16>().ok().filter(|port| digits && *port > 0);
                if port.is_none() {
                    self.error(name, format!("{name} is no port number"));
                }
            }
        }
        for name in SINGLE {
            if self.file.value(name).is_some_and(|value| !is_host(value)) {
                self.error(name, format!("{name} is not one name"));
            }
        }
        if self.file.value("NIM_SHELL").is_some_and(|value| !["shell", "nimsh"].contains(&value)) {
            self.warning("NIM_SHELL", "NIM_SHELL is neither shell nor nimsh");
        }
    }

    fn of_a_master(&mut self) {
        if self.host("NIM_NAME").is_some_and(|name| name != "master") {
            self.error("NIM_NAME", "NIM_NAME of a master is master, and here it is not");
        }
        if let Some(own) = self.host("NIM_MASTER_HOSTNAME")
            && self.file.alternate_masters().contains(&own.as_str())
        {
            let what = format!("NIM_ALTERNATE_MASTER names {own}, which is this master itself");
            self.error("NIM_ALTERNATE_MASTER", what);
        }
        if self.file.value("NIM_ALTERNATE_MASTER").is_some_and(|value| value.trim().is_empty()) {
            self.warning("NIM_ALTERNATE_MASTER", "NIM_ALTERNATE_MASTER names nobody");
        }
        if self.is_set("NIM_MASTER_HOSTNAME_LIST") {
            let what = "NIM_MASTER_HOSTNAME_LIST is for clients, and this is a master";
            self.warning("NIM_MASTER_HOSTNAME_LIST", what);
        }
    }

    fn of_a_client(&mut self) {
        if self.host("NIM_NAME").is_some_and(|name| name == "master") {
            self.error("NIM_NAME", "NIM_NAME of a client is not master, and here it is");
        }
        if self.is_set("NIM_ALTERNATE_MASTER") {
            let what = "NIM_ALTERNATE_MASTER is for masters, and this is a client";
            self.warning("NIM_ALTERNATE_MASTER", what);
        }
        const LIST: &str = "NIM_MASTER_HOSTNAME_LIST";
        let list: Vec<String> =
            self.file.master_hostname_list().into_iter().map(str::to_owned).collect();
        if let (Some(master), Some(first)) = (self.host("NIM_MASTER_HOSTNAME"), list.first())
            && master != *first
        {
            let what = match list.contains(&master) {
                true if is_host(first) => {
                    format!("NIM_MASTER_HOSTNAME is {master}, and {LIST} begins with {first}")
                }
                true => format!("NIM_MASTER_HOSTNAME is {master}, and not the first of {LIST}"),
                false => format!("NIM_MASTER_HOSTNAME is {master}, which is not in {LIST}"),
            };
            self.error(LIST, what);
        }
        if self.file.value(LIST).is_some() && list.is_empty() {
            self.warning(LIST, format!("{LIST} names nobody"));
        }
    }

    fn lists(&mut self) {
        for name in ["NIM_MASTER_HOSTNAME_LIST", "NIM_ALTERNATE_MASTER"] {
            let words = self.file.words(name);
            let mut sorted = words.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.len() < words.len() {
                self.warning(name, format!("{name} has a name twice"));
            }
            if words.iter().any(|word| !is_host(word)) {
                self.error(name, format!("{name} has a word that is no host name"));
            }
        }
        let hosts = self.file.hosts();
        if hosts.iter().any(|host| !is_address(host.address) || host.names.is_empty()) {
            self.warning("NIM_HOSTS", "NIM_HOSTS has an entry that is not address:name");
        }
        if self.file.mounts().iter().any(|mount| mount.local.is_none()) {
            let name = if self.is_set("NIM_MOUNTS") { "NIM_MOUNTS" } else { "MOUNTS" };
            self.warning(name, format!("{name} has an entry that is not host:remote:local"));
        }
        if self.file.routes().iter().any(|route| route.gateway.is_none()) {
            self.warning("ROUTES", "ROUTES has an entry that is not destination:mask:gateway");
        }
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// A word that a host name, an address or an object of NIM could be, and a secret hardly.
fn is_host(text: &str) -> bool {
    let of_host =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    !text.is_empty() && text.bytes().all(of_host)
}
