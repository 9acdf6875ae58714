//! The clients looked at again, until they are settled or the time for that is over.

use crate::clock::Clock;
use crate::own::Own;
use crate::preflight::Preflight;
use crate::survey;
use crate::table::SUCCESS;
use crate::verdict::{State, state};
use crate::voices::{Database, Voices};
use ha_nim::Carrier;
use ha_nim::lsnim::{Listing, parse_long};
use ha_nim::master::failure;
use ha_remote::{Machine, Reply};
use std::time::{Duration, Instant};

/// The first pause between two looks; each is longer than the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the database here may take when a signal has come: then it is all that is asked.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// All three voices for each client.
#[derive(Debug)]
pub(crate) struct Evidence {
    here: Vec<Database>,
    there: Vec<Database>,
    own: Vec<Own>,
}

impl Evidence {
    /// What the look before the takeover saw.
    pub(crate) fn before(preflight: &Preflight) -> Evidence {
        let masters = &preflight.masters;
        let here = masters.this.as_ref().ok().map(|this| &this.listing);
        let mut evidence = Evidence {
            here: Vec::new(),
            there: Vec::new(),
            own: preflight.seen.iter().map(|seen| seen.own.clone()).collect(),
        };
        evidence.put(preflight, here, masters.other_listing());
        evidence
    }

    /// Looks again at what is not this master's already; where the table says that it is, or nothing
    /// speaks against it, for as long as `settle`.
    pub(crate) fn after(
        preflight: &Preflight,
        carrier: &Carrier,
        clock: &Clock,
        settle: Duration,
        result: impl Fn(usize) -> Option<String>,
        may_come: bool,
    ) -> Evidence {
        let ends = clock.quarters(4);
        let settle_ends = ends.min(Instant::now() + settle);
        let mut evidence = Evidence::before(preflight);
        let mut open: Vec<usize> =
            (0..preflight.clients.len()).filter(|at| !preflight.is_already(*at)).collect();
        // Those that gave no answer before would take the time of those that do.
        open.sort_by_key(|at| matches!(evidence.voices(*at).own, Own::NotSeen(_)));
        let mut pause = FIRST_PAUSE;
        loop {
            evidence.look(preflight, &open, carrier, clock, ends);
            open.retain(|at| {
                let comes = match result(*at).as_deref() {
                    Some(SUCCESS) => true,
                    Some(_) => false,
                    None => may_come,
                };
                comes && !evidence.is_settled(preflight, *at)
            });
            if open.is_empty()
                || Instant::now() >= settle_ends
                || clock.interrupt().came().is_some()
            {
                return evidence;
            }
            clock.pause(pause, settle_ends);
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// What the three say of a client.
    pub(crate) fn voices(&self, at: usize) -> Voices<'_> {
        const NONE: &Database = &Database::NotSeen;
        const MISSING: &Own = &Own::Missing;
        Voices {
            here: self.here.get(at).unwrap_or(NONE),
            there: self.there.get(at).unwrap_or(NONE),
            own: self.own.get(at).unwrap_or(MISSING),
        }
    }

    /// Taken, and the other master knows it; or nobody will see more of it by looking again.
    fn is_settled(&self, preflight: &Preflight, at: usize) -> bool {
        let (voices, pair) = (self.voices(at), &preflight.masters.pair);
        match state(voices, pair) {
            State::Taken => voices.split_brain(pair) != Some(true),
            State::Unknown => matches!(voices.own, Own::NotSeen(_) | Own::Stranger(_)),
            State::NotTaken => false,
        }
    }

    fn look(
        &mut self,
        preflight: &Preflight,
        open: &[usize],
        carrier: &Carrier,
        clock: &Clock,
        ends: Instant,
    ) {
        let question = [["lsnim", "-l"].map(str::to_owned).to_vec()];
        let ask = |machine: &Machine| clock.ask(machine, &question, carrier.patience(), ends);
        let here = match clock.interrupt().came() {
            Some(_) => Machine::Here.ask(&question, LAST_LOOK),
            None => ask(&Machine::Here),
        };
        let here = here.ok().and_then(|replies| listing(&replies));
        // One that gave no answer before is not waited for once more.
        let there = match preflight.masters.other_listing() {
            None => None,
            Some(_) => carrier
                .to(&preflight.masters.pair.other.hostname)
                .and_then(|machine| ask(&machine))
                .ok()
                .and_then(|replies| listing(&replies)),
        };
        self.put(preflight, here.as_ref(), there.as_ref());
        let clients: Vec<_> = open.iter().filter_map(|at| preflight.clients.get(*at)).collect();
        for (at, own) in open.iter().zip(survey::after(&clients, carrier, clock, ends)) {
            if let Some(place) = self.own.get_mut(*at) {
                *place = own;
            }
        }
    }

    fn put(&mut self, preflight: &Preflight, here: Option<&Listing>, there: Option<&Listing>) {
        let of = |listing| {
            preflight.clients.iter().map(|client| Database::of(listing, &client.name)).collect()
        };
        self.here = of(here);
        self.there = of(there);
    }
}

/// A database, where it was seen whole.
fn listing(replies: &[Reply]) -> Option<Listing> {
    let reply = replies.first().filter(|reply| failure(reply).is_none())?;
    Some(parse_long(&reply.stdout)).filter(|listing| !listing.is_damaged())
}
