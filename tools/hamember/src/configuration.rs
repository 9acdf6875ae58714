//! The configuration `hamember-config/1`, with every default filled in.

use crate::cfrun_hosts::is_name;
use ha_configuration::Keys;
use ha_json::{Error, Value};
use std::path::PathBuf;

/// The schema of the configuration.
pub(crate) const SCHEMA: &str = "hamember-config/1";
/// Where it is when nothing else is said.
pub(crate) const DEFAULT_FILE: &str = "/etc/hatools/member.json";
const PAGE: &str = "hamember-config(5)";
/// Where cfservd and cf-serverd listen.
const PORT: u16 = 5308;

/// How the files of cfengine are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Keys are named by address; cfrun, cfkey.
    Cfengine2,
    /// Keys are named by digest; cf-runagent, cf-key.
    Cfengine3,
}

/// Whose key pair a new member has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPair {
    /// One of its own.
    Own,
    /// That of the other members.
    Shared,
}

/// A member or a managed client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// What ssh calls it.
    pub(crate) ssh: String,
    /// Where it is known not to be what the name stands for.
    pub(crate) address: Option<String>,
    pub(crate) port: u16,
    pub(crate) work_directory: String,
}

/// The package's file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) mount: PathBuf,
    pub(crate) sentinel: PathBuf,
}

/// A directory or file that a new member gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A cluster that is a cfengine master.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// The file that it was read from, if any.
    pub(crate) file: Option<String>,
    pub(crate) layout: Layout,
    pub(crate) package: Option<Package>,
    pub(crate) key_pair: KeyPair,
    pub(crate) user: String,
    pub(crate) members: Vec<Host>,
    pub(crate) clients: Vec<Host>,
    /// The file that has the clients; then `clients` is empty until it is read.
    pub(crate) cfrun_hosts: Option<PathBuf>,
    /// What a new member's `inputs` are made of.
    pub(crate) master_inputs: Option<String>,
    /// What it gets besides.
    pub(crate) copies: Vec<Copied>,
    pub(crate) ssh_user: Option<String>,
    pub(crate) shell: Vec<String>,
    pub(crate) parallel: usize,
    pub(crate) after_here: Vec<Vec<String>>,
    pub(crate) after_member: Vec<Vec<String>>,
    pub(crate) effect: Option<String>,
    pub(crate) visit_seconds: u64,
    pub(crate) copy_seconds: u64,
    pub(crate) run_seconds: u64,
    pub(crate) state: PathBuf,
    /// What a host has of which nothing is said.
    pub(crate) work_directory: String,
    pub(crate) port: u16,
}

const KEYS: [&str; 22] = [
    "schema",
    "layout",
    "package",
    "master_inputs",
    "work_directory",
    "key_pair",
    "cfengine_user",
    "members",
    "clients",
    "cfrun_hosts",
    "copies",
    "ssh_user",
    "shell",
    "parallel",
    "after_added",
    "effect",
    "visit_seconds",
    "copy_seconds",
    "run_seconds",
    "state",
    "port",
    "comment",
];

const HOST_KEYS: [&str; 5] = ["name", "ssh", "address", "port", "work_directory"];

impl Configuration {
    /// Reads the file, or standard input with `-`.
    ///
    /// # Errors
    /// Usage, naming the file and the key.
    pub(crate) fn read(path: &str) -> Result<Configuration, Error> {
        let mut read = ha_configuration::read(path, SCHEMA, PAGE, Configuration::parse)?;
        read.file = (path != "-").then(|| path.to_owned());
        Ok(read)
    }

