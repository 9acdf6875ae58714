//! The order of things: the dump is read and checked to its end before the database is touched; then
//! all tables change in one transaction, are read back, and are committed together.

use crate::Arguments;
use crate::comparison::{Alignment, Compared, Depth, Written, all_added};
use crate::report::Report;
use crate::xcatd;
use ha_json::Error;
use ha_xcat::dump::{Part, Source};
use ha_xcat::fingerprint::Fingerprint;
use ha_xcat::{Database, Limits, Location, Patience, Snapshot, Table, Transaction};
use std::time::Duration;

/// Tables of events, which grow for ever: restored only on demand.
const ON_DEMAND: [&str; 2] = ["auditlog", "eventlog"];

/// The tables that were named on the command line.
///
/// # Errors
/// Usage, for a name that xCAT's schema does not have.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Table>, Error> {
    let unknown = |name: &String| match name.as_str() {
        "" => Error::usage("--tables", "has an empty name"),
        name => Error::usage(name, "is no table that xCAT knows"),
    };
    names.iter().map(|name| ha_xcat::table(name).ok_or_else(|| unknown(name))).collect()
}

/// Restores a dump, or tells what that would do.
///
/// # Errors
/// `input`, where the dump is not whole; `busy`, where xcatd runs or something is locked or not
/// reached; `failed`. Then the database is what it was.
pub(crate) fn restore(
    arguments: &Arguments,
    named: &[&'static Table],
    location: &Location,
    report: &mut Report,
) -> Result<(), Error> {
    if !arguments.dry_run && !arguments.while_xcatd_runs {
        xcatd::refuse()?;
    }
    let patience = Patience {
        connect: Duration::from_secs(arguments.connect_timeout),
        lock: Duration::from_secs(arguments.lock_wait),
        answer: Duration::from_secs(arguments.answer_wait),
    };
    let mut database = Database::open(location, patience)?;
    report.place(database.place());
    let there = database.list()?.known;
    if there.is_empty() && !arguments.create {
        let why =
            format!("no xCAT database here ({} leads here): --create makes one", location.named_by);
        return Err(Error::failed(database.place().to_string(), why));
    }
    let wanted = wanted(named, arguments.all);
    if !arguments.dry_run {
        let there: Vec<&'static Table> =
            wanted.iter().copied().filter(|table| there.contains(&table.name)).collect();
        database.settle(&there)?;
    }
    let limits = database.limits(&wanted)?;
    let source = source(arguments, &wanted, !named.is_empty(), &limits, report)?;
    report.source(&source);
    // A table that is neither here nor has a row there is not made.
    let needed = |part: &&Part| part.fingerprint.rows > 0 || there.contains(&part.table.name);
    let tables: Vec<&'static Table> =
        source.parts.iter().filter(needed).map(|part| part.table).collect();
    if arguments.dry_run {
        let mut snapshot = database.snapshot(&tables)?;
        let depth = match arguments.itemize {
            true => Depth::Each { show_secrets: arguments.show_secrets },
            false => Depth::Count,
        };
        let mut outcomes = Vec::with_capacity(source.parts.len());
        each_part(&source, &mut *snapshot, depth, report, |outcome| outcomes.push(outcome))?;
        drop(snapshot);
        report.release()?;
        outcomes.into_iter().for_each(|outcome| outcome.tell(report));
        return Ok(());
    }
    let mut transaction = database.transaction(&tables)?;
    let depth = match arguments.itemize {
        true => Depth::Each { show_secrets: arguments.show_secrets },
        false => Depth::Whether,
    };
    let mut outcomes = Vec::with_capacity(source.parts.len());
    each_part(&source, &mut *transaction, depth, report, |outcome| outcomes.push(outcome))?;
    for outcome in outcomes.iter().filter(|outcome| outcome.replaces()) {
        report.verbose(&format!("{}: is replaced", outcome.part.table.name));
        replace(&mut *transaction, outcome.part)?;
    }
    // Those that were left alone, too: a trigger or a foreign key may have reached them.
    if outcomes.iter().any(Outcome::replaces) {
        for part in
            outcomes.iter().map(|outcome| outcome.part).filter(|part| tables.contains(&part.table))
        {
            read_back(&mut *transaction, part)?;
        }
    }
    transaction.commit()?;
    report.committed();
    report.release()?;
    outcomes.into_iter().for_each(|outcome| outcome.tell(report));
    Ok(())
}

/// The tables that are to be restored where the dump has them.
fn wanted(named: &[&'static Table], all: bool) -> Vec<&'static Table> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let on_demand = |table: &Table| ON_DEMAND.contains(&table.name);
    ha_xcat::tables().iter().filter(|table| all || !on_demand(table)).collect()
}

/// The dump, read to its end and without fault; where the tables were named, with all of them.
fn source(
    arguments: &Arguments,
    wanted: &[&'static Table],
    must: bool,
    limits: &Limits,
    report: &mut Report,
) -> Result<Source, Error> {
    let source = match &arguments.path {
        Some(path) => {
            let mut source = Source::open(path, wanted, must, &mut |fault| report.fault(&fault))?;
            source.check(limits, &mut |fault| report.fault(&fault))?;
            source
        }
        None => {
            let input = std::io::stdin().lock();
            Source::of_stream(input, wanted, must, limits, &mut |fault| report.fault(&fault))?
        }
    };
    report.refuse_faults(&source.what)?;
    // Of a database that was used, this is no dump.
    if !must && source.parts.iter().all(|part| part.fingerprint.rows == 0) {
        let why = "has no row in any table: name those that are to be emptied (--tables)";
        return Err(Error::input(&source.what, why));
    }
    Ok(source)
}

/// What becomes of a table.
struct Outcome<'a> {
    part: &'a Part,
    found: Compared,
    /// Columns of the database that the dump does not have.
    unsaid: Vec<String>,
}

impl Outcome<'_> {
    fn replaces(&self) -> bool {
        !self.found.equal
    }

    fn tell(self, report: &mut Report) {
        let table = self.part.table.name;
        if self.replaces() {
            report.unsaid(table, &self.unsaid);
        }
        report.table(table, self.part.fingerprint.rows, &self.found, self.replaces());
    }
}

fn each_part<'s>(
    source: &'s Source,
    snapshot: &mut dyn Snapshot,
    depth: Depth,
    report: &mut Report,
    mut done: impl FnMut(Outcome<'s>),
) -> Result<(), Error> {
    for part in &source.parts {
        let table = part.table;
        let mut tell = |difference: &_| report.difference(difference);
        let outcome = match snapshot_layout(snapshot, part)? {
            None => Outcome { part, found: all_added(part, depth, &mut tell)?, unsaid: Vec::new() },
            Some(alignment) => {
                let missing = alignment.missing(part);
                if !missing.is_empty() {
                    let why = format!(
                        "has no column {} in the database, and the dump has values for it: let xCAT \
                         bring its tables up to date (restart xcatd)",
                        missing.join(", ")
                    );
                    return Err(Error::failed(format!("table {}", table.name), why));
                }
                let found = alignment.compare(part, snapshot, depth, &mut tell)?;
                Outcome { part, found, unsaid: alignment.unsaid(table) }
            }
        };
        snapshot.check_table(table)?;
        done(outcome);
    }
    Ok(())
}

/// `None` where the table is not there, and nobody locked it to be made.
fn snapshot_layout(snapshot: &mut dyn Snapshot, part: &Part) -> Result<Option<Alignment>, Error> {
    if part.fingerprint.rows == 0 && !snapshot.present().contains(&part.table.name) {
        return Ok(None);
    }
    Ok(snapshot.layout(part.table)?.map(|layout| Alignment::new(part, layout)))
}

/// Puts the rows in place.
fn replace(transaction: &mut dyn Transaction, part: &Part) -> Result<(), Error> {
    let places = match transaction.layout(part.table)? {
        Some(layout) => Alignment::new(part, layout).written(),
        None => (0..part.columns.len()).collect(),
    };
    let columns: Vec<String> = places.iter().map(|at| part.columns[*at].clone()).collect();
    transaction.replace(part.table, &columns, &mut Written { rows: part.rows(), places })
}

/// Makes sure that the database holds what the dump has.
fn read_back(transaction: &mut dyn Transaction, part: &Part) -> Result<(), Error> {
    let table = part.table;
    let now = match transaction.layout(table)? {
        Some(layout) => Alignment::new(part, layout).fingerprint(part, transaction)?,
        None => Fingerprint::default(),
    };
    if now == part.fingerprint {
        return Ok(());
    }
    let why = "does not hold what the dump has after it was written: nothing was changed";
    Err(Error::failed(format!("table {}", table.name), why))
}
