//! Where a listing is read from.

use ha_json::{Error, refuse_terminal};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Some hundred times what a large environment has.
const LIMIT_BYTES: u64 = 1 << 30;

/// A file, or standard input.
pub(crate) enum Source<'a> {
    File(&'a Path),
    StandardInput,
}

impl Source<'_> {
    pub(crate) fn of(path: Option<&Path>) -> Source<'_> {
        match path {
            Some(path) if path.as_os_str() != "-" => Source::File(path),
            _ => Source::StandardInput,
        }
    }

    /// How messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::StandardInput => "standard input".to_owned(),
        }
    }

    /// # Errors
    /// Usage, where a person would have to type the listing.
    pub(crate) fn refuse_terminal(&self) -> Result<(), Error> {
        match self {
            Source::File(_) => Ok(()),
            Source::StandardInput => refuse_terminal("what lsnim printed"),
        }
    }

    /// All of it. A pipe is read as well as a file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        let failed = |error: &std::io::Error| Error::io(self.name(), error);
        let mut listing = Vec::new();
        let taken = match self {
            Source::File(path) => {
                let file = File::open(path).map_err(|error| failed(&error))?;
                file.take(LIMIT_BYTES + 1).read_to_end(&mut listing)
            }
            Source::StandardInput => {
                std::io::stdin().lock().take(LIMIT_BYTES + 1).read_to_end(&mut listing)
            }
        };
        taken.map_err(|error| failed(&error))?;
        if listing.len() as u64 > LIMIT_BYTES {
            let why = format!("is longer than {} MiB", LIMIT_BYTES >> 20);
            return Err(Error::input(self.name(), why));
        }
        Ok(listing)
    }
}
