//! `hasync --set FILE`, and the words that are about sets: `history`, `rollback`, `release`, `takeover`
//! and `explain`.

use super::{Flags, Reach, Task};
use crate::far::Far;
use crate::report::Log;
use crate::set::{Command, Run};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use ha_json::Error;
use std::ffi::OsString;
use std::time::Duration;

/// What of it was asked for.
#[derive(Debug)]
pub(super) enum Asked {
    /// These groups of a document; all where there are none.
    Set {
        groups: Vec<String>,
        /// One that somebody else has is not waited for, where nothing is said: cron comes again.
        lock_wait_seconds: u64,
    },
    /// What a document has of a path.
    Explain {
        path: String,
    },
    Word(Command),
}

/// What goes with `--set`.
const WITH_SET: &[&str] = &[
    "set",
    "group",
    "paths",
    "accept_loss",
    "dry_run",
    "rsh",
    "transport",
    "port",
    "hasync_path",
    "lock_wait",
    "log",
    "metrics",
    "state",
    "timeout",
    "contimeout",
    "quiet",
];
/// What goes with `explain`.
const WITH_EXPLAIN: &[&str] = &[
    "set",
    "paths",
    "offline",
    "rsh",
    "transport",
    "port",
    "hasync_path",
    "lock_wait",
    "state",
    "timeout",
    "contimeout",
];
/// What goes with a word.
const WITH_WORD: &[&str] = &["paths", "dry_run", "lock_wait", "state"];
/// What goes with nothing else.
const OF_SETS: &[&str] = &["accept_loss", "log", "metrics", "offline", "state"];

/// Takes what is about sets off the paths; `None` where this is a run as rsync's.
///
/// # Errors
/// Usage, naming what does not go together.
pub(super) fn taken(
    matches: &ArgMatches,
    paths: &mut Vec<OsString>,
) -> Result<Option<Asked>, Error> {
    let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let first = matches.indices_of("paths").and_then(|mut places| places.next()) == Some(1);
    let word = paths.first().filter(|_| first).and_then(|word| word.to_str()).unwrap_or_default();
    let words: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let (asked, with) = match (word, &words[..]) {
        ("explain", [_, path]) => {
            if !given("set") {
                return Err(Error::usage("explain", "takes --set FILE, and a path"));
            }
            (Asked::Explain { path: path.clone() }, WITH_EXPLAIN)
        }
        _ if given("set") => {
            let wait = matches.get_one::<u64>("lock_wait").filter(|_| given("lock_wait"));
            (Asked::Set { groups: words, lock_wait_seconds: wait.copied().unwrap_or(0) }, WITH_SET)
        }
        _ => match word_of(word, &words, given("dry_run"))? {
            Some(command) => (Asked::Word(command), WITH_WORD),
            None => {
                return match OF_SETS.iter().find(|id| given(id)) {
                    Some(id) => Err(Error::usage(option(id), "goes with --set")),
                    None => Ok(None),
                };
            }
        },
    };
    let known = Flags::command();
    let ids = known.get_arguments().map(|argument| argument.get_id().as_str());
    if let Some(other) = ids.into_iter().find(|id| given(id) && !with.contains(id)) {
        let what = if given("set") { "--set" } else { word };
        let why = format!("does not go with {what}: the document says how files are brought");
        return Err(Error::usage(option(other), why));
    }
    paths.clear();
    Ok(Some(asked))
}

fn option(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// What a word asks for; `None` where it is none of ours: a source of that name is written `./history`.
fn word_of(word: &str, words: &[String], dry_run: bool) -> Result<Option<Command>, Error> {
    let takes = |what: &str| {
        Err(Error::usage(word, format!("takes {what} (a source of this name is written ./{word})")))
    };
    Ok(Some(match (word, words) {
        ("history", [_]) => Command::History { group: None },
        ("history", [_, group]) => Command::History { group: Some(group.clone()) },
        ("history", _) => return takes("at most the name of a group"),
        ("rollback", [_, transaction]) => {
            Command::RollBack { transaction: transaction.clone(), dry_run }
        }
        ("rollback", _) => return takes("the name of a transaction, which hasync history tells"),
        ("release", [_, group]) => Command::Release { group: group.clone() },
        ("release", _) => return takes("the name of a group"),
        ("takeover", [_]) => Command::Takeover { dry_run },
        ("takeover", _) => return takes("nothing more"),
        ("explain", _) => return takes("--set FILE, and a path"),
        _ => return Ok(None),
    }))
}

impl Asked {
    /// What is to be done.
    ///
    /// # Errors
    /// Usage, and a log that cannot be opened.
    pub(super) fn task(self, flags: Flags) -> Result<Task, Error> {
        let (groups, lock_wait_seconds, explain) = match self {
            Asked::Word(command) => {
                let wait = Duration::from_secs(flags.lock_wait);
                return Ok(Task::Command { command, state: flags.state, wait });
            }
            Asked::Set { groups, lock_wait_seconds } => (groups, lock_wait_seconds, None),
            Asked::Explain { path } => (Vec::new(), flags.lock_wait, Some(path)),
        };
        flags.transport.check(flags.rsh.as_deref(), flags.port)?;
        let reach = Reach {
            rsh: flags.rsh,
            transport: flags.transport,
            port: flags.port,
            hasync_path: flags.hasync_path,
            connect_timeout_seconds: flags.contimeout,
        };
        Ok(Task::Set(Box::new(Run {
            file: flags.set.unwrap_or_default(),
            groups,
            dry_run: flags.dry_run || explain.is_some(),
            accept_loss: flags.accept_loss,
            state: flags.state,
            far: Far::of(&reach, flags.timeout)?,
            lock_wait_seconds,
            timeout_seconds: flags.timeout,
            log: flags.log.as_deref().map(Log::open).transpose()?,
            metrics: flags.metrics,
            explain,
            offline: flags.offline,
        })))
    }
}
