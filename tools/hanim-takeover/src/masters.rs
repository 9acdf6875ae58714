//! What both masters say before a takeover, and the findings about that.

use crate::check;
use crate::client::{Client, clients};
use crate::clock::Clock;
use crate::pair::{Master as Named, Pair};
use crate::survey::{Address, resolve};
use ha_json::Error;
use ha_nim::finding::{Finding, Outcome};
use ha_nim::lsnim::Listing;
use ha_nim::master::{Master, questions};
use ha_nim::{Carrier, Object, Severity, short};
use ha_remote::{Machine, Reply};
use std::time::Instant;

/// What tells levels may hang, and that is no reason to leave the clients without a master.
const MAY_HANG: [&str; 2] = ["oslevel", "lslpp"];

/// Both masters, as they say.
#[derive(Debug)]
pub(crate) struct Masters {
    /// The NIM object of the other one, as it was given.
    pub(crate) object: String,
    pub(crate) pair: Pair,
    /// This one, or why it gives no answer.
    pub(crate) this: Result<Master, Error>,
    /// The other one, or why it gives no answer.
    pub(crate) other: Result<Master, Error>,
    /// How the other one's name resolves here.
    pub(crate) address: Address,
}

impl Masters {
    /// Asks both.
    pub(crate) fn look(object: &str, carrier: &Carrier, clock: &Clock) -> Masters {
        let ends = clock.quarters(1);
        let ask = |machine: &Machine| {
            let replies = clock.ask(machine, &questions(), carrier.patience(), ends);
            replies.map(|replies| Master::read(&replies))
        };
        let this = here(carrier, clock, ends);
        let listing = this.as_ref().ok().map(|this| &this.listing);
        let of = |name| listing.and_then(|listing| listing.object(name));
        let hostname = this.as_ref().ok().and_then(Master::hostname).map(str::to_owned);
        let shown = hostname.as_deref().map_or("this master", short).to_owned();
        let named = Named::new(&shown, of("master"), hostname.as_deref());
        let host = of(object).map_or_else(|| object.to_owned(), Object::hostname);
        let other = carrier.to(&host).and_then(|machine| ask(&machine));
        let leads_here =
            |other: &Master| hostname.is_some() && other.hostname() == hostname.as_deref();
        let other = match other {
            Ok(other) if leads_here(&other) => {
                Err(Error::busy(&host, "leads to this machine, which has its address perhaps"))
            }
            other => other,
        };
        let its_name = other.as_ref().ok().and_then(Master::hostname);
        let other_named = Named::new(object, of(object), None).called(object);
        let other_named = its_name.into_iter().fold(other_named, Named::called);
        let pair = Pair { this: named, other: other_named };
        let address = resolve(&host, carrier.patience(), clock, ends);
        Masters { object: object.to_owned(), pair, this, other, address }
    }

    /// The database here; empty where it was not seen.
    pub(crate) fn clients(&self) -> Vec<Client> {
        self.this.as_ref().map(|this| clients(&this.listing)).unwrap_or_default()
    }

    /// The other one's database, where it was seen whole.
    pub(crate) fn other_listing(&self) -> Option<&Listing> {
        let other = self.other.as_ref().ok()?;
        (other.not_listed.is_none() && !other.listing.is_damaged()).then_some(&other.listing)
    }

