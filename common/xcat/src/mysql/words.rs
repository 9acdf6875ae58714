//! What MySQL and MariaDB say went wrong, in words that hold nothing of what is in the tables.

use ::mysql::{DriverError, Error as Said};
use ha_json::{Error, Kind, reason};
use std::io::ErrorKind;
use std::time::Duration;

/// Errors whose messages name tables, columns, users and files, but no values.
const WITHOUT_VALUES: [u16; 27] = [
    1005, 1021, 1030, 1040, 1044, 1045, 1048, 1049, 1053, 1054, 1114, 1129, 1130, 1142, 1143, 1146,
    1203, 1205, 1213, 1227, 1290, 1364, 1406, 1412, 1698, 1792, 1836,
];

/// Errors that pass: too many connections, shutting down, locks, a table that was just altered or is gone.
const PASS: [u16; 8] = [1040, 1053, 1146, 1203, 1205, 1213, 1412, 1927];

const SILENT: &str = "has not answered in time (--answer-wait waits longer)";

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn io_cause(error: &dyn std::error::Error) -> Option<&std::io::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

/// Whether the connection is of no more use.
pub(super) fn is_lost(error: &Said) -> bool {
    !matches!(error, Said::MySqlError(_))
}

/// Whether a statement failed because there is no such table.
pub(super) fn is_no_table(error: &Said) -> bool {
    matches!(error, Said::MySqlError(error) if error.code == 1146)
}

/// An error of a statement, which waited for locks no longer than `waited`.
pub(super) fn said(what: &str, error: &Said, waited: Duration) -> Error {
    match error {
        Said::MySqlError(error) => server_said(what, error, waited),
        Said::IoError(error) if is_silence(error) => Error::busy(what, SILENT),
        Said::IoError(error) => {
            Error::busy(what, format!("the connection was lost: {}", reason(error)))
        }
        Said::CodecError(codec) if io_cause(codec).is_some() => match io_cause(codec) {
            Some(error) if !is_silence(error) => {
                Error::busy(what, format!("the connection was lost: {}", reason(error)))
            }
            _ => Error::busy(what, SILENT),
        },
        Said::CodecError(error) => {
            Error::failed(what, format!("what it sent cannot be read: {error}"))
        }
        // What else there is may hold values.
        _ => Error::failed(what, "what it sent cannot be understood"),
    }
}

/// An error of connecting.
pub(super) fn not_connected(what: &str, error: &Said) -> Error {
    let cause = match error {
        Said::IoError(error) => reason(error),
        Said::DriverError(DriverError::CouldNotConnect(Some((_, _, kind)))) => kind.to_string(),
        Said::DriverError(error) => error.to_string().to_lowercase(),
        _ => return said(what, error, Duration::ZERO),
    };
    let why = format!(
        "cannot be reached: {cause}: is the database running there? Where a standby's is stopped, \
         only a dump can be read (haxcat-dump --from DIR)"
    );
    Error::busy(what, why)
}

fn server_said(what: &str, error: &::mysql::MySqlError, waited: Duration) -> Error {
    let kind = if PASS.contains(&error.code) { Kind::Busy } else { Kind::Failed };
    let why = match error.code {
        1205 => {
            let seconds = waited.as_secs();
            format!(
                "is locked by another program, for {seconds} s or more (--lock-wait waits longer)"
            )
        }
        1062 | 1586 => {
            "does not take two rows with one key: its collation may take two keys for one".into()
        }
        1153 | 1301 => "does not take a row that long: its max_allowed_packet is shorter".into(),
        1366 => "does not take the encoding of a value".to_owned(),
        1044 => format!("{} (a restore needs the privilege LOCK TABLES)", error.message),
        code if WITHOUT_VALUES.contains(&code) => error.message.clone(),
        code => format!("the server says error {code} (SQLSTATE {})", error.state),
    };
    Error::new(kind, what, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, message: &str) -> Error {
        let error = ::mysql::MySqlError { state: "HY000".into(), message: message.into(), code };
        said("xcatdb at mn:3306", &Said::MySqlError(error), Duration::from_secs(7))
    }

    #[test]
    fn no_value_of_a_table_stands_in_a_message() {
        for code in [1062, 1064, 1292, 1366, 9999] {
            let error = of(code, "near 'S3cret'");
            assert!(!error.to_string().contains("S3cret"), "{error}");
        }
        assert!(of(1045, "Access denied for user 'xcatadmin'@'mn'").why.contains("denied"));
    }

    #[test]
    fn a_lock_and_a_shutdown_pass_and_a_wrong_password_does_not() {
        assert_eq!((of(1205, "x").kind, of(1053, "x").kind), (Kind::Busy, Kind::Busy));
        assert!(of(1205, "x").why.contains("for 7 s"));
        assert_eq!(of(1045, "x").kind, Kind::Failed);
    }
}
