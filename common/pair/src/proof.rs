//! That xcatd was seen running on a node, with what was installed then: kept on the node itself.

use crate::Pair;
use ha_command::{Captured, Fate, capture_unless};
use ha_file::Durability;
use ha_json::{Error, Value, json, now};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The schema of the record.
const SCHEMA: &str = "haxcat-proof/1";

/// What a program may say, in bytes.
const KEPT_BYTES: u64 = 16 << 20;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The first line that tells the version of xCAT.
    pub xcat_version: String,
    /// The same of the database, where it has one of its own.
    pub database_version: Option<String>,
    /// The engine of the database, by the word of the configuration.
    pub engine: String,
}

impl Proof {
    /// Looks on this machine: xcatd answers, and these are the versions.
    ///
    /// # Errors
    /// Failed, where it does not answer, or a version cannot be told; busy, where a program hangs.
    pub fn look(pair: &Pair) -> Result<Proof, Error> {
        let wait = Duration::from_secs(pair.seconds.probe);
        asked(&pair.xcatd_ready, wait)?;
        let line = |argv: &[String]| {
            let said = asked(argv, wait)?;
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let line = text.lines().map(str::trim).find(|line| !line.is_empty());
            line.map(str::to_owned).ok_or_else(|| Error::failed(&argv[0], "tells no version"))
        };
        Ok(Proof {
            time: now(),
            xcat_version: line(&pair.versions.xcat)?,
            database_version: pair.versions.database.as_deref().map(line).transpose()?,
            engine: pair.database.engine.word().to_owned(),
        })
    }

    /// Keeps it on this machine.
    ///
    /// # Errors
    /// Failed, where the file cannot be written.
    pub fn write(&self, pair: &Pair) -> Result<(), Error> {
        let path = Path::new(&pair.proof);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)
                .map_err(|error| Error::io(directory.display().to_string(), &error))?;
        }
        let text = format!("{}\n", self.to_json());
        ha_file::replace(path, text.as_bytes(), 0o644, Durability::Synced)
    }

    /// What the file of a node says.
    ///
    /// # Errors
    /// Input, where it is no such record.
    pub fn parse(text: &[u8]) -> Result<Proof, Error> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| Error::input("the record", format!("is not JSON: {error}")))?;
        if value["schema"] != SCHEMA || value["ok"] != true {
            return Err(Error::input("the record", format!("is not {SCHEMA}")));
        }
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let need = |name: &str| {
            text(name).ok_or_else(|| Error::input("the record", format!("has no {name}")))
        };
        Ok(Proof {
            time: need("time")?,
            xcat_version: need("xcat_version")?,
            database_version: text("database_version"),
            engine: need("engine")?,
        })
    }

    /// The record.
    pub fn to_json(&self) -> Value {
        let Proof { time, xcat_version, database_version, engine } = self;
        json!({
            "schema": SCHEMA, "ok": true, "time": time, "xcat_version": xcat_version,
            "database_version": database_version, "engine": engine,
        })
    }
}

/// What the program said, which ended with 0.
fn asked(argv: &[String], wait: Duration) -> Result<Captured, Error> {
    let said = capture_unless(argv, [("LC_ALL", "C")], wait, KEPT_BYTES, &|| false)?;
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let words = String::from_utf8_lossy(&said.stderr);
    let words = words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    match said.fate {
        Fate::Exited(0) => Ok(said),
        Fate::Exited(status) => Err(Error::failed(program, format!("status {status}: {words}"))),
        Fate::Killed(signal) => Err(Error::failed(program, format!("killed by signal {signal}"))),
        Fate::TimedOut => {
            Err(Error::busy(program, format!("gave no answer within {} s", wait.as_secs())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_no_record_is_refused() {
        let proof = Proof {
            time: "2026-11-28T10:00:00.000Z".to_owned(),
            xcat_version: "Version 2.16.5".to_owned(),
            database_version: None,
            engine: "sqlite".to_owned(),
        };
        assert_eq!(Proof::parse(proof.to_json().to_string().as_bytes()), Ok(proof));
        for text in ["", "{}", "{\"schema\":\"haxcat-proof/1\",\"ok\":true}", "[1]"] {
            assert!(Proof::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
