//! The far end: `hasync --serve`, on stdin and stdout, beneath the directory that it was told.

use crate::args::Service;
use crate::beneath::Beneath;
use crate::clock;
use crate::events::Events;
use crate::filter::Filters;
use crate::job::{Job, Role};
use crate::limits;
use crate::set;
use crate::source::{Node, Roots, Source};
use crate::standby::{self, Ledger, Root, Site, Told, partial};
use crate::wire::{
    Counted, Frame, Outcome, Outgoing, Packing, ToSource, ToStandby, damaged, greet, never_block,
    unpacked,
};
use ha_json::{Error, Status};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long the other end may take to say what it wants.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// Serves one run.
///
/// # Errors
/// What ended it; the other end has been told.
pub(crate) fn serve(service: Service) -> Result<Status, Error> {
    let duplicate = |fd: std::os::fd::BorrowedFd<'_>| {
        fd.try_clone_to_owned().map(File::from).map_err(|error| Error::io("standard input", &error))
    };
    let input = duplicate(std::io::stdin().as_fd())?;
    let output = duplicate(std::io::stdout().as_fd())?;
    never_block(&input)?;
    never_block(&output)?;
    let mut output = Counted::counting(output, Arc::default(), HANDSHAKE);
    let mut input = Counted::counting(input, Arc::default(), HANDSHAKE);
    greet(&mut output, &mut input)?;
    let job = Job::receive(&mut input)?;
    let patience = Duration::from_secs(job.options.timeout_seconds.clamp(1, 86_400));
    let (input, output) = (input.with_patience(patience), output.with_patience(patience));
    match job.role {
        Role::Set => serve_set(&service, &output, &input, patience.as_secs()),
        Role::Source => {
            let (sender, receiver) = sync_channel(crate::QUEUE);
            let _ = sender.send(ToStandby::Clock(clock::now()));
            let out = sender.clone();
            let limit = job.options.bandwidth_limit;
            let packing = if job.options.compress { Packing::Stream } else { Packing::Plain };
            let outgoing = Outgoing::new(output, limit, packing)?;
            write_while(outgoing, receiver, patience, move || {
                let result = serve_source(&service, job, input, sender);
                if let Err(error) = &result {
                    // The writer may be gone, and with it whoever would read this.
                    let _ = out.send(ToStandby::fatal(error.clone()));
                }
                result
            })
        }
        Role::Standby => be_standby(service, job, input, output).map(|()| Status::Done),
    }
}

/// Does a job to be the standby.
///
/// # Errors
/// What ended it; the other end has been told.
pub(crate) fn be_standby(
    service: Service,
    job: Job,
    input: Counted<File>,
    output: Counted<File>,
) -> Result<(), Error> {
    let patience = Duration::from_secs(job.options.timeout_seconds.clamp(1, 86_400));
    let (sender, receiver) = sync_channel(crate::ANSWERS);
    let _ = sender.send(ToSource::Clock(clock::now()));
    let out = sender.clone();
    let work = move || {
        let result = serve_standby(service, job, input, sender);
        if let Err(error) = &result {
            let _ = out.send(ToSource::fatal(error.clone()));
        }
        result
    };
    write_while(Outgoing::plain(output), receiver, patience, work).map(|_| ())
}

/// Runs `work` while another thread writes what it sends.
fn write_while<M: Frame>(
    outgoing: Outgoing,
    receiver: Receiver<M>,
    patience: Duration,
    work: impl FnOnce() -> Result<(), Error>,
) -> Result<Status, Error> {
    let writer = thread::spawn(move || outgoing.run(&receiver, patience));
    let result = work();
    let written = writer.join().unwrap_or_else(|_| Err(damaged("nothing")));
    result.and(written).map(|()| Status::Done)
}

fn finished(outcome: Outcome) -> Result<(), Error> {
    outcome.error.map_or(Ok(()), Err)
}

fn serve_source(
    service: &Service,
    job: Job,
    input: Counted<File>,
    outgoing: SyncSender<ToStandby>,
) -> Result<(), Error> {
    if service.write_only {
        return Err(Error::failed("--write-only", "nothing may be read here"));
    }
    if service.read_only && job.options.remove_source_files && !job.options.dry_run {
        return Err(Error::failed("--read-only", "nothing may be removed here"));
    }
    if service.root.is_some() && !service.read_only {
        let why = "nothing may be read here: --root alone lets in what is pushed, \
                   and with --read-only what is pulled";
        return Err(Error::failed("--root", why));
    }
    let beneath = service.root.clone().map(Beneath::open).transpose()?;
    let selection = match &job.list {
        Some(list) => Some(select(list)?),
        None => None,
    };
    let paths: Vec<OsString> = job.paths.into_iter().map(OsString::from_vec).collect();
    let roots = Roots::open(&paths, selection, &job.options, beneath.as_ref())?;
    let filters = Arc::new(Filters::new(&job.options)?);
    let source = Source::new(roots, filters, job.options, limits::directories());
    let mut incoming = unpacked(input, false)?;
    finished(source.run(move || incoming.next(), outgoing, &Events::unheard())?)
}

/// The paths of a list as a tree.
///
/// # Errors
/// Usage, for a path that climbs out.
pub(crate) fn select(list: &[Vec<u8>]) -> Result<Arc<Node>, Error> {
    let mut node = Node::default();
    for path in list {
        if !node.add(path, None) {
            let shown = String::from_utf8_lossy(path).into_owned();
            return Err(Error::usage(shown, "has a component \"..\" or is too long"));
        }
    }
    Ok(Arc::new(node))
}

fn serve_set(
    service: &Service,
    output: &Counted<File>,
    input: &Counted<File>,
    timeout_seconds: u64,
) -> Result<Status, Error> {
    let confined = service.root.is_some() || service.read_only || service.write_only;
    let refusal = confined.then(|| {
        let why = "lets in no sets: they change what they are told to, and run programs";
        Error::failed("--root, --read-only, --write-only", why)
    });
    set::serve(output, input, refusal.as_ref(), timeout_seconds).map(|()| Status::Done)
}

fn serve_standby(
    service: Service,
    job: Job,
    input: Counted<File>,
    outgoing: SyncSender<ToSource>,
) -> Result<(), Error> {
    if service.read_only && !job.options.dry_run {
        return Err(Error::failed("--read-only", "nothing may be changed here"));
    }
    partial::check(&job.options, service.root.is_some())?;
    let [path] = &job.paths[..] else { return Err(damaged("a job without one destination")) };
    let beneath = service.root.map(Beneath::open).transpose()?;
    let root = Root { path: OsString::from_vec(path.clone()), beneath };
    limits::directories();
    let ledger =
        Ledger::new(Told::There(outgoing.clone()), job.options.itemize, job.options.progress);
    let filters = Arc::new(Filters::new(&job.options)?);
    let packed = job.options.compress;
    let site = Site::new(job.options, filters, ledger, outgoing, None)?;
    let mut incoming = unpacked(input, packed)?;
    finished(standby::run(&site, &root, move || incoming.next())?)
}
