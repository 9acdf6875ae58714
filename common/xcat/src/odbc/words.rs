//! What a driver says went wrong, in words that hold nothing of what is in the tables.

use ha_json::{Error, Kind};
use odbc_api::Error as Said;
use std::fmt;
use std::time::Duration;

/// Classes of errors whose messages name tables, columns, users and files, but no values. `IM` and
/// `01` are the driver manager's own.
const WITHOUT_VALUES: [&str; 12] =
    ["01", "08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "57", "IM"];

/// A syntax error quotes the statement, into which some drivers write the values.
const WITH_STATEMENT: [&str; 2] = ["42000", "42601"];

/// What DB2 says where a password or a user is wrong: SQL30082N and SQL1403N, in the class of lost
/// connections.
const WRONG_PASSWORD: [i32; 2] = [-30082, -1403];

/// What DB2 says where it waited for a lock: SQL0911N and SQL0913N.
const LOCKED: [i32; 2] = [-911, -913];

/// The longest message that is passed on, in characters.
const LONGEST: usize = 300;

/// What errors are told of, and with.
#[derive(Clone)]
pub(super) struct Words {
    /// What the connection leads to.
    pub(super) what: String,
    /// How long locks are waited for.
    pub(super) lock: Duration,
    /// Which no message may hold.
    pub(super) password: String,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// A diagnostic record.
struct Record<'a> {
    state: &'a str,
    native: i32,
    message: String,
}

impl Words {
    /// An error of a statement.
    pub(super) fn said(&self, error: &Said) -> Error {
        match self.record(error) {
            Some(record) => self.diagnosed(&record, false),
            None => Error::failed(&self.what, "the ODBC driver does not say what went wrong"),
        }
    }

    /// An error of connecting.
    pub(super) fn not_connected(&self, error: &Said) -> Error {
        let Some(record) = self.record(error) else { return self.said(error) };
        // psqlodbc takes a server that says no for a connection that failed.
        let refused = WRONG_PASSWORD.contains(&record.native)
            || (record.message.contains("FATAL: ") && !passes(&record.message));
        let error = self.diagnosed(&record, refused);
        if error.kind != Kind::Busy {
            return error;
        }
        let why = format!(
            "cannot be reached: {}: is the database running there? Where a standby's is stopped, \
             only a dump can be read (haxcat-dump --from DIR)",
            error.why
        );
        Error::busy(error.what, why)
    }

    fn record<'a>(&self, error: &'a Said) -> Option<Record<'a>> {
        let Said::Diagnostics { record, .. } = error else { return None };
        let message = tidy(&String::from_utf16_lossy(&record.message));
        let state = std::str::from_utf8(&record.state.0).unwrap_or_default();
        Some(Record { state, native: record.native_error, message })
    }

    fn diagnosed(&self, record: &Record<'_>, refused: bool) -> Error {
        let class = record.state.get(..2).unwrap_or_default();
        let kind = if !refused
            && (matches!(class, "08" | "40" | "57")
                || matches!(record.state, "HYT00" | "HYT01" | "55P03" | "55006" | "53300")
                // Tables that were there a moment ago.
                || matches!(record.state, "42P01" | "42S02" | "42704"))
        {
            Kind::Busy
        } else {
            Kind::Failed
        };
        Error::new(kind, &self.what, self.why(record, class))
    }

    fn why(&self, record: &Record<'_>, class: &str) -> String {
        let seconds = self.lock.as_secs();
        let shown = !record.message.is_empty()
            && (self.password.is_empty() || !record.message.contains(&self.password));
        match record.state {
            "55P03" | "57033" => locked(seconds),
            _ if LOCKED.contains(&record.native) => locked(seconds),
            "HYT00" | "HYT01" | "57014" => {
                "has not answered in time (--answer-wait waits longer)".to_owned()
            }
            "23505" => "does not take two rows with one key".to_owned(),
            "428C9" => {
                "counts a column of its own, and takes no numbers for it: leave the table out"
                    .to_owned()
            }
            _ if class == "22" => format!("does not take a value (SQLSTATE {})", record.state),
            state
                if shown && WITHOUT_VALUES.contains(&class) && !WITH_STATEMENT.contains(&state) =>
            {
                record.message.clone()
            }
            state => format!("the ODBC driver says SQLSTATE {state} (error {})", record.native),
        }
    }
}

