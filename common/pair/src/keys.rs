//! From the keys of the object to the configuration.

use crate::configuration::{Dump, Node, Pair, SCHEMA, Seconds, Versions, Vip};
use crate::{Conserver, Database, Engine, Manager, Nim, Service, words};
use ha_configuration::{Keys, distinct};
use ha_json::{Error, Value};
use ha_plan::{OnFailure, Step, is_host_name};

const KNOWN: [&str; 31] = [
    "schema",
    "nodes",
    "service_manager",
    "vip",
    "host_name",
    "database",
    "shared_mounts",
    "mount",
    "xcatd",
    "xcatd_ready",
    "services",
    "dns",
    "dhcp",
    "conserver",
    "exports",
    "nim",
    "files",
    "credentials",
    "dump",
    "versions",
    "clock_seconds",
    "proof",
    "peer_down",
    "before_activate",
    "after_activate",
    "before_deactivate",
    "after_deactivate",
    "timeouts_seconds",
    "deadline_seconds",
    "state_directory",
    "comment",
];

/// Steps of the tools have ids that begin so, or are these.
const TAKEN_BEGINNINGS: [&str; 8] =
    ["needs-", "vip", "mount-", "unmount-", "database", "start-", "stop-", "xcat-"];
const TAKEN: [&str; 6] =
    ["host-name", "restore-host-name", "export", "unexport", "site-table", "proof"];

pub(crate) struct Reader {
    keys: Keys,
}

impl Reader {
    pub(crate) fn new(text: &[u8]) -> Result<Reader, Error> {
        Ok(Reader { keys: Keys::parse(text, SCHEMA, &KNOWN)? })
    }

    pub(crate) fn pair(mut self) -> Result<Pair, Error> {
        self.keys.text("comment")?;
        let nodes = self.nodes()?;
        let vip = self.vip(&nodes)?;
        let database = self.database()?;
        let shared_mounts = self.keys.paths("shared_mounts")?.unwrap_or_default();
        let xcatd_unit = self.keys.text("xcatd")?.unwrap_or_else(|| "xcatd".to_owned());
        let xcatd = self.service("xcatd", "xcatd", &xcatd_unit, true)?;
        let ready = self.keys.program("xcatd_ready")?;
        let conserver = self.conserver()?;
        let pair = Pair {
            manager: self.manager()?,
            host_name: self.host_name()?,
            mount: self.keys.flag("mount", true)?,
            xcatd,
            xcatd_ready: ready.unwrap_or_else(|| words(&["tabdump", "site"])),
            services: self.services()?,
            dns: self.keys.flag("dns", true)?,
            dhcp: self.keys.flag("dhcp", true)?,
            conserver,
            exports: self.keys.flag("exports", true)?,
            nim: self.nim()?,
            files: self.paths_or("files", &["/etc/hosts", "/etc/resolv.conf"])?,
            credentials: self.paths_or(
                "credentials",
                &["/etc/xcat/ca", "/etc/xcat/cert", "/etc/xcat/hostkeys", "/root/.xcat"],
            )?,
            dump: self.dump()?,
            versions: self.versions(database.engine)?,
            clock_seconds: self.clock_seconds()?,
            proof: self.path_or("proof", "/var/lib/hatools/xcatd-proven.json")?,
            peer_down: self.keys.program("peer_down")?,
            before_activate: self.steps("before_activate", OnFailure::Stop)?,
            after_activate: self.steps("after_activate", OnFailure::Stop)?,
            before_deactivate: self.steps("before_deactivate", OnFailure::FailAtEnd)?,
            after_deactivate: self.steps("after_deactivate", OnFailure::FailAtEnd)?,
            seconds: self.seconds()?,
            state_directory: self.path_or("state_directory", "/run/hatools")?,
            nodes,
            vip,
            database,
            shared_mounts,
        };
        self.check(&pair)?;
        Ok(pair)
    }

    fn bad(&self, key: &str, why: impl Into<String>) -> Error {
        self.keys.bad(key, why)
    }

    fn nodes(&mut self) -> Result<[Node; 2], Error> {
        let why = "must be a list of the two nodes, each {\"name\": ..., \"address\": ...}";
        let values = self
            .keys
            .list("nodes")?
            .ok_or_else(|| self.bad("nodes", format!("is missing: it {why}")))?;
        let mut nodes = Vec::new();
        for value in values {
            let Value::Object(object) = value else { return Err(self.bad("nodes", why)) };
            let mut keys = Keys::new(object, "nodes.", &["name", "address", "host_key"])?;
            let name = name(&mut keys, "name")?;
            let address = keys.address("address")?.ok_or_else(|| {
                keys.bad("address", "is missing: a node is known by its own address")
            })?;
            let host_key = keys.text_or_null("host_key")?;
            if let Some(key) = &host_key
                && !key.starts_with("SHA256:")
            {
                return Err(keys.bad("host_key", format!("{key:?} is no fingerprint SHA256:...")));
            }
            nodes.push(Node { name, address, host_key });
        }
        let nodes: [Node; 2] = nodes.try_into().map_err(|_| self.bad("nodes", why))?;
        match nodes[0].name == nodes[1].name || nodes[0].address == nodes[1].address {
            true => Err(self.bad("nodes", "are two, with names and addresses of their own")),
            false => Ok(nodes),
        }
    }

