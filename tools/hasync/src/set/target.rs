//! One standby, from the primary's end: a line to it, and group after group over that line.

use super::document::{Compare, Group, Target, is_within};
use super::list::{Trouble, sources, staging};
use super::metrics::Pair;
use super::news::{Brought, News};
use super::plan::Listed;
use super::primary::{Here, Loaded, Together};
use super::recover::fields;
use super::role::check_generation;
use super::talk::{Answer, Ask, Done, Order, PIECE, PIECE_BYTES, Talk};
use crate::client::push_over;
use crate::clock::Measured;
use crate::events::hearing;
use crate::far::{Meter, Pipes, close};
use crate::filter::Filters;
use crate::job::{Job, Role as End};
use crate::limits;
use crate::options::{Options, Rule};
use crate::source::{Roots, Source};
use crate::wire::{Event, damaged};
use ha_json::{Error, json};
use ha_remote::{Host, Program};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// What a standby may tell; the rest is told here.
const RECORDS: &[&str] =
    &["change", "conflict", "held_back", "skipped", "warning", "validation", "hook", "recovered"];

type Line = Talk<Ask, Answer>;

impl Here<'_> {
    /// One standby, and nobody waits for it.
    pub(super) fn target(&self, target: &Target, news: &SyncSender<(Pair, News)>) {
        let loaded = &self.loaded[..];
        let pair = |group: &Group| (group.name.clone(), target.name());
        let tell = |group: &Group, one: News| {
            let _ = news.send((pair(group), one));
        };
        let mut left = loaded;
        if loaded.iter().all(|loaded| loaded.list.is_err()) {
            for loaded in loaded {
                let error = loaded.list.as_ref().err().cloned();
                error.into_iter().for_each(|error| tell(loaded.group, News::Failed(error)));
            }
            return;
        }
        let result = self.connected(target, |line| {
            while let [loaded, others @ ..] = left {
                match self.group(target, loaded, line, &|one| tell(loaded.group, one)) {
                    Ok(()) => {}
                    // The line stands: the next group may go.
                    Err(Fault::Group(error)) => tell(loaded.group, News::Failed(error)),
                    Err(Fault::Line(error)) => return Err(error),
                }
                left = others;
            }
            Ok(())
        });
        if let Err(error) = result {
            for loaded in left {
                tell(loaded.group, News::Failed(error.clone()));
            }
        }
    }

    fn connected(
        &self,
        target: &Target,
        work: impl FnOnce(&mut Line) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let host = Host::parse(&target.host)?;
        let options = Options { timeout_seconds: self.run.timeout_seconds, ..Options::default() };
        let job = Job { role: End::Set, options, paths: Vec::new(), list: None };
        let meter = Meter::default();
        let (program, (to, from)): (Program, Pipes) = self.run.far.connect(&host, &job, &meter)?;
        let mut line: Line = Talk::new(&to, &from, self.run.timeout_seconds)?;
        drop((to, from));
        let result = work(&mut line);
        // The far side ends when this one has left.
        drop(line);
        match close(program, &host, result.map(|()| Default::default())).error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn group(
        &self,
        target: &Target,
        loaded: &Loaded<'_>,
        line: &mut Line,
        tell: &dyn Fn(News),
    ) -> Result<(), Fault> {
        let list = loaded.list.as_ref().map_err(|error| Fault::Group(error.clone()))?;
        let wait = Duration::from_secs(self.run.lock_wait_seconds);
        let _lock = loaded.place.lock_target(&target.name(), wait).map_err(Fault::Group)?;
        let order = Order {
            group: loaded.group.clone(),
            root: target.root.clone(),
            state: target.state.clone(),
            role: self.role.clone(),
            names: self.names.clone(),
            substitutions: target.substitutions.clone(),
            dry_run: self.run.dry_run,
            accept_loss: self.run.accept_loss,
            lock_wait_seconds: self.run.lock_wait_seconds,
            only: self.only.map(str::to_owned),
        };
        // It waits for a lock and for programs, and does nothing itself.
        let waits = loaded.group.longest_program().saturating_add(self.run.lock_wait_seconds);
        line.say(&Ask::Begin(Box::new(order)))?;
        let stage = match answer(line, waits, tell)? {
            Answer::Begun { stage } => stage,
            _ => return Err(Fault::Line(damaged("an answer out of turn"))),
        };
        let (mut brought, missing) = self.stage(loaded, target, &stage, line)?;
        if let Some(skew) = brought.skew.filter(|skew| skew.is_worth_a_warning()) {
            let warning =
                json!({"key": {"path": null}, "reason": "clock", "message": skew.words()});
            tell(News::Record("warning".to_owned(), fields(warning)));
        }
        // The walk before met the same.
        brought.trouble.extend(list.trouble.iter().cloned());
        brought.trouble.sort();
        brought.trouble.dedup_by(|one, other| one.path == other.path);
        // A group without one of its files is none that the primary ever had.
        if !brought.trouble.iter().all(Trouble::is_gone) {
            line.say(&Ask::Leave)?;
            tell(News::Done(Done::default(), brought));
            return Ok(());
        }
        let entries: Vec<Listed> = list.entries.values().cloned().collect();
        for piece in pieces(&entries) {
            line.say(&Ask::Listed(piece.to_vec()))?;
        }
        line.say(&Ask::Commit { complete: brought.trouble.is_empty(), missing })?;
        match answer(line, waits, tell)? {
            Answer::Done(done) => {
                tell(News::Done(done, brought));
                Ok(())
            }
            _ => Err(Fault::Line(damaged("an answer out of turn"))),
        }
    }

    /// Brings what differs to where it waits; of the group's paths those that are missing are told, too.
    fn stage(
        &self,
        loaded: &Loaded<'_>,
        target: &Target,
        stage: &str,
        line: &mut Line,
    ) -> Result<(Brought, Vec<String>), Fault> {
        let group = loaded.group;
        let content = group.compare == Compare::Content;
        let mut main = staging(group, content, Some(Path::new(&target.root)));
        // What is rewritten differs there from what it is here: it is brought, and compared after.
        let anchored =
            |path: &String| Rule { pattern: path.clone().into_bytes(), ..Rule::default() };
        main.rules.splice(0..0, group.rewrite.iter().map(anchored));
        let whole = staging(group, content, None);
        let (plain, rewritten) = self.paths(group);
        let root = &self.document.root;
        let (plain, missing) = sources(root, plain.into_iter());
        let (rewritten, _) = sources(root, rewritten.into_iter());
        let parts = [(plain, main, &loaded.read), (rewritten, whole, &loaded.read_whole)];
        let mut brought = Brought::default();
        for (paths, options, read) in parts {
            if paths.is_empty() {
                continue;
            }
            let options = Options {
                timeout_seconds: self.run.timeout_seconds,
                // Only what this run brings beneath a path is compared with it.
                delete: options.delete.filter(|_| group.rewrite.is_empty()),
                ..options
            };
            let (source, job) = match self.opened(&paths, &options, stage, read) {
                Ok(both) => both,
                Err(error) => {
                    line.say(&Ask::Leave)?;
                    return Err(Fault::Group(error));
                }
            };
            let skew = lent(line, source, &job, &mut brought.trouble)?;
            brought.skew = brought.skew.or(skew);
        }
        Ok((brought, missing.into_iter().map(str::to_owned).collect()))
    }

    /// What is brought as it is, and what is rewritten there.
    fn paths<'b>(&'b self, group: &'b Group) -> (Vec<&'b str>, Vec<&'b str>) {
        let mut rewritten: Vec<&str> = group.rewrite.iter().map(String::as_str).collect();
        let mut plain: Vec<&str> = group.paths.iter().map(String::as_str).collect();
        plain.retain(|path| !rewritten.contains(path));
        let Some(only) = self.only else { return (plain, rewritten) };
        let is_within = |one: &str, other: &str| is_within(one.as_bytes(), other.as_bytes());
        if rewritten.iter().any(|path| is_within(only, path)) {
            return (Vec::new(), vec![only]);
        }
        rewritten.retain(|path| is_within(path, only));
        (vec![only], rewritten)
    }

    /// What is to be brought to where it waits, and what the other end is to do for it.
    fn opened(
        &self,
        paths: &[OsString],
        options: &Options,
        stage: &str,
        read: &Together,
    ) -> Result<(Source, Job), Error> {
        let filters = Arc::new(Filters::new(options)?);
        let roots = Roots::open(paths, None, options, None)?;
        // As many as one run may have, for all of them.
        let directories = (limits::directories() / self.document.targets.len().max(1)).max(16);
        let mut source = Source::new(roots, filters, options.clone(), directories);
        if self.document.targets.len() > 1 {
            source = source.sharing(read.join(directories));
        }
        let (options, paths) = (options.clone(), vec![stage.as_bytes().to_vec()]);
        Ok((source, Job { role: End::Standby, options, paths, list: None }))
    }
}

