//! One run, seen from where it was asked for.

use crate::args::{Chosen, Request};
use crate::events::{Events, hearing};
use crate::far::{Far, Meter, close};
use crate::filter::Filters;
use crate::interrupt;
use crate::job::{Job, Role};
use crate::limits;
use crate::records;
use crate::report::{Lines, Log, Report, Run, Traffic};
use crate::serve::select;
use crate::source::{Node, Roots, Source, from_channel};
use crate::standby::{self, Ledger, Root, Site, Told};
use crate::wire::{Outcome, Outgoing, Packing, ToSource, ToStandby, unpacked};
use ha_json::{Error, Status, Tool, refuse_terminal};
use ha_remote::{Host, Place};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// Does what was asked for.
///
/// # Errors
/// What ended the run; the records before it stand.
pub(crate) fn sync(tool: Tool, mut request: Request) -> Result<Status, Error> {
    let destination = Place::parse(&request.destination)?;
    let sources = sources(&request.sources)?;
    let far = Far::of(&request.reach, request.options.timeout_seconds)?;
    let filters = Arc::new(Filters::new(&request.options)?);
    let meter = Meter::default();
    let paths = sources.paths;
    if sources.host.is_some() && destination.host.is_some() {
        let why = "are both on hosts: run hasync on one of them";
        return Err(Error::usage("SRC and DEST", why));
    }
    match &request.chosen {
        Chosen::Records => refuse_terminal("a stream with file records")?,
        Chosen::List(list) => drop(select(list)?),
        Chosen::All => {}
    }
    let (pushes, pulls) = (destination.host.is_some(), sources.host.is_some());
    let named: Vec<_> = paths.iter().map(|path| path.clone().into_vec()).collect();
    let lines = Lines {
        records: request.records,
        out: request.out_format.take(),
        log: match request.log.take() {
            Some((file, format)) => Some((Log::open(&file)?, format)),
            None => None,
        },
        run: Run::new(&request.options, pushes, pulls, &named),
    };
    let mut report = Report::begin(tool, &request.options, request.stats, lines);
    if let Some(host) = sources.host.as_ref().or(destination.host.as_ref()) {
        report.names_host(&host.name);
    }
    let path = destination.path;
    follow(
        report,
        || meter.read(),
        |events| match (sources.host, destination.host) {
            (Some(host), _) => {
                pull(job(&request, paths), filters, &far, &host, path, &meter, events)
            }
            (None, Some(host)) => {
                push(local_source(&request, &paths, filters)?, &far, &host, path, &meter, events)
            }
            (None, None) => local(local_source(&request, &paths, filters)?, path, events),
        },
    )
}

struct Sources {
    host: Option<Host>,
    paths: Vec<OsString>,
}

fn sources(arguments: &[OsString]) -> Result<Sources, Error> {
    let places = arguments.iter().map(|a| Place::parse(a)).collect::<Result<Vec<_>, _>>()?;
    let host = places.first().and_then(|place| place.host.clone());
    if places.iter().any(|place| place.host != host) {
        return Err(Error::usage("SRC", "the sources are not all in the same place"));
    }
    Ok(Sources { host, paths: places.into_iter().map(|place| place.path).collect() })
}

fn choose(chosen: &Chosen, dry_run: bool) -> Result<Option<Arc<Node>>, Error> {
    match chosen {
        Chosen::All => Ok(None),
        Chosen::List(list) => select(list).map(Some),
        Chosen::Records => records::read(dry_run).map(|node| Some(Arc::new(node))),
    }
}

fn local_source(
    request: &Request,
    paths: &[OsString],
    filters: Arc<Filters>,
) -> Result<Source, Error> {
    let selection = choose(&request.chosen, request.options.dry_run)?;
    let roots = Roots::open(paths, selection, &request.options, None)?;
    let mut source = Source::new(roots, filters, request.options.clone(), limits::directories());
    source.keep_implied |= matches!(request.chosen, Chosen::Records);
    Ok(source)
}

/// Runs `work` in a thread of its own and reports what it tells, to the end.
fn follow(
    mut report: Report,
    traffic: impl FnOnce() -> Traffic,
    work: impl FnOnce(Events) -> Result<Outcome, Error> + Send,
) -> Result<Status, Error> {
    let result = hearing(work, |event| report.event(event));
    report.end(result.into(), traffic())
}