    fn parse(text: &[u8]) -> Result<Configuration, Error> {
        let mut keys = Keys::parse(text, SCHEMA, &KEYS)?;
        // What a person writes beside it.
        keys.take("comment");
        let layout = keys.text("layout")?;
        let layout = match &layout {
            None => return Err(keys.bad("layout", "is missing: cfengine3 or cfengine2")),
            Some(word) => keys.chosen(
                "layout",
                word,
                &[("cfengine2", Layout::Cfengine2), ("cfengine3", Layout::Cfengine3)],
            )?,
        };
        let package = package(&mut keys)?;
        let default = match layout {
            Layout::Cfengine2 => "/var/opt/dsau/cfengine",
            Layout::Cfengine3 => "/var/cfengine",
        };
        let work_directory = keys.path("work_directory")?.unwrap_or_else(|| default.to_owned());
        let port = port(&mut keys)?.unwrap_or(PORT);
        let pair = keys.text("key_pair")?.unwrap_or_else(|| "own".to_owned());
        let pairs = [("own", KeyPair::Own), ("shared", KeyPair::Shared)];
        let key_pair = keys.chosen("key_pair", &pair, &pairs)?;
        let hosts = |keys: &mut Keys, key: &'static str, within: &'static str| {
            let values = keys.list(key)?.unwrap_or_default();
            hosts(keys, key, within, values, &work_directory, port)
        };
        let members = hosts(&mut keys, "members", "members: ")?;
        if members.is_empty() {
            return Err(keys.bad("members", "is missing: this member, and those that are known"));
        }
        let clients = hosts(&mut keys, "clients", "clients: ")?;
        let cfrun_hosts = keys.path("cfrun_hosts")?;
        if cfrun_hosts.is_some() && !clients.is_empty() {
            return Err(
                keys.bad("clients", "stands beside cfrun_hosts: one of them has the clients")
            );
        }
        if let Some(both) =
            clients.iter().find(|client| members.iter().any(|m| m.name == client.name))
        {
            return Err(keys.bad("clients", format!("{:?} is a member, too", both.name)));
        }
        let (master_inputs, copies) = (keys.path("master_inputs")?, copies(&mut keys)?);
        let state = match (keys.path("state")?, &package) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(package)) => package.mount.join("hatools/hamember.json"),
            (None, None) => PathBuf::from("/var/lib/hatools/hamember.json"),
        };
        let mut after = keys.object("after_added", "after_added.", &["here", "member"])?;
        let user = keys.text("cfengine_user")?.unwrap_or_else(|| "root".to_owned());
        if !is_name(&user) {
            return Err(keys.bad("cfengine_user", format!("{user:?} is no name of a user")));
        }
        Ok(Configuration {
            file: None,
            layout,
            package,
            key_pair,
            user,
            members,
            clients,
            cfrun_hosts: cfrun_hosts.map(PathBuf::from),
            master_inputs,
            copies,
            ssh_user: keys.text_or_null("ssh_user")?,
            shell: keys.program("shell")?.unwrap_or_else(|| vec!["/bin/sh".to_owned()]),
            parallel: parallel(&mut keys)?,
            after_here: commands(&mut after, "here")?,
            after_member: commands(&mut after, "member")?,
            effect: path_or_null(&mut keys, "effect")?,
            visit_seconds: keys.seconds("visit_seconds", 60)?,
            copy_seconds: keys.seconds("copy_seconds", 600)?,
            run_seconds: keys.seconds("run_seconds", 60)?,
            state,
            work_directory,
            port,
        })
    }

    /// A host of which only the name is known.
    pub(crate) fn host(&self, name: &str) -> Host {
        Host {
            name: name.to_owned(),
            ssh: name.to_owned(),
            address: None,
            port: self.port,
            work_directory: self.work_directory.clone(),
        }
    }
}

fn package(keys: &mut Keys) -> Result<Option<Package>, Error> {
    match keys.take("package") {
        None => Err(keys.bad(
            "package",
            "is missing: the mount point and a sentinel file of the package, or null for a master \
             that is no package",
        )),
        Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => {
            let mut keys = Keys::new(object, "package.", &["mount", "sentinel"])?;
            let path = |keys: &mut Keys, key| {
                let path = keys.path(key)?;
                path.map(PathBuf::from).ok_or_else(|| keys.bad(key, "is missing"))
            };
            let (mount, sentinel) = (path(&mut keys, "mount")?, path(&mut keys, "sentinel")?);
            if !sentinel.starts_with(&mount) || sentinel == mount {
                return Err(keys.bad("sentinel", "is no path below the mount point"));
            }
            Ok(Some(Package { mount, sentinel }))
        }
        Some(other) => {
            Err(keys.bad("package", format!("is {other}, and must be an object or null")))
        }
    }
}

fn hosts(
    keys: &Keys,
    key: &'static str,
    within: &'static str,
    values: Vec<Value>,
    work_directory: &str,
    default_port: u16,
) -> Result<Vec<Host>, Error> {
    let mut hosts: Vec<Host> = Vec::new();
    for value in values {
        let host = match value {
            Value::String(name) => Host {
                ssh: name.clone(),
                name,
                address: None,
                port: default_port,
                work_directory: work_directory.to_owned(),
            },
            Value::Object(object) => {
                let mut keys = Keys::new(object, within, &HOST_KEYS)?;
                let name = keys.text("name")?.ok_or_else(|| keys.bad("name", "is missing"))?;
                Host {
                    ssh: keys.text("ssh")?.unwrap_or_else(|| name.clone()),
                    name,
                    address: keys.address("address")?.map(|address| address.to_string()),
                    port: port(&mut keys)?.unwrap_or(default_port),
                    work_directory: keys
                        .path("work_directory")?
                        .unwrap_or_else(|| work_directory.to_owned()),
                }
            }
            other => {
                return Err(keys.bad(key, format!("has {other}, and must have names or objects")));
            }
        };
        if !is_name(&host.name) {
            return Err(keys.bad(key, format!("{:?} is no name of a host", host.name)));
        }
        if !is_name(&host.ssh) {
            return Err(keys.bad(key, format!("{:?} is no name of a host", host.ssh)));
        }
        if hosts.iter().any(|other| other.name == host.name) {
            return Err(keys.bad(key, format!("{:?} stands there twice", host.name)));
        }
        hosts.push(host);
    }
    Ok(hosts)
}