/// What goes in one frame each: so many entries, or bytes of paths.
fn pieces(entries: &[Listed]) -> impl Iterator<Item = &[Listed]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |one: &&Listed| {
            bytes += one.path.len();
            bytes <= PIECE_BYTES
        };
        let many = rest.iter().take(PIECE).take_while(fits).count().max(1).min(rest.len());
        let (piece, others) = rest.split_at(many);
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Lends the line to a run; gives how far apart the clocks are.
fn lent(
    line: &mut Line,
    source: Source,
    job: &Job,
    trouble: &mut Vec<Trouble>,
) -> Result<Option<Measured>, Fault> {
    let meter = Meter::default();
    let (mut to, from) = line.lend()?;
    line.say(&Ask::Stage)?;
    match answer(line, 0, &|_| {})? {
        Answer::Ready => {}
        _ => return Err(Fault::Line(damaged("an answer out of turn"))),
    }
    job.send(&mut to)?;
    meter.skew.asked();
    let outcome = hearing(
        |events| push_over(source, to, from, &meter, &events),
        |event| {
            if let Event::Failed { path, reason, message } = event {
                trouble.push(Trouble { path, reason, message });
            }
        },
    )?;
    // The other end has left the line then.
    if let Some(error) = outcome.error {
        return Err(Fault::Line(error));
    }
    match answer(line, 0, &|_| {})? {
        Answer::Staged => line.take_back(),
        _ => return Err(Fault::Line(damaged("an answer out of turn"))),
    }
    Ok(meter.skew.measured())
}

/// Of a group alone, or of the line.
enum Fault {
    Group(Error),
    Line(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Line(error)
    }
}

/// The next thing that is no record and no sign of life. The other end may wait for something for so
/// many seconds.
fn answer(line: &mut Line, waits_seconds: u64, tell: &dyn Fn(News)) -> Result<Answer, Fault> {
    loop {
        match line.hear(waits_seconds)? {
            None => {
                return Err(Fault::Line(Error::busy(
                    "the standby",
                    "has left in the middle of a group",
                )));
            }
            Some(Answer::StillHere(_)) => {}
            Some(Answer::Record(kind, record)) if RECORDS.contains(&&*kind) => {
                tell(News::Record(kind, record));
            }
            Some(Answer::Record(..)) => {
                return Err(Fault::Line(damaged("a record of no known type")));
            }
            Some(Answer::Failed { kind, what, why, generation }) => {
                if let Some(generation) = generation {
                    check_generation(generation)?;
                    tell(News::Generation(generation));
                }
                return Err(Fault::Group(Answer::error(&kind, what, why)));
            }
            Some(answer) => return Ok(answer),
        }
    }
}
