//! What goes to standard output is kept back until the database is closed: a reader that does not
//! read, such as a pager, must not keep xCAT from writing.

use ha_json::{Error, Status};
use std::io::{self, ErrorKind, Seek, Write};
use tempfile::SpooledTempFile;

/// How much is kept in memory, in bytes; more goes to a file without a name in `TMPDIR`.
const MEMORY_BYTES: usize = 4 << 20;

/// Runs `body`, and writes to standard output what it wrote, whether it failed or not.
///
/// # Errors
/// What `body` failed with; `failed`, where the file or standard output cannot be written.
pub(crate) fn through(
    body: impl FnOnce(&mut Spool) -> Result<Status, Error>,
) -> Result<Status, Error> {
    let mut spool = Spool { kept: SpooledTempFile::new(MEMORY_BYTES), broken: None };
    let done = body(&mut spool);
    if let Some(error) = spool.broken {
        return Err(Error::temporary_file(&error));
    }
    let mut stdout = io::stdout().lock();
    let copied = spool
        .kept
        .rewind()
        .and_then(|()| io::copy(&mut spool.kept, &mut stdout))
        .and_then(|_| stdout.flush());
    match copied {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("standard output", &error))
        }
        _ => done,
    }
}

/// What was written, and what kept more from being written.
#[derive(Debug)]
pub(crate) struct Spool {
    kept: SpooledTempFile,
    broken: Option<io::Error>,
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.broken = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
