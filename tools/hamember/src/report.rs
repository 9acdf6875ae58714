//! What hamember says: a record for each host and member, and the errors.

use crate::distribution::Manner;
use crate::key_directory::KeyFile;
use crate::public_key::PublicKey;
use crate::repair::{Fault, Finding, Naming, Repair, present_as, shown};
use crate::visit::Visited;
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value, json};
use std::io::Stdout;

/// The schema of the stream.
pub(crate) const SCHEMA: &str = "hamember/1";

/// What a host is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Member,
    Client,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Client => "client",
        }
    }
}

/// How a key stands on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Ok,
    Missing,
    Misnamed,
    Stale,
    Unreachable,
    Refused,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Standing::Ok => "ok",
            Standing::Missing => "missing",
            Standing::Misnamed => "misnamed",
            Standing::Stale => "stale",
            Standing::Unreachable => "unreachable",
            Standing::Refused => "refused",
        }
    }

    /// How the key of `member` stands, by what is wrong about it.
    pub(crate) fn of(member: &str, repair: &Repair) -> Standing {
        let faults = repair.findings.iter().filter(|finding| finding.of == member);
        match faults.map(|finding| finding.fault).max() {
            None => Standing::Ok,
            Some(Fault::Missing) => Standing::Missing,
            Some(Fault::Stale) => Standing::Stale,
            Some(Fault::Mode | Fault::Misnamed | Fault::Poisoned | Fault::NotAKey) => {
                Standing::Misnamed
            }
        }
    }

    /// How a host stands of which this is said.
    pub(crate) fn of_error(error: &Error) -> Standing {
        if error.kind == Kind::Busy { Standing::Unreachable } else { Standing::Refused }
    }
}

/// The member that a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: Option<&'a PublicKey>,
}

/// The stream on its way out, and what has been counted.
pub(crate) struct Report {
    stream: Stream<Stdout>,
    tool: Tool,
    verbose: bool,
    hosts: u64,
    right: u64,
    changed: u64,
    /// A host is not as it should be, and nothing was to be done about it.
    no: bool,
    /// Hosts are only told where they are not right.
    quiet: bool,
}

impl Report {
    /// Begins the stream.
    pub(crate) fn begin(
        tool: Tool,
        event: &str,
        member: Option<&str>,
        dry_run: bool,
        verbose: bool,
    ) -> Report {
        let mut fields = Map::new();
        fields.insert("event".to_owned(), Value::from(event));
        fields.insert("member".to_owned(), Value::from(member));
        if dry_run {
            fields.insert("dry_run".to_owned(), Value::from(true));
        }
        let stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
        Report { stream, tool, verbose, hosts: 0, right: 0, changed: 0, no: false, quiet: false }
    }

    /// Whose key is which.
    pub(crate) fn identity(&mut self, member: &str, values: Value) {
        self.record("identity", json!({"member": member}), values);
    }

    /// A record of this type.
    pub(crate) fn record(&mut self, kind: &str, key: Value, values: Value) {
        if self.verbose {
            self.tool.say(&format!("{kind} {key} {values}"));
        }
        self.stream.record(kind, &json!({"key": key, "values": values}));
        self.stream.flush();
    }