    fn vip(&mut self, nodes: &[Node; 2]) -> Result<Vip, Error> {
        let known = ["name", "address", "prefix", "adapter", "manage"];
        let mut keys = self.keys.object("vip", "vip.", &known)?;
        let missing = |keys: &Keys, key: &str| keys.bad(key, "is missing");
        let address = keys.address("address")?.ok_or_else(|| missing(&keys, "address"))?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match keys.take("prefix") {
            None => bits,
            Some(value) => value
                .as_u64()
                .filter(|prefix| (1..=u64::from(bits)).contains(prefix))
                .and_then(|prefix| u8::try_from(prefix).ok())
                .ok_or_else(|| {
                    keys.bad("prefix", format!("is {value}, and must be 1 to {bits}"))
                })?,
        };
        let vip = Vip {
            name: name(&mut keys, "name")?,
            address,
            prefix,
            adapter: keys.text("adapter")?.ok_or_else(|| missing(&keys, "adapter"))?,
            manage: keys.flag("manage", true)?,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@".contains(c);
        if vip.adapter.is_empty() || vip.adapter.starts_with('-') || !vip.adapter.chars().all(plain)
        {
            return Err(keys.bad("adapter", format!("{:?} is no adapter", vip.adapter)));
        }
        match nodes.iter().any(|node| node.address == vip.address || node.name == vip.name) {
            true => {
                Err(keys.bad("address", "and name are those of no node: they go with the role"))
            }
            false => Ok(vip),
        }
    }

    fn manager(&mut self) -> Result<Option<Manager>, Error> {
        const AUTO: &str = "auto";
        match self.keys.text("service_manager")?.as_deref() {
            None | Some(AUTO) => Ok(None),
            Some(text) => {
                let mut choices = vec![(AUTO, None)];
                choices.extend(Manager::ALL.map(|manager| (manager.word(), Some(manager))));
                self.keys.chosen("service_manager", text, &choices)
            }
        }
    }

    fn host_name(&mut self) -> Result<Option<String>, Error> {
        let name = self.keys.text_or_null("host_name")?;
        match name {
            Some(name) if !is_host_name(&name) => {
                Err(self.bad("host_name", format!("{name:?} is no host name")))
            }
            name => Ok(name),
        }
    }

    fn database(&mut self) -> Result<Database, Error> {
        let mut keys = self.keys.object("database", "database.", &["engine", "service"])?;
        let choices = Engine::ALL.map(|engine| (engine.word(), engine));
        let text = keys
            .text("engine")?
            .ok_or_else(|| keys.bad("engine", "is missing: sqlite, postgresql, mysql or db2"))?;
        let engine = keys.chosen("engine", &text, &choices)?;
        let unit = keys.text_or_null("service")?;
        if engine == Engine::Sqlite && unit.is_some() {
            return Err(keys.bad("service", "is there, and SQLite has no server"));
        }
        let service = match unit {
            None => None,
            Some(unit) => Some(self.service("database.service", "database", &unit, true)?),
        };
        Ok(Database { engine, service })
    }

    fn service(&self, key: &str, name: &str, unit: &str, activate: bool) -> Result<Service, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        match unit.is_empty() || unit.starts_with(['-', '.']) || !unit.chars().all(plain) {
            true => Err(self.bad(key, format!("{unit:?} is no name of a service"))),
            false => Ok(Service { name: name.to_owned(), unit: unit.to_owned(), activate }),
        }
    }

    fn services(&mut self) -> Result<Vec<Service>, Error> {
        let mut services: Vec<Service> = Vec::new();
        for value in self.keys.list("services")?.unwrap_or_default() {
            let service = match value {
                Value::String(name) => self.service("services", &name, &name, true)?,
                Value::Object(object) => {
                    let mut keys = Keys::new(object, "services.", &["name", "unit", "activate"])?;
                    let name = keys.text("name")?.ok_or_else(|| keys.bad("name", "is missing"))?;
                    let unit = keys.text("unit")?.unwrap_or_else(|| name.clone());
                    let activate = keys.flag("activate", true)?;
                    self.service("services", &name, &name, activate)?;
                    self.service("services", &name, &unit, activate)?
                }
                other => {
                    return Err(self.bad("services", format!("has {other}, which is no service")));
                }
            };
            let taken = ["xcatd", "database"].contains(&service.name.as_str());
            if taken || services.iter().any(|other| other.name == service.name) {
                return Err(self.bad("services", format!("{:?} stands there twice", service.name)));
            }
            services.push(service);
        }
        Ok(services)
    }