    /// One finding of each check that is about the masters.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        vec![
            self.this_master(),
            self.niminfo(),
            self.alternate(),
            self.clients_there(),
            self.alive(),
            self.level(),
            self.names(),
        ]
    }

    fn this_master(&self) -> Finding {
        let finding = |outcome, found| Finding::new(check::THIS_MASTER, outcome, found);
        let refused = |why: String| {
            finding(Outcome::Refused, format!("this machine is not a NIM master: {why}"))
                .fix("run this on the master that takes over")
        };
        let this = match &self.this {
            Ok(this) => this,
            Err(error) => return finding(Outcome::Unknown, format!("cannot be asked: {error}")),
        };
        if this.niminfo.is_none() {
            return refused("it has no /etc/niminfo".to_owned());
        }
        if !this.is_master() {
            return refused("NIM_CONFIGURATION of its /etc/niminfo is not master".to_owned());
        }
        if let Some(why) = &this.not_listed {
            return refused(format!("lsnim -l: {why}"));
        }
        let damage =
            this.listing.problems.iter().find(|problem| problem.severity == Severity::Error);
        match damage {
            Some(problem) => {
                let at = format!("line {} of lsnim -l: {}", problem.line, problem.what);
                finding(Outcome::Refused, format!("its database cannot be read: {at}"))
            }
            None => finding(Outcome::Holds, format!("{} is a NIM master", self.pair.this.shown)),
        }
    }

    fn niminfo(&self) -> Finding {
        let finding = |outcome, found| Finding::new(check::NIMINFO, outcome, found);
        let Some(file) = self.this.as_ref().ok().and_then(|this| this.niminfo.as_ref()) else {
            return finding(Outcome::Unknown, "its /etc/niminfo was not seen".to_owned());
        };
        let error = file.problems().iter().find(|problem| problem.severity == Severity::Error);
        if let Some(problem) = error {
            let found = format!("/etc/niminfo, line {}: {}", problem.line, problem.what);
            return finding(Outcome::Refused, found).fix("nimconfig -r builds the file anew");
        }
        match self.this.as_ref().ok().and_then(Master::hostname) {
            Some(hostname) => {
                finding(Outcome::Holds, format!("/etc/niminfo calls this master {hostname}"))
            }
            None => finding(Outcome::Refused, "/etc/niminfo has no NIM_MASTER_HOSTNAME".to_owned())
                .fix("nimconfig -r builds the file anew"),
        }
    }

    fn alternate(&self) -> Finding {
        let finding =
            |outcome, found| Finding::new(check::ALTERNATE, outcome, found).about(&self.object);
        let Ok(this) = &self.this else {
            return finding(Outcome::Unknown, "the database here was not seen".to_owned());
        };
        let all = this.listing.objects.iter().filter(|object| object.is_alternate_master());
        let known: Vec<&str> = all.map(|object| object.name.as_str()).collect();
        let fix = match known.as_slice() {
            [] => "there is no alternate_master here: hanim-setup makes the two know each other"
                .to_owned(),
            known => format!("the alternate masters here are: {}", known.join(" ")),
        };
        match this.listing.object(&self.object) {
            None => finding(Outcome::Refused, format!("there is no NIM object {}", self.object))
                .code("0042-053")
                .fix(fix),
            Some(object) if object.is_alternate_master() => {
                let found = format!("{} is an alternate_master here", self.object);
                finding(Outcome::Holds, found)
            }
            Some(object) => {
                let found =
                    format!("{} is of type {}, no alternate_master", self.object, object.kind());
                finding(Outcome::Refused, found).fix(fix)
            }
        }
    }

    fn clients_there(&self) -> Finding {
        let finding = |outcome, found| Finding::new(check::CLIENTS, outcome, found);
        match (&self.this, self.clients().len()) {
            (Err(_), _) => finding(Outcome::Unknown, "the database here was not seen".to_owned()),
            (Ok(_), 0) => finding(Outcome::Refused, "the database here has no client".to_owned())
                .fix(format!("sync from {} first, or define the clients", self.pair.other.shown)),
            (Ok(_), count) => {
                finding(Outcome::Holds, format!("the database here has {count} clients"))
            }
        }
    }

    fn alive(&self) -> Finding {
        let shown = &self.pair.other.shown;
        let finding =
            |outcome, found| Finding::new(check::ALIVE, outcome, found).about(&self.object);
        let silent = |why: String| {
            let found = format!(
                "{shown} {why}: until it is synced it will still think that it has the clients, and a \
                 split brain is to be expected"
            );
            finding(Outcome::Warning, found).fix(crate::advice::tell_other(&self.pair))
        };
        match &self.other {
            Err(error) => silent(format!("does not answer ({})", error.why)),
            Ok(other) => match (&other.not_listed, self.other_listing()) {
                (Some(why), _) => silent(format!("does not list its database ({why})")),
                (None, None) => {
                    silent("lists its database in a form that cannot be read".to_owned())
                }
                (None, Some(_)) => finding(Outcome::Holds, format!("{shown} is alive")),
            },
        }
    }

    fn level(&self) -> Finding {
        let finding = |outcome, found| Finding::new(check::LEVEL, outcome, found);
        let (this, other) = match (&self.this, &self.other) {
            (Ok(this), Ok(other)) => (this, other),
            _ => {
                let found = "the levels of both masters cannot be compared".to_owned();
                return finding(Outcome::Warning, found);
            }
        };
        let names = (&self.pair.this.shown, &self.pair.other.shown);
        let mut unlike = Vec::new();
        let mut alike = Vec::new();
        for (what, here, there) in [
            ("AIX", &this.oslevel, &other.oslevel),
            ("bos.sysmgt.nim.master", &this.master_fileset, &other.master_fileset),
        ] {
            match (here, there) {
                (Some(here), Some(there)) if here == there => alike.push(format!("{what} {here}")),
                (Some(here), Some(there)) => {
                    unlike.push(format!("{what}: {} {here}, {} {there}", names.0, names.1));
                }
                _ => unlike.push(format!("{what} is not known on both")),
            }
        }
        let known = [this, other]
            .iter()
            .all(|master| master.oslevel.is_some() && master.master_fileset.is_some());
        match (unlike.is_empty(), known) {
            (true, _) => finding(Outcome::Holds, format!("both masters have {}", alike.join(", "))),
            (false, true) => finding(Outcome::Refused, unlike.join("; "))
                .fix("bring both masters to one level first"),
            (false, false) => finding(Outcome::Warning, unlike.join("; ")),
        }
    }

    fn names(&self) -> Finding {
        let host = &self.pair.other.hostname;
        let finding =
            |outcome, found| Finding::new(check::NAMES, outcome, found).about(&self.object);
        match &self.address {
            Address::Is(address) => finding(Outcome::Holds, format!("{host} is {address}")),
            Address::None => {
                finding(Outcome::Warning, format!("this machine cannot resolve {host}"))
                    .fix("put it into /etc/hosts or the name server")
            }
            Address::NotSeen(why) => {
                finding(Outcome::Warning, format!("how {host} resolves cannot be seen: {why}"))
            }
        }
    }
}

/// This machine, each question by itself.
fn here(carrier: &Carrier, clock: &Clock, ends: Instant) -> Result<Master, Error> {
    let mut all = Vec::new();
    for question in questions() {
        let may_hang = question.first().is_some_and(|name| MAY_HANG.contains(&name.as_str()));
        match clock.ask(&Machine::Here, &[question], carrier.patience(), ends) {
            Ok(replies) => all.extend(replies),
            Err(_) if may_hang => all.push(Reply { status: 126, ..Reply::default() }),
            Err(error) => return Err(error),
        }
    }
    Ok(Master::read(&all))
}
