//! What is dumped: a database, or a dump that was made before.

use crate::Arguments;
use ha_json::{Error, Kind};
use ha_xcat::dump::{Fault, Faults, Source};
use ha_xcat::{Database, Limits, Listing, Location, Patience, Place, Snapshot, Table};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the tables come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A database.
    Database(Database),
    /// A dump that was found to be whole.
    Dump(Source),
}

/// How to get there.
#[derive(Debug)]
pub(crate) enum Named {
    Location(Location),
    Dump(PathBuf),
}

/// The engines that xCAT has, as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgresql,
    /// MariaDB, too.
    Mysql,
    Db2,
}

impl Engine {
    fn of(location: &Location) -> Engine {
        match location.engine {
            ha_xcat::Engine::Sqlite(_) => Engine::Sqlite,
            ha_xcat::Engine::Postgres(_) => Engine::Postgresql,
            ha_xcat::Engine::Mysql(_) => Engine::Mysql,
            ha_xcat::Engine::Db2(_) => Engine::Db2,
        }
    }
}

/// Finds out where the tables are to come from.
///
/// # Errors
/// Usage, where that is not supported. Another error is for the stream to tell.
pub(crate) fn locate(arguments: &Arguments) -> Result<Result<Named, Error>, Error> {
    if let Some(path) = &arguments.from {
        return Ok(Ok(Named::Dump(path.clone())));
    }
    match ha_xcat::locate(std::env::var_os("XCATCFG"), Path::new("/")) {
        Err(error) if error.kind == Kind::Usage => Err(error),
        located => {
            Ok(located.and_then(|location| wanted(location, arguments.engine)).map(Named::Location))
        }
    }
}

fn wanted(location: Location, engine: Option<Engine>) -> Result<Location, Error> {
    match engine {
        Some(engine) if engine != Engine::of(&location) => {
            let place = location.place();
            let why = format!("names {}, and another engine is wanted", place.engine);
            Err(Error::failed(location.named_by, why))
        }
        _ => Ok(location),
    }
}

impl Named {
    /// Where that is, told without going there.
    pub(crate) fn place(&self) -> Place {
        match self {
            Named::Location(location) => location.place(),
            Named::Dump(path) => of_dump(path.clone()),
        }
    }

    /// Goes there. A dump is read to its end and must be without fault; `named` are the tables that
    /// are wanted of it, all where there are none.
    ///
    /// # Errors
    /// `failed` or `busy` of a database; `input` of a dump that is not whole.
    pub(crate) fn open(
        self,
        patience: Patience,
        named: &[&'static Table],
        say: &dyn Fn(&str),
    ) -> Result<Origin, Error> {
        match self {
            Named::Location(location) => Database::open(&location, patience).map(Origin::Database),
            Named::Dump(path) => {
                let mut faults = Faults::default();
                let mut fault = |fault: Fault| {
                    faults.add(&fault);
                    say(&fault.to_string());
                };
                let all: Vec<&'static Table> = ha_xcat::tables().iter().collect();
                let wanted = if named.is_empty() { &all } else { named };
                let mut source = Source::open(&path, wanted, !named.is_empty(), &mut fault)?;
                source.check(&Limits::default(), &mut fault)?;
                faults.refuse(&source.what)?;
                Ok(Origin::Dump(source))
            }
        }
    }
}

impl Origin {
    pub(crate) fn place(&self) -> Place {
        match self {
            Origin::Database(database) => database.place(),
            Origin::Dump(source) => of_dump(source.what.clone().into()),
        }
    }

    /// Lists its tables.
    ///
    /// # Errors
    /// `failed`, where they cannot be listed, or none is xCAT's.
    pub(crate) fn list(&mut self) -> Result<Listing, Error> {
        let listing = match self {
            Origin::Database(database) => database.list()?,
            Origin::Dump(source) => Listing { known: (&*source).present(), unknown: Vec::new() },
        };
        if listing.known.is_empty() {
            let place = self.place();
            let looked = match place.engine {
                "SQLite" => "looked for TABLE.sqlite, such as site.sqlite",
                _ => "it has no table that xCAT knows, such as site",
            };
            return Err(Error::failed(
                place.to_string(),
                format!("no xCAT database here: {looked}"),
            ));
        }
        Ok(listing)
    }

    /// Reads `tables` as of one moment.
    ///
    /// # Errors
    /// As [`Database::snapshot`].
    pub(crate) fn snapshot<'a>(
        &'a mut self,
        tables: &[&'static Table],
    ) -> Result<Box<dyn Snapshot + 'a>, Error> {
        match self {
            Origin::Database(database) => database.snapshot(tables),
            Origin::Dump(source) => Ok(Box::new(&*source)),
        }
    }
}

fn of_dump(directory: PathBuf) -> Place {
    Place { engine: "CSV", directory: Some(directory), ..Place::default() }
}

/// The deadlines of the command line.
pub(crate) fn patience(arguments: &Arguments) -> Patience {
    Patience {
        connect: Duration::from_secs(arguments.connect_timeout),
        lock: Duration::from_secs(arguments.lock_wait),
        answer: Duration::from_secs(arguments.answer_wait),
    }
}