    fn conserver(&mut self) -> Result<Option<Conserver>, Error> {
        let choices =
            [Conserver::Conserver, Conserver::Goconserver].map(|choice| (choice.word(), choice));
        match self.keys.text_or_null("conserver")? {
            None => Ok(None),
            Some(text) => self.keys.chosen("conserver", &text, &choices).map(Some),
        }
    }

    fn nim(&mut self) -> Result<Nim, Error> {
        let mut keys = self.keys.object("nim", "nim.", &["standalone", "diskless"])?;
        let mut nodes = |key| match keys.text_or_null(key)? {
            Some(range) if range.is_empty() || range.starts_with('-') => {
                Err(keys.bad(key, format!("{range:?} is no noderange")))
            }
            range => Ok(range),
        };
        Ok(Nim { standalone: nodes("standalone")?, diskless: nodes("diskless")? })
    }

    fn dump(&mut self) -> Result<Option<Dump>, Error> {
        const KEY: &str = "dump";
        if let Some(value) = self.keys.take(KEY) {
            let Value::Object(object) = value else {
                return match value {
                    Value::Null => Ok(None),
                    other => {
                        Err(self.bad(KEY, format!("is {other}, and must be an object or null")))
                    }
                };
            };
            let mut keys = Keys::new(object, "dump.", &["directory", "max_age_hours"])?;
            let directory = keys.path("directory")?.unwrap_or_else(|| "/var/xcat/dump".to_owned());
            let max_age_hours = keys.seconds("max_age_hours", 26)?;
            return Ok(Some(Dump { directory, max_age_hours }));
        }
        Ok(Some(Dump { directory: "/var/xcat/dump".to_owned(), max_age_hours: 26 }))
    }

    fn versions(&mut self, engine: Engine) -> Result<Versions, Error> {
        let mut keys = self.keys.object("versions", "versions.", &["xcat", "database"])?;
        Ok(Versions {
            xcat: keys.program("xcat")?.unwrap_or_else(|| words(&["lsxcatd", "-v"])),
            database: keys.program("database")?.or_else(|| engine.version()),
        })
    }

    fn clock_seconds(&mut self) -> Result<f64, Error> {
        match self.keys.take("clock_seconds") {
            None => Ok(1.0),
            Some(value) => value
                .as_f64()
                .filter(|seconds| *seconds > 0.0 && *seconds <= 3600.0)
                .ok_or_else(|| {
                    self.bad(
                        "clock_seconds",
                        format!("is {value}, and must be a time of up to 3600 s"),
                    )
                }),
        }
    }

    fn seconds(&mut self) -> Result<Seconds, Error> {
        let deadline = self.keys.seconds("deadline_seconds", 900)?;
        let known = ["start", "stop", "mount", "command", "probe"];
        let mut keys = self.keys.object("timeouts_seconds", "timeouts_seconds.", &known)?;
        Ok(Seconds {
            start: keys.seconds("start", 120)?,
            stop: keys.seconds("stop", 60)?,
            mount: keys.seconds("mount", 60)?,
            command: keys.seconds("command", 300)?,
            probe: keys.seconds("probe", 20)?,
            deadline,
        })
    }

    fn steps(&mut self, key: &str, on_failure: OnFailure) -> Result<Vec<Step>, Error> {
        let taken = |id: &str| {
            TAKEN.contains(&id) || TAKEN_BEGINNINGS.iter().any(|taken| id.starts_with(taken))
        };
        ha_configuration::steps(&mut self.keys, key, on_failure, &taken)
    }

    fn path_or(&mut self, key: &str, default: &str) -> Result<String, Error> {
        Ok(self.keys.path(key)?.unwrap_or_else(|| default.to_owned()))
    }

    fn paths_or(&mut self, key: &str, default: &[&str]) -> Result<Vec<String>, Error> {
        Ok(self.keys.paths(key)?.unwrap_or_else(|| words(default)))
    }

    fn check(&self, pair: &Pair) -> Result<(), Error> {
        if let Some(dump) = &pair.dump
            && pair.is_shared(&dump.directory)
        {
            let why =
                "lies on what both share: the standby could not read it where the disks are lost";
            return Err(self.bad("dump.directory", why));
        }
        if pair.is_shared(&pair.proof) {
            return Err(self.bad("proof", "lies on what both share, and is kept for each node"));
        }
        let Pair { before_activate, after_activate, before_deactivate, after_deactivate, .. } =
            pair;
        distinct(
            &self.keys,
            ("before_activate", before_activate),
            ("after_activate", after_activate),
        )?;
        distinct(
            &self.keys,
            ("before_deactivate", before_deactivate),
            ("after_deactivate", after_deactivate),
        )
    }
}

fn name(keys: &mut Keys, key: &str) -> Result<String, Error> {
    let name = keys.text(key)?.ok_or_else(|| keys.bad(key, "is missing"))?;
    match is_host_name(&name) {
        true => Ok(name),
        false => Err(keys.bad(key, format!("{name:?} is no host name"))),
    }
}