fn locked(seconds: u64) -> String {
    format!("is locked by another program, for {seconds} s or more (--lock-wait waits longer)")
}

/// Whether the server's refusal is one for now: PostgreSQL's words, which the driver gives instead of
/// its SQLSTATE.
fn passes(message: &str) -> bool {
    ["starting up", "shutting down", "recovery mode", "too many", "remaining connection slots"]
        .iter()
        .any(|words| message.contains(words))
}

/// The first line, without the names of the driver and of its manager in brackets before it.
fn tidy(message: &str) -> String {
    let mut line = message.lines().next().unwrap_or_default().trim();
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        line = rest.trim_start();
    }
    line.trim_end_matches([';', ' ']).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use odbc_api::handles::{Record as Diagnostic, State};

    fn words() -> Words {
        let (what, password) = ("xcatdb at odbc:xcatdb".to_owned(), "Sesame".to_owned());
        Words { what, password, lock: Duration::from_secs(7) }
    }

    fn of(state: &[u8; 5], native_error: i32, message: &str) -> Error {
        let message = message.encode_utf16().collect();
        let record = Diagnostic { state: State(*state), native_error, message };
        words().not_connected(&Said::Diagnostics { record, function: "SQLExecute" })
    }

    #[test]
    fn no_value_and_no_password_stands_in_a_message() {
        for state in [b"22001", b"23505", b"23502", b"42601", b"42000", b"HY000", b"22P02"] {
            let error = of(state, 1, "near 'S3cret'");
            assert!(!error.to_string().contains("S3cret"), "{error}");
        }
        assert!(!of(b"08001", 1, "PWD=Sesame").to_string().contains("Sesame"));
        assert!(!format!("{:?}", words()).contains("Sesame"));
    }

    #[test]
    fn db2s_locks_and_lost_connections_pass_and_its_wrong_passwords_do_not() {
        let message = "[IBM][CLI Driver] SQL30082N  Security processing failed.  SQLSTATE=08001\n";
        let wrong = of(b"08001", -30082, message);
        assert_eq!(wrong.kind, Kind::Failed);
        assert_eq!(wrong.why, "SQL30082N  Security processing failed.  SQLSTATE=08001");
        let locked = of(b"40001", -911, "[IBM][CLI Driver][DB2/LINUXX8664] SQL0911N");
        assert!(locked.kind == Kind::Busy && locked.why.contains("for 7 s"), "{locked}");
        for state in [b"08001", b"57033", b"HYT00", b"HYT01", b"40001"] {
            assert_eq!(of(state, 0, "x").kind, Kind::Busy);
        }
        assert_eq!(of(b"28000", 0, "x").kind, Kind::Failed);
        assert_eq!(of(b"IM002", 0, "x").kind, Kind::Failed);
    }

    #[test]
    fn what_postgresql_refuses_for_now_passes() {
        let refused = "connection to server failed: FATAL:  password authentication failed";
        assert_eq!(of(b"08001", 101, refused).kind, Kind::Failed);
        let Error { kind, .. } = words().said(&Said::Diagnostics {
            record: Diagnostic {
                state: State(*b"08S01"),
                native_error: 35,
                message: "FATAL:  terminating connection".encode_utf16().collect(),
            },
            function: "SQLFetch",
        });
        assert_eq!(kind, Kind::Busy);
        let starting = "connection to server failed: FATAL:  the database system is starting up";
        assert_eq!(of(b"08001", 101, starting).kind, Kind::Busy);
    }
}
