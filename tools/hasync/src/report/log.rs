//! `--log-file`: a line for each change and each failure, with the time and the process before it.

use super::format;
use crate::trusted;
use ha_json::{Error, reason};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// A log, open for writing at its end.
#[derive(Debug)]
pub(crate) struct Log {
    name: String,
    /// None once it could not be written.
    file: Option<File>,
}

impl Log {
    /// Opens it before anything is done.
    ///
    /// # Errors
    /// When it cannot be written, or others could have laid the way to it.
    pub(crate) fn open(path: &OsStr) -> Result<Log, Error> {
        let name = path.to_string_lossy().into_owned();
        match trusted::open_log(Path::new(path)) {
            Ok(file) => Ok(Log { name, file: Some(file) }),
            Err(why) => Err(Error::failed(name, format!("is not taken for a log: {why}"))),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Writes a line, in one piece. Gives why it cannot be written, once; the log is given up then.
    pub(crate) fn line(&mut self, text: &[u8]) -> Option<String> {
        let file = self.file.as_mut()?;
        let mut line = format!("{} [{}] ", format::now(), std::process::id()).into_bytes();
        // A name may hold what would look like another line.
        line.extend(text.iter().map(|&byte| if byte.is_ascii_control() { b'?' } else { byte }));
        line.push(b'\n');
        let error = file.write_all(&line).err()?;
        self.file = None;
        Some(format!("cannot be written, and is given up: {}", reason(&error)))
    }
}
