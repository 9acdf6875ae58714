//! What `nim -o sync` says while it runs.
//!
//! Source: the transcript in section 5 of "Alternate NIM Master Configurations and Applications"
//! (IBM, isg3T1012143).

#[cfg(test)]
mod tests;

use ha_json::{Value, json};
use ha_nim::message::{Message, messages};

/// What NIM is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// This master's database is packed, and the alternate's is saved.
    #[default]
    Backup,
    /// The alternate's database is replaced.
    Restore,
    /// Machines and clients are reset there.
    Machines,
    /// Resources are reset there.
    Resources,
    /// Resources are brought.
    Replicate,
    /// Resources are kept or removed, SPOTs are checked.
    Check,
    /// It has come to its end.
    Complete,
}

impl Phase {
    /// The word in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Phase::Backup => "backup",
            Phase::Restore => "restore",
            Phase::Machines => "machines",
            Phase::Resources => "resources",
            Phase::Replicate => "replicate",
            Phase::Check => "check",
            Phase::Complete => "complete",
        }
    }
}

/// How lines begin from which on another phase is on.
const BEGINNINGS: [(&str, Phase); 11] = [
    ("0513-044 The nimesis Subsystem was requested to stop", Phase::Restore),
    ("Restoring the NIM database", Phase::Restore),
    ("Updating master definition", Phase::Machines),
    ("Resetting machines", Phase::Machines),
    ("Removing NIM client ", Phase::Machines),
    ("Resetting NIM resources", Phase::Resources),
    ("Replicating NIM resources", Phase::Replicate),
    ("Replicating resource ", Phase::Replicate),
    ("Checking NIM resources", Phase::Check),
    ("Checking NIM SPOTs", Phase::Check),
    (COMPLETE, Phase::Complete),
];

/// How a message goes on in the next line; names of machines stand two blanks in.
const GOES_ON: &str = "        ";

const COMPLETE: &str = "nim_master_recover Complete";

/// A line, and what it is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said<'a> {
    pub(crate) phase: Phase,
    /// The resource that the line names.
    pub(crate) resource: Option<&'a str>,
    /// Without blanks at its ends.
    pub(crate) text: &'a str,
}

impl Said<'_> {
    /// The record of it.
    pub(crate) fn record(&self) -> Value {
        json!({"phase": self.phase.word(), "resource": self.resource, "text": self.text})
    }
}

/// A resource that was begun to be brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replication {
    pub(crate) resource: String,
    /// It was also said to be there.
    pub(crate) replicated: bool,
    /// What was said in between.
    said: Vec<String>,
}

impl Replication {
    /// Why it may not be there, in NIM's words.
    pub(crate) fn why(&self) -> Option<String> {
        let all = self.said.join("\n");
        match messages(&all).last() {
            Some(message) => Some(told(message)),
            None => self.said.last().map(|line| line.trim().to_owned()),
        }
    }
}

/// All that was said so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phase: Phase,
    backup_follows: bool,
    /// Where the alternate's old database is kept there.
    pub(crate) backup: Option<String>,
    /// "Level check is successful."
    pub(crate) levels_agree: bool,
    /// "Finished restoring the NIM database"
    pub(crate) restored: bool,
    /// In the order in which they were begun.
    pub(crate) replications: Vec<Replication>,
    /// Of "Removing NIM client".
    pub(crate) removed_clients: Vec<String>,
    /// Of "Removing" while resources are checked.
    pub(crate) removed_resources: Vec<String>,
    /// Lines of messages that are of no resource.
    of_nim: String,
    in_message: bool,
    last: String,
}

impl Progress {
    /// Takes the next line. Nothing is told of an empty one.
    pub(crate) fn line<'a>(&mut self, line: &'a str) -> Option<Said<'a>> {
        let text = line.trim();
        if text.is_empty() {
            self.in_message = false;
            return None;
        }
        text.clone_into(&mut self.last);
        if let Some((_, phase)) = BEGINNINGS.iter().find(|(start, _)| text.starts_with(start)) {
            self.phase = *phase;
        }
        self.backup_path(text);
        let resource = self.resource(text);
        match text {
            "Level check is successful." => self.levels_agree = true,
            "Finished restoring the NIM database" => self.restored = true,
            _ => {}
        }
        if let Some(client) = text.strip_prefix("Removing NIM client ") {
            self.removed_clients.push(client.to_owned());
        }
        if resource.is_none() {
            self.message(line);
        }
        Some(Said { phase: self.phase, resource, text })
    }

    /// The path stands in quotes in one of the lines behind the sentence.
    fn backup_path(&mut self, text: &str) {
        if text.starts_with("The original NIM database was backed up to the") {
            self.backup_follows = true;
        } else if self.backup_follows
            && let Some(path) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        {
            self.backup = Some(path.to_owned());
            self.backup_follows = false;
        }
    }

    fn resource<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some(resource) = text.strip_prefix("Replicating resource ") {
            let resource = resource.trim();
            let new = Replication { resource: resource.to_owned(), ..Replication::default() };
            self.replications.push(new);
            return Some(resource);
        }
        if let Some(resource) = text.strip_prefix("Replicated resource ") {
            let resource = resource.trim();
            let mut begun = self.replications.iter_mut().rev();
            if let Some(begun) = begun.find(|one| one.resource == resource) {
                begun.replicated = true;
            }
            return Some(resource);
        }
        if self.phase != Phase::Check {
            return None;
        }
        let named = |word: &str| text.strip_prefix(word).map(str::trim);
        if let Some(resource) = named("Removing ") {
            self.removed_resources.push(resource.to_owned());
            return Some(resource);
        }
        named("Keeping ").or_else(|| named("checking "))
    }

    /// A line that names no resource is of the one that is being brought, if there is one.
    fn message(&mut self, line: &str) {
        let open = match self.phase {
            Phase::Replicate => self.replications.last_mut().filter(|one| !one.replicated),
            _ => None,
        };
        if let Some(open) = open {
            if !line.trim().starts_with("Finished Replicating") {
                open.said.push(line.to_owned());
            }
            return;
        }
        let begins = line.trim_start().starts_with("0042-");
        let goes_on = self.in_message && (line.starts_with(GOES_ON) || line.starts_with('\t'));
        self.in_message = begins || goes_on;
        if self.in_message {
            self.of_nim.push_str(line);
            self.of_nim.push('\n');
        }
    }

    /// The messages that are of no resource.
    pub(crate) fn messages(&self) -> Vec<Message> {
        messages(&self.of_nim)
    }

    /// Whether the last line was the one that ends a good run.
    pub(crate) fn is_complete(&self) -> bool {
        self.last == COMPLETE
    }

    /// The last line that was not empty.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }

    /// What it was at last.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }
}

/// A message in one line.
pub(crate) fn told(message: &Message) -> String {
    format!("{} {}: {}", message.code, message.method, message.text)
}