fn port(keys: &mut Keys) -> Result<Option<u16>, Error> {
    match keys.take("port") {
        None => Ok(None),
        Some(value) => match value.as_u64().and_then(|port| u16::try_from(port).ok()) {
            Some(port @ 1..) => Ok(Some(port)),
            _ => Err(keys.bad("port", format!("is {value}, and must be a port: 1 to 65535"))),
        },
    }
}

fn parallel(keys: &mut Keys) -> Result<usize, Error> {
    match keys.take("parallel") {
        None => Ok(16),
        Some(value) => match value.as_u64() {
            Some(number @ 1..=256) => Ok(number as usize),
            _ => Err(keys.bad("parallel", format!("is {value}, and must be 1 to 256"))),
        },
    }
}

fn path_or_null(keys: &mut Keys, key: &str) -> Result<Option<String>, Error> {
    match keys.text_or_null(key)? {
        Some(path) => keys.plain_path(key, &path).map(|()| Some(path)),
        None => Ok(None),
    }
}

fn copies(keys: &mut Keys) -> Result<Vec<Copied>, Error> {
    let mut copies = Vec::new();
    for value in keys.list("copies")?.unwrap_or_default() {
        let Value::Object(object) = value else {
            return Err(keys.bad("copies", format!("has {value}, and must have objects")));
        };
        let mut keys = Keys::new(object, "copies: ", &["from", "to"])?;
        let from = keys.path("from")?.ok_or_else(|| keys.bad("from", "is missing"))?;
        let to = keys.path("to")?.unwrap_or_else(|| from.clone());
        copies.push(Copied { from, to });
    }
    Ok(copies)
}

fn commands(keys: &mut Keys, key: &str) -> Result<Vec<Vec<String>>, Error> {
    let values = keys.list(key)?.unwrap_or_default();
    values.into_iter().map(|value| keys.argv(key, value)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ha_json::json;

    /// A configuration with these keys beside the least that there must be.
    pub(crate) fn with(more: &Value) -> Configuration {
        let mut all = least();
        for (key, value) in more.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        parse(&all).unwrap()
    }

    fn parse(text: &Value) -> Result<Configuration, Error> {
        Configuration::parse(text.to_string().as_bytes())
    }

    fn least() -> Value {
        json!({"schema": SCHEMA, "layout": "cfengine3", "package": null, "members": ["m1"]})
    }

    #[test]
    fn defaults_are_those_of_the_layout() {
        let read = parse(&least()).unwrap();
        assert_eq!(read.members[0].work_directory, "/var/cfengine");
        assert_eq!((read.port, read.parallel, read.key_pair), (5308, 16, KeyPair::Own));
        assert_eq!(read.shell, ["/bin/sh"]);
        let mut two = least();
        two["layout"] = "cfengine2".into();
        two["package"] = json!({"mount": "/csync", "sentinel": "/csync/a/update.conf"});
        two["master_inputs"] = "/csync/a".into();
        two["members"] = json!(["m1", {"name": "m2", "address": "10.0.0.2", "port": 5309}]);
        let read = parse(&two).unwrap();
        assert_eq!(read.master_inputs.as_deref(), Some("/csync/a"));
        assert_eq!(read.members[0].work_directory, "/var/opt/dsau/cfengine");
        assert_eq!(read.state, PathBuf::from("/csync/hatools/hamember.json"));
        assert_eq!(read.members[1].address.as_deref(), Some("10.0.0.2"));
        assert_eq!(read.members[1].port, 5309);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        for (key, value, said) in [
            ("layout", json!("cfengine4"), "layout"),
            ("memebrs", json!([]), "memebrs"),
            ("members", json!([]), "members"),
            ("members", json!(["m1", "m1"]), "twice"),
            ("members", json!(["-oProxyCommand=x"]), "no name of a host"),
            ("members", json!([{"name": "m1", "adress": "10.0.0.1"}]), "adress"),
            ("members", json!([{"name": "m1", "ssh": "-x"}]), "no name of a host"),
            ("clients", json!(["m1"]), "is a member"),
            ("package", json!("/csync"), "package"),
            ("package", json!({"mount": "/csync", "sentinel": "/other/x"}), "sentinel"),
            ("parallel", json!(0), "parallel"),
            ("port", json!(70000), "port"),
            ("key_pair", json!("mine"), "key_pair"),
            ("cfengine_user", json!("a/b"), "cfengine_user"),
            ("shell", json!("sudo sh"), "shell"),
            ("effect", json!("relative"), "effect"),
            ("after_added", json!({"here": [["x/y"]]}), "here"),
            ("copies", json!([{"to": "/x"}]), "from"),
        ] {
            let mut bad = least();
            bad[key] = value;
            let error = parse(&bad).unwrap_err();
            assert!(error.to_string().contains(said), "{key}: {error}");
        }
        let mut missing = least();
        missing.as_object_mut().unwrap().remove("package");
        assert!(parse(&missing).unwrap_err().to_string().contains("package"));
    }
}