/// Both ends in this process.
pub(crate) fn local(source: Source, path: OsString, events: Events) -> Result<Outcome, Error> {
    // No content goes this way here.
    let (to_standby, at_standby) = sync_channel(crate::ANSWERS);
    let (to_source, at_source) = sync_channel(crate::ANSWERS);
    let options = source.options.clone();
    let filters = Arc::clone(&source.filters);
    let ledger = Ledger::new(Told::Here(events), options.itemize, options.progress);
    let table = Arc::clone(&source.table);
    let site = Site::new(options, filters, ledger, to_source, Some(table))?;
    let root = Root { path, beneath: None };
    keep_partials(&site)?;
    thread::scope(|scope| {
        scope.spawn(move || {
            // What goes wrong at this end, the other tells.
            let _ = source.run(from_channel(at_source), to_standby, &Events::unheard());
        });
        let result = standby::run(&site, &root, || Ok(at_standby.recv().ok()));
        // Whatever still comes has nobody to take it.
        drop(at_standby);
        drop(site);
        result
    })
}

/// When a signal ends the run, what is under way is kept, where that is asked for.
fn keep_partials(site: &Arc<Site>) -> Result<(), Error> {
    if !site.partials.are_kept() {
        return Ok(());
    }
    let site = Arc::downgrade(site);
    interrupt::call(move || {
        if let Some(site) = site.upgrade() {
            site.interrupted();
        }
    })
}

/// This end has the files.
fn push(
    source: Source,
    far: &Far,
    host: &Host,
    path: OsString,
    meter: &Meter,
    events: Events,
) -> Result<Outcome, Error> {
    let options = source.options.clone();
    let job = Job { role: Role::Standby, options, paths: vec![path.into_vec()], list: None };
    let (program, (to, from)) = far.connect(host, &job, meter)?;
    let result = push_over(source, to, from, meter, &events);
    Ok(close(program, host, result))
}

/// The same over a line that stands, to a far side that has its job.
pub(crate) fn push_over(
    source: Source,
    to: impl Write + Send + 'static,
    from: impl Read + Send + 'static,
    meter: &Meter,
    events: &Events,
) -> Result<Outcome, Error> {
    let limit = source.options.bandwidth_limit;
    let packing = match (source.options.compress, source.is_shared()) {
        (false, _) => Packing::Plain,
        (true, false) => Packing::Stream,
        (true, true) => Packing::Pieces,
    };
    let patience = Duration::from_secs(source.options.timeout_seconds);
    let (sender, receiver) = sync_channel(crate::QUEUE);
    let outgoing = Outgoing::new(to, limit, packing)?;
    let writer = thread::spawn(move || outgoing.run(&receiver, patience));
    let mut incoming = unpacked(from, false)?;
    let next = || match incoming.next()? {
        Some(ToSource::Clock(far)) => {
            meter.skew.told(far);
            incoming.next()
        }
        message => Ok(message),
    };
    let result = source.run(next, sender, events);
    // A pipe that broke is told by what was not answered.
    let _ = writer.join();
    result
}

/// What the far side is to do where the source is there.
fn job(request: &Request, paths: Vec<OsString>) -> Job {
    let list = match &request.chosen {
        Chosen::List(list) => Some(list.clone()),
        _ => None,
    };
    let paths = paths.into_iter().map(OsString::into_vec).collect();
    Job { role: Role::Source, options: request.options.clone(), paths, list }
}

fn pull(
    job: Job,
    filters: Arc<Filters>,
    far: &Far,
    host: &Host,
    path: OsString,
    meter: &Meter,
    events: Events,
) -> Result<Outcome, Error> {
    let (program, (to, from)) = far.connect(host, &job, meter)?;
    limits::directories();
    let patience = Duration::from_secs(job.options.timeout_seconds);
    let (sender, receiver) = sync_channel(crate::ANSWERS);
    let writer = thread::spawn(move || Outgoing::plain(to).run(&receiver, patience));
    let options = job.options;
    let packed = options.compress;
    let ledger = Ledger::new(Told::Here(events), options.itemize, options.progress);
    let site = Site::new(options, filters, ledger, sender, None)?;
    let root = Root { path, beneath: None };
    keep_partials(&site)?;
    let mut incoming = unpacked(from, packed)?;
    let next = || match incoming.next()? {
        Some(ToStandby::Clock(far)) => {
            meter.skew.told(far);
            incoming.next()
        }
        message => Ok(message),
    };
    let result = standby::run(&site, &root, next);
    drop(site);
    let _ = writer.join();
    Ok(close(program, host, result))
}
