//! Resources whose content differs: named, and brought.

use crate::Arguments;
use crate::disks::Location;
use crate::facts::Pair;
use crate::plan::Refresh;
use crate::stale::{Changes, Content, record, sentence};
use ha_json::{Error, Kind, Stream, json};
use ha_nim::finding::{Finding, Outcome};
use ha_plan::Interrupt;
use std::io::Write;
use std::time::{Duration, Instant};

fn ends(arguments: &Arguments) -> Instant {
    Instant::now() + Duration::from_secs(arguments.deadline)
}

/// The resources that the alternate has before a synchronisation.
fn present(pair: &Pair) -> Vec<&Location> {
    let places = pair.places.iter().flatten().flatten();
    places
        .filter(|place| place.is_there && place.here.is_some())
        .map(|place| &place.location)
        .collect()
}

/// Row 11, as findings.
pub(super) fn before(arguments: &Arguments, pair: &Pair, interrupt: &Interrupt) -> Vec<Finding> {
    let content = Content { arguments, host: &pair.host, ends: ends(arguments), interrupt };
    let all = present(pair);
    let mut findings = Vec::new();
    for location in &all {
        let told = match content.run(location, false) {
            Ok(changes) if changes.are_stale() => sentence(&changes),
            Ok(_) => continue,
            Err(why) => format!("was not compared: {why}"),
        };
        let found = format!("{} {told}", location.resource);
        let finding = Finding::new("stale", Outcome::Warning, found).about(&location.resource);
        findings.push(finding.fix("--refresh brings it"));
    }
    if findings.is_empty() {
        let found = format!("{} resources of {} are as they are here", all.len(), pair.alternate);
        findings.push(Finding::new("stale", Outcome::Holds, found));
    }
    findings
}

/// What a plan has to bring.
///
/// # Errors
/// Where a resource cannot be compared: whether the plan is whole is not known.
pub(super) fn to_refresh(
    arguments: &Arguments,
    pair: &Pair,
    interrupt: &Interrupt,
) -> Result<Vec<Refresh>, Error> {
    let content = Content { arguments, host: &pair.host, ends: ends(arguments), interrupt };
    let mut all = Vec::new();
    for location in present(pair) {
        let told =
            |why: String| Error::failed(&location.resource, format!("was not compared: {why}"));
        if content.run(location, false).map_err(told)?.are_stale() {
            all.push(Refresh {
                resource: location.resource.clone(),
                path: location.path.clone(),
                is_directory: content.is_directory(&location.path).map_err(told)?,
            });
        }
    }
    Ok(all)
}

/// After a synchronisation.
pub(super) struct Stale<'a> {
    content: Content<'a>,
    /// So many differ, or did.
    pub(super) found: u64,
    /// So many were brought.
    pub(super) refreshed: u64,
}

impl<'a> Stale<'a> {
    pub(super) fn new(
        arguments: &'a Arguments,
        host: &'a str,
        ends: Instant,
        interrupt: &'a Interrupt,
    ) -> Stale<'a> {
        let content = Content { arguments, host, ends, interrupt };
        Stale { content, found: 0, refreshed: 0 }
    }

    /// Compares them one after the other, and brings those that differ where that was asked.
    pub(super) fn each<W: Write>(&mut self, all: &[Location], stream: &mut Stream<W>) {
        for location in all {
            if self.content.interrupt.came().is_some() {
                return;
            }
            let found = self.content.run(location, false);
            let is_stale = found.as_ref().is_ok_and(Changes::are_stale);
            self.found += u64::from(is_stale);
            let brought = (is_stale && self.content.arguments.refresh)
                .then(|| self.content.run(location, true));
            let refreshed = brought.as_ref().map(Result::is_ok);
            self.refreshed += u64::from(refreshed == Some(true));
            stream.record("resource", &record(location, &found, refreshed));
            if location.kind == "spot" && refreshed.is_some() {
                let message = "was brought as it is; \"NIM from A to Z\" advises to make a SPOT anew \
                               from the replicated lpp_source";
                let item = &location.resource;
                stream.record("warning", &json!({"item": item, "message": message}));
            }
            let mut fail = |reason, message: &str| {
                stream.item_failed(Kind::Failed, reason, location.resource.as_bytes(), message);
            };
            match (found, brought) {
                (Err(why), _) => fail("not_compared", &format!("was not compared: {why}")),
                (Ok(_), Some(Err(why))) => {
                    fail("not_refreshed", &format!("was not brought: {why}"))
                }
                (Ok(changes), None) if is_stale => {
                    fail("stale", &format!("{}; --refresh brings it", sentence(&changes)));
                }
                _ => {}
            }
            stream.flush();
        }
    }
}
