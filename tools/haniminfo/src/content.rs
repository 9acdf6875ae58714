//! The file that is asked about.

use ha_json::{Error, refuse_terminal};
use std::io::Read;
use std::path::Path;

/// More than any niminfo has; NIM writes some kilobytes.
pub(crate) const LIMIT_BYTES: u64 = 256 << 10;

/// What the file has in it, or with `-` what comes on standard input.
pub(crate) fn of(path: &Path) -> Result<Vec<u8>, Error> {
    if is_standard_input(path) {
        return standard_input();
    }
    let content = ha_file::read(path, LIMIT_BYTES)?;
    content.ok_or_else(|| Error::failed(path.display().to_string(), "is not there"))
}

/// How messages call it.
pub(crate) fn name(path: &Path) -> String {
    match is_standard_input(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn standard_input() -> Result<Vec<u8>, Error> {
    const NAME: &str = "standard input";
    refuse_terminal("a niminfo file")?;
    let mut content = Vec::new();
    std::io::stdin()
        .lock()
        .take(LIMIT_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| Error::io(NAME, &error))?;
    match content.len() as u64 > LIMIT_BYTES {
        true => Err(Error::input(NAME, format!("is longer than {LIMIT_BYTES} bytes"))),
        false => Ok(content),
    }
}