    /// How the keys of these members stand on a host that was visited. True where all is right there.
    pub(crate) fn host(
        &mut self,
        role: Role,
        host: &str,
        subjects: &[Subject<'_>],
        visited: &Visited,
        manner: Manner,
    ) -> bool {
        self.changed += visited.changed;
        let all = visited.left.findings.is_empty()
            && visited.trouble.is_none()
            && subjects.iter().all(|subject| subject.key.is_some());
        if all && self.quiet {
            return true;
        }
        self.hosts += 1;
        for (number, subject) in subjects.iter().enumerate() {
            let of = |repair: &Repair| match subject.key {
                Some(_) => Standing::of(subject.name, repair),
                // Nobody knows it, so nobody has it.
                None => Standing::Missing,
            };
            let (found, state) = (of(&visited.found), of(&visited.left));
            let values = json!({
                "digest": subject.key.map(|key| shown(key, visited.naming)),
                "present_as": subject.key.map(|key| present_as(&visited.directory, key)).unwrap_or_default(),
                "found": found.word(),
                "state": state.word(),
                "cause": visited.trouble,
                "faults": faults(visited, subject.name, number == 0),
            });
            self.record(role.word(), json!({"host": host, "member": subject.name}), values);
        }
        match manner {
            _ if all => self.right += 1,
            Manner::Check => self.no = true,
            Manner::DryRun => {}
            Manner::Mend => {
                let unknown = subjects.iter().find(|subject| subject.key.is_none());
                let unknown =
                    unknown.map(|subject| format!("the key of {} is not known", subject.name));
                let why = visited.trouble.clone().or(unknown);
                let why = why.unwrap_or_else(|| still_wrong(&visited.left));
                self.failed(Kind::Failed, "keys", host, &why);
            }
        }
        all
    }

    /// A host that could not be visited.
    pub(crate) fn host_failed(
        &mut self,
        role: Role,
        host: &str,
        subjects: &[Subject<'_>],
        naming: Naming,
        error: &Error,
    ) {
        self.hosts += 1;
        let state = Standing::of_error(error);
        for subject in subjects {
            let values = json!({
                "digest": subject.key.map(|key| shown(key, naming)),
                "present_as": [],
                "found": state.word(),
                "state": state.word(),
                "cause": error.why,
                "faults": [],
            });
            self.record(role.word(), json!({"host": host, "member": subject.name}), values);
        }
        self.failed(error.kind, state.word(), host, &error.why);
    }

    /// An item that failed while the work goes on.
    pub(crate) fn failed(&mut self, kind: Kind, reason: &str, item: &str, message: &str) {
        self.stream.item_failed(kind, reason, item.as_bytes(), message);
        self.stream.flush();
    }

    /// From now on hosts are told only where they are not right; they will be visited again.
    pub(crate) fn be_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// The answer is no.
    pub(crate) fn no(&mut self) {
        self.no = true;
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub(crate) fn end(self, pending: usize, unfinished: usize) -> Result<Status, Error> {
        let totals = self.totals(pending, unfinished);
        if self.no { self.stream.end_with_no(&totals) } else { self.stream.end(&totals) }
    }

    /// Ends the stream with what ended the work.
    pub(crate) fn end_failed(self, pending: usize, unfinished: usize, error: Error) -> Error {
        let totals = self.totals(pending, unfinished);
        self.stream.end_failed(&totals, error)
    }

    fn totals(&self, pending: usize, unfinished: usize) -> Map<String, Value> {
        [
            ("hosts", self.hosts),
            ("ok_hosts", self.right),
            ("changed", self.changed),
            ("pending", pending as u64),
            ("unfinished", unfinished as u64),
        ]
        .into_iter()
        .map(|(name, number)| (name.to_owned(), Value::from(number)))
        .collect()
    }
}

fn still_wrong(left: &Repair) -> String {
    match left.findings.as_slice() {
        [] => "is not as it should be".to_owned(),
        [finding] => one(finding),
        [finding, more @ ..] => format!("{} (and {} more)", one(finding), more.len()),
    }
}

fn one(finding: &Finding) -> String {
    let word = json!(finding.fault);
    format!("{} is {} still", finding.file, word.as_str().unwrap_or_default().replace('_', " "))
}

/// Those about the key of this host; with `general`, what is wrong with none of them in particular.
fn faults(visited: &Visited, of: &str, general: bool) -> Vec<Value> {
    let mut all: Vec<Value> = visited
        .found
        .findings
        .iter()
        .filter(|finding| finding.of == of)
        .map(|finding| {
            let mut fault = json!(finding);
            fault["mended"] = Value::from(!visited.left.findings.contains(finding));
            fault
        })
        .collect();
    let private = visited.directory.files.get("localhost.priv");
    if general && private.is_some_and(KeyFile::is_open) {
        // cfengine uses it without a word; who may read it may be this host.
        all.push(json!({"file": "localhost.priv", "fault": "private_key_open", "holds": null, "of": null, "mended": false}));
    }
    all
}
