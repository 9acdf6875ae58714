//! What PostgreSQL says went wrong, in words that hold nothing of what is in the tables.

use ha_json::{Error, Kind, reason};
use postgres::error::{DbError, SqlState};
use std::error::Error as _;
use std::time::Duration;

/// Classes of errors whose messages name tables, columns, users and files, but no values.
const WITHOUT_VALUES: [&str; 13] =
    ["08", "0A", "23", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57"];

/// An error of a statement.
pub(super) fn said(what: &str, error: &postgres::Error) -> Error {
    match error.as_db_error() {
        Some(error) => server_said(what, error),
        None => Error::busy(what, format!("the connection was lost: {}", cause(error))),
    }
}

/// An error of the data of a COPY.
pub(super) fn said_in(what: &str, error: &std::io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<postgres::Error>());
    match inner {
        Some(error) => said(what, error),
        None => Error::busy(what, format!("the connection was lost: {}", reason(error))),
    }
}

/// An error of connecting.
pub(super) fn not_connected(what: &str, error: &postgres::Error) -> Error {
    match error.as_db_error() {
        Some(error) => server_said(what, error),
        None => {
            let why = format!(
                "cannot be reached: {}: is the database running there? Where a standby's is stopped, \
                 only a dump can be read (haxcat-dump --from DIR)",
                cause(error)
            );
            Error::busy(what, why)
        }
    }
}

/// Says how long it was waited for, where an error is that of a lock.
pub(super) fn locked(error: Error, waited: Duration) -> Error {
    if error.kind != Kind::Busy || !error.why.contains("lock") {
        return error;
    }
    let seconds = waited.as_secs();
    let why =
        format!("is locked by another program, for {seconds} s or more (--lock-wait waits longer)");
    Error::busy(error.what, why)
}

fn server_said(what: &str, error: &DbError) -> Error {
    let code = error.code().code();
    let class = code.get(..2).unwrap_or_default();
    let why = match error.code() {
        code if class == "22" => match where_it_is(error) {
            Some(place) => format!("does not take {place} (SQLSTATE {})", code.code()),
            None => format!("does not take a value (SQLSTATE {})", code.code()),
        },
        &SqlState::UNIQUE_VIOLATION => match where_it_is(error) {
            Some(place) => format!("has the key of {place} already: {}", error.message()),
            None => error.message().to_owned(),
        },
        _ if WITHOUT_VALUES.contains(&class) => error.message().to_owned(),
        _ => format!("the server says SQLSTATE {code}"),
    };
    // A table that vanished, a lock, a shutdown and the like pass; a full disk and a wrong password do not.
    let passes = matches!(class, "08" | "40" | "57")
        || matches!(code, "55P03" | "55006" | "53300" | "53200" | "42P01");
    let kind = if passes { Kind::Busy } else { Kind::Failed };
    Error::new(kind, what, why)
}

/// The row and the column of a COPY, without what stands there: `COPY mac, line 3, column node: "..."`.
fn where_it_is(error: &DbError) -> Option<String> {
    let place = error.where_()?.strip_prefix("COPY ")?;
    let place = place.split(['\n', ':']).next()?;
    let mut parts = place.split(", ");
    let table = parts.next()?;
    let line = parts.next()?.strip_prefix("line ")?;
    let column = parts.next().and_then(|part| part.strip_prefix("column "));
    let column = column.map(|column| format!(", column {column}")).unwrap_or_default();
    Some(format!("table {table}, row {line}{column}"))
}

/// The system's own words where there are some.
fn cause(error: &postgres::Error) -> String {
    match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(error) => reason(error),
        None => error.to_string(),
    }
}
